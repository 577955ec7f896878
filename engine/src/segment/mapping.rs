//! A segment's memory in the hands of one participant: what the rings run over.

use super::Inner;
use super::locks;
use super::remove::is_removed;
use super::trust::{Peers, Trusted, Untrusted};
use crate::error::Severed;
use crate::ring::Role;
use crate::sync::{Mapped, Memory, Outside, Raw, Trusting, accesses_of_raw};
use crate::wake::{Berth, Means};
use core::marker::PhantomData;
use std::sync::Arc;

/// The memory of a segment together with the lock byte of a role in it.
///
/// Made by joining. The role is given up when this is dropped, which a handle does after it has
/// written its closed gate. `P` says whether the other processes are trusted to keep to the
/// protocol, see [`TrustingSegment`](super::TrustingSegment).
#[derive(Debug)]
pub struct Mapping<P: Peers = Untrusted> {
    /// Inline, since every access goes through it.
    raw: Raw,
    role: RoleLock,
    peers: PhantomData<P>,
}

/// A role that is ours, until it is dropped. Keeps the segment mapped.
#[derive(Debug)]
pub(super) struct RoleLock {
    segment: Arc<Inner>,
    role: Role,
}

impl<P: Peers> Mapping<P> {
    /// Whoever calls this for [`Trusted`] peers has their user's promise.
    pub(super) fn new(role: RoleLock) -> Mapping<P> {
        Mapping { raw: role.segment.map.raw(), role, peers: PhantomData }
    }

    /// There since we joined, where anybody sleeps.
    fn means(&self) -> Option<&dyn Means> {
        self.role.segment.means.get().map(|means| &**means)
    }

    /// Which side of which segment this is.
    pub(super) fn place(&self) -> (&Arc<Inner>, Role) {
        (&self.role.segment, self.role.role)
    }
}

impl Inner {
    /// [`Memory::outside`] for the side `role`.
    ///
    /// Whatever cannot be found out counts as a living peer: a deadline ends such a wait, and
    /// nobody is called dead by mistake.
    pub(super) fn outside(&self, role: Role) -> Outside {
        match self.whole() {
            Err(cause) => return Outside::Severed(cause),
            Ok(false) => return Outside::PeerAlive,
            Ok(true) => {}
        }
        match self.node.is_locked(locks::byte_of(role.peer())) {
            Ok(false) => Outside::PeerGone,
            Ok(true) | Err(_) => Outside::PeerAlive,
        }
    }

    /// Whether the mapping is known to show the segment, whole and not taken away; if it is known
    /// not to, why. One or no system call.
    pub(super) fn whole(&self) -> Result<bool, Severed> {
        if let Some(cause) = self.map.severed() {
            return Err(cause);
        }
        match self.node.state() {
            Ok(state) if state.bytes < self.header.segment_bytes => {
                // Also so that dropping the handle does not touch what is gone.
                self.map.sever(Severed::Truncated);
                return Err(Severed::Truncated);
            }
            Ok(_) => {}
            Err(_) => return Ok(false),
        }
        if is_removed(self.map.raw()) { Err(Severed::Removed) } else { Ok(true) }
    }
}

impl RoleLock {
    /// Whoever calls this has taken the byte of `role`.
    pub(super) fn taken(segment: Arc<Inner>, role: Role) -> RoleLock {
        RoleLock { segment, role }
    }
}

impl Drop for RoleLock {
    fn drop(&mut self) {
        self.segment.node.unlock(locks::byte_of(self.role));
    }
}

/// What a mapping's [`Memory`] has of its process: how it waits, what time it is, and how it bars.
macro_rules! ways_of_this_process {
    () => {
        #[inline(always)]
        fn pause(&self) {
            core::hint::spin_loop();
        }

        fn pause_tenth_ns(&self) -> u64 {
            $crate::sync::measured_pause_tenth_ns()
        }

        fn yield_now(&self) {
            std::thread::yield_now();
        }

        fn now(&self) -> u64 {
            $crate::sync::monotonic_ns()
        }

        fn barrier(&self, form: $crate::ring::Barrier) -> bool {
            match form {
                $crate::ring::Barrier::Fence => {
                    self.fence();
                    true
                }
                $crate::ring::Barrier::Membarrier => $crate::sync::membarrier::barrier().is_ok(),
            }
        }

        fn is_registered(&self) -> bool {
            $crate::sync::membarrier::is_registered()
        }

        fn is_alone(&self) -> bool {
            $crate::sync::processors::is_alone()
        }
    };
}
pub(super) use ways_of_this_process;

// SAFETY: all accesses go through `Raw`: atomics and opaque copies, well defined whatever a peer
// writes. The memory stays mapped as long as the `Arc` in `role` lives; severing it puts other
// memory in its place and leaves no gap.
unsafe impl<P: Peers> Memory for Mapping<P> {
    accesses_of_raw!(raw);

    ways_of_this_process!();

    fn hush(&self, role: Role) {
        if let Some(means) = self.means() {
            means.hush(Berth::new(self.raw, role));
        }
    }

    fn sleep(&self, role: Role, bell: u64, ns: u64) -> bool {
        self.means().is_some_and(|means| means.sleep(Berth::new(self.raw, role), bell as u32, ns))
    }

    fn wake(&self, role: Role) {
        if let Some(means) = self.means() {
            means.wake(Berth::new(self.raw, role));
        }
    }

    #[cold]
    fn outside(&self) -> Outside {
        self.role.segment.outside(self.role.role)
    }
}

// SAFETY: the base is that of the mapping, which lives as long as `self`, see above.
unsafe impl<P: Peers> Mapped for Mapping<P> {
    #[inline(always)]
    fn base(&self) -> *mut u8 {
        self.raw.base()
    }
}

// SAFETY: such a mapping is made only by handles for whose segment the promise was given.
unsafe impl Trusting for Mapping<Trusted> {}
