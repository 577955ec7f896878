//! A handle together with a descriptor that epoll, poll, select and async runtimes can wait for.
//!
//! The descriptor is an eventfd of this process alone. Nothing of it crosses to the other one,
//! which rings as it does for any sleeper; a thread of ours hears that (`ringer`) and writes the
//! eventfd.

mod eventfd;
mod ringer;

use super::wait_errors::{NotPollable, PollError};
use super::waitable::{Handle, Waitable};
use super::{Mapping, Peers};
use crate::error::{RecvError, SendError};
use crate::ring::spsc::{Consumer, Producer};
use crate::ring::watch::{Armed, arm};
use core::fmt;
use core::ops::{Deref, DerefMut};
pub(crate) use ringer::Ringer;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

/// A handle with a descriptor that becomes readable when there is something for it.
///
/// Derefs to the handle, which is used as ever. The descriptor ([`AsFd`]) is for waiting only, in
/// epoll(7), poll(2), or a runtime (tokio's `AsyncFd`), level- or edge-triggered. It has to be
/// *armed* before each wait:
///
/// ```text
/// loop {
///     while arm() is Ready { try to receive until Empty }
///     wait for the descriptor, and others
/// }
/// ```
///
/// It is armed for one time: once it is readable it stays so until it is armed again, or disarmed.
/// It may be readable for nothing. Calls that wait, such as `recv` with a deadline, may disarm it;
/// those that try do not.
///
/// ```
/// use annulus::segment::{Pollable, Readiness};
/// use annulus::{Backing, Config, Deadline, Segment, Wait};
/// use std::os::fd::{AsFd, AsRawFd};
///
/// let segment = Segment::create(&Backing::Memfd, &Config::spsc(4096).wait(Wait::Park))?;
/// let (mut producer, consumer) = (segment.producer()?, segment.consumer()?);
/// let mut consumer = Pollable::new(consumer)?;
///
/// assert_eq!(consumer.arm()?, Readiness::Pending);
/// producer.send(b"hello", Deadline::NEVER)?;
///
/// let mut entry =
///     libc::pollfd { fd: consumer.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 };
/// // SAFETY: one entry, which the call may read and write.
/// assert_eq!(unsafe { libc::poll(&mut entry, 1, -1) }, 1);
/// assert_eq!(consumer.try_recv(&mut [0; 8])?.len, 5);
/// assert_eq!(consumer.arm()?, Readiness::Pending);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// **What it costs.** A thread, `annulus-ringer`, that takes no signals and sleeps but for two
/// looks a second; it ends when this is dropped, which takes some 0.1 ms. A message that comes
/// while it is armed takes one thread more on its way than a blocking receive; one that comes while
/// it is not costs nobody anything. Arming costs what lying down costs, a barrier, and a mutex;
/// arming again what is armed costs neither barrier nor system call.
///
/// After a fork, the child's copy has neither thread nor descriptor of its own: arming says
/// `Ready`, and the try says `Forked`.
pub struct Pollable<H> {
    // Dropped in this order: nobody watches the bed of a side that is no more.
    pub(crate) ringer: Ringer,
    pub(crate) handle: H,
}

/// Whether to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "who waits for a descriptor that is not armed may wait for ever"]
pub enum Readiness {
    /// Not: a try finds something, be it an error. The descriptor is not armed.
    Ready,
    /// There is nothing yet: the descriptor becomes readable when there may be.
    Pending,
}

impl<H: Handle> Pollable<H> {
    /// Adds a descriptor to a [`Consumer`](super::Consumer) or [`Producer`](super::Producer), or a
    /// typed one. Starts a thread; does not block. On an error it gives the handle back.
    ///
    /// Refused where nobody rings: in a ring whose sides spin.
    #[allow(clippy::result_large_err, reason = "the handle comes back, large as it is")]
    pub fn new(handle: H) -> Result<Pollable<H>, NotPollable<H>> {
        match start(&handle) {
            Ok(ringer) => Ok(Pollable { ringer, handle }),
            Err(reason) => Err(NotPollable { handle, reason }),
        }
    }

    /// The handle alone. The descriptor is closed.
    pub fn into_inner(self) -> H {
        let Pollable { ringer, mut handle } = self;
        drop(ringer);
        handle.rise();
        handle
    }

    /// Takes back that it is armed: whoever sends need not wake anybody, and the descriptor is not
    /// readable. Does not block, and makes one system call if it was.
    pub fn disarm(&mut self) {
        if !self.ringer.is_cut_off() {
            self.ringer.dismiss();
        }
        self.handle.rise();
    }
}

fn start(handle: &impl Handle) -> Result<Ringer, PollError> {
    let place = handle.place();
    place.check_bell().map_err(PollError::NoBell)?;
    if let Some(cause) = place.segment.map.severed() {
        return Err(PollError::Severed(cause));
    }
    Ringer::start(place)
}

impl<P: Peers> Pollable<Consumer<Mapping<P>>> {
    /// Arms the descriptor: it becomes readable when a message has come, the producer has closed or
    /// died, or the segment was taken away. Unless there is something of that already.
    ///
    /// Does not block. A producer that died, which a try does not notice, is an error here once the
    /// descriptor has told of it, and all that it left was taken; then the descriptor is not armed.
    /// It may be armed again, for a successor, and in the meantime is told the same from time to
    /// time.
    pub fn arm(&mut self) -> Result<Readiness, RecvError> {
        armed(&self.ringer, &mut self.handle).ok_or(RecvError::ProducerDied)
    }
}

impl<P: Peers> Pollable<Producer<Mapping<P>>> {
    /// Arms the descriptor: it becomes readable when a message of `len` bytes fits, the consumer
    /// has closed or died, or the segment was taken away. Unless one of that is so already.
    /// (Readable, not writable: it is an eventfd.)
    ///
    /// Does not block. Where there was no room, it is told as soon as a quarter of the ring is free
    /// as well, or within half a second when the message fits. A consumer that died is an error
    /// here, while there is no room; then the descriptor is not armed.
    pub fn arm(&mut self, len: usize) -> Result<Readiness, SendError> {
        let mut room = self.handle.room_for(len)?;
        armed(&self.ringer, &mut room).ok_or(SendError::PeerDead)
    }
}

/// Arms for `side`. None if its peer died.
pub(crate) fn armed(ringer: &Ringer, side: &mut impl Waitable) -> Option<Readiness> {
    // Who put another handle into this one's place is never told to wait: nobody would wake it.
    if ringer.is_cut_off() || !ringer.is_at(side.place()) {
        return Some(Readiness::Ready);
    }
    let armed = arm(side, ringer.dismiss(), |watch| ringer.order(watch));
    if armed == Armed::Pending {
        return Some(Readiness::Pending);
    }
    ringer.dismiss();
    (armed == Armed::Ready).then_some(Readiness::Ready)
}

impl<H> Deref for Pollable<H> {
    type Target = H;

    fn deref(&self) -> &H {
        &self.handle
    }
}

impl<H> DerefMut for Pollable<H> {
    fn deref_mut(&mut self) -> &mut H {
        &mut self.handle
    }
}

impl<H> AsFd for Pollable<H> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ringer.fd().as_fd()
    }
}

impl<H> AsRawFd for Pollable<H> {
    fn as_raw_fd(&self) -> RawFd {
        self.ringer.fd().as_raw_fd()
    }
}

impl<H> fmt::Debug for Pollable<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pollable").field("ringer", &self.ringer).finish_non_exhaustive()
    }
}
