//! Typed rings, as a user has them.

#[path = "../common/mod.rs"]
mod common;

mod headers;
mod in_place;
mod layouts;
mod processes;
mod records;
mod waits;

use annulus::{Backing, Config, Segment};

annulus::record! {
    /// What most tests send: 56 bytes of fields of several sizes.
    #[derive(Debug, Default, PartialEq)]
    struct Quote {
        bid: f64,
        ask: f64,
        bid_size: u32,
        ask_size: u32,
        sequence: u64,
        time_ns: u64,
        venue: u16,
        flags: [u8; 6],
        spare: i64,
    }
}

impl Quote {
    /// The quote of that number: every field follows from it.
    fn number(sequence: u64) -> Quote {
        let spread = sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Quote {
            bid: sequence as f64 / 4.0,
            ask: sequence as f64 / 4.0 + 0.25,
            bid_size: spread as u32,
            ask_size: !spread as u32,
            sequence,
            time_ns: spread,
            venue: (spread >> 48) as u16,
            flags: [sequence as u8; 6],
            spare: -(sequence as i64),
        }
    }
}

/// A new memfd for quotes.
fn ring(capacity: u64) -> Segment {
    Segment::create(&Backing::Memfd, &Config::spsc_of::<Quote>(capacity)).unwrap()
}
