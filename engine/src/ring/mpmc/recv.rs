//! Receiving by copy.
//!
//! A message that was copied out is released by the *next* call: had the call that copies it
//! released it too, a kill between that store and the return would lose it.

use super::consumer::{Consumer, Holds};
use super::error::RecvError;
use crate::ring::{Message, Position};
use crate::sync::{Crowd, Deadline};

/// What a receive gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The message's position, a number that rises by one with each message of the ring.
    pub position: Position,
    /// The message's length in bytes.
    pub len: usize,
    /// How often it was delivered before, to consumers that are gone or gave it back. Where it is
    /// not 0 the message may have had its effect: the position tells.
    pub attempt: u32,
}

impl<M: Crowd> Consumer<M> {
    /// Copies the next message into `buffer`, if there is one now.
    #[inline(always)]
    pub fn try_recv(&mut self, buffer: &mut [u8]) -> Result<Received, RecvError> {
        self.recv(buffer, Deadline::PASSED)
    }

    /// Copies the next message into `buffer`; waits for one until `deadline`. It is released by
    /// the next call of this handle, or when that is dropped; a process that is killed before has
    /// it delivered again, to another one.
    ///
    /// Until then its slot is not free. One that also sends to this ring, or does not receive for
    /// long, calls [`Consumer::flush`] first: a lap later it would wait for itself.
    #[inline(always)]
    pub fn recv(&mut self, buffer: &mut [u8], deadline: Deadline) -> Result<Received, RecvError> {
        self.take_until(deadline)?;
        let len = self.len()?;
        let Some(into) = buffer.get_mut(..len as usize) else {
            return Err(RecvError::TooSmall { needed: len });
        };
        self.who.slots().read(self.hand.place, 0, into);
        self.check_hand()?;
        self.holds = Holds::Copied;
        Ok(self.received(len))
    }

    /// As [`Consumer::recv_array`], if there is a message now.
    #[inline(always)]
    pub fn try_recv_array<const N: usize>(&mut self) -> Result<(Received, Message<N>), RecvError> {
        self.recv_array(Deadline::PASSED)
    }

    /// Takes the next message, of `N` bytes, by value; else as [`Consumer::recv`]. One of another
    /// length comes again to this handle.
    ///
    /// The fastest way for messages of one length, since a message that is looked at where it is
    /// received need not pass through memory.
    #[inline(always)]
    pub fn recv_array<const N: usize>(
        &mut self,
        deadline: Deadline,
    ) -> Result<(Received, Message<N>), RecvError> {
        self.take_until(deadline)?;
        let len = self.len()?;
        if len as usize != N {
            return Err(RecvError::OtherLength { len });
        }
        let mut message = Message([0; N]);
        self.who.slots().read_value(self.hand.place, &mut message.0);
        self.check_hand()?;
        self.holds = Holds::Copied;
        Ok((self.received(N as u32), message))
    }

    #[inline(always)]
    fn received(&self, len: u32) -> Received {
        let attempt = self.hand.word.attempts();
        Received { position: self.hand.position, len: len as usize, attempt }
    }
}
