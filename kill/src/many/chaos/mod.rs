//! Chaos in a ring of many: producers and consumers at full speed that join, leave, are stopped
//! and go on, and are killed at random.
//!
//! The matrix kills at every instruction, one operation at a time, beside others that stand still.
//! Here two or three of each role are at work at once in a ring of 64 slots, mostly on fewer
//! processors; each is killed in its turn, mostly in the midst of an operation, while others
//! repair what it holds, and a successor takes its seat.
//!
//! * Every message whose send has returned is told of; one whose sender was killed, or not.
//! * What is told of again says so; its taker is dead or has left, and had not released it.
//! * A producer's send that was cut off took effect or never does, as its number's next life is
//!   told.
//! * A message keeps its position; a position is a message's or a gap, and told as a gap once.
//! * A consumer's first deliveries are in the order of positions, and of each producer's sending.
//! * No call goes on for long after its deadline, nobody is told that all are gone while one
//!   lives, and where one of each role runs there is progress.
//! * Now and then a message is deadly to whoever takes it. After sixteen it is a dead letter, once,
//!   if there is room, and no other one is.
//! * Every two seconds all end, half of them by a kill; one who comes then finds the rest, and the
//!   ring is as good as new.
//!
//! | room | what |
//! |---|---|
//! | `ledger` | what all have done, in memory that outlives them |
//! | `fate` | what became of one message |
//! | `letters` | what became of those that killed whoever took them |
//! | `member` | a process: started, stopped, killed |
//! | `life` | what the lives have in common |
//! | `producer`, `consumer` | the lives, and what they check |
//! | `limit` | deadlines, and whether they held |
//! | `end` | what must hold when all are gone |

mod consumer;
mod end;
mod fate;
mod ledger;
mod letters;
mod life;
mod limit;
mod member;
mod producer;

use super::scene::SLOTS;
use crate::Way;
use crate::patience::Patience;
use crate::scene::Trouble;
use annulus::ring::Role;
use annulus::{Backing, Config, Segment, Slots};
use annulus_testkit::{Random, shared};
use ledger::{Counts, LANES, LAST_LANE, Ledger};
use member::Member;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Who may take part: all lanes, numbered producers and others, and some to spare.
const PARTICIPANTS: u16 = 3 * LANES as u16 + 2;

/// So many deliveries are progress: more than what is in the ring, and its gaps.
const PROGRESS: u64 = 3 * SLOTS;

/// How long there may be none: so long each of those who live has run.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long they are at work until all of them end.
const ROUND: Duration = Duration::from_secs(2);

/// How long those who are to leave then may take, before they are killed, too.
const LEAVE_WITHIN: Duration = Duration::from_millis(50);

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Processes that were killed.
    pub kills: u64,
    /// Those that were in an operation.
    pub inside: u64,
    /// Processes that died over a deadly message.
    pub suicides: u64,
    /// Processes that were stopped for a while.
    pub stops: u64,
    /// Processes that left in good order.
    pub leaves: u64,
    /// Deliveries.
    pub messages: u64,
    /// Those that said that they came again.
    pub again: u64,
    /// Gaps that were told.
    pub gaps: u64,
    /// Messages that were given up, as far as whoever did so lived to say it.
    pub given_up: u64,
    /// Dead letters.
    pub letters: u64,
    /// Times that one was told who was in its way.
    pub stalls: u64,
    /// Times that one was told that all of the other role are gone.
    pub deaths: u64,
    /// What must not be.
    pub faults: Vec<String>,
}

/// All that is needed to start one.
struct Arena {
    fd: OwnedFd,
    ledger: &'static Ledger,
    random: Random,
    members: Vec<Member>,
    tally: Tally,
}

/// Runs for `span`, or to the first fault, and `report`s every ten seconds. Of the role `single`,
/// if it is given, the ring has one participant at a time.
pub fn run(
    span: Duration,
    seed: u64,
    way: Way,
    single: Option<Role>,
    mut report: impl FnMut(&Tally),
) -> Result<Tally, Trouble> {
    let slots = Slots::of(SLOTS, 48).participants(PARTICIPANTS);
    let slots = slots.numbered_producers(LANES as u16).dead_letters(letters::ROOM);
    let slots = match single {
        None => slots,
        Some(Role::Producer) => slots.single_producer(),
        Some(Role::Consumer) => slots.single_consumer(),
    };
    let config = Config::mpmc(slots).wait(way.wait).barrier(way.barrier).wake(way.wake);
    let segment = Segment::create(&Backing::Memfd, &config)?;
    // SAFETY: zeros are a valid ledger, and it is all atomics.
    let ledger: &Ledger = unsafe { shared()? };
    let lanes = |role| {
        let lanes = if single == Some(role) { 1 } else { LANES };
        (0..lanes).map(move |lane| Member::new(role, lane))
    };
    let members = lanes(Role::Producer).chain(lanes(Role::Consumer)).collect();
    let (fd, random) = (segment.share_fd()?, Random::new(seed));
    let mut arena = Arena { fd, ledger, random, members, tally: Tally::default() };
    let begun = Instant::now();
    let mut reported = Duration::ZERO;
    while begun.elapsed() < span && arena.tally.faults.is_empty() {
        arena.round(ROUND.min(span.saturating_sub(begun.elapsed())))?;
        if arena.tally.faults.is_empty() {
            arena.tally.faults.extend(end::check(&segment, ledger)?);
            arena.count();
        }
        if begun.elapsed() - reported >= Duration::from_secs(10) {
            reported = begun.elapsed();
            report(&arena.tally);
        }
    }
    Ok(arena.tally)
}

impl Arena {
    /// All of them, from their first lives on until they have ended; or to the first fault.
    fn round(&mut self, span: Duration) -> io::Result<()> {
        self.ledger.is_over.store(0, Ordering::SeqCst);
        self.fill_up()?;
        let begun = Instant::now();
        while begun.elapsed() < span && self.tally.faults.is_empty() {
            self.step()?;
            self.count();
        }
        self.end()?;
        self.count();
        Ok(())
    }

    /// One thing that happens to one of them, or to all of a role.
    fn step(&mut self) -> io::Result<()> {
        std::thread::sleep(Duration::from_micros(self.random.below(3_000)));
        let which = self.random.below(self.members.len() as u64) as usize;
        let (ledger, tally) = (self.ledger, &mut self.tally);
        match self.random.below(24) {
            0..=2 => {
                let span = Duration::from_micros(self.random.below(2_000));
                self.members[which].stop(span, tally)?;
            }
            // Long enough that all others meet what it holds.
            3 => {
                let span = Duration::from_micros(5_000 + self.random.below(25_000));
                self.members[which].stop(span, tally)?;
            }
            // So that the other role is told.
            4 => {
                let role = self.members[which].role;
                for member in self.members.iter_mut().filter(|member| member.role == role) {
                    member.kill(ledger, tally)?;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            5 => {
                self.fill_up()?;
                self.expect_progress()?;
            }
            // Nobody comes who would sweep up what it held.
            6 => {
                self.members[which].kill(ledger, tally)?;
                self.expect_progress()?;
            }
            _ => self.members[which].kill(ledger, tally)?,
        }
        self.fill_up()
    }

    /// Starts those who are missing; the last lane of each role only now and then.
    fn fill_up(&mut self) -> io::Result<()> {
        for member in &mut self.members {
            member.tend(self.ledger, &mut self.tally)?;
            let is_due = member.lane + 1 < LANES || self.random.below(8) == 0;
            if !member.is_there() && is_due {
                member.start(&self.fd, self.ledger, self.random.next())?;
            }
        }
        Ok(())
    }

    /// Where one of each role runs, messages are told of, for some laps; nobody comes meanwhile.
    fn expect_progress(&mut self) -> io::Result<()> {
        for member in &mut self.members {
            member.go_on(self.ledger)?;
        }
        let before = self.told();
        let watch = |member: &Member| member.id().map(|id| (member.role, Patience::with(id)));
        let mut watched: Vec<_> = self.members.iter().map(watch).collect();
        // Ends: by the patience with those who stay.
        while self.told() < before + PROGRESS && self.tally.faults.is_empty() {
            for (member, watched) in self.members.iter_mut().zip(&mut watched) {
                member.tend(self.ledger, &mut self.tally)?;
                if !member.is_there() {
                    *watched = None;
                }
            }
            let stays = |role| watched.iter().flatten().any(|(of, _)| *of == role);
            if !stays(Role::Producer) || !stays(Role::Consumer) {
                break;
            }
            if watched.iter().flatten().all(|(_, patience)| patience.has_run(PATIENCE)) {
                let told = self.told() - before;
                self.tally.faults.push(format!("WEDGED: they live, and {told} deliveries is all"));
            }
            std::thread::sleep(Duration::from_micros(100));
            self.count();
        }
        Ok(())
    }

    /// All end: half of them are killed at once, the others leave, or are killed in the end.
    fn end(&mut self) -> io::Result<()> {
        for member in &mut self.members {
            if self.random.below(2) == 0 {
                member.kill(self.ledger, &mut self.tally)?;
            }
        }
        self.ledger.is_over.store(1, Ordering::SeqCst);
        for member in &mut self.members {
            member.go_on(self.ledger)?;
        }
        let begun = Instant::now();
        while self.members.iter().any(Member::is_there) && begun.elapsed() < LEAVE_WITHIN {
            std::thread::sleep(Duration::from_millis(1));
            for member in &mut self.members {
                member.tend(self.ledger, &mut self.tally)?;
            }
        }
        for member in &mut self.members {
            member.kill(self.ledger, &mut self.tally)?;
        }
        Ok(())
    }

    fn told(&self) -> u64 {
        self.sum(|counts| &counts.told)
    }

    fn sum(&self, which: impl Fn(&Counts) -> &AtomicU64) -> u64 {
        self.ledger.pages().map(|page| which(&page.counts).load(Ordering::Relaxed)).sum()
    }

    fn count(&mut self) {
        self.tally.messages = self.told();
        self.tally.again = self.sum(|counts| &counts.again);
        self.tally.gaps = self.sum(|counts| &counts.gaps);
        self.tally.given_up = self.sum(|counts| &counts.given_up);
        self.tally.letters = self.sum(|counts| &counts.letters);
        self.tally.stalls = self.sum(|counts| &counts.stalls);
        self.tally.deaths = self.sum(|counts| &counts.deaths);
        let lanes = |role, lanes| (0..lanes).map(move |lane| (role, lane));
        for (role, lane) in lanes(Role::Producer, LANES).chain(lanes(Role::Consumer, LAST_LANE + 1))
        {
            let fault = self.ledger.page(role, lane).take_fault();
            self.tally.faults.extend(fault.map(|fault| format!("{fault}, says {role:?} {lane}")));
        }
    }
}

impl Tally {
    /// The share of kills that landed inside an operation, in percent.
    pub fn inside_percent(&self) -> u64 {
        self.inside * 100 / self.kills.max(1)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { kills, inside, suicides, stops, leaves, messages, again, gaps, .. } = self;
        let percent = self.inside_percent();
        write!(
            f,
            "{kills} kills, {inside} of them ({percent} %) inside an operation, {suicides} deaths \
             by a message, {stops} stops, {leaves} left in good order; {messages} deliveries, \
             {again} came again, {gaps} gaps, {} dead letters, {} given up, {} told of a stall, {} \
             of deaths: {} faults",
            self.letters,
            self.given_up,
            self.stalls,
            self.deaths,
            self.faults.len(),
        )
    }
}
