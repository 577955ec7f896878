//! What can go wrong while a message moves, and what the caller does next.
//!
//! Both are a word wide, so that a result travels in registers: on the way of a message each
//! store to the stack stands in the same queue as the stores to the ring.
//!
//! Errors of creating and attaching segments stand with them, in [`crate::segment`]. Every
//! variant has a stable number (`code`), the one that the C interface returns.

use core::fmt;

/// Shared memory that holds what no correct peer writes. The handle that found it stays
/// poisoned; make a new segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corruption {
    /// Which word could not be believed.
    pub what: What,
    /// Where: a position for words of the ring, else a byte offset in the segment.
    pub at: u64,
}

/// The shared words that are checked before they are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A record's first word: of this lap, but with an impossible length.
    Word,
    /// The consumer's released position.
    Head,
    /// A participant's gate.
    Gate,
    /// The producer closed at a position where the records do not end.
    ClosedPosition,
    /// The word of a slot.
    Slot,
    /// The state of a participant.
    Seat,
}

/// Why this mapping no longer shows the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severed {
    /// The handle was made before a `fork`, and this is the child: attach anew.
    Forked,
    /// Somebody cut the segment's file short: its messages are gone, make a new segment.
    Truncated,
    /// Somebody took the segment away although it was held: make a new one.
    Removed,
}

/// Why a message was not sent. It is not in the ring, whatever the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// No room now: try again later, or wait with a deadline.
    Full,
    /// Longer than this ring ever takes: send at most `limit` bytes, or make a larger ring.
    TooLarge {
        /// The longest message of this ring in bytes.
        limit: u32,
    },
    /// The deadline passed while the ring was full.
    Timeout,
    /// The consumer has closed; a successor may join and the next send then goes on.
    PeerClosed,
    /// The ring is full and the consumer's process is gone without closing.
    PeerDead,
    /// The mapping was cut off.
    Severed(Severed),
    /// A peer has scribbled over the ring; the handle's `corruption` says where.
    Corrupted(What),
}

/// Why no message was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvError {
    /// Nothing there now: try again later, or wait with a deadline.
    Empty,
    /// The buffer is shorter than the next message, which stays in the ring.
    TooSmall {
        /// The next message's length in bytes.
        needed: u32,
    },
    /// The next message has another length than was asked for, and stays in the ring.
    OtherLength {
        /// The next message's length in bytes.
        len: u32,
    },
    /// The deadline passed while the ring was empty.
    Timeout,
    /// The producer has closed and every message was received.
    Closed,
    /// The producer's process is gone without closing, and every message was received.
    ProducerDied,
    /// The mapping was cut off.
    Severed(Severed),
    /// A peer has scribbled over the ring; the handle's `corruption` says where.
    Corrupted(What),
}

impl SendError {
    /// The stable number of this error.
    pub const fn code(self) -> i32 {
        match self {
            SendError::Full => 1,
            SendError::TooLarge { .. } => 3,
            SendError::Timeout => 5,
            SendError::PeerClosed => 6,
            SendError::PeerDead => 7,
            SendError::Severed(severed) => severed.code(),
            SendError::Corrupted(_) => Corruption::CODE,
        }
    }
}

impl RecvError {
    /// The stable number of this error.
    pub const fn code(self) -> i32 {
        match self {
            RecvError::Empty => 2,
            RecvError::TooSmall { .. } | RecvError::OtherLength { .. } => 4,
            RecvError::Timeout => 5,
            RecvError::Closed => 6,
            RecvError::ProducerDied => 7,
            RecvError::Severed(severed) => severed.code(),
            RecvError::Corrupted(_) => Corruption::CODE,
        }
    }
}

impl Severed {
    /// The stable number of this cause.
    pub const fn code(self) -> i32 {
        match self {
            Severed::Forked => 8,
            Severed::Truncated => 9,
            Severed::Removed => 11,
        }
    }
}

impl Corruption {
    /// The stable number of every corruption.
    pub const CODE: i32 = 10;
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            What::Word => "a message has a length that is not possible",
            What::Head => "the receiver is at a place that is not possible",
            What::Gate => "a side is in a state that is not possible",
            What::ClosedPosition => "the sender closed in the middle of a message",
            What::Slot => "a slot is in a state that is not possible",
            What::Seat => "a participant is in a state that is not possible",
        })
    }
}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the ring is corrupted: {} (at {:#x})", self.what, self.at)
    }
}

impl fmt::Display for Severed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severed::Forked => "this handle belongs to the parent process: attach anew after fork",
            Severed::Truncated => {
                "the segment's file was truncated: its messages are gone, remove it and make it \
                 anew"
            }
            Severed::Removed => "the segment was removed by force: create it anew",
        })
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Full => f.write_str("the ring is full: try again, or wait"),
            SendError::TooLarge { limit } => write!(
                f,
                "the message is too large: this ring takes at most {limit} bytes, send less or \
                 make a larger ring"
            ),
            SendError::Timeout => f.write_str("the deadline passed while the ring was full"),
            SendError::PeerClosed => f.write_str("the receiver has closed the ring"),
            SendError::PeerDead => f.write_str("the ring is full and the receiver died"),
            SendError::Severed(severed) => severed.fmt(f),
            SendError::Corrupted(what) => write!(f, "the ring is corrupted: {what}"),
        }
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvError::Empty => f.write_str("the ring is empty: try again, or wait"),
            RecvError::TooSmall { needed } => {
                write!(f, "the next message has {needed} bytes: the buffer is too small")
            }
            RecvError::OtherLength { len } => {
                write!(f, "the next message has {len} bytes, which is not what was asked for")
            }
            RecvError::Timeout => f.write_str("the deadline passed while the ring was empty"),
            RecvError::Closed => f.write_str("the sender has closed the ring"),
            RecvError::ProducerDied => f.write_str("the sender died without closing the ring"),
            RecvError::Severed(severed) => severed.fmt(f),
            RecvError::Corrupted(what) => write!(f, "the ring is corrupted: {what}"),
        }
    }
}

impl std::error::Error for Corruption {}
impl std::error::Error for SendError {}
impl std::error::Error for RecvError {}

const _: () = assert!(size_of::<SendError>() == 8 && size_of::<RecvError>() == 8);
