//! Hand-overs: a side sleeps, the other publishes as it lies down, over and over; no wake is lost.
//!
//! ```text
//!   who sleeps                           who publishes
//!   writes the lines, says `asked`       waits for `asked`
//!   a delay                              a delay
//!   recv (or send): lies down            writes the lines, sends (or releases)
//! ```
//!
//! Both delays begin at the same moment, and are such that the message is published just when the
//! other side lies down (`aim`): that is when a missing barrier shows. That it would show is shown,
//! too, by a run in which who publishes has none (`unregistered`), and by the planted faults.
//!
//! Nothing but the end of a slice ends a sleep whose wake was lost, and sleepers count that: the
//! counters of both sides have to stay at 0. A delay is far shorter than a slice; but on a busy
//! machine who publishes may get no processor for as long as a slice. Then the slice is over first,
//! and by the bell alone its end cannot be told from a lost wake: such a count is told by
//! the clock, and is none.

mod aim;
mod through;
mod unregistered;

use crate::scene::Trouble;
use crate::way::{Arena, Way};
use aim::{Aim, Target};
use annulus::layout::{Bed, CONSUMER_BED, PRODUCER_BED};
use annulus::ring::Role;
use annulus::{Attach, Deadline, Segment, Wait};
use annulus_testkit::{Forked, Random, shared};
use core::mem::offset_of;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
pub use through::Through;
use through::Waits;

/// Bytes of ring.
const CAPACITY: u64 = 8192;

/// Bytes of a message at a full ring: four records fill it, and each release makes room for one.
const QUARTER: usize = CAPACITY as usize / 4 - 8;

/// Messages that fill it.
const FILL: u64 = 4;

/// Bytes of a large message at an empty ring, and of the longest small one.
const LARGE: usize = 2560;
const SMALL_MAX: u64 = 64;

/// How long a side waits for the other one.
const PATIENCE: Duration = Duration::from_secs(10);

/// After so many lost wakes there is nothing more to learn, and each takes a slice.
const LOST_MAX: u64 = 10;

/// The first slice of a sleep, which the engine keeps to itself.
const SLICE_NS: u64 = 50_000_000;

/// The least share of hand-overs, in thousands, for which a side that sleeps at once has lain down.
const LAIN_MIN_PER_MILLE: u64 = 10;

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Handover {
    /// Messages to hand over.
    pub count: u64,
    /// Who sleeps: a receiver at an empty ring, or a sender at a full one.
    pub sleeper: Role,
    /// Not by [`Wait::Spin`].
    pub way: Way,
    /// Where the sleeper waits.
    pub through: Through,
    /// Whether both processes have one processor only.
    pub one_cpu: bool,
    /// Whether they only seem to be registered for membarrier(2): then wakes must be lost.
    pub unregistered: bool,
    /// The same seed draws the same delays.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages that were handed over.
    pub handed: u64,
    /// How often the sleeper lay down.
    pub lain: u64,
    /// How often it was rung.
    pub rung: u64,
    /// Sleeps of both sides that ended by their slice although there was work: lost wakes.
    pub backstop: u64,
    /// Those among them whose slice was over before there was work: no wake came too late.
    pub slow: u64,
    /// How long it took.
    pub span: Duration,
    /// What must not be.
    pub faults: Vec<String>,
}

/// What the processes tell each other.
struct Board {
    /// Hand-overs that the sleeper has asked for.
    asked: Line,
    /// When it asked for the last.
    asked_ns: Line,
    /// Hand-overs that were published, and when the last was.
    published: Line,
    published_ns: Line,
    /// Sleeps that ended by a slice because it was over before that.
    slow: Line,
    target: Target,
}

/// A cache line of its own.
#[repr(align(64))]
struct Line(AtomicU64);

/// A side that found a fault ends with one of these.
const FAULTS: [(i32, &str); 5] = [
    (REFUSED, "it may not attach, join, or choose its processor"),
    (WEDGED, "its call came to no end, or to a wrong one"),
    (ALONE, "the sleeper does not ask for more"),
    (BROKEN, "what it received is not what comes next"),
    (101, "it panicked"),
];
const REFUSED: i32 = 1;
const WEDGED: i32 = 2;
const ALONE: i32 = 3;
const BROKEN: i32 = 4;

/// Hands messages over until `asked.count` of them are, or to the first fault; `report`s what was
/// handed over every ten seconds. Call it from a process of one thread.
pub fn run(asked: Handover, mut report: impl FnMut(u64)) -> Result<Tally, Trouble> {
    if asked.one_cpu {
        let all = core_affinity::get_core_ids();
        let first = all.and_then(|processors| processors.first().copied());
        if !first.is_some_and(core_affinity::set_for_current) {
            return Err("this process may not choose its processor".into());
        }
    }
    if asked.unregistered {
        unregistered::only_seem_to_register()?;
    }
    let ring = asked.way.ring(CAPACITY)?;
    let segment = &ring.segment;
    // SAFETY: zeros are a valid board, and it is all atomics.
    let board: &Board = unsafe { shared()? };
    let begun = Instant::now();
    let start = |role: Role| -> Result<Forked, Trouble> {
        let fd = segment.share_fd()?;
        let life = || match Segment::from_fd(fd, &Attach::default()) {
            Ok(segment) => live(role, asked, board, begun, &segment).err().unwrap_or(0),
            Err(_) => REFUSED,
        };
        Ok(Forked::start(life)?)
    };
    let mut sides = [Role::Producer, Role::Consumer].map(|role| (role, start(role), false));
    let mut tally = Tally::default();
    let mut reported = Duration::ZERO;
    // Ends: each wait of a side has a deadline.
    while tally.faults.is_empty() && !sides.iter().all(|(.., has_ended)| *has_ended) {
        std::thread::sleep(Duration::from_millis(10));
        for (role, process, has_ended) in &mut sides {
            let process = process.as_mut().map_err(|error| error.to_string())?;
            if !*has_ended && let Some(status) = process.ended()? {
                *has_ended = true;
                tally.faults.extend(fault_of(*role, status));
            }
        }
        if lost_wakes(segment) >= LOST_MAX + board.slow.0.load(Ordering::Relaxed) {
            break;
        }
        if begun.elapsed() - reported >= Duration::from_secs(10) {
            reported = begun.elapsed();
            report(board.published.0.load(Ordering::Relaxed));
        }
    }
    tally.span = begun.elapsed();
    drop(sides);
    tally.count(asked, &ring, board)?;
    tally.faults.extend(ring.crept()?);
    Ok(tally)
}

impl Tally {
    fn count(&mut self, asked: Handover, ring: &Arena, board: &Board) -> Result<(), Trouble> {
        let bed = match asked.sleeper {
            Role::Producer => PRODUCER_BED,
            Role::Consumer => CONSUMER_BED,
        };
        self.lain = ring.word(bed + offset_of!(Bed, asleep))?.div_ceil(2);
        self.rung = ring.word(bed + offset_of!(Bed, bell))?;
        self.handed = board.published.0.load(Ordering::Relaxed);
        self.backstop = lost_wakes(&ring.segment);
        self.slow = board.slow.0.load(Ordering::Relaxed);
        if asked.unregistered {
            if self.backstop <= self.slow {
                let nothing = "no wake was lost without the barrier: this shows nothing";
                self.faults.push(nothing.to_owned());
            }
        } else if self.backstop > self.slow {
            let lost = self.backstop - self.slow;
            self.faults.push(format!("LOST WAKES: {lost} sleeps ended by their slice, with work"));
        } else if asked.way.wait == Wait::Park
            && self.lain * 1000 < self.handed * LAIN_MIN_PER_MILLE
        {
            self.faults.push(format!("nobody slept: it lay down {} times", self.lain));
        }
        Ok(())
    }
}

fn lost_wakes(segment: &Segment) -> u64 {
    let survey = segment.survey();
    survey.producer.backstop + survey.consumer.backstop
}

/// What a side's wait status says is wrong.
fn fault_of(role: Role, status: i32) -> Option<String> {
    if !libc::WIFEXITED(status) {
        return Some(format!("{role:?}: it was ended (wait status {status:#x})"));
    }
    let code = libc::WEXITSTATUS(status);
    let what = FAULTS.iter().find(|(fault, _)| *fault == code).map_or("?", |(_, what)| what);
    (code != 0).then(|| format!("{role:?}: {what}"))
}

/// One side's process.
struct Side {
    role: Role,
    asked: Handover,
    board: &'static Board,
    aim: Aim,
    random: Random,
    message: Vec<u8>,
    buffer: [u8; LARGE],
    clock: Instant,
    /// Lost wakes, as last looked at.
    counted: u64,
}

/// A side's life.
fn live(
    role: Role,
    asked: Handover,
    board: &'static Board,
    clock: Instant,
    segment: &Segment,
) -> Result<(), i32> {
    let aim = Aim::of(&board.target, segment, role, &asked).map_err(|_| REFUSED)?;
    let random = Random::new(!asked.seed ^ u64::from(role == Role::Producer));
    let (message, buffer) = (Vec::new(), [0; LARGE]);
    let mut side = Side { role, asked, board, aim, random, message, buffer, clock, counted: 0 };
    let first = if asked.sleeper == Role::Producer { FILL } else { 0 };
    match role {
        Role::Producer => side.send_all(segment, first),
        Role::Consumer => side.receive_all(segment, first),
    }
}

impl Side {
    /// Takes a processor of its own, if there are two: else the scheduler likes to have both sides
    /// on one, where they take turns and nothing races. After joining, since one who joins with one
    /// processor does not look before it sleeps.
    fn keep_apart(&self) -> Result<(), i32> {
        match core_affinity::get_core_ids().unwrap_or_default()[..] {
            [first, .., last] => {
                let own = if self.role == Role::Producer { first } else { last };
                core_affinity::set_for_current(own).then_some(()).ok_or(REFUSED)
            }
            _ => Ok(()),
        }
    }

    fn send_all(&mut self, segment: &Segment, first: u64) -> Result<(), i32> {
        let producer = segment.producer().map_err(|_| REFUSED)?;
        let mut producer = Waits::new(self.through(), producer).ok_or(REFUSED)?;
        self.keep_apart()?;
        for number in 0..first {
            self.compose(number);
            producer.handle().try_send(&self.message).map_err(|_| WEDGED)?;
        }
        for number in 0..self.asked.count {
            self.compose(first + number);
            let asked_ns = self.meet(number)?;
            self.aim.write_last(number, &mut self.random);
            let sent = producer.send(&self.message, Deadline::after(PATIENCE));
            sent.map_err(|_| WEDGED)?;
            self.part(segment, number, asked_ns)?;
        }
        Ok(())
    }

    fn receive_all(&mut self, segment: &Segment, first: u64) -> Result<(), i32> {
        let consumer = segment.consumer().map_err(|_| REFUSED)?;
        let mut consumer = Waits::new(self.through(), consumer).ok_or(REFUSED)?;
        self.keep_apart()?;
        consumer.handle().release_each();
        for number in 0..self.asked.count + first {
            self.compose(number);
            let is_asked = number < self.asked.count;
            let asked_ns = if is_asked { self.meet(number)? } else { u64::MAX };
            let received = consumer.recv(&mut self.buffer, Deadline::after(PATIENCE));
            let received = received.map_err(|_| WEDGED)?;
            if self.buffer[..received.len] != self.message[..] {
                return Err(BROKEN);
            }
            if first != 0 {
                self.aim.write_last(number, &mut self.random);
                consumer.handle().flush();
            }
            if is_asked {
                self.part(segment, number, asked_ns)?;
            }
        }
        Ok(())
    }

    /// Where it waits: who publishes has nothing to wait for.
    fn through(&self) -> Through {
        if self.role == self.asked.sleeper { self.asked.through } else { Through::Call }
    }

    /// Both sides get to here, and then take their delays. The sleeper asks, the other one waits
    /// for it. Returns when it asked.
    fn meet(&mut self, number: u64) -> Result<u64, i32> {
        if self.role == self.asked.sleeper {
            self.aim.prepare(number).map_err(|_| REFUSED)?;
            self.board.asked_ns.0.store(self.now_ns(), Ordering::Relaxed);
            self.board.asked.0.store(number + 1, Ordering::Release);
        } else {
            self.wait_for(&self.board.asked, number)?;
        }
        let asked_ns = self.board.asked_ns.0.load(Ordering::Relaxed);
        self.aim.delay(number, &mut self.random);
        Ok(asked_ns)
    }

    /// Hand-over `number`, which was asked for at `asked_ns`, is over. If it took as long as a
    /// slice, the sleeper finds out whether the other one did.
    fn part(&mut self, segment: &Segment, number: u64, asked_ns: u64) -> Result<(), i32> {
        let board = self.board;
        let now_ns = self.now_ns();
        if self.role != self.asked.sleeper {
            board.published_ns.0.store(now_ns, Ordering::Relaxed);
            board.published.0.store(number + 1, Ordering::Release);
            return Ok(());
        }
        self.wait_for(&board.published, number)?;
        self.aim.correct(number).map_err(|_| REFUSED)?;
        if now_ns - asked_ns >= SLICE_NS {
            let published_ns = board.published_ns.0.load(Ordering::Relaxed);
            let counted = lost_wakes(segment);
            if published_ns - asked_ns >= SLICE_NS && counted > self.counted {
                board.slow.0.fetch_add(1, Ordering::Relaxed);
            }
            self.counted = counted;
        }
        Ok(())
    }

    /// Waits until `word` is past `number`.
    fn wait_for(&self, word: &Line, number: u64) -> Result<(), i32> {
        let begun = Instant::now();
        // Ends by the clock.
        while word.0.load(Ordering::Acquire) <= number {
            std::hint::spin_loop();
            if begun.elapsed() > Duration::from_micros(20) {
                std::thread::yield_now();
            }
            if begun.elapsed() > PATIENCE {
                return Err(ALONE);
            }
        }
        Ok(())
    }

    fn now_ns(&self) -> u64 {
        self.clock.elapsed().as_nanos() as u64
    }

    /// Message number `number`: its length and bytes follow from that.
    fn compose(&mut self, number: u64) {
        let len = match self.asked.sleeper {
            Role::Producer => QUARTER,
            Role::Consumer if number.is_multiple_of(3) => LARGE,
            Role::Consumer => (8 + number % (SMALL_MAX - 8)) as usize,
        };
        self.message.clear();
        for word in 0..(len as u64).div_ceil(8) {
            self.message.extend_from_slice(&number.wrapping_add(word << 32).to_le_bytes());
        }
        self.message.truncate(len);
    }
}
