//! Chaos: a pair that streams while its two processes are killed, stopped and restarted at random.
//!
//! The matrix kills at every instruction, one operation at a time, in a ring of known state. Here
//! both sides run at full speed, in every state that they reach by themselves; each is killed in
//! its turn, mostly in the midst of an operation, and its successor goes on at once.
//!
//! * Every message whose send had returned comes, whole and in order.
//! * What comes again was received by the consumer that died, and not released: the ring's
//!   batch of 8, and what that consumer was looking at in place. Its position tells.
//! * A survivor is told of a death, and a pair of which both live gets on.
//! * Nobody waits past its deadline for longer than the longest slice of a sleep.
//!
//! | room | what |
//! |---|---|
//! | `ledger` | what both sides have done, in memory that outlives them |
//! | `sides` | their lives, and what they check |

mod ledger;
mod random;
mod sides;

use crate::patience::Patience;
use crate::scene::Trouble;
use crate::way::Way;
use annulus::ring::Role;
use annulus::{Attach, Segment};
use annulus_testkit::{Forked, Random, shared};
use ledger::Ledger;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Bytes of ring: full and empty within microseconds.
const CAPACITY: u64 = 4096;

/// How long a pair of which both live may make no progress.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a survivor may not be told of a death, of its own time: two of the longest slices of a
/// sleep.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Processes that were killed.
    pub kills: u64,
    /// Those that were in an operation.
    pub inside: u64,
    /// Processes that were stopped for a while.
    pub stops: u64,
    /// Processes that left in good order.
    pub leaves: u64,
    /// Messages that were received.
    pub messages: u64,
    /// Messages that came again.
    pub repeated: u64,
    /// Errors that told a survivor of a death.
    pub deaths_seen: u64,
    /// What must not be.
    pub faults: Vec<String>,
}

impl Tally {
    /// The share of kills that landed inside an operation, in percent.
    pub fn inside_percent(&self) -> u64 {
        self.inside * 100 / self.kills.max(1)
    }
}

/// One side's process. Dropped, it is killed.
struct Side {
    role: Role,
    process: Forked,
}

/// Runs a pair for `span`, or to the first fault, and `report`s every ten seconds.
///
/// Its sides wait as `way` says.
pub fn run(
    span: Duration,
    seed: u64,
    way: Way,
    mut report: impl FnMut(&Tally),
) -> Result<Tally, Trouble> {
    let ring = way.ring(CAPACITY)?;
    let fd = ring.segment.share_fd()?;
    // SAFETY: zeros are a valid ledger, and it is all atomics.
    let ledger: &Ledger = unsafe { shared()? };
    let mut random = Random::new(seed);
    let mut tally = Tally::default();
    let start = |role, random: &mut Random| Side::start(role, &fd, ledger, random.next());
    let mut sides = [start(Role::Producer, &mut random)?, start(Role::Consumer, &mut random)?];
    let begun = Instant::now();
    let mut reported = Duration::ZERO;
    while begun.elapsed() < span && tally.faults.is_empty() {
        std::thread::sleep(Duration::from_micros(random.below(3_000)));
        let which = random.below(2) as usize;
        match random.below(20) {
            0..=2 => {
                sides[which].pause_for(Duration::from_micros(random.below(2_000)), &mut tally)?
            }
            // Long enough for the other side to need it, and to learn that it died.
            3 => {
                // One who comes after a death has no dead peer.
                let was_there = sides[1 - which].has_joined(ledger);
                sides[which].kill(ledger, &mut tally)?;
                if was_there && let Some(fault) = wait_for_death_seen(&mut sides, which, ledger)? {
                    tally.faults.push(fault);
                }
                sides[which] = start(sides[which].role, &mut random)?;
            }
            4 => expect_progress(&mut sides, &start, ledger, &mut random, &mut tally)?,
            _ => {
                sides[which].kill(ledger, &mut tally)?;
                sides[which] = start(sides[which].role, &mut random)?;
            }
        }
        for side in &mut sides {
            if side.has_left()? {
                tally.leaves += 1;
                *side = start(side.role, &mut random)?;
            }
        }
        tally.count(ledger);
        if begun.elapsed() - reported >= Duration::from_secs(10) {
            reported = begun.elapsed();
            report(&tally);
        }
    }
    drop(sides);
    tally.count(ledger);
    tally.faults.extend(ring.crept()?);
    Ok(tally)
}

impl Tally {
    fn count(&mut self, ledger: &Ledger) {
        self.messages = ledger.progress().next;
        self.repeated = ledger.repeated.load(Ordering::Relaxed);
        let pages = [&ledger.producer, &ledger.consumer];
        self.deaths_seen = pages.map(|page| page.deaths_seen.load(Ordering::Relaxed)).iter().sum();
        for (page, role) in pages.into_iter().zip(["producer", "consumer"]) {
            let fault = page.fault.swap(0, Ordering::Acquire) as usize;
            if fault != 0 {
                let what = sides::FAULTS.get(fault).unwrap_or(&"an unknown fault at");
                let at = page.fault_at.load(Ordering::Relaxed);
                self.faults.push(format!("{what} {at}, says the {role}"));
            }
        }
    }
}

/// A pair of which both live gets on.
fn expect_progress(
    sides: &mut [Side; 2],
    start: &impl Fn(Role, &mut Random) -> io::Result<Side>,
    ledger: &Ledger,
    random: &mut Random,
    tally: &mut Tally,
) -> Result<(), Trouble> {
    let before = ledger.progress().next;
    let begun = Instant::now();
    // Ends by the clock.
    while ledger.progress().next == before {
        for side in sides.iter_mut() {
            if side.has_left()? {
                *side = start(side.role, random)?;
            }
        }
        if begun.elapsed() > PATIENCE {
            tally.faults.push(format!("WEDGED: both live, and nothing came after {before}"));
            return Ok(());
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    Ok(())
}

/// The side that lives is told that the other one died.
fn wait_for_death_seen(
    sides: &mut [Side; 2],
    dead: usize,
    ledger: &Ledger,
) -> Result<Option<String>, Trouble> {
    // One who died in its join, or in its close, is nobody's dead peer.
    let page = ledger.page(sides[1 - dead].role);
    let before = page.deaths_seen.load(Ordering::Relaxed);
    let had_joined = sides[dead].has_joined(ledger);
    let Some(survivor) = sides[1 - dead].process.id() else { return Ok(None) };
    let patience = Patience::with(survivor);
    // Ends by the clock.
    while page.deaths_seen.load(Ordering::Relaxed) == before && had_joined {
        // One who leaves learns nothing.
        if sides[1 - dead].has_left()? {
            break;
        }
        if page.fault.load(Ordering::Acquire) != 0 {
            break;
        }
        if patience.is_over(TOLD_WITHIN) {
            let who = sides[1 - dead].role;
            return Ok(Some(format!(
                "WEDGED: the {who:?} was not told that its peer died, in {patience}"
            )));
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    Ok(None)
}

impl Side {
    /// Forks a side, which attaches and joins like a stranger. Call it from a process of one
    /// thread.
    fn start(role: Role, fd: &OwnedFd, ledger: &'static Ledger, seed: u64) -> io::Result<Side> {
        ledger.page(role).joined.store(0, Ordering::SeqCst);
        let process = Forked::start(|| live(role, fd, ledger, seed))?;
        Ok(Side { role, process })
    }

    /// Whether its process has joined, and not begun to leave.
    fn has_joined(&self, ledger: &Ledger) -> bool {
        ledger.page(self.role).joined.load(Ordering::SeqCst) == 1
    }

    /// Kills it, and waits until the kernel has taken everything back.
    fn kill(&mut self, ledger: &Ledger, tally: &mut Tally) -> io::Result<()> {
        if self.has_left()? {
            tally.leaves += 1;
            return Ok(());
        }
        self.process.kill()?;
        tally.kills += 1;
        tally.inside += ledger.page(self.role).inside.load(Ordering::SeqCst);
        Ok(())
    }

    /// Stops it for a while.
    fn pause_for(&mut self, span: Duration, tally: &mut Tally) -> io::Result<()> {
        self.process.signal(libc::SIGSTOP)?;
        std::thread::sleep(span);
        self.process.signal(libc::SIGCONT)?;
        tally.stops += 1;
        Ok(())
    }

    /// Whether it has ended by itself.
    fn has_left(&mut self) -> io::Result<bool> {
        Ok(self.process.ended()?.is_some())
    }
}

/// The life of a side. What it finds wrong stands in the ledger.
fn live(role: Role, fd: &OwnedFd, ledger: &Ledger, seed: u64) -> i32 {
    let attached = fd
        .as_fd()
        .try_clone_to_owned()
        .ok()
        .and_then(|fd| Segment::from_fd(fd, &Attach::default()).ok());
    let life = match role {
        Role::Producer => sides::produce,
        Role::Consumer => sides::consume,
    };
    if let Some(segment) = attached {
        life(&segment, ledger, seed);
    }
    0
}
