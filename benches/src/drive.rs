//! The two courses that every ring is driven through: round trips and one-way streams.
//!
//! One driver for all of them, so that ours, the rivals' and the kernel's are timed and checked
//! by the same code; it is generic and inlined, so that it costs none of them a call.
//!
//! **Round trip.** The lead sends message i and waits for it to come back; the peer returns what
//! it got. A sample reaches from clock read to clock read, one read per round trip, so the samples
//! add up to the whole time and no tail is averaged away. While a message is on its way the lead
//! checks the last answer and makes the next message; both are kept out of the way so that a
//! sample is a send, two transfers and two receives, payload written and read, like the limit's.
//! *Paced*, the lead sleeps before each message, and a sample begins when it has slept.
//!
//! **Stream.** The lead makes and sends messages as fast as they go; the peer takes and checks
//! them, and times itself from the end of a warm-up (whose messages are checked too) to the last.

use std::time::Duration;

use crate::block::Block;
use crate::clock::Clock;
use crate::fault::{Side, SideFault};
use crate::payload::Script;

/// One end of a path that goes both ways.
pub trait Port<const N: usize> {
    /// Sends one message; waits for room.
    fn send(&mut self, message: &[u8; N]) -> Result<(), SideFault>;
    /// Waits for one message and copies it.
    fn receive(&mut self, message: &mut [u8; N]) -> Result<(), SideFault>;
}

/// The sending end of a stream.
pub trait Sink {
    /// Sends at least the message at position `next`, at most up to before `end`; waits for room.
    /// Gives the first position that was not sent.
    fn put(&mut self, next: u64, end: u64, script: &Script) -> Result<u64, SideFault>;
}

/// The receiving end of a stream.
pub trait Source {
    /// Takes and checks at least the message at position `next`, at most up to before `end`;
    /// waits for it. Gives the first position that was not taken.
    fn take(&mut self, next: u64, end: u64, script: &Script) -> Result<u64, SideFault>;
}

/// How many messages, and with what in them.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// What the messages contain.
    pub script: Script,
    /// Messages before any is timed.
    pub warmup: u64,
    /// Messages that are timed.
    pub timed: u64,
    /// What times them.
    pub clock: Clock,
}

impl Plan {
    /// All messages of the round.
    pub fn total(&self) -> u64 {
        self.warmup + self.timed
    }
}

/// The phase in which both sides are ready, and the one in which both are finished.
const READY: u32 = 1_000;
const FINISHED: u32 = 1_001;

/// The lead's side of round trips; samples go to the block.
pub fn ping<const N: usize, P: Port<N>>(
    port: &mut P,
    plan: &Plan,
    block: &Block,
) -> Result<(), SideFault> {
    tell_first(block, Side::Lead, ping_all(port, plan, block, |after| after))
}

/// As [`ping`], but the lead sleeps for `pause` before each message; what a sleeping peer does in
/// the meantime is its own affair.
pub fn ping_paced<const N: usize, P: Port<N>>(
    port: &mut P,
    plan: &Plan,
    block: &Block,
    pause: Duration,
) -> Result<(), SideFault> {
    let rested = |_| {
        std::thread::sleep(pause);
        plan.clock.now()
    };
    tell_first(block, Side::Lead, ping_all(port, plan, block, rested))
}

/// `rest` is what happens between two round trips: of when one was over it makes when the next
/// begins.
#[inline(always)]
fn ping_all<const N: usize, P: Port<N>>(
    port: &mut P,
    plan: &Plan,
    block: &Block,
    rest: impl Fn(u64) -> u64,
) -> Result<(), SideFault> {
    block.meet(Side::Lead, READY);
    let script = &plan.script;
    let mut next = script.message::<N>(0);
    let mut answer = [0; N];
    let mut after = plan.clock.now();
    for i in 0..plan.total() {
        let before = rest(after);
        port.send(&next)?;
        // Message i is on its way. Answer i - 1 first, then message i + 1.
        if i > 0 {
            check(script, &answer, i - 1)?;
        }
        next = script.message::<N>(i + 1);
        port.receive(&mut answer)?;
        after = plan.clock.now();
        if i >= plan.warmup {
            block.set_sample((i - plan.warmup) as usize, after - before)?;
        }
    }
    if let Some(last) = plan.total().checked_sub(1) {
        check(script, &answer, last)?;
    }
    block.meet(Side::Lead, FINISHED);
    Ok(())
}

/// The peer's side of round trips: whatever comes goes back.
pub fn echo<const N: usize, P: Port<N>>(
    port: &mut P,
    plan: &Plan,
    block: &Block,
) -> Result<(), SideFault> {
    block.meet(Side::Peer, READY);
    let mut message = [0; N];
    for _ in 0..plan.total() {
        port.receive(&mut message)?;
        port.send(&message)?;
    }
    block.meet(Side::Peer, FINISHED);
    Ok(())
}

/// The lead's side of a stream.
pub fn pour<S: Sink>(sink: &mut S, plan: &Plan, block: &Block) -> Result<(), SideFault> {
    block.meet(Side::Lead, READY);
    let total = plan.total();
    let mut next = 0;
    while next < total {
        next = sink.put(next, total, &plan.script)?;
    }
    block.meet(Side::Lead, FINISHED);
    Ok(())
}

/// The peer's side of a stream; its figures go to the block.
pub fn drink<S: Source>(source: &mut S, plan: &Plan, block: &Block) -> Result<(), SideFault> {
    tell_first(block, Side::Peer, drink_all(source, plan, block))
}

fn drink_all<S: Source>(source: &mut S, plan: &Plan, block: &Block) -> Result<(), SideFault> {
    block.meet(Side::Peer, READY);
    let total = plan.total();
    let mut next = 0;
    while next < plan.warmup {
        next = source.take(next, total, &plan.script)?;
    }
    let (first, started) = (next, plan.clock.now());
    while next < total {
        next = source.take(next, total, &plan.script)?;
    }
    block.set_figures(next - first, plan.clock.now() - started);
    block.meet(Side::Peer, FINISHED);
    Ok(())
}

/// Leaves a side's fault before the side lets go of its end: the other side's fault, which that
/// brings about, comes after it.
fn tell_first(block: &Block, side: Side, done: Result<(), SideFault>) -> Result<(), SideFault> {
    if let Err(fault) = done {
        block.set_fault(side, fault);
    }
    done
}

/// Compares a message with what was sent at `position`.
#[inline(always)]
pub fn check(script: &Script, message: &[u8], position: u64) -> Result<(), SideFault> {
    if script.matches(message, position) { Ok(()) } else { Err(mismatch(position)) }
}

/// The fault of a message that is not what was sent.
#[cold]
pub fn mismatch(position: u64) -> SideFault {
    SideFault::Mismatch { position }
}

/// Looks `pauses` processor pauses apart. One takes 10 ns on some machines and 25 on others, so
/// how many are best is found in the run.
#[inline(always)]
pub fn pause(pauses: u32) {
    for _ in 0..pauses {
        std::hint::spin_loop();
    }
}
