//! The word that opens a record: framing and commit flag at once.
//!
//! ```text
//!   63                              32 31 30 29                            0
//!  +----------------------------------+--+--+------------------------------+
//!  |               stamp              | R| P|            length            |
//!  +----------------------------------+--+--+------------------------------+
//! ```
//!
//! `stamp` is the lap in which the record stands; `R` is always set in a record's word; `P` marks
//! padding, which fills the ring's end and carries no message; `length` counts the payload's
//! bytes, for padding those that are skipped after the word.
//!
//! A consumer accepts a word if stamp and `R` are those of the lap it stands in: one masked
//! compare. Without `R`, a zeroed word would be a valid empty record whenever the stamp is 0.

use crate::layout::CELL;

/// Bytes that a word takes.
pub(super) const BYTES: usize = 8;

const RECORD: u64 = 1 << 31;
const PADDING: u64 = 1 << 30;
const LENGTH: u64 = PADDING - 1;
const TAG: u64 = !(RECORD - 1);

/// What an accepted word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framed {
    /// A message of so many bytes.
    Message(u64),
    /// So many bytes to skip, the word included.
    Padding(u64),
}

/// The part of a word that says "a record of this lap".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(u64);

impl Tag {
    /// Accepts no word at all, and nor do the tags after it: its low bits are never compared.
    pub(super) const NEVER: Tag = Tag(1);

    /// The tag of the lap stamped `stamp`.
    #[inline(always)]
    pub(super) const fn of(stamp: u32) -> Tag {
        Tag((stamp as u64) << 32 | RECORD)
    }

    /// The tag of the lap `laps` after this one. Stamps wrap.
    #[inline(always)]
    pub(super) const fn plus(self, laps: u64) -> Tag {
        Tag(self.0.wrapping_add(laps << 32))
    }

    /// Whether `word` would be taken for a record of this lap.
    #[inline(always)]
    pub(super) const fn accepts(self, word: u64) -> bool {
        word & TAG == self.0
    }

    /// The length of the message that `word` opens, if it is one of this lap: the common case
    /// of [`Tag::accepts`] and [`framed`] in one compare.
    #[inline(always)]
    pub(super) const fn accepts_message(self, word: u64) -> Option<u64> {
        if word & (TAG | PADDING) == self.0 { Some(word & LENGTH) } else { None }
    }

    /// The word of a message of `len` bytes.
    #[inline(always)]
    pub(super) const fn message(self, len: u64) -> u64 {
        debug_assert!(len <= LENGTH);
        self.0 | len
    }

    /// The word of a padding that fills `bytes`, its own word included.
    #[inline(always)]
    pub(super) const fn padding(self, bytes: u64) -> u64 {
        debug_assert!(bytes >= BYTES as u64 && bytes - BYTES as u64 <= LENGTH);
        self.0 | PADDING | (bytes - BYTES as u64)
    }
}

/// Whether `word` is that of a message of `len` bytes, in whichever lap: one compare of the half
/// that is not the stamp.
#[inline(always)]
pub(super) const fn is_message_of(word: u64, len: u64) -> bool {
    word as u32 == (RECORD | len) as u32
}

/// What `word`, accepted by its tag, frames.
#[inline(always)]
pub(super) const fn framed(word: u64) -> Framed {
    let length = word & LENGTH;
    if word & PADDING == 0 {
        Framed::Message(length)
    } else {
        Framed::Padding(length + BYTES as u64)
    }
}

/// Bytes of ring that a record with `len` bytes of payload takes.
#[inline(always)]
pub(super) const fn record_bytes(len: u64) -> u64 {
    (BYTES as u64 + len + CELL - 1) & !(CELL - 1)
}
