//! The clock of a sample: one read per round trip, so its cost is part of every figure.
//!
//! Measured on a 2-core AMD Zen 5 VM, kernel 6.18: `clock_gettime(CLOCK_MONOTONIC)` 22 ns a read,
//! `rdtsc` 9.6 ns; the round trip itself is about 200 ns. So on x86-64 the time stamp counter is
//! read, if the kernel says that it runs at one rate on all cores (`constant_tsc nonstop_tsc`), and
//! scaled by a short comparison with `CLOCK_MONOTONIC`. Elsewhere `CLOCK_MONOTONIC` it is.
//!
//! `rdtsc` orders nothing, and need not: the loop that waits for a reply ends in a mispredicted
//! branch, so the read after it starts after the reply was seen; and since each sample ends where
//! the next begins, the samples add up to the whole time, whatever is moved between two.
//!
//! *Grain.* A counter may advance in steps: here `rdtsc` counts 2.6 GHz but moves 26 ticks at once,
//! every 10 ns (AMD Zen 5), a tenth of a round trip. The step is measured too, and percentiles
//! are found within it ([`stats`](crate::stats)).
//!
//! A clock is made once, before the fork, and is good in both processes.

use std::time::{Duration, Instant};

/// How long the counter is compared with `CLOCK_MONOTONIC`. Two reads miss each other by less than
/// 100 ns, so 20 ms keep the scale within 10 parts in a million.
const CALIBRATION: Duration = Duration::from_millis(20);

/// Reads that find the clock's step.
const GRAIN_READS: usize = 6_400;
/// Differences beyond this many ticks were disturbed.
const GRAIN_WINDOW: u64 = 400;
/// Differences this close belong to one step.
const CLUSTER_TICKS: u64 = 3;

/// A source of ticks, and how long a tick is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    source: Source,
    ns_per_tick: f64,
    grain: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    #[cfg(target_arch = "x86_64")]
    TimeStampCounter,
    Monotonic,
}

impl Clock {
    /// The cheapest clock of this machine that can be trusted. Takes about 20 ms.
    pub fn calibrate() -> Clock {
        #[cfg(target_arch = "x86_64")]
        if counter_is_steady() {
            let ns_per_tick = measure_ns_per_tick(CALIBRATION);
            return Clock { source: Source::TimeStampCounter, ns_per_tick, grain: 1 }.with_grain();
        }
        Clock { source: Source::Monotonic, ns_per_tick: 1.0, grain: 1 }.with_grain()
    }

    fn with_grain(self) -> Clock {
        Clock { grain: find_grain(|| self.now()), ..self }
    }

    /// Now, in ticks from an unknown start. Does not block and makes no system call.
    #[inline(always)]
    pub fn now(&self) -> u64 {
        match self.source {
            #[cfg(target_arch = "x86_64")]
            Source::TimeStampCounter => read_counter(),
            Source::Monotonic => read_monotonic(),
        }
    }

    /// How many nanoseconds `ticks` are.
    pub fn ns(&self, ticks: u64) -> f64 {
        ticks as f64 * self.ns_per_tick
    }

    /// The step in which it advances, in ticks; at least 1.
    pub fn grain(&self) -> u64 {
        self.grain
    }

    /// The clock's name, for the report.
    pub fn name(&self) -> &'static str {
        match self.source {
            #[cfg(target_arch = "x86_64")]
            Source::TimeStampCounter => "tsc",
            Source::Monotonic => "monotonic",
        }
    }
}

/// The step in which a clock advances: the least distance between the clusters of differences of
/// reads that are a little further apart each time. Clusters, because a step need not be a whole
/// number of ticks (a hypervisor scales the counter). A clock without steps gives differences of
/// all sizes, so one wide cluster: 1.
fn find_grain(now: impl Fn() -> u64) -> u64 {
    let mut differences: Vec<u64> = (0..GRAIN_READS)
        .map(|i| {
            let before = now();
            for spin in 0..i % 64 {
                std::hint::black_box(spin);
            }
            now() - before
        })
        .filter(|&difference| difference < GRAIN_WINDOW)
        .collect();
    differences.sort_unstable();
    let mut starts: Vec<u64> = Vec::new();
    let mut last = None;
    for difference in differences {
        if last.is_none_or(|last| difference - last > CLUSTER_TICKS) {
            starts.push(difference);
        } else if starts.last().is_some_and(|start| difference - start > CLUSTER_TICKS) {
            return 1;
        }
        last = Some(difference);
    }
    starts.windows(2).map(|pair| pair[1] - pair[0]).min().unwrap_or(1)
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn read_counter() -> u64 {
    // SAFETY: every x86-64 processor has rdtsc; a kernel that forbids it to user code (CR4.TSD)
    // also hides it from the flags that `counter_is_steady` asked for.
    unsafe { core::arch::x86_64::_rdtsc() }
}

fn read_monotonic() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a timespec of our own for the kernel to fill.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    debug_assert_eq!(status, 0, "CLOCK_MONOTONIC exists on every Linux");
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

#[cfg(target_arch = "x86_64")]
fn counter_is_steady() -> bool {
    let Ok(cpus) = std::fs::read_to_string("/proc/cpuinfo") else { return false };
    let Some(flags) = cpus.lines().find(|line| line.starts_with("flags")) else { return false };
    let has = |wanted: &str| flags.split_whitespace().any(|flag| flag == wanted);
    has("constant_tsc") && has("nonstop_tsc")
}

#[cfg(target_arch = "x86_64")]
fn measure_ns_per_tick(length: Duration) -> f64 {
    let (started, first) = (Instant::now(), read_counter());
    std::thread::sleep(length);
    let (elapsed, last) = (started.elapsed(), read_counter());
    elapsed.as_nanos() as f64 / last.saturating_sub(first).max(1) as f64
}

#[cfg(not(target_arch = "x86_64"))]
const _: Duration = CALIBRATION;
#[cfg(not(target_arch = "x86_64"))]
const _: fn() -> Instant = Instant::now;
