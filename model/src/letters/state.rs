//! The slot, the cells, and who is at them.

pub(super) const CONSUMERS: usize = 3;
pub(super) const CELLS: usize = 2;

/// The slot's word, in the lap that is the message's number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Slot {
    Dead { lap: u8, attempts: u8 },
    Taken { lap: u8, attempts: u8, owner: u8 },
    Free { lap: u8 },
}

/// A cell's word and, behind it, its position.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Cell {
    pub(super) word: Word,
    pub(super) position: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Word {
    Free { lap: u8 },
    Writing { lap: u8, owner: u8 },
    Ready { lap: u8, owner: u8 },
}

impl Word {
    pub(super) fn lap(self) -> u8 {
        match self {
            Word::Free { lap } | Word::Writing { lap, .. } | Word::Ready { lap, .. } => lap,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum At {
    Dead,
    Look,
    Take(Slot),
    Test(Slot),
    Repair(Slot),
    /// Has the message, or copies it, whose word is that.
    Seek(Slot, u8),
    /// The first look for a free cell, or the last.
    ReadCell(Slot, u8, bool),
    Claim(Slot, u8, Word, bool),
    /// Between the two: frees what the dead were writing.
    ReadDead(Slot, u8),
    TestDead(Slot, u8, Word),
    FreeDead(Slot, u8, Word),
    Write(Slot, u8),
    Show(Slot, u8),
    FreeSlot(Slot),
    // Coming again.
    SweepSlot,
    SweepCell(u8),
    FreeCell(u8, Word),
}

/// A state of the slot, the cells, and all who are at them.
#[derive(Clone, Copy, Hash, Debug)]
pub struct LettersState {
    pub(super) slot: Slot,
    pub(super) cells: [Cell; CELLS],
    pub(super) at: [At; CONSUMERS],
    pub(super) stopped: [bool; CONSUMERS],
    pub(super) crashes: u8,
    pub(super) restarts: u8,
    pub(super) stops: u8,
    /// Of each message, whether somebody found no room for it; and how often it was discarded.
    pub(super) lost: u8,
    pub(super) discarded: [u8; 2],
}

impl LettersState {
    pub(super) fn swap(&mut self, seen: Slot, next: Slot) -> bool {
        let is_same = self.slot == seen;
        if is_same {
            self.slot = next;
        }
        is_same
    }

    /// Whether that one's byte is free: who comes again takes it after its sweep.
    pub(super) fn is_gone(&self, x: u8) -> bool {
        let at = self.at[usize::from(x)];
        matches!(at, At::Dead | At::SweepSlot | At::SweepCell(_) | At::FreeCell(..))
    }

    pub(super) fn lap(&self) -> u8 {
        match self.slot {
            Slot::Dead { lap, .. } | Slot::Taken { lap, .. } | Slot::Free { lap } => lap,
        }
    }

    /// Letters of that message that are whole.
    pub(super) fn letters(&self, position: u8) -> usize {
        let is_ready = |cell: &&Cell| matches!(cell.word, Word::Ready { .. });
        self.cells.iter().filter(is_ready).filter(|cell| cell.position == position).count()
    }
}

/// The lap of a message, and its attempts.
pub(super) fn parts(slot: Slot) -> (u8, u8) {
    match slot {
        Slot::Dead { lap, attempts } | Slot::Taken { lap, attempts, .. } => (lap, attempts),
        Slot::Free { .. } => unreachable!("nobody has what is not there"),
    }
}
