//! Dead letters: each message that is given out no more is one, and nothing else is.

use super::fate::Fate;
use super::ledger::{Fault, Found, Ledger, lane_of};
use crate::many::scene::number_of;
use annulus::Segment;

/// Dead letters that the ring has room for: more than come in a round, but now and then.
pub(super) const ROOM: u16 = 8;

/// What is in the ring of them.
pub(super) struct Letters {
    /// Each by its position and its message, if that is one.
    all: Vec<(u64, Option<u64>)>,
}

impl Letters {
    pub(super) fn of(segment: &Segment) -> Letters {
        let all = segment.dead_letters().unwrap_or_default();
        let all = all.iter().map(|letter| (letter.position, number_of(&letter.bytes))).collect();
        Letters { all }
    }

    /// Whether that message is one of them, or may have found no room.
    pub(super) fn may_have(&self, number: u64) -> bool {
        let is_full = self.all.len() == usize::from(ROOM);
        is_full || self.all.iter().any(|(_, message)| *message == Some(number))
    }

    /// Writes down each of them, and makes room. How many there were.
    pub(super) fn clear(&self, segment: &Segment, ledger: &Ledger) -> Result<u64, (Fault, u64)> {
        for (position, message) in &self.all {
            let number = message.filter(|number| lane_of(*number).is_some());
            ledger.put_by(number.ok_or((Fault::Broken, *position))?)?;
            if segment.discard_dead_letter(*position) != Ok(true) {
                return Err((Fault::Kept, *position));
            }
        }
        Ok(self.all.len() as u64)
    }
}

impl Ledger {
    /// A message is a dead letter: now it is known to be, unless it is known of no more.
    fn put_by(&self, number: u64) -> Found {
        let (message, sequence) = self.message(number);
        let known = message.change(sequence, |fate| {
            if fate.is_released || fate.is_put_by || !fate.is_worn_out() {
                return Err((Fault::PutBy, number));
            }
            Ok(Fate { is_put_by: true, ..fate })
        });
        known.map(drop)
    }
}
