//! How a side that has nothing to do waits: in the call itself, or elsewhere.

use annulus::ring::spsc::Received;
use annulus::segment::{Handle, Pollable, Readiness, wait_any};
use annulus::{Backing, Config, Consumer, Deadline, Producer, RecvError, Segment, SendError, Wait};
use core::fmt;
use std::os::fd::{AsRawFd, RawFd};

/// Where a side waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    /// In `recv` or `send`.
    Call,
    /// In poll(2), for the descriptor of a [`Pollable`].
    Descriptor,
    /// In [`wait_any`], beside a ring in which nothing comes.
    Any,
}

impl fmt::Display for Through {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Through::Call => "call",
            Through::Descriptor => "descriptor",
            Through::Any => "any",
        })
    }
}

/// A handle that waits so.
pub(super) enum Waits<H> {
    Call(H),
    Descriptor(Pollable<H>),
    /// Beside that ring.
    Any(H, Box<Consumer>),
}

impl<H: Handle> Waits<H> {
    pub(super) fn new(through: Through, handle: H) -> Option<Waits<H>> {
        Some(match through {
            Through::Call => Waits::Call(handle),
            Through::Descriptor => Waits::Descriptor(Pollable::new(handle).ok()?),
            Through::Any => {
                let config = Config::spsc(64).wait(Wait::Park);
                let idle = Segment::create(&Backing::Memfd, &config).ok()?;
                Waits::Any(handle, Box::new(idle.consumer().ok()?))
            }
        })
    }

    pub(super) fn handle(&mut self) -> &mut H {
        match self {
            Waits::Call(handle) | Waits::Any(handle, _) => handle,
            Waits::Descriptor(pollable) => pollable,
        }
    }
}

impl Waits<Consumer> {
    pub(super) fn recv(
        &mut self,
        into: &mut [u8],
        deadline: Deadline,
    ) -> Result<Received, RecvError> {
        // Ends by the deadline.
        loop {
            match self {
                Waits::Call(consumer) => return consumer.recv(into, deadline),
                Waits::Descriptor(consumer) => {
                    if consumer.arm()? == Readiness::Pending {
                        poll(consumer.as_raw_fd(), deadline).ok_or(RecvError::Timeout)?;
                    }
                }
                Waits::Any(consumer, idle) => {
                    let waited = wait_any(&mut [consumer, &mut **idle], 1, deadline);
                    waited.map_err(|_| RecvError::Timeout)?;
                }
            }
            match self.handle().try_recv(into) {
                Err(RecvError::Empty) => {}
                tried => return tried,
            }
        }
    }
}

impl Waits<Producer> {
    pub(super) fn send(&mut self, message: &[u8], deadline: Deadline) -> Result<(), SendError> {
        // Ends by the deadline.
        loop {
            match self {
                Waits::Call(producer) => return producer.send(message, deadline).map(drop),
                Waits::Descriptor(producer) => {
                    if producer.arm(message.len())? == Readiness::Pending {
                        poll(producer.as_raw_fd(), deadline).ok_or(SendError::Timeout)?;
                    }
                }
                Waits::Any(producer, idle) => {
                    let mut room = producer.room_for(message.len())?;
                    let waited = wait_any(&mut [&mut room, &mut **idle], 1, deadline);
                    waited.map_err(|_| SendError::Timeout)?;
                }
            }
            match self.handle().try_send(message) {
                Err(SendError::Full) => {}
                tried => return tried.map(drop),
            }
        }
    }
}

/// Waits until the descriptor is readable; none if it is not by the deadline. Looks at that once a
/// second.
fn poll(fd: RawFd, deadline: Deadline) -> Option<()> {
    let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // Ends by the deadline.
    loop {
        // SAFETY: one entry, which the call may read and write.
        if unsafe { libc::poll(&mut entry, 1, 1_000) } > 0 {
            return Some(());
        }
        if deadline <= Deadline::after(std::time::Duration::ZERO) {
            return None;
        }
    }
}
