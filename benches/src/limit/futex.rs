//! `limit/futex-rtt`: two processes wake each other in turns, by futex(2) and nothing else.
//!
//! Each side has a word of its own, which counts its turns. A turn is: store the count, wake who
//! sleeps on the word, then sleep on the other side's word until that has come to the same count.
//! Nobody spins: a side looks once after each return from the kernel, and if its turn has not come
//! it sleeps again.
//!
//! Why it is the limit: a ring whose sides sleep has to enter the kernel twice for a message, once
//! to wake the other side and once to sleep itself, and to wait until a core that idled runs again.
//! Here is all of that and no ring. A side always wakes, although the other may not have lain down
//! yet: to leave that out it would have to know, and knowing it is the ring's protocol, with its
//! barriers, which is what is to be compared.
//!
//! There is one variant, since without a spin there is no cadence to choose.
//!
//! ```text
//! block bytes: 0 ping, written by the lead | 256 pong, written by the peer
//! ```

use std::sync::atomic::{AtomicU32, Ordering};

use crate::block::Block;
use crate::case::{Case, Round, Stage, Unit, Variant};
use crate::fault::{Fault, Side, SideFault};
use crate::pair;

const PING: usize = 0;
/// No neighbour of the other's line.
const PONG: usize = 256;
/// Bytes that hold both.
const ROOM: usize = PONG + size_of::<u32>();

/// Round trips of one round, at 10 to 100 microseconds each.
const ROUND_TRIPS: u64 = 2_000;

pub(super) fn case() -> Case {
    Case {
        name: "limit/futex-rtt".to_owned(),
        unit: Unit::Nanoseconds,
        ring_bytes: None,
        cell: None,
        against: None,
        variants: vec![Variant::new("futex", bounce)],
    }
}

fn bounce(stage: &Stage) -> Result<Round, Fault> {
    let plan = stage.plan(ROUND_TRIPS);
    let block = Block::map(ROOM, plan.timed as usize)?;
    let word = |offset| block.futex(offset).ok_or(Fault::Void);
    let (ping, pong) = (word(PING)?, word(PONG)?);
    let total = u32::try_from(plan.total()).map_err(|_| Fault::Void)?;
    let lead = || {
        block.meet(Side::Lead, 1);
        let mut before = plan.clock.now();
        for i in 1..=total {
            pass(ping, i)?;
            sleep_until(pong, i)?;
            let after = plan.clock.now();
            if let Some(sample) = u64::from(i).checked_sub(plan.warmup + 1) {
                block.set_sample(sample as usize, after - before)?;
            }
            before = after;
        }
        Ok(())
    };
    let peer = || {
        block.meet(Side::Peer, 1);
        for i in 1..=total {
            sleep_until(ping, i)?;
            pass(pong, i)?;
        }
        Ok(())
    };
    let pids = pair::processes(&stage.terms, &block, lead, peer)?;
    stage.latency(&block, pids)
}

/// Ends a turn: the other side's is number `turn`.
#[inline(always)]
fn pass(word: &AtomicU32, turn: u32) -> Result<(), SideFault> {
    // Release, pairs with the acquire in `sleep_until` on the other side.
    word.store(turn, Ordering::Release);
    futex(word, libc::FUTEX_WAKE, 1)
}

/// Sleeps until turn number `turn`, the one after what the word says before it. Ends when the
/// other side passes, or when the parent ends this one.
#[inline(always)]
fn sleep_until(word: &AtomicU32, turn: u32) -> Result<(), SideFault> {
    while word.load(Ordering::Acquire) != turn {
        futex(word, libc::FUTEX_WAIT, turn.wrapping_sub(1))?;
    }
    Ok(())
}

/// The system call, without a timeout. That the word changed first, or a signal came, is no fault:
/// the caller looks.
#[inline(always)]
fn futex(word: &AtomicU32, operation: libc::c_int, value: u32) -> Result<(), SideFault> {
    let no_timeout = std::ptr::null::<libc::timespec>();
    // SAFETY: the word is mapped as long as it is borrowed; without a timeout nothing else is read.
    let status =
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, value, no_timeout) };
    if status >= 0 {
        return Ok(());
    }
    match std::io::Error::last_os_error().raw_os_error() {
        Some(libc::EAGAIN | libc::EINTR) => Ok(()),
        errno => Err(SideFault::Os { errno: errno.unwrap_or(0) }),
    }
}
