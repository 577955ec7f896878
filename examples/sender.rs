//! Sends a million prices to another process. Start both, in any order:
//!
//! ```text
//! cargo run --release --bin sender
//! cargo run --release --bin receiver
//! ```

use annulus::segment::Name;
use annulus::{Backing, Config, Deadline, Segment};
use std::error::Error;

const PRICES: u64 = 1_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "prices".to_owned());
    let ring = Backing::Named(Name::new(&name)?);

    // The sender makes the ring, under a name that both sides know. All of its memory is allocated
    // here: what can go wrong from now on is the other side. A ring of that name is an error.
    let segment = Segment::create(&ring, &Config::spsc(64 * 1024))?;

    // One producer at a time: a second one would get the error `Busy`. The role is free again
    // when this handle is dropped, or when this process dies.
    let mut producer = segment.producer()?;

    for number in 0..PRICES {
        let cents = 10_000 + number % 500;

        if number % 2 == 0 {
            // A message is any bytes, copied into the ring: no system call, no allocation. If the
            // ring is full this waits until the receiver has caught up.
            let mut message = [0; 16];
            message[..8].copy_from_slice(&number.to_le_bytes());
            message[8..].copy_from_slice(&cents.to_le_bytes());
            producer.send(&message, Deadline::NEVER)?;
        } else {
            // Or it is written where it will be read. The receiver sees nothing of it before the
            // commit; a claim that is dropped was never there.
            let mut claim = producer.claim(16, Deadline::NEVER)?;
            claim.write(0, &number.to_le_bytes());
            claim.write(8, &cents.to_le_bytes());
            claim.commit(16);
        }
    }

    // The receiver gets what is left in the ring, and then learns that this was all.
    producer.close();
    println!("{PRICES} prices sent");
    Ok(())
}
