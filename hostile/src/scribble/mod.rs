//! Real processes: a pair in its work, and a third one that scribbles over their segment at full
//! speed.
//!
//! A ring is soon spoiled for good, so there is a new one every tenth of a second. Its sides spin,
//! or sleep by one form of the protocol or the other, in turns. Each of the pair's calls has a
//! deadline of a millisecond, some of more than a slice of a sleep; whoever meets corruption leaves
//! and joins anew, until the time is up. What must not be: a process that crashes, a call that
//! outlives its deadline, an error that nothing here can bring about.
//!
//! Built for AddressSanitizer (`ci/scribble`), which sees what an index out of bounds would touch.
//!
//! | room | what |
//! |---|---|
//! | `victims` | the pair's lives |
//! | `scribbler` | what is written, and where |
//! | `page` | what each has done, in memory that outlives it |

mod page;
mod scribbler;
mod victims;

use annulus::{Attach, Backing, Barrier, Config, Segment, Wait};
use annulus_testkit::{Forked, Random, shared};
use page::{Page, Pages, count};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long one ring lasts.
const ROUND: Duration = Duration::from_millis(100);

/// How long all three may take to end after that; a call that takes so long is wedged.
const PATIENCE: Duration = Duration::from_secs(5);

/// How late a call may end after its deadline: the longest slice of a sleep, and as much again for
/// a busy machine.
const LATE_MAX: Duration = Duration::from_secs(1);

/// Bytes of ring, in turns: full and empty within microseconds, or many pages.
const CAPACITIES: [u64; 2] = [4096, 64 << 10];

/// How the ring's sides wait, in turns; the barrier is for those that sleep.
const WAITS: [(Wait, Barrier); 4] = [
    (Wait::Spin, Barrier::Fence),
    (Wait::Park, Barrier::Fence),
    (Wait::Park, Barrier::Membarrier),
    (Wait::SpinThenPark, Barrier::Membarrier),
];

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rings that were spoiled.
    pub rings: u64,
    /// Words and pages that were written.
    pub scribbles: u64,
    /// Calls of the pair.
    pub calls: u64,
    /// Messages that were received, whatever they were.
    pub messages: u64,
    /// Calls and joins that told of a corruption.
    pub corruptions: u64,
    /// Sends and receives that gave up the processor.
    pub slept: u64,
    /// How late a call ended after its deadline; the machine's other work included.
    pub latest: Duration,
    /// What must not be.
    pub faults: Vec<String>,
}

/// Who a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Producer,
    Consumer,
    Scribbler,
}

const PARTS: [Part; 3] = [Part::Producer, Part::Consumer, Part::Scribbler];

/// Spoils one ring after the other for `span`, or to the first fault, and `report`s every ten
/// seconds. Call it from a process of one thread.
///
/// # Errors
///
/// If a segment or a process cannot be made.
pub fn run(span: Duration, seed: u64, mut report: impl FnMut(&Tally)) -> io::Result<Tally> {
    // SAFETY: zeros are valid counters, and nothing else is in there.
    let pages: &Pages = unsafe { shared()? };
    let mut random = Random::new(seed);
    let mut tally = Tally::default();
    let begun = Instant::now();
    let mut reported = Duration::ZERO;
    while begun.elapsed() < span && tally.faults.is_empty() {
        let config = config_of(tally.rings as usize);
        let segment = Segment::create(&Backing::Memfd, &config).map_err(io::Error::other)?;
        let fd = segment.share_fd()?;
        drop(segment);
        let children = start_all(&fd, pages, tally.rings, &mut random)?;
        wait_for_all(children, &mut tally)?;
        tally.rings += 1;
        tally.count(pages);
        if begun.elapsed() - reported >= Duration::from_secs(10) {
            reported = begun.elapsed();
            report(&tally);
        }
    }
    Ok(tally)
}

/// The ring of that number.
fn config_of(ring: usize) -> Config {
    let capacity = CAPACITIES[ring % CAPACITIES.len()];
    let (wait, barrier) = WAITS[ring / CAPACITIES.len() % WAITS.len()];
    Config::spsc(capacity).wait(wait).barrier(barrier)
}

fn start_all(
    fd: &OwnedFd,
    pages: &'static Pages,
    round: u64,
    random: &mut Random,
) -> io::Result<Vec<(Part, Forked)>> {
    let mut start = |part| {
        let seed = random.next();
        Forked::start(|| live(part, fd, pages, round, seed)).map(|forked| (part, forked))
    };
    PARTS.into_iter().map(&mut start).collect()
}

fn wait_for_all(children: Vec<(Part, Forked)>, tally: &mut Tally) -> io::Result<()> {
    let begun = Instant::now();
    for (part, mut child) in children {
        let mut ended = child.ended()?;
        // Ends by the clock.
        while ended.is_none() && begun.elapsed() < ROUND + PATIENCE {
            std::thread::sleep(Duration::from_millis(2));
            ended = child.ended()?;
        }
        match ended {
            Some(0) => {}
            Some(status) => tally.faults.push(format!("the {part:?} {}", describe(status))),
            None => tally.faults.push(format!("WEDGED: the {part:?} does not come back")),
        }
    }
    Ok(())
}

fn describe(status: i32) -> String {
    if libc::WIFSIGNALED(status) {
        return format!("died of signal {}", libc::WTERMSIG(status));
    }
    match libc::WEXITSTATUS(status) {
        victims::UNEXPECTED => "got an error that nothing here brings about".to_owned(),
        victims::CANNOT_START => "could not attach".to_owned(),
        101 => "panicked".to_owned(),
        other => format!("ended with status {other}"),
    }
}

impl Tally {
    fn count(&mut self, pages: &Pages) {
        let sum = |of: fn(&Page) -> u64| pages.0.iter().map(of).sum();
        self.scribbles = pages.of(Part::Scribbler).calls.load(Ordering::Relaxed);
        self.calls = sum(|page| page.calls.load(Ordering::Relaxed)) - self.scribbles;
        self.messages = pages.of(Part::Consumer).messages.load(Ordering::Relaxed);
        self.corruptions = sum(|page| page.corruptions.load(Ordering::Relaxed));
        self.slept = sum(|page| page.slept.load(Ordering::Relaxed));
        let latest = pages.0.iter().map(|page| page.latest_ns.load(Ordering::Relaxed)).max();
        self.latest = Duration::from_nanos(latest.unwrap_or(0));
        if self.latest > LATE_MAX {
            let late = self.latest.as_millis();
            self.faults.push(format!("WEDGED: a call ended {late} ms after its deadline"));
        }
    }
}

/// A part's life; what it returns is its process's status.
fn live(part: Part, fd: &OwnedFd, pages: &Pages, round: u64, seed: u64) -> i32 {
    let Ok(fd) = fd.as_fd().try_clone_to_owned() else { return victims::CANNOT_START };
    let until = Instant::now() + ROUND;
    let page = pages.of(part);
    if part == Part::Scribbler {
        // A header that is spoiled is no segment: both look at it once, before.
        while pages.attached() < 2 * (round + 1) && Instant::now() < until {
            std::thread::yield_now();
        }
        return scribbler::scribble(&fd, until, page, seed);
    }
    let Ok(segment) = Segment::from_fd(fd, &Attach::default()) else {
        return victims::CANNOT_START;
    };
    count(&page.attached);
    match part {
        Part::Producer => victims::produce(&segment, until, page, seed),
        _ => victims::consume(&segment, until, page, seed),
    }
}
