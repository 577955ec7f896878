//! What a participant finds in its way.

use super::word::Word;
use crate::ring::Position;

/// Why there is nothing to claim or to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocked {
    /// By a word that nobody holds: the ring is full, or empty.
    Idle(Word),
    /// By a word that a participant holds.
    By(Word),
    /// Others were always first.
    Contended,
    /// By a word at that position that no participant writes there.
    Corrupted(Position),
}

impl Blocked {
    /// The word.
    pub(super) fn word(self) -> Option<Word> {
        match self {
            Blocked::Idle(word) | Blocked::By(word) => Some(word),
            Blocked::Contended | Blocked::Corrupted(_) => None,
        }
    }
}

/// How a wait goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<E> {
    /// It looks again.
    Again,
    /// It is in vain.
    End(E),
}
