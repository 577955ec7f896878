//! What a lock costs: the textbook's ring under a mutex, with an event for each side to sleep on.
//!
//! | case | asks | compared with |
//! |---|---|---|
//! | `locked/rtt/56` | what a message there and back costs | `limit/futex-rtt` |
//! | `locked/stream/64` | what goes through when both want the lock | `limit/handoff/64KiB` |
//!
//! Between two processes as everything here, through the same drivers, with the same payloads and
//! checks. `ring` is the ring, `lock` the mutex and the event, which are raw_sync's. It has no
//! knobs and so one variant only. This is the baseline that rings without a lock are there for, and
//! good for nothing else: whoever dies with the lock in hand takes the other side along.

mod lock;
mod ring;
#[cfg(test)]
mod tests;

use crate::block::Block;
use crate::case::{Against, Case, Round, Stage, Unit, Variant};
use crate::drive::{self, Port, Sink, Source, check};
use crate::fault::{Fault, SideFault};
use crate::pair;
use crate::payload::Script;
use ring::{End, Ring};

/// The bench's ring where the case's name says no other.
const RING_BYTES: usize = 64 << 10;

/// Round trips of one round in which each side is woken, at 10 to 100 microseconds each.
const ROUND_TRIPS: u64 = 2_000;
/// Messages of one round of a stream.
const MESSAGES: u64 = 500_000;

/// `locked/rtt/56` and `locked/stream/64`.
pub fn cases() -> Vec<Case> {
    vec![
        case::<56>("locked/rtt/56", Unit::Nanoseconds, ("limit/futex-rtt", 1.0), round_trips::<56>),
        case::<64>(
            "locked/stream/64",
            Unit::MessagesPerSecond,
            ("limit/handoff/64KiB", 64.0),
            one_way::<64>,
        ),
    ]
}

fn case<const N: usize>(
    name: &str,
    unit: Unit,
    (limit, weight): (&'static str, f64),
    run: fn(&Stage) -> Result<Round, Fault>,
) -> Case {
    Case {
        name: name.to_owned(),
        unit,
        ring_bytes: Some(RING_BYTES),
        cell: Some(N),
        against: Some(Against { limit, weight }),
        variants: vec![Variant::new("event", run)],
    }
}

fn round_trips<const N: usize>(stage: &Stage) -> Result<Round, Fault> {
    let plan = stage.plan(ROUND_TRIPS);
    let block = stage.block_for_samples(&plan)?;
    let (there, back) = (Ring::<N>::create(RING_BYTES)?, Ring::<N>::create(RING_BYTES)?);
    let lead = || {
        let mut port = BothWays { out: there.open()?, back: back.open()? };
        drive::ping(&mut port, &plan, &block)
    };
    let peer = || {
        let mut port = BothWays { out: back.open()?, back: there.open()? };
        drive::echo(&mut port, &plan, &block)
    };
    let pids = pair::processes(&stage.terms, &block, lead, peer)?;
    stage.latency(&block, pids)
}

fn one_way<const N: usize>(stage: &Stage) -> Result<Round, Fault> {
    let plan = stage.plan(MESSAGES);
    let block = Block::map(0, 0)?;
    let ring = Ring::<N>::create(RING_BYTES)?;
    let lead = || drive::pour(&mut OneWay(ring.open()?), &plan, &block);
    let peer = || drive::drink(&mut OneWay(ring.open()?), &plan, &block);
    let pids = pair::processes(&stage.terms, &block, lead, peer)?;
    stage.rate(&block, pids)
}

/// One process's end of a ring out and a ring back.
struct BothWays<'a, const N: usize> {
    out: End<'a, N>,
    back: End<'a, N>,
}

/// Either end of a stream.
struct OneWay<'a, const N: usize>(End<'a, N>);

impl<const N: usize> Port<N> for BothWays<'_, N> {
    #[inline(always)]
    fn send(&mut self, message: &[u8; N]) -> Result<(), SideFault> {
        self.out.send(message)
    }

    #[inline(always)]
    fn receive(&mut self, message: &mut [u8; N]) -> Result<(), SideFault> {
        self.back.receive(message)
    }
}

impl<const N: usize> Sink for OneWay<'_, N> {
    #[inline(always)]
    fn put(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        self.0.send(&script.message(next))?;
        Ok(next + 1)
    }
}

impl<const N: usize> Source for OneWay<'_, N> {
    #[inline(always)]
    fn take(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        let mut message = [0; N];
        self.0.receive(&mut message)?;
        check(script, &message, next)?;
        Ok(next + 1)
    }
}
