//! Aim: that something is published just when the other side lies down.
//!
//! Each hand-over tells who was first. A sleeper that was rung had lain down before the other side
//! looked: so that publishes a little sooner the next time. One that was not rung had not: so a
//! little later. In this way the two stay where they meet.
//!
//! A missing barrier shows there if what was published is seen later than the look that comes
//! after it. So the last that is written before are lines that are in no cache, since the sleeper
//! has put them out: the message's store waits behind those, and the look does not. So ten wakes
//! are lost in some 250 hand-overs where who publishes has no fence, and in some 10,000 where it is
//! not registered for membarrier(2). With delays by the dice alone it was 5,000, and none at all in
//! 400,000.
//!
//! Each fourth hand-over is left to the dice all the same, and all of those on one processor, where
//! nothing meets: each side draws a delay, and only half of the times there are lines to write.

use super::{Handover, Line};
use annulus::Segment;
use annulus::layout::{Bed, CONSUMER_BED, PRODUCER_BED};
use annulus::ring::Role;
use annulus_testkit::Random;
use core::arch::x86_64::_mm_clflush;
use core::mem::offset_of;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Lines that both sides write: about as many stores as a processor lets wait.
const LINES: usize = 100;

/// Longest delays by the dice. The last is past what a side looks before it sleeps.
const DELAYS_NS: [u64; 4] = [1, 2_000, 10_000, 60_000];

/// Hand-overs of which one is left to the dice.
const DICE_EVERY: u64 = 4;

/// By how many turns of an empty loop the aim is corrected, at least, and at most when it was wrong
/// in one direction again and again; by how many it misses on purpose; and the most of all.
const STEP_MIN: i64 = 4;
const STEP_MAX: i64 = 1_024;
const SPREAD: u64 = 64;
const TURNS_MAX: i64 = 200_000;

/// What both sides see of it.
pub(super) struct Target {
    /// By so many turns the side that publishes is later than the sleeper, or sooner.
    later: Line,
    lines: [Line; LINES],
}

/// One side's aim.
pub(super) struct Aim {
    target: &'static Target,
    is_sleeper: bool,
    /// Whether all is left to the dice.
    by_dice: bool,
    /// Where the bell of the sleeper is read.
    file: File,
    bell_at: u64,
    /// What it said before.
    bell: u64,
    /// The last correction.
    step: i64,
}

impl Aim {
    /// The aim of the side `role`.
    pub(super) fn of(
        target: &'static Target,
        segment: &Segment,
        role: Role,
        asked: &Handover,
    ) -> io::Result<Aim> {
        let bed = match asked.sleeper {
            Role::Producer => PRODUCER_BED,
            Role::Consumer => CONSUMER_BED,
        };
        Ok(Aim {
            target,
            is_sleeper: role == asked.sleeper,
            by_dice: asked.one_cpu,
            file: File::from(segment.share_fd()?),
            bell_at: (bed + offset_of!(Bed, bell)) as u64,
            bell: 0,
            step: STEP_MIN,
        })
    }

    fn is_aimed(&self, number: u64) -> bool {
        !self.by_dice && !number.is_multiple_of(DICE_EVERY)
    }

    /// The sleeper's last before it asks: all lines are its own, or nobody's.
    pub(super) fn prepare(&mut self, number: u64) -> io::Result<()> {
        self.bell = self.bell()?;
        self.write_lines(number);
        if self.is_aimed(number) {
            for line in &self.target.lines {
                // SAFETY: a line of our own mapping; every x86-64 processor has the instruction.
                unsafe { _mm_clflush(core::ptr::from_ref(line).cast()) };
            }
        }
        Ok(())
    }

    /// Both sides' delay, from the moment on at which the sleeper asks.
    pub(super) fn delay(&self, number: u64, random: &mut Random) {
        if !self.is_aimed(number) {
            return draw(random, self.by_dice);
        }
        let later = self.target.later.0.load(Ordering::Relaxed).cast_signed();
        let missed = random.below(SPREAD).cast_signed() - SPREAD.cast_signed() / 2;
        let turns = if self.is_sleeper { -later } else { later + missed };
        for turn in 0..turns.max(0) {
            std::hint::black_box(turn);
        }
    }

    /// The last that who publishes does before.
    pub(super) fn write_last(&self, number: u64, random: &mut Random) {
        if !self.is_sleeper && (self.is_aimed(number) || random.below(2) == 0) {
            self.write_lines(number);
        }
    }

    /// The sleeper's correction, when both sides are done.
    pub(super) fn correct(&mut self, number: u64) -> io::Result<()> {
        if !self.is_aimed(number) {
            return Ok(());
        }
        let is_rung = self.bell()? != self.bell;
        let step = if is_rung { -1 } else { 1 };
        let is_again = self.step.signum() == step;
        let size = if is_again { (2 * self.step.abs()).min(STEP_MAX) } else { STEP_MIN };
        self.step = step * size;
        let later = self.target.later.0.load(Ordering::Relaxed).cast_signed() + self.step;
        let later = later.clamp(-TURNS_MAX, TURNS_MAX);
        self.target.later.0.store(later.cast_unsigned(), Ordering::Relaxed);
        Ok(())
    }

    fn bell(&self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.file.read_exact_at(&mut bytes, self.bell_at)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn write_lines(&self, number: u64) {
        for line in &self.target.lines {
            line.0.store(number, Ordering::Relaxed);
        }
    }
}

/// A delay by the dice; on one processor at times a turn for the other side.
fn draw(random: &mut Random, may_yield: bool) {
    if may_yield && random.below(2) == 0 {
        std::thread::yield_now();
    }
    let most_ns = DELAYS_NS[random.below(DELAYS_NS.len() as u64) as usize];
    let span = Duration::from_nanos(random.below(most_ns));
    let begun = Instant::now();
    while begun.elapsed() < span {
        std::hint::spin_loop();
    }
}
