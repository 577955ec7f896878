//! What can go wrong when a segment is removed.

use super::SegmentError;
use super::errors::{BUSY, DOOR_STUCK, IO};
use crate::ring::Role;

/// Why a segment was not removed. It is still there, unless it was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoveError {
    /// Nothing has this name.
    NotFound,
    /// Somebody holds a role: end that process first.
    Held {
        /// The role.
        role: Role,
        /// Who holds it, as that process saw itself; nothing rests on it.
        pid: Option<u64>,
    },
    /// Somebody has been joining or removing the segment for too long.
    DoorStuck,
    /// It is not closed and drained.
    NotSpent,
    /// What stands there is no segment; if it ever was one, remove the file by hand.
    NotAnnulus,
    /// Another file took the name meanwhile: look again.
    Replaced,
    /// The system refuses access.
    Denied,
    /// A system call failed.
    Io {
        /// Which.
        call: &'static str,
        /// With this errno.
        errno: i32,
    },
}

impl RemoveError {
    /// The stable number of this error.
    pub const fn code(self) -> i32 {
        match self {
            RemoveError::NotFound => SegmentError::NotFound.code(),
            RemoveError::Held { .. } => BUSY,
            RemoveError::DoorStuck => DOOR_STUCK,
            RemoveError::NotSpent => 45,
            RemoveError::NotAnnulus => SegmentError::NotAnnulus.code(),
            RemoveError::Replaced => 46,
            RemoveError::Denied => SegmentError::Denied.code(),
            RemoveError::Io { .. } => IO,
        }
    }
}

impl std::error::Error for RemoveError {}
