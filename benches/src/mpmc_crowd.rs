//! Our ring of many with two producers and two consumers, each a process of its own.
//!
//! On two cores two of them share one, so they sleep when there is nothing to do, and the figure
//! says how they get along and not how fast the ring is: it is reported, and judged by nobody.

use annulus::ring::mpmc::RecvError;
use annulus::{Deadline, Wait};

use crate::block::Block;
use crate::case::{Case, Round, Stage, Unit, Variant};
use crate::drive::{Plan, mismatch};
use crate::fault::{Fault, Side, SideFault, Step};
use crate::many::SLOTS;
use crate::mpmc::{Sides, attach, case, consumer, create, producer};
use crate::pair;
use crate::spsc::refused;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};

/// Messages of each producer.
const MESSAGES: u64 = 500_000;

/// All that the case has.
pub(crate) fn cases() -> Vec<Case> {
    let mut case = case("mpmc/2x2/56", Unit::MessagesPerSecond, 56, SLOTS, two_by_two);
    case.variants = vec![Variant::new("spin-park", two_by_two)];
    vec![case]
}

/// How many are ready, have come to the end, and how many messages these had: in the block.
const READY: usize = 0;
const DONE: usize = 64;
const CAME: usize = 128;
const BYTES: usize = 192;

fn word(block: &Block, at: usize) -> Result<&AtomicU64, SideFault> {
    block.word(at).ok_or(SideFault::NoRoom)
}

/// Waits until so many are where that word counts them: what each did before can be seen. The
/// parent ends it if they never are.
fn all(block: &Block, at: usize, number: u64) -> Result<(), SideFault> {
    let word = word(block, at)?;
    while word.load(Ordering::Acquire) < number {
        std::thread::yield_now();
    }
    Ok(())
}

fn two_by_two(stage: &Stage) -> Result<Round, Fault> {
    let plan = Plan { warmup: 0, ..stage.plan(MESSAGES) };
    let block = Block::map(BYTES, 0)?;
    let [one, two] = create(Sides::Many, Wait::SpinThenPark, SLOTS, 56)?;
    let share = |fd: &OwnedFd| fd.try_clone().map_err(|_| Fault::last_os());
    let (one_too, two_too) = (share(&one)?, share(&two)?);
    let send = |fd: OwnedFd, half: u64| pour(fd, half, &plan, &block);
    let receive = |fd: OwnedFd| drain(fd, &plan, &block);
    let timed = |fd: OwnedFd| {
        all(&block, READY, 3)?;
        let begun = plan.clock.now();
        drain(fd, &plan, &block)?;
        all(&block, DONE, 2)?;
        let came = word(&block, CAME)?.load(Ordering::Acquire);
        if came != 2 * plan.timed {
            return Err(mismatch(came));
        }
        block.set_figures(came, plan.clock.now() - begun);
        Ok(())
    };
    let others = [
        (Side::Lead, Box::new(|| receive(one_too)) as pair::Body<'_>),
        (Side::Peer, Box::new(|| send(two_too, 1))),
    ];
    let pids = pair::with_others(&stage.terms, &block, || send(one, 0), || timed(two), others)?;
    stage.rate(&block, pids)
}

/// Sends one half of the messages: every second one.
fn pour(fd: OwnedFd, half: u64, plan: &Plan, block: &Block) -> Result<(), SideFault> {
    let mut producer = producer(&attach(fd)?)?;
    word(block, READY)?.fetch_add(1, Ordering::AcqRel);
    all(block, READY, 4)?;
    for number in 0..plan.timed {
        let message = plan.script.message::<56>(2 * number + half);
        if let Err(error) = producer.send(&message, Deadline::NEVER) {
            return Err(refused(Step::Send, &error));
        }
    }
    Ok(())
}

/// Takes what comes until both producers have left; a message says by its first word which it is.
fn drain(fd: OwnedFd, plan: &Plan, block: &Block) -> Result<(), SideFault> {
    let mut consumer = consumer(&attach(fd)?)?;
    word(block, READY)?.fetch_add(1, Ordering::AcqRel);
    let mut came = 0;
    loop {
        match consumer.recv_array::<56>(Deadline::NEVER) {
            Ok((_, message)) => {
                let first = message.first_chunk::<8>().ok_or(SideFault::NoRoom)?;
                let position = plan.script.position(*first);
                if position >= 2 * plan.timed || !plan.script.matches(&message.0, position) {
                    return Err(mismatch(position));
                }
                came += 1;
            }
            Err(RecvError::Closed) => break,
            Err(error) => return Err(refused(Step::Receive, &error)),
        }
    }
    consumer.flush();
    word(block, CAME)?.fetch_add(came, Ordering::AcqRel);
    word(block, DONE)?.fetch_add(1, Ordering::AcqRel);
    Ok(())
}
