//! What can go wrong at a ring of many, and what the caller does next.

use super::occupancy::Attendant;
use crate::error::{self, Severed, What};
use crate::ring::Position;
use core::fmt;

/// A participant that lives, and holds what somebody else waited for. It is stopped, or at work for
/// longer than that one's deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stalled {
    /// Its index.
    pub participant: u16,
    /// Its process, by the number under which it saw itself.
    pub pid: u32,
    /// The time of day in nanoseconds when it joined.
    pub since_ns: u64,
}

impl From<&Attendant> for Stalled {
    fn from(seen: &Attendant) -> Stalled {
        let Attendant { participant, pid, since_ns, .. } = *seen;
        Stalled { participant, pid: pid as u32, since_ns }
    }
}

/// Why a message was not sent. It is not in the ring, whatever the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// No room now: try again later, or wait with a deadline.
    Full,
    /// Longer than this ring's slots: send at most `limit` bytes, or make a ring of larger ones.
    TooLarge {
        /// The longest message of this ring in bytes.
        limit: u32,
    },
    /// This ring's messages have all the same length, which is another one.
    OtherLength {
        /// The length of this ring's messages in bytes.
        len: u32,
    },
    /// The deadline passed while the ring was full.
    Timeout,
    /// The deadline passed while a participant that lives held the slot that comes next.
    PeerStalled(Stalled),
    /// The ring is full, and all consumers have left.
    PeerClosed,
    /// The ring is full, and the consumers are gone, at least one of them without leaving.
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
    /// The buffer is shorter than the next message, which comes again to this handle.
    TooSmall {
        /// The next message's length in bytes.
        needed: u32,
    },
    /// The next message is not of the length that was asked for; it comes again to this handle.
    OtherLength {
        /// Its length in bytes.
        len: u32,
    },
    /// The message of this position was never committed: its producer died in it, or dropped its
    /// claim. Told to one consumer; the next call goes on behind it.
    Gap {
        /// The position that has no message.
        position: Position,
        /// The index of the producer that had claimed it.
        participant: u16,
    },
    /// The deadline passed while the ring was empty.
    Timeout,
    /// The deadline passed while a participant that lives held the message that comes next; or,
    /// when all producers are gone, the last one that there is.
    PeerStalled(Stalled),
    /// All producers have left, and every message was received.
    Closed,
    /// The producers are gone, at least one of them without leaving, and every message was
    /// received.
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
            SendError::Full => error::SendError::Full.code(),
            SendError::TooLarge { limit } => error::SendError::TooLarge { limit }.code(),
            SendError::OtherLength { len } => error::RecvError::OtherLength { len }.code(),
            SendError::Timeout => error::SendError::Timeout.code(),
            SendError::PeerStalled(_) => 13,
            SendError::PeerClosed => error::SendError::PeerClosed.code(),
            SendError::PeerDead => error::SendError::PeerDead.code(),
            SendError::Severed(severed) => severed.code(),
            SendError::Corrupted(what) => error::SendError::Corrupted(what).code(),
        }
    }
}

impl RecvError {
    /// The stable number of this error.
    pub const fn code(self) -> i32 {
        match self {
            RecvError::Empty => error::RecvError::Empty.code(),
            RecvError::TooSmall { needed } => error::RecvError::TooSmall { needed }.code(),
            RecvError::OtherLength { len } => error::RecvError::OtherLength { len }.code(),
            RecvError::Gap { .. } => 12,
            RecvError::Timeout => error::RecvError::Timeout.code(),
            RecvError::PeerStalled(_) => 13,
            RecvError::Closed => error::RecvError::Closed.code(),
            RecvError::ProducerDied => error::RecvError::ProducerDied.code(),
            RecvError::Severed(severed) => severed.code(),
            RecvError::Corrupted(what) => error::RecvError::Corrupted(what).code(),
        }
    }
}

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stalled { participant, pid, .. } = self;
        write!(f, "participant {participant}, process {pid}, which lives,")
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            SendError::Full => f.write_str("the ring is full: try again, or wait"),
            SendError::TooLarge { limit } => write!(
                f,
                "the message is too large: this ring's slots take at most {limit} bytes, send \
                 less or make a ring of larger ones"
            ),
            SendError::OtherLength { len } => {
                write!(f, "this ring's messages have {len} bytes each, no more and no less")
            }
            SendError::Timeout => f.write_str("the deadline passed while the ring was full"),
            SendError::PeerStalled(stalled) => write!(
                f,
                "the deadline passed while {stalled} held the next slot: see what keeps it, or \
                 allow more time"
            ),
            SendError::PeerClosed => f.write_str("the ring is full and its receivers have left"),
            SendError::PeerDead => f.write_str("the ring is full and its receivers died"),
            SendError::Severed(severed) => severed.fmt(f),
            SendError::Corrupted(what) => write!(f, "the ring is corrupted: {what}"),
        }
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            RecvError::Empty => f.write_str("the ring is empty: try again, or wait"),
            RecvError::TooSmall { needed } => {
                write!(f, "the next message has {needed} bytes: the buffer is too small")
            }
            RecvError::OtherLength { len } => {
                write!(f, "the next message has {len} bytes, which is not what was asked for")
            }
            RecvError::Gap { position, participant } => write!(
                f,
                "message {position} was never sent: participant {participant} died in it or \
                 dropped it"
            ),
            RecvError::Timeout => f.write_str("the deadline passed while the ring was empty"),
            RecvError::PeerStalled(stalled) => write!(
                f,
                "the deadline passed while {stalled} held the next message: see what keeps it, or \
                 allow more time"
            ),
            RecvError::Closed => f.write_str("all senders have left the ring"),
            RecvError::ProducerDied => {
                f.write_str("the senders are gone, and not all have left in good order")
            }
            RecvError::Severed(severed) => severed.fmt(f),
            RecvError::Corrupted(what) => write!(f, "the ring is corrupted: {what}"),
        }
    }
}

impl std::error::Error for SendError {}
impl std::error::Error for RecvError {}
