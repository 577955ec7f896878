//! Quotes of one type from one process to another, which are both checked to have the same type.
//!
//! ```text
//! cargo run --release --bin quotes send
//! cargo run --release --bin quotes recv
//! ```

use annulus::segment::{Name, Removal, RemoveError, remove};
use annulus::{Attach, Backing, Config, Deadline, RecvError, Segment};
use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

const QUOTES: u64 = 1_000_000;

annulus::record! {
    /// Its bytes are what goes through the ring: no padding, no pointers, no `bool`.
    struct Quote {
        bid: f64,
        ask: f64,
        sequence: u64,
        venue: u32,
        size: u32,
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let side = args.next();
    let name = Name::new(&args.next().unwrap_or_else(|| "quotes".to_owned()))?;
    match side.as_deref() {
        Some("send") => send(name),
        Some("recv") => recv(&name),
        _ => Err("say 'send' or 'recv'".into()),
    }
}

fn send(name: Name) -> Result<(), Box<dyn Error>> {
    // The segment says which type it is for: its name, and its fields' names, types and places.
    let config = Config::spsc_of::<Quote>(64 * 1024);
    let segment = Segment::create(&Backing::Named(name), &config)?.typed::<Quote>()?;
    let mut producer = segment.producer()?;
    for sequence in 0..QUOTES {
        let bid = 100.0 + (sequence % 500) as f64 / 100.0;
        let quote = Quote { bid, ask: bid + 0.01, sequence, venue: 3, size: 200 };
        producer.send(&quote, Deadline::NEVER)?;
    }
    println!("{QUOTES} quotes sent");
    Ok(())
}

fn recv(name: &Name) -> Result<(), Box<dyn Error>> {
    let segment = Segment::attach(&Backing::Named(name.clone()), &Attach::default())?;
    // A program that was built with another `Quote` ends here, with both shapes in its error.
    let mut consumer = segment.typed::<Quote>()?.consumer()?;
    let (mut count, mut highest) = (0, 0.0_f64);
    loop {
        match consumer.recv(Deadline::NEVER) {
            Ok(quote) if quote.sequence != count => return Err("a quote is missing".into()),
            Ok(quote) => (count, highest) = (count + 1, highest.max(quote.bid)),
            Err(RecvError::Closed) => break,
            Err(error) => return Err(error.into()),
        }
    }
    println!("{count} quotes received, the highest bid was {highest:.2}");
    consumer.close();
    // The sender may still hold the ring for the moment that it takes to leave.
    while let Err(error) = remove(name, Removal::Spent) {
        match error {
            RemoveError::Held { .. } => sleep(Duration::from_millis(1)),
            error => return Err(error.into()),
        }
    }
    Ok(())
}
