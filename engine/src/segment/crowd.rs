//! A segment's memory in the hands of one participant of a ring of many, and joining as one.
//!
//! Its participants lock bytes of their own, and others ask after those of whoever blocks them. A
//! byte that is free while its process lives and has the segment mapped was given away behind our
//! back (`close_range`): that process may still write, so it is not gone (the *veto*). One that is
//! being taken apart by the kernel, or runs another program, has no such mapping any more.

use super::door::Door;
use super::mapping::ways_of_this_process;
use super::plan::Plan;
use super::{Inner, JoinError, identity, join, locks, waiting};
use crate::error::Severed;
use crate::layout::{MPMC_SEATS, Seat};
use crate::ring::{Position, Role, mpmc};
use crate::sync::{Byte, Crowd, Identity, Mapped, Memory, Ordering, Outside, Raw, accesses_of_raw};
use crate::wake::{Berth, Futex, Means};
use core::mem::offset_of;
use std::sync::Arc;

/// The memory of a segment in the hands of a participant of a ring of many.
#[derive(Debug)]
pub struct CrowdMapping {
    /// Inline, since every access goes through it.
    raw: Raw,
    segment: Arc<Inner>,
}

/// Joins as a producer.
pub(super) fn producer(segment: &Arc<Inner>) -> Result<mpmc::Producer<CrowdMapping>, JoinError> {
    let (_door, geometry, mapping) = enter(segment)?;
    // SAFETY: the mapping has the size of the geometry, as checked when it was made.
    Ok(unsafe { mpmc::Producer::join(mapping, geometry) }?)
}

/// Joins as the producer of that number.
pub(super) fn numbered(
    segment: &Arc<Inner>,
    number: u16,
) -> Result<mpmc::Producer<CrowdMapping>, JoinError> {
    let (_door, geometry, mapping) = enter(segment)?;
    // SAFETY: as in `producer`.
    Ok(unsafe { mpmc::Producer::join_numbered(mapping, geometry, number) }?)
}

/// Joins as a consumer.
pub(super) fn consumer(segment: &Arc<Inner>) -> Result<mpmc::Consumer<CrowdMapping>, JoinError> {
    let (_door, geometry, mapping) = enter(segment)?;
    // SAFETY: as in `producer`.
    Ok(unsafe { mpmc::Consumer::join(mapping, geometry) }?)
}

/// The dead letters that there are; none of a ring of two sides.
pub(super) fn dead_letters(segment: &Arc<Inner>) -> Result<Vec<mpmc::DeadLetter>, Severed> {
    // SAFETY: the mapping has the size of the geometry, as checked when it was made.
    look(segment, |mapping, geometry| unsafe { mpmc::DeadLetter::all(mapping, geometry) })
}

/// Discards the one of that position: whether it was there.
pub(super) fn discard(segment: &Arc<Inner>, position: Position) -> Result<bool, Severed> {
    // SAFETY: as in `dead_letters`.
    look(segment, |mapping, geometry| unsafe {
        mpmc::DeadLetter::discard(mapping, geometry, position)
    })
}

/// Looks at a ring of many without joining it.
fn look<T: Default>(
    segment: &Arc<Inner>,
    at: impl FnOnce(CrowdMapping, mpmc::Geometry) -> T,
) -> Result<T, Severed> {
    let Plan::Mpmc(geometry) = segment.plan else { return Ok(T::default()) };
    // Else this process maps something else there, or a fork's parent has it.
    segment.map.severed().map_or(Ok(()), Err)?;
    let seen = at(CrowdMapping { raw: segment.map.raw(), segment: Arc::clone(segment) }, geometry);
    // A file that was cut off shows zeros from then on.
    segment.map.severed().map_or(Ok(seen), Err)
}

/// Comes in by the door, so that nobody removes what is joined.
fn enter(segment: &Arc<Inner>) -> Result<(Door<'_>, mpmc::Geometry, CrowdMapping), JoinError> {
    let Plan::Mpmc(geometry) = segment.plan else { return Err(JoinError::OneToOne) };
    if let Some(cause) = segment.map.severed() {
        return Err(JoinError::Severed(cause));
    }
    waiting::check_possible(segment.plan.waiting())?;
    let door = Door::enter(&segment.node)?;
    join::check_there(segment)?;
    let mapping = CrowdMapping { raw: segment.map.raw(), segment: Arc::clone(segment) };
    Ok((door, geometry, mapping))
}

impl From<mpmc::JoinError> for JoinError {
    fn from(error: mpmc::JoinError) -> JoinError {
        match error {
            mpmc::JoinError::Full { seats } => JoinError::Full { participants: seats },
            mpmc::JoinError::Busy { role, pid } => JoinError::Busy { role, pid },
            mpmc::JoinError::NoSuchNumber { numbers } => JoinError::NoSuchNumber { numbers },
            mpmc::JoinError::Corrupted(corruption) => JoinError::Corrupted(corruption),
        }
    }
}

impl Inner {
    /// A word of a participant's seat, which is one of the ring's.
    pub(super) fn seat(&self, participant: u16, field: usize, order: Ordering) -> u64 {
        let at = MPMC_SEATS + (participant as usize - 1) * size_of::<Seat>() + field;
        // SAFETY: a word of a seat of the ring's, whose indexes are checked.
        unsafe { self.map.raw().load(at, order) }
    }

    /// Whether the participant's byte is free, and no process is there that may still write.
    pub(super) fn is_gone(&self, participant: u16) -> bool {
        let life = locks::byte_of_many(Byte::Life(participant));
        // What cannot be found out is not gone.
        if self.node.is_locked(life).unwrap_or(true) {
            return false;
        }
        // ORDERING: Relaxed: written before the claim that led here, or before the state.
        let word = |field| self.seat(participant, field, Ordering::Relaxed);
        let who = Identity {
            pid: word(offset_of!(Seat, pid)),
            started: word(offset_of!(Seat, started)),
            namespace: word(offset_of!(Seat, namespace)),
            now_ns: 0,
        };
        !(identity::may_live(&who) && self.node.may_be_mapped_by(who.pid))
    }
}

// SAFETY: all accesses go through `Raw`: atomics and opaque copies, well defined whatever a peer
// writes. The memory stays mapped as long as the `Arc` lives; severing it puts other memory in its
// place and leaves no gap.
unsafe impl Memory for CrowdMapping {
    accesses_of_raw!(raw);

    ways_of_this_process!();

    fn sleep(&self, role: Role, bell: u64, ns: u64) -> bool {
        Futex.sleep(Berth::new(self.raw, role), bell as u32, ns)
    }

    fn wake(&self, role: Role) {
        Futex.wake(Berth::new(self.raw, role));
    }

    #[cold]
    fn outside(&self) -> Outside {
        match self.segment.whole() {
            Err(cause) => Outside::Severed(cause),
            Ok(_) => Outside::PeerAlive,
        }
    }
}

// SAFETY: as above.
unsafe impl Crowd for CrowdMapping {
    #[inline(always)]
    unsafe fn compare_exchange(&self, at: usize, current: u64, new: u64) -> Result<(), u64> {
        // SAFETY: the same contract.
        unsafe { self.raw.compare_exchange(at, current, new) }
    }

    unsafe fn count(&self, at: usize) {
        // SAFETY: the same contract.
        unsafe { self.raw.count(at) }
    }

    fn wake_one(&self, role: Role) -> bool {
        Futex.wake_one(Berth::new(self.raw, role))
    }

    fn try_lock(&self, byte: Byte) -> bool {
        self.segment.node.try_lock(locks::byte_of_many(byte)).unwrap_or(false)
    }

    fn unlock(&self, byte: Byte) {
        self.segment.node.unlock(locks::byte_of_many(byte));
    }

    #[cold]
    fn is_gone(&self, participant: u16) -> bool {
        self.segment.is_gone(participant)
    }

    fn identity(&self) -> Identity {
        identity::own()
    }
}

// SAFETY: the base is that of the mapping, which lives as long as `self`, see above.
unsafe impl Mapped for CrowdMapping {
    #[inline(always)]
    fn base(&self) -> *mut u8 {
        self.raw.base()
    }
}
