//! What must never happen, and what must always remain possible.
//!
//! Each position has a history that no participant sees, [`Fate`]. A step that moves a position
//! says so here, and here it is judged.

use crate::shape::{POSITIONS, Shape};
use std::fmt;

/// What a search may find broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Property {
    /// A position is claimed once, and only when all before it are.
    Contiguous,
    /// A slot is claimed only when its last message is acknowledged, or counted as lost.
    Overwrite,
    /// A message is first delivered when all before it are taken, or reported as gaps.
    Order,
    /// With one consumer at a time nothing is delivered after what came later, unless that comes
    /// again, too.
    TotalOrder,
    /// A commit or an acknowledgement, a plain store, is over one's own claim.
    OwnClaim,
    /// A repair changes the claim of a dead owner that was observed, or nothing.
    ExactRepair,
    /// An index is given out when no claim bears it.
    Release,
    /// An index has one owner.
    OneOwner,
    /// A delivery is marked as a repeated one exactly if it is.
    Flagged,
    /// What is delivered was committed.
    Committed,
    /// Nobody meets a word that only a corrupted ring can have.
    Stale,
    /// A gap is reported once, and before its slot is used again.
    GapReported,
    /// The verdict on a dead producer's last message is true.
    Verdict,
    /// Of each message that is given out no more there is one letter, or was, unless there was no
    /// room for it.
    OneLetter,
    /// From every state, those who survive can end their work.
    Progress,
}

impl fmt::Display for Property {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}

/// What has become of a position.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) enum Fate {
    Unclaimed,
    Claimed,
    Committed,
    /// Delivered at least once, not acknowledged.
    Delivered,
    Acknowledged,
    Tombstone,
    /// The gap was reported.
    Reported,
    /// Counted as lost, as the policy or the bound says.
    Lost,
}

impl Fate {
    /// Whether nothing more is to come of it.
    pub(crate) fn is_settled(self) -> bool {
        matches!(self, Fate::Acknowledged | Fate::Reported | Fate::Lost)
    }
}

/// The fates of all positions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Fates(pub(crate) [Fate; POSITIONS]);

type Verdict = Result<(), Property>;

fn must(holds: bool, property: Property) -> Verdict {
    if holds { Ok(()) } else { Err(property) }
}

impl Fates {
    pub(crate) fn new() -> Fates {
        Fates([Fate::Unclaimed; POSITIONS])
    }

    /// How many positions were claimed, if all is well: the tail.
    pub(crate) fn tail(&self) -> usize {
        self.0.iter().position(|fate| *fate == Fate::Unclaimed).unwrap_or(POSITIONS)
    }

    fn set(&mut self, position: u8, fate: Fate) -> Fate {
        std::mem::replace(&mut self.0[usize::from(position)], fate)
    }

    pub(crate) fn claim(&mut self, position: u8, shape: &Shape) -> Verdict {
        let tail = self.tail();
        self.set(position, Fate::Claimed);
        must(usize::from(position) == tail, Property::Contiguous)?;
        match position.checked_sub(shape.slots).map(|before| self.0[usize::from(before)]) {
            Some(Fate::Tombstone) => Err(Property::GapReported),
            Some(fate) => must(fate.is_settled(), Property::Overwrite),
            None => Ok(()),
        }
    }

    pub(crate) fn commit(&mut self, position: u8) {
        self.set(position, Fate::Committed);
    }

    pub(crate) fn bury(&mut self, position: u8) {
        self.set(position, Fate::Tombstone);
    }

    pub(crate) fn lose(&mut self, position: u8) {
        self.set(position, Fate::Lost);
    }

    pub(crate) fn acknowledge(&mut self, position: u8) {
        self.set(position, Fate::Acknowledged);
    }

    pub(crate) fn report(&mut self, position: u8) -> Verdict {
        must(self.set(position, Fate::Reported) == Fate::Tombstone, Property::GapReported)
    }

    pub(crate) fn deliver(&mut self, position: u8, attempts: u8, shape: &Shape) -> Verdict {
        let before = self.set(position, Fate::Delivered);
        must(matches!(before, Fate::Committed | Fate::Delivered), Property::Committed)?;
        must((before == Fate::Delivered) == (attempts > 0), Property::Flagged)?;
        let (earlier, later) = self.0.split_at(usize::from(position));
        let passed = |fate: &Fate| fate.is_settled() || *fate == Fate::Delivered;
        must(before == Fate::Delivered || earlier.iter().all(passed), Property::Order)?;
        // What the last one had and did not acknowledge comes again from where it stopped.
        let inverted = shape.is_totally_ordered() && later[1..].contains(&Fate::Acknowledged);
        must(!inverted, Property::TotalOrder)
    }
}
