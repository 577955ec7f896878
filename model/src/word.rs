//! The word of a slot: which lap the slot is in, what goes on in it, and who is at it.
//!
//! One word says all, so that one compare-and-swap claims a slot and records the claimer. A word
//! never comes back: in a slot the pair of lap and attempts only grows, and a name is given out
//! again only when no claim bears it.
//!
//! | word | meaning |
//! |---|---|
//! | F(k) | free for lap k |
//! | W(k,x) | producer x writes |
//! | R(k,x) | ready: committed by x |
//! | C(k,y,a) | consumer y has it, after a attempts that failed |
//! | O(k,a) | orphan: its consumer is gone, a attempts failed |
//! | T(k,x) | tombstone: x claimed the position and gave it up, or died |

use std::fmt;

/// The name of a participant: its index in the table, and the number of its lock byte.
pub type Name = u8;

/// A slot's word.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Word {
    /// F(k).
    Free {
        /// k: whose turn it is.
        lap: u8,
    },
    /// W(k,x).
    Writing {
        /// k.
        lap: u8,
        /// x.
        owner: Name,
    },
    /// R(k,x).
    Ready {
        /// k.
        lap: u8,
        /// x.
        owner: Name,
    },
    /// C(k,y,a).
    Taken {
        /// k.
        lap: u8,
        /// y.
        owner: Name,
        /// a: how many have had it and did not acknowledge it.
        attempts: u8,
    },
    /// O(k,a).
    Orphan {
        /// k.
        lap: u8,
        /// a, with the one who has just been lost.
        attempts: u8,
    },
    /// T(k,x).
    Tombstone {
        /// k.
        lap: u8,
        /// x.
        owner: Name,
    },
}

impl Word {
    /// The lap that the slot is in.
    pub fn lap(self) -> u8 {
        match self {
            Word::Free { lap }
            | Word::Writing { lap, .. }
            | Word::Ready { lap, .. }
            | Word::Taken { lap, .. }
            | Word::Orphan { lap, .. }
            | Word::Tombstone { lap, .. } => lap,
        }
    }

    /// Who must act, or be found dead, for this slot to go on: the owner of W and C.
    pub fn claimer(self) -> Option<Name> {
        match self {
            Word::Writing { owner, .. } | Word::Taken { owner, .. } => Some(owner),
            _ => None,
        }
    }

    /// How many attempts failed, of a word that a consumer may take.
    pub(crate) fn attempts(self) -> u8 {
        match self {
            Word::Taken { attempts, .. } | Word::Orphan { attempts, .. } => attempts,
            _ => 0,
        }
    }

    /// The same word with another name in it.
    pub(crate) fn renamed(self, name: impl Fn(Name) -> Name) -> Word {
        let mut word = self;
        match &mut word {
            Word::Writing { owner, .. }
            | Word::Ready { owner, .. }
            | Word::Taken { owner, .. }
            | Word::Tombstone { owner, .. } => *owner = name(*owner),
            Word::Free { .. } | Word::Orphan { .. } => {}
        }
        word
    }

    /// The name in it, whatever it means.
    pub(crate) fn name(self) -> Option<Name> {
        match self {
            Word::Writing { owner, .. }
            | Word::Ready { owner, .. }
            | Word::Taken { owner, .. }
            | Word::Tombstone { owner, .. } => Some(owner),
            Word::Free { .. } | Word::Orphan { .. } => None,
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Word::Free { lap } => write!(formatter, "F({lap})"),
            Word::Writing { lap, owner } => write!(formatter, "W({lap},{owner})"),
            Word::Ready { lap, owner } => write!(formatter, "R({lap},{owner})"),
            Word::Taken { lap, owner, attempts } => {
                write!(formatter, "C({lap},{owner},{attempts})")
            }
            Word::Orphan { lap, attempts } => write!(formatter, "O({lap},{attempts})"),
            Word::Tombstone { lap, owner } => write!(formatter, "T({lap},{owner})"),
        }
    }
}
