//! The door: joining and removing happen one at a time.
//!
//! Without it, a ring could be unlinked between somebody's attach and join, and two sides that
//! join at once could undo each other's reading of the gates. Whoever is in the door makes a few
//! system calls and leaves; one who is killed there leaves by it. Only a process that is stopped
//! there holds others up, and they give up after a second.

use super::registry::Node;
use super::{JoinError, RemoveError, fd, locks};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// How long somebody may take in the door before others give up.
const PATIENCE: Duration = Duration::from_secs(1);

/// Between two tries. Passing the door takes some microseconds.
const PAUSE: Duration = Duration::from_micros(200);

/// Being in the door, until it is dropped.
#[derive(Debug)]
pub(super) struct Door<'a> {
    node: &'a Node,
}

/// Why we did not come in.
#[derive(Debug)]
pub(super) enum DoorError {
    /// Somebody stays in it.
    Stuck,
    /// The lock could not be asked for.
    Io(io::Error),
}

impl Door<'_> {
    /// Waits for the door of the segment, at most a second.
    pub(super) fn enter(node: &Node) -> Result<Door<'_>, DoorError> {
        let end = Instant::now() + PATIENCE;
        loop {
            // Looked at before the try, so that there is one after the time is up.
            let last = Instant::now() >= end;
            if node.try_lock(locks::DOOR).map_err(DoorError::Io)? {
                return Ok(Door { node });
            }
            if last {
                return Err(DoorError::Stuck);
            }
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for Door<'_> {
    fn drop(&mut self) {
        self.node.unlock(locks::DOOR);
    }
}

impl From<DoorError> for JoinError {
    fn from(error: DoorError) -> JoinError {
        match error {
            DoorError::Stuck => JoinError::DoorStuck,
            DoorError::Io(error) => JoinError::Io { call: "fcntl", errno: fd::errno_of(&error) },
        }
    }
}

impl From<DoorError> for RemoveError {
    fn from(error: DoorError) -> RemoveError {
        match error {
            DoorError::Stuck => RemoveError::DoorStuck,
            DoorError::Io(error) => RemoveError::Io { call: "fcntl", errno: fd::errno_of(&error) },
        }
    }
}
