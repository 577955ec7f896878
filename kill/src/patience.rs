//! How long a process has had: the time that passed, without what it waited for a processor.
//!
//! A busy machine lets a process that could run wait, and its host may let the machine itself wait
//! (*steal*). Neither is the ring's: who is to be told of a death within a second has to have had
//! that second. Both are the kernel's own counts, since the process began and since it was started.

use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

/// After so long nothing is excused any more.
const AT_MOST: Duration = Duration::from_secs(30);

/// How long one hundredth of a second is, in which the kernel counts what the host took.
const TICK: Duration = Duration::from_millis(10);

/// Watches the time of one process.
pub(crate) struct Patience {
    pid: u32,
    begun: Instant,
    at_first: Kept,
}

/// What the kernel and the host kept from it, and what it had.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    run: Duration,
    queued: Duration,
    stolen: Duration,
}

impl Patience {
    /// From now on.
    pub(crate) fn with(pid: u32) -> Patience {
        Patience { pid, begun: Instant::now(), at_first: Kept::from_process(pid) }
    }

    /// What the kernel and the host kept from it.
    pub(crate) fn excuse(&self) -> Duration {
        self.kept().sum()
    }

    /// Whether it has had `span`.
    pub(crate) fn is_over(&self, span: Duration) -> bool {
        // The kernel is asked only of who seems late.
        let passed = self.begun.elapsed();
        passed > span && (passed > AT_MOST || passed.saturating_sub(self.excuse()) > span)
    }

    /// Whether it has run for `span`: of those who spin, who on a busy machine wait for each other
    /// most of the time.
    pub(crate) fn has_run(&self, span: Duration) -> bool {
        let passed = self.begun.elapsed();
        passed > span && (passed > AT_MOST || self.kept().run > span)
    }

    fn kept(&self) -> Kept {
        let now = Kept::from_process(self.pid);
        Kept {
            run: now.run.saturating_sub(self.at_first.run),
            queued: now.queued.saturating_sub(self.at_first.queued),
            stolen: now.stolen.saturating_sub(self.at_first.stolen),
        }
    }
}

/// What it has had, for who reads of a fault.
impl fmt::Display for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Kept { queued, stolen, .. } = self.kept();
        let passed = self.begun.elapsed().as_millis();
        let (queued, stolen) = (queued.as_millis(), stolen.as_millis());
        write!(f, "{passed} ms, of which {queued} for a processor, and the host took {stolen}")
    }
}

impl Kept {
    fn from_process(pid: u32) -> Kept {
        let schedule = fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
        let ticks = fs::read_to_string("/proc/stat").unwrap_or_default();
        Kept {
            run: Duration::from_nanos(field(&schedule, 0).unwrap_or(0)),
            queued: Duration::from_nanos(field(&schedule, 1).unwrap_or(0)),
            stolen: TICK.saturating_mul(field(&ticks, 8).unwrap_or(0) as u32),
        }
    }

    fn sum(self) -> Duration {
        self.queued + self.stolen
    }
}

/// A number of a line's words, counted from 0.
fn field(text: &str, at: usize) -> Option<u64> {
    text.lines().next()?.split_whitespace().nth(at)?.parse().ok()
}
