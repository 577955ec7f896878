//! Receives the prices that `sender` sends, and says what it saw.

use annulus::segment::{Name, Removal, RemoveError, SegmentError, remove};
use annulus::{Attach, Backing, Deadline, RecvError, Segment};
use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let name = Name::new(&std::env::args().nth(1).unwrap_or_else(|| "prices".to_owned()))?;

    // The ring is there as soon as the sender has made it, and then it is there complete.
    let segment = loop {
        match Segment::attach(&Backing::Named(name.clone()), &Attach::default()) {
            Ok(segment) => break segment,
            Err(SegmentError::NotFound) => sleep(Duration::from_millis(10)),
            Err(error) => return Err(error.into()),
        }
    };
    let mut consumer = segment.consumer()?;

    let (mut count, mut highest) = (0, 0);
    let mut buffer = [0; 64];
    loop {
        // Waits, asleep after a while, until there is a message. A deadline would end the waiting,
        // and so does a sender that is killed.
        match consumer.recv(&mut buffer, Deadline::NEVER) {
            Ok(message) => {
                let (fields, _) = buffer[..message.len].as_chunks::<8>();
                let &[number, cents] = fields else { return Err("not a price".into()) };
                if u64::from_le_bytes(number) != count {
                    return Err("a price is missing".into());
                }
                count += 1;
                highest = highest.max(u64::from_le_bytes(cents));
            }
            Err(RecvError::Closed) => break,
            Err(error) => return Err(error.into()),
        }
    }
    println!("{count} prices received, the highest was {}.{:02}", highest / 100, highest % 100);

    // A ring stays until its name is taken away: this side was the last to need it. The sender may
    // still hold it for the moment that it takes to leave.
    consumer.close();
    while let Err(error) = remove(&name, Removal::Spent) {
        match error {
            RemoveError::Held { .. } => sleep(Duration::from_millis(1)),
            error => return Err(error.into()),
        }
    }
    Ok(())
}
