//! What became of a message, in one word, so that it changes as a whole.
//!
//! ```text
//!   63       24 23    12 11  10   9       8      7        6       5    4    0
//!  +-----------+--------+------+--------+--------+--------+----------+------+------+
//!  |  sequence |  life  | lane | put by | unsent | let go | released | sent | told |
//!  +-----------+--------+------+--------+--------+--------+----------+------+------+
//! ```

use super::ledger::{Fault, Found, Holder, number};
use super::letters::Letters;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fate {
    /// Which one of its lane.
    pub(super) sequence: u64,
    /// Who had it last, if it was told: the lane, and the life as far as [`Fate::LIFE`] goes.
    pub(super) holder: Holder,
    /// 0 if nobody was told of it, else one more than the attempt that its last taker was told.
    pub(super) told: u32,
    /// Whether its send has returned.
    pub(super) is_sent: bool,
    /// Whether its sender's successor was told that it was cut off, and never comes.
    pub(super) is_unsent: bool,
    /// Whether its last taker has begun the call that releases it.
    pub(super) is_let_go: bool,
    /// Whether that call has returned.
    pub(super) is_released: bool,
    /// Whether it is a dead letter, or was one.
    pub(super) is_put_by: bool,
}

const TOLD: u64 = 0b1_1111;
const SENT: u64 = 1 << 5;
const RELEASED: u64 = 1 << 6;
const LET_GO: u64 = 1 << 7;
const UNSENT: u64 = 1 << 8;
const PUT_BY: u64 = 1 << 9;
const LANE_SHIFT: u32 = 10;
const LIFE_SHIFT: u32 = 12;
const SEQUENCE_SHIFT: u32 = 24;

impl Fate {
    /// After so many takers that told it may be given out no more: after sixteen, of whom the last
    /// two may have been killed when they had taken it and not told yet.
    const TOLD_MAX: u32 = 14;

    /// So much of a life's number is kept.
    pub(super) const LIFE: u64 = (1 << (SEQUENCE_SHIFT - LIFE_SHIFT)) - 1;

    pub(super) const fn to_bits(self) -> u64 {
        let (lane, life) = (self.holder.lane as u64, self.holder.life & Fate::LIFE);
        self.sequence << SEQUENCE_SHIFT
            | life << LIFE_SHIFT
            | lane << LANE_SHIFT
            | self.told as u64
            | if self.is_sent { SENT } else { 0 }
            | if self.is_let_go { LET_GO } else { 0 }
            | if self.is_released { RELEASED } else { 0 }
            | if self.is_unsent { UNSENT } else { 0 }
            | if self.is_put_by { PUT_BY } else { 0 }
    }

    pub(super) const fn from_bits(bits: u64) -> Fate {
        let lane = (bits >> LANE_SHIFT & 0b11) as usize;
        Fate {
            sequence: bits >> SEQUENCE_SHIFT,
            holder: Holder { lane, life: bits >> LIFE_SHIFT & Fate::LIFE },
            told: (bits & TOLD) as u32,
            is_sent: bits & SENT != 0,
            is_let_go: bits & LET_GO != 0,
            is_released: bits & RELEASED != 0,
            is_unsent: bits & UNSENT != 0,
            is_put_by: bits & PUT_BY != 0,
        }
    }

    /// Whether it has come to nothing, if it is not in the ring any more: it was sent, and nobody
    /// was told; or its last taker had it in hand and is gone, and it was not given up.
    pub(super) const fn is_lost(self) -> bool {
        (self.is_sent || self.told > 0) && !self.is_let_go && self.told < Fate::TOLD_MAX
    }

    /// That it has come to something: it is in the ring no more.
    pub(super) fn is_over(self, lane: usize, letters: impl Fn() -> Letters) -> Found {
        let number = number(lane, self.sequence);
        if self.is_lost() {
            return Err((Fault::Lost, number));
        }
        if self.is_to_be_a_letter() && !letters().may_have(number) {
            return Err((Fault::Unkept, number));
        }
        Ok(())
    }

    /// Whether no attempt is left to give it out: then it is a dead letter, or will be, unless its
    /// last taker has released it.
    pub(super) const fn is_worn_out(self) -> bool {
        self.told >= Fate::TOLD_MAX
    }

    /// The same of one that is in the ring no more, and not known to be a letter.
    pub(super) const fn is_to_be_a_letter(self) -> bool {
        self.is_worn_out() && !self.is_let_go && !self.is_put_by
    }
}

impl Default for Fate {
    fn default() -> Fate {
        Fate::from_bits(0)
    }
}
