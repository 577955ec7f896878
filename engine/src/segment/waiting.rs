//! How a segment's sides wait: what its creator chooses, and what its header says.

use super::header::Field;
use super::{JoinError, SegmentError, fd};
use crate::layout::{
    BARRIER_FENCE, BARRIER_MEMBARRIER, BARRIER_NONE, Header, WAIT_PARK, WAIT_SPIN,
    WAIT_SPIN_THEN_PARK, WAKE_FUTEX, WAKE_NONE,
};
use crate::ring::{Barrier, Wait, Waiting};
use crate::sync::membarrier;

/// What a new segment's sides do, by policy and by the barrier that was asked for, if one was.
pub(super) fn choose(wait: Wait, barrier: Option<Barrier>) -> Result<Waiting, SegmentError> {
    let spins = match wait {
        Wait::Spin => return Ok(Waiting::Spin),
        Wait::SpinThenPark => true,
        Wait::Park => false,
    };
    let barrier = match barrier {
        Some(Barrier::Membarrier) => {
            let failed = |errno| SegmentError::NoMembarrier { errno };
            try_membarrier().map_err(failed)?;
            Barrier::Membarrier
        }
        Some(Barrier::Fence) => Barrier::Fence,
        None if try_membarrier().is_ok() => Barrier::Membarrier,
        None => Barrier::Fence,
    };
    Ok(Waiting::Park { spins, barrier })
}

/// That this process can sleep in such a ring.
pub(super) fn check_possible(waiting: Waiting) -> Result<(), JoinError> {
    match waiting.barrier() {
        Some(Barrier::Membarrier) => {
            try_membarrier().map_err(|errno| JoinError::NoMembarrier { errno })
        }
        Some(Barrier::Fence) | None => Ok(()),
    }
}

/// Registers, too: before the door, since it takes long in a process of several threads. The errno
/// if it does not work.
fn try_membarrier() -> Result<(), i32> {
    membarrier::is_registered();
    membarrier::barrier().map_err(|error| fd::errno_of(&error))
}

/// The header's words for it: policy, means, barrier.
pub(super) const fn words(waiting: Waiting) -> [u32; 3] {
    let policy = match waiting.policy() {
        Wait::Spin => WAIT_SPIN,
        Wait::SpinThenPark => WAIT_SPIN_THEN_PARK,
        Wait::Park => WAIT_PARK,
    };
    match waiting.barrier() {
        None => [policy, WAKE_NONE, BARRIER_NONE],
        Some(Barrier::Fence) => [policy, WAKE_FUTEX, BARRIER_FENCE],
        Some(Barrier::Membarrier) => [policy, WAKE_FUTEX, BARRIER_MEMBARRIER],
    }
}

/// What the header says, or which of its words no creator writes.
pub(super) fn of(header: &Header) -> Result<Waiting, (Field, u32)> {
    let spins = match header.wait_policy {
        WAIT_SPIN => None,
        WAIT_SPIN_THEN_PARK => Some(true),
        WAIT_PARK => Some(false),
        other => return Err((Field::WaitPolicy, other)),
    };
    let Some(spins) = spins else {
        return match (header.wake_means, header.barrier) {
            (WAKE_NONE, BARRIER_NONE) => Ok(Waiting::Spin),
            (WAKE_NONE, other) => Err((Field::Barrier, other)),
            (other, _) => Err((Field::WakeMeans, other)),
        };
    };
    if header.wake_means != WAKE_FUTEX {
        return Err((Field::WakeMeans, header.wake_means));
    }
    let barrier = match header.barrier {
        BARRIER_FENCE => Barrier::Fence,
        BARRIER_MEMBARRIER => Barrier::Membarrier,
        other => return Err((Field::Barrier, other)),
    };
    Ok(Waiting::Park { spins, barrier })
}
