//! How a segment's sides wait: what its creator chooses, and what its header says.

use super::header::Field;
use super::plan::Asked;
use super::{Backing, Config, JoinError, SegmentError, fd};
use crate::layout::{
    BARRIER_FENCE, BARRIER_MEMBARRIER, BARRIER_NONE, Header, WAIT_PARK, WAIT_SPIN,
    WAIT_SPIN_THEN_PARK, WAKE_EVENT, WAKE_FUTEX, WAKE_NONE, WAKE_POSIX_SEM, WAKE_SYSV_SEM,
};
use crate::ring::{Barrier, Wait, Waiting, Wake};
use crate::sync::membarrier;
use crate::wake;

/// What the sides of a new segment on `backing` do.
pub(super) fn choose(backing: &Backing, config: &Config) -> Result<Waiting, SegmentError> {
    let spins = match config.wait {
        Wait::Spin => return Ok(Waiting::Spin),
        Wait::SpinThenPark => true,
        Wait::Park => false,
    };
    let wake = config.wake;
    if matches!(config.ring, Asked::Mpmc(_)) && wake != Wake::Futex {
        return Err(SegmentError::ManyWake { asked: wake });
    }
    if !wake::is_built(wake) {
        return Err(SegmentError::NoSuchWake { wake });
    }
    if wake == Wake::SysvSem {
        if !matches!(backing, Backing::Named(_)) {
            return Err(SegmentError::NamelessSysvSem);
        }
        wake::room_for_set().map_err(|errno| SegmentError::NoSysvSem { errno })?;
    }
    let barrier = match config.barrier {
        Some(Barrier::Membarrier) => {
            let failed = |errno| SegmentError::NoMembarrier { errno };
            try_membarrier().map_err(failed)?;
            Barrier::Membarrier
        }
        Some(Barrier::Fence) => Barrier::Fence,
        None if try_membarrier().is_ok() => Barrier::Membarrier,
        None => Barrier::Fence,
    };
    Ok(Waiting::Park { spins, barrier, wake })
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
    let means = match waiting.wake() {
        None => WAKE_NONE,
        Some(Wake::Futex) => WAKE_FUTEX,
        Some(Wake::PosixSem) => WAKE_POSIX_SEM,
        Some(Wake::SysvSem) => WAKE_SYSV_SEM,
        Some(Wake::Event) => WAKE_EVENT,
    };
    let barrier = match waiting.barrier() {
        None => BARRIER_NONE,
        Some(Barrier::Fence) => BARRIER_FENCE,
        Some(Barrier::Membarrier) => BARRIER_MEMBARRIER,
    };
    [policy, means, barrier]
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
    let wake = match header.wake_means {
        WAKE_FUTEX => Wake::Futex,
        WAKE_POSIX_SEM => Wake::PosixSem,
        WAKE_SYSV_SEM => Wake::SysvSem,
        WAKE_EVENT => Wake::Event,
        other => return Err((Field::WakeMeans, other)),
    };
    let barrier = match header.barrier {
        BARRIER_FENCE => Barrier::Fence,
        BARRIER_MEMBARRIER => Barrier::Membarrier,
        other => return Err((Field::Barrier, other)),
    };
    Ok(Waiting::Park { spins, barrier, wake })
}
