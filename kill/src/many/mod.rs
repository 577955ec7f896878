//! The ring of many under the same harness: killed at every instruction, alone, beside others that
//! live and hold slots, and over what others left who died.
//!
//! | room | what |
//! |---|---|
//! | `scene` | a ring as it stands when an operation begins, and who else holds slots of it |
//! | `operations` | the operations |
//! | `oracle` | what must hold after a kill |
//! | `stopped` | the same where the victim is only stopped, and lets others go on |
//! | `matrix` | which kills there are |
//! | `repair` | how long others take to get on |
//! | `chaos` | several at full speed, killed at random |

pub mod chaos;
mod matrix;
mod operations;
mod oracle;
pub mod repair;
mod scene;
mod stopped;

pub use matrix::run;
pub use operations::OPERATIONS;

use annulus::Segment;
use annulus::ring::Role;

/// One operation, as the victim performs it.
#[derive(Clone, Copy)]
pub struct Operation {
    /// What it is called in the report.
    pub name: &'static str,
    /// What it does to messages when it is let through.
    pub(crate) effect: Effect,
    /// Gets ready, calls [`crate::begin`], performs it, and calls [`crate::finished`] with the
    /// number of messages that it sent or took.
    pub(crate) perform: fn(&Segment, u64),
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It joins or leaves, or looks.
    Nothing,
    /// It sends messages: those that follow.
    Sends,
    /// It claims a slot and gives it up.
    Drops,
    /// It takes messages, and they are released when it has returned.
    Takes,
    /// It takes so many, if they are there, and has the last of them in hand when it has returned.
    /// If fewer are there it has looked once more in vain, and they are released, too.
    Keeps {
        /// So many.
        wanted: u64,
    },
}

impl Effect {
    /// Whose operation it is, unless it may be anybody's.
    pub(crate) fn role(self) -> Option<Role> {
        match self {
            Effect::Nothing => None,
            Effect::Sends | Effect::Drops => Some(Role::Producer),
            Effect::Takes | Effect::Keeps { .. } => Some(Role::Consumer),
        }
    }

    /// Of so many messages that it moved: how many it took, and how many of these it has in hand.
    pub(crate) fn taken(self, moved: u64) -> (u64, u64) {
        match self {
            Effect::Takes => (moved, 0),
            Effect::Keeps { wanted } => (moved, u64::from(moved == wanted)),
            _ => (0, 0),
        }
    }
}
