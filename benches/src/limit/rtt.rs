//! `limit/rtt`: two processes bounce one 64-bit word on two lines of their own, at least
//! 256 bytes apart.
//!
//! How long a side pauses between two looks decides the time, because looking steals the line from
//! its writer: so 0 to 4 pauses are all run, and the lowest median is the limit. Measured on a
//! 2-core AMD Zen 5 VM, kernel 6.18, p50 for 0, 1, 2, 3, 4 pauses while both cores shared a cache:
//! 125-133, 100-104, 130, 130-190, 130 ns.
//!
//! A pause takes 25 ns there, a quarter of the round trip, so whole pauses are too coarse: a ring
//! that carried 56 bytes took 86 ns where the bare word took 104 with one pause, because the few
//! instructions it needs between two looks hit a better phase. One pause and 32 turns of an empty
//! loop: 85-90 ns, in the same rounds; the same behind no pause or two gained nothing. Hence the
//! variants `1+16` and `1+32`. Which lines are used matters too (60 to 110 ns, by pages that stay
//! the same for a whole run if they are not changed): each round takes two others by chance.
//!
//! *Several machines in one.* The same VM's round trip is 500 ns for seconds at a time, or 65 ns,
//! presumably as its host has put the two cores on different chips, or on one core.
//! Hence rounds in turns, and ratios between figures of one round ([`suite`](crate::suite)).
//!
//! *Fresh lines.* `limit/rtt/fresh` bounces the word on the next line of 64 KiB each time, as a
//! ring must that never overwrites what may still be read. Where a line that went to and fro a
//! microsecond ago is cheaper than one that did so long ago, it is the nearer limit: on a 2-core
//! AMD Zen 4 VM (family 25, model 17) 127 ns where the same two lines take 69, from 16 lines on,
//! whatever either side asks for ahead; on a core that both share, no difference.
//!
//! Tried and lost: bouncing the word through the rings' driver, with payload and check. It was
//! slower or equal (131-136 against 109-112 ns with one pause, same rounds), so a weaker limit.
//!
//! ```text
//! block bytes: 0.. lines for ping, written by the lead | 128 KiB.. lines for pong, by the peer
//! ```

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::block::Block;
use crate::case::{Case, Round, Stage, Unit, Variant};
use crate::drive::pause;
use crate::fault::{Fault, Side};
use crate::pair;

const LINE_BYTES: usize = 64;
/// Lines to choose from for each of the two words.
const LINES: usize = 2048;
/// Lines that round trips on fresh lines go through: 64 KiB.
const FRESH_LINES: usize = 1024;
/// Between the two choices, so that no two are neighbours.
const GAP_BYTES: usize = 256;
/// Where the lines to choose from for pong begin.
const PONGS: usize = LINES * LINE_BYTES + GAP_BYTES;
/// Bytes that hold both choices.
const ROOM: usize = PONGS + LINES * LINE_BYTES;

/// Round trips of one round.
const ROUND_TRIPS: u64 = 100_000;

pub(super) fn cases() -> [Case; 2] {
    [case::<false>("limit/rtt"), case::<true>("limit/rtt/fresh")]
}

fn case<const FRESH: bool>(name: &str) -> Case {
    let variant = |pauses: &str, run: fn(&Stage) -> Result<Round, Fault>| {
        Variant::new(format!("pause:{pauses}"), run)
    };
    Case {
        name: name.to_owned(),
        unit: Unit::Nanoseconds,
        ring_bytes: None,
        cell: None,
        against: None,
        variants: vec![
            variant("0", bounce::<FRESH, 0, 0>),
            variant("1", bounce::<FRESH, 1, 0>),
            variant("1+16", bounce::<FRESH, 1, 16>),
            variant("1+32", bounce::<FRESH, 1, 32>),
            variant("2", bounce::<FRESH, 2, 0>),
            variant("3", bounce::<FRESH, 3, 0>),
            variant("4", bounce::<FRESH, 4, 0>),
        ],
    }
}

/// One round, with `PAUSES` and `GAP` turns of an empty loop between two looks; constants, so that
/// there is nothing else.
fn bounce<const FRESH: bool, const PAUSES: u32, const GAP: u32>(
    stage: &Stage,
) -> Result<Round, Fault> {
    let plan = stage.plan(ROUND_TRIPS);
    let block = Block::map(ROOM, plan.timed as usize)?;
    let [ping, pong] = starts(stage.clock.now());
    let lines = |start: usize| -> Result<Vec<&AtomicU64>, Fault> {
        let places = (0..if FRESH { FRESH_LINES } else { 1 }).map(|line| start + LINE_BYTES * line);
        places.map(|place| block.word(place).ok_or(Fault::Void)).collect()
    };
    let (ping, pong) = (lines(ping)?, lines(pong)?);
    let await_word = |word: &AtomicU64, wanted: u64| {
        // Acquire, pairs with the release store of the other side.
        while word.load(Ordering::Acquire) != wanted {
            pause(PAUSES);
            for turn in 0..GAP {
                black_box(turn);
            }
        }
    };
    let lead = || {
        block.meet(Side::Lead, 1);
        let mut before = plan.clock.now();
        for i in 1..=plan.total() {
            turn::<FRESH>(&ping, i).store(i, Ordering::Release);
            await_word(turn::<FRESH>(&pong, i), i);
            let after = plan.clock.now();
            if i > plan.warmup {
                block.set_sample((i - plan.warmup - 1) as usize, after - before)?;
            }
            before = after;
        }
        Ok(())
    };
    let peer = || {
        block.meet(Side::Peer, 1);
        for i in 1..=plan.total() {
            await_word(turn::<FRESH>(&ping, i), i);
            turn::<FRESH>(&pong, i).store(i, Ordering::Release);
        }
        Ok(())
    };
    let pids = pair::processes(&stage.terms, &block, lead, peer)?;
    stage.latency(&block, pids)
}

/// The word that round trip `i` is made on.
#[inline(always)]
fn turn<'a, const FRESH: bool>(lines: &[&'a AtomicU64], i: u64) -> &'a AtomicU64 {
    lines[if FRESH { i as usize % FRESH_LINES } else { 0 }]
}

/// The offsets of the first line for ping and of the first one for pong, by chance.
fn starts(now: u64) -> [usize; 2] {
    let chance = now.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let line = |bits: u64| (bits as usize % (LINES - FRESH_LINES)) * LINE_BYTES;
    [line(chance), PONGS + line(chance >> 16)]
}
