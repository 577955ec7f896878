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
//!
//! | room | what |
//! |---|---|
//! | `ledger` | what both sides have done, in memory that outlives them |
//! | `sides` | their lives, and what they check |

mod ledger;
mod random;
mod sides;

use crate::scene::Trouble;
use annulus::ring::Role;
use annulus::{Attach, Backing, Config, Segment};
use ledger::{Ledger, Page};
use libc::pid_t;
use random::Random;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Bytes of ring: full and empty within microseconds.
const CAPACITY: u64 = 4096;

/// How long a pair of which both live may make no progress, and a survivor not see a death.
const PATIENCE: Duration = Duration::from_secs(5);

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
    pid: pid_t,
}

/// Runs a pair for `span`, or to the first fault, and `report`s every ten seconds.
pub fn run(span: Duration, seed: u64, mut report: impl FnMut(&Tally)) -> Result<Tally, Trouble> {
    let segment = Segment::create(&Backing::Memfd, &Config::spsc(CAPACITY))?;
    let fd = segment.share_fd()?;
    let ledger = Ledger::shared()?;
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
    let page = sides[1 - dead].page(ledger);
    let before = page.deaths_seen.load(Ordering::Relaxed);
    let had_joined = sides[dead].has_joined(ledger);
    let begun = Instant::now();
    // Ends by the clock.
    while page.deaths_seen.load(Ordering::Relaxed) == before && had_joined {
        // One who leaves learns nothing.
        if sides[1 - dead].has_left()? {
            break;
        }
        if page.fault.load(Ordering::Acquire) != 0 {
            break;
        }
        if begun.elapsed() > PATIENCE {
            let who = sides[1 - dead].role;
            return Ok(Some(format!("WEDGED: the {who:?} was not told that its peer died")));
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    Ok(None)
}

impl Side {
    /// Forks a side, which attaches and joins like a stranger. Call it from a process of one
    /// thread.
    fn start(role: Role, fd: &OwnedFd, ledger: &'static Ledger, seed: u64) -> io::Result<Side> {
        let parent = std::process::id();
        let side = Side { role, pid: 0 };
        side.page(ledger).joined.store(0, Ordering::SeqCst);
        // SAFETY: this process has one thread, so its copy is whole.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => live(parent, role, fd, ledger, seed),
            pid => Ok(Side { pid, ..side }),
        }
    }

    /// Whether its process has joined, and not begun to leave.
    fn has_joined(&self, ledger: &Ledger) -> bool {
        self.page(ledger).joined.load(Ordering::SeqCst) == 1
    }

    fn page<'l>(&self, ledger: &'l Ledger) -> &'l Page {
        match self.role {
            Role::Producer => &ledger.producer,
            Role::Consumer => &ledger.consumer,
        }
    }

    /// Kills it, and waits until the kernel has taken everything back.
    fn kill(&mut self, ledger: &Ledger, tally: &mut Tally) -> io::Result<()> {
        if self.has_left()? {
            tally.leaves += 1;
            return Ok(());
        }
        self.signal(libc::SIGKILL)?;
        self.wait(0)?;
        tally.kills += 1;
        tally.inside += self.page(ledger).inside.load(Ordering::SeqCst);
        Ok(())
    }

    /// Stops it for a while.
    fn pause_for(&mut self, span: Duration, tally: &mut Tally) -> io::Result<()> {
        self.signal(libc::SIGSTOP)?;
        std::thread::sleep(span);
        self.signal(libc::SIGCONT)?;
        tally.stops += 1;
        Ok(())
    }

    /// Whether it has ended by itself.
    fn has_left(&mut self) -> io::Result<bool> {
        Ok(self.pid == 0 || self.wait(libc::WNOHANG)?)
    }

    fn signal(&self, signal: libc::c_int) -> io::Result<()> {
        // SAFETY: our own child, which nobody else waits for.
        if self.pid != 0 && unsafe { libc::kill(self.pid, signal) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    fn wait(&mut self, options: libc::c_int) -> io::Result<bool> {
        let mut status = 0;
        // SAFETY: as in `signal`.
        match unsafe { libc::waitpid(self.pid, &mut status, options) } {
            -1 => Err(io::Error::last_os_error()),
            0 => Ok(false),
            _ => {
                self.pid = 0;
                Ok(true)
            }
        }
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        if self.pid != 0 {
            let _ = self.signal(libc::SIGKILL);
            let _ = self.wait(0);
        }
    }
}

/// The life of a side: never returns into the harness.
fn live(parent: u32, role: Role, fd: &OwnedFd, ledger: &'static Ledger, seed: u64) -> ! {
    // SAFETY: a plain request; a side goes with its harness.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // SAFETY: a plain question. A harness that is gone already sends no signal.
    if unsafe { libc::getppid() } as u32 == parent {
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
            let living = std::panic::AssertUnwindSafe(|| life(&segment, ledger, seed));
            let _ = std::panic::catch_unwind(living);
        }
    }
    // SAFETY: ends this process at once; nothing of the harness's happens twice.
    unsafe { libc::_exit(0) }
}
