//! Samples and rounds to the few numbers that are reported. Exact: samples are kept and sorted,
//! never put into buckets.
//!
//! *Within* a round a percentile is the smallest sample that at least that share of all samples
//! does not exceed (nearest rank). Where the clock advances in steps of more than a tick, many
//! samples are equal though the round trips were not; they are then taken as spread evenly over
//! the step around them (the usual grouped percentile), so that a figure does not jump by a whole
//! step, which can be a tenth of it. With a step of one tick that changes nothing visible.
//! *Over* rounds each percentile is the median of the rounds'
//! percentiles, the maximum is the maximum of all, and the samples add up. So one disturbed round
//! of five moves no percentile, and no disturbance at all is hidden: it stands in the maximum.

/// Round-trip times in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latency {
    /// Half of the round trips took no longer.
    pub p50_ns: f64,
    /// 90 % took no longer.
    pub p90_ns: f64,
    /// 99 % took no longer.
    pub p99_ns: f64,
    /// 99.9 % took no longer.
    pub p999_ns: f64,
    /// 99.99 % took no longer.
    pub p9999_ns: f64,
    /// The longest of all.
    pub max_ns: f64,
    /// How many round trips.
    pub samples: u64,
}

/// A rate over several rounds, in the case's unit per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throughput {
    /// The round in the middle.
    pub median: f64,
    /// The slowest round.
    pub min: f64,
    /// The fastest round.
    pub max: f64,
}

impl Latency {
    /// One round's summary of `ticks`, which are sorted in place, taken by a clock that advances
    /// `grain` ticks at once, `ns_per_tick` each. None without samples.
    pub fn of_round(ticks: &mut [u64], grain: u64, ns_per_tick: f64) -> Option<Latency> {
        ticks.sort_unstable();
        let longest = *ticks.last()? as f64;
        let at =
            |per_10_000| within_step(ticks, rank(ticks.len(), per_10_000), grain) * ns_per_tick;
        Some(Latency {
            p50_ns: at(5_000),
            p90_ns: at(9_000),
            p99_ns: at(9_900),
            p999_ns: at(9_990),
            p9999_ns: at(9_999),
            max_ns: longest * ns_per_tick,
            samples: ticks.len() as u64,
        })
    }

    /// All rounds as one. None without rounds.
    pub fn of_rounds(rounds: &[Latency]) -> Option<Latency> {
        let of = |pick: fn(&Latency) -> f64| median(rounds.iter().map(pick));
        Some(Latency {
            p50_ns: of(|round| round.p50_ns)?,
            p90_ns: of(|round| round.p90_ns)?,
            p99_ns: of(|round| round.p99_ns)?,
            p999_ns: of(|round| round.p999_ns)?,
            p9999_ns: of(|round| round.p9999_ns)?,
            max_ns: rounds.iter().map(|round| round.max_ns).fold(0.0, f64::max),
            samples: rounds.iter().map(|round| round.samples).sum(),
        })
    }
}

impl Throughput {
    /// All rounds as one. None without rounds.
    pub fn of_rounds(rounds: &[f64]) -> Option<Throughput> {
        Some(Throughput {
            median: median(rounds.iter().copied())?,
            min: rounds.iter().copied().fold(f64::INFINITY, f64::min),
            max: rounds.iter().copied().fold(0.0, f64::max),
        })
    }
}

/// The value in the middle; the lower of the two in the middle of an even number, so that it is
/// always one that was measured. None of nothing.
pub fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

/// The nearest rank of a share in ten-thousandths among `len` sorted samples, from 0.
fn rank(len: usize, per_10_000: usize) -> usize {
    (len * per_10_000).div_ceil(10_000).saturating_sub(1)
}

/// The sample at `rank`, placed inside the clock's step by where it stands among its equals.
/// Equal is what lies less than half a step away: steps need not be whole ticks.
fn within_step(sorted: &[u64], rank: usize, grain: u64) -> f64 {
    let value = sorted[rank];
    if grain <= 1 {
        return value as f64;
    }
    let first = sorted.partition_point(|&other| other + grain.div_ceil(2) <= value);
    let end = sorted.partition_point(|&other| other < value + grain.div_ceil(2));
    let middle = (sorted[first] + sorted[end - 1]) as f64 / 2.0;
    let share = ((rank - first) as f64 + 0.5) / (end - first) as f64;
    (middle + grain as f64 * (share - 0.5)).max(0.0)
}
