//! The word by which one side tells the other whether it is there.

use super::Position;
use crate::layout::GATE_VACANT;

/// A participant's gate: whether it has joined, is there, or has closed, and at which position.
///
/// Bit 0 says that the ring is open at this side, which is all that a send asks. Positions are
/// multiples of eight, so the low three bits are free. A gate of 0 is never written: it is what
/// a mapping shows that was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gate(u64);

/// What a gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has joined yet.
    Vacant,
    /// Joined at that position, and not closed since; its process may be gone all the same.
    Joined(Position),
    /// Closed in good order at that position.
    Closed(Position),
    /// No gate at all.
    Invalid,
}

impl Gate {
    const OPEN: u64 = GATE_VACANT;
    const JOINED: u64 = 0b010;
    const CLOSED: u64 = 0b100;
    const STATE: u64 = 0b111;

    /// The gate of a role that nobody has taken yet.
    pub(crate) const VACANT: Gate = Gate(GATE_VACANT);

    pub(super) const fn joined(position: Position) -> Gate {
        Gate(position | Gate::OPEN | Gate::JOINED)
    }

    pub(super) const fn closed(position: Position) -> Gate {
        Gate(position | Gate::CLOSED)
    }

    /// The word as it stands in shared memory.
    pub(crate) const fn to_bits(self) -> u64 {
        self.0
    }

    /// The gate whose word is `bits`.
    pub(crate) const fn from_bits(bits: u64) -> Gate {
        Gate(bits)
    }

    #[inline(always)]
    pub(super) const fn is_open(self) -> bool {
        self.0 & Gate::OPEN != 0
    }

    pub(crate) const fn standing(self) -> Standing {
        let position = self.0 & !Gate::STATE;
        match self.0 & Gate::STATE {
            Gate::OPEN if position == 0 => Standing::Vacant,
            0b011 => Standing::Joined(position),
            Gate::CLOSED => Standing::Closed(position),
            _ => Standing::Invalid,
        }
    }
}
