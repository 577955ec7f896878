//! Runs cases in turns and keeps the best variant of each.
//!
//! Round 1 of every case's every variant, then round 2, and so on: what disturbs the machine for
//! a second falls on all alike. A case's figure is that of the variant whose median over the
//! rounds is best (lowest p50, highest rate). A ratio is the median over the rounds of this round's
//! value by this round's limit: where a host moves a machine's cores about, one second cannot be
//! compared with the next (see [`limit`]). Cases chosen by name bring the limits that they are
//! compared with, so that no ratio is ever against another run's limit.

use std::time::{Duration, Instant};

use crate::case::{Case, Measured, Round, Stage, Unit};
use crate::fault::Fault;
use crate::stats::{Latency, Throughput, median};
use crate::{kernel, limit};

/// How often, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Rounds of every variant; at least one is run.
    pub rounds: usize,
    /// No round is begun that would probably end after this.
    pub budget: Duration,
}

impl Pace {
    /// Enough for a quotable figure, within 90 s.
    pub const FULL: Pace = Pace { rounds: 9, budget: Duration::from_secs(85) };
    /// Enough to see that everything works.
    pub const QUICK: Pace = Pace { rounds: 3, budget: Duration::from_secs(10) };
    /// How much shorter the rounds of a quick run are.
    pub const QUICK_SHORTEN: u64 = 20;
}

/// All rounds of a case as one figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Figure {
    /// Round trips.
    Latency(Latency),
    /// A rate.
    Throughput(Throughput),
}

impl Figure {
    /// The number that is compared: the median round trip in ns, or the median rate.
    pub fn value(&self) -> f64 {
        match self {
            Figure::Latency(latency) => latency.p50_ns,
            Figure::Throughput(throughput) => throughput.median,
        }
    }
}

/// What came out of a case.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The case's name.
    pub name: String,
    /// What the figure counts.
    pub unit: Unit,
    /// The ring's size, if there is a ring.
    pub ring_bytes: Option<usize>,
    /// What a message's place is rounded up to.
    pub cell: Option<usize>,
    /// How the best variant waited.
    pub wait: String,
    /// Rounds that were run.
    pub rounds: usize,
    /// The two processes of the last round.
    pub pids: [u32; 2],
    /// The figure of the best variant.
    pub figure: Figure,
    /// The figure by its limit's, where it has one in this run: the median of the rounds' ratios.
    /// Near 1 is good, for a round trip (a time) as for a stream (a rate).
    pub ratio: Option<f64>,
    /// The limit's name.
    pub limit: Option<&'static str>,
    /// The best variant's value in each round.
    pub by_round: Vec<f64>,
    /// Each variant's (wait, value), in the order they were run.
    pub variants: Vec<(String, f64)>,
}

/// The limits and the kernel's ways.
pub fn limits() -> Vec<Case> {
    let mut cases = Vec::from(limit::rtts());
    cases.extend(limit::handoffs());
    cases.extend(limit::wakes());
    cases.extend(kernel::cases());
    cases
}

/// What `annulus bench` runs: the limits, the kernel's ways, a ring under a lock, and ours.
pub fn standard() -> Vec<Case> {
    let mut cases = limits();
    cases.extend(crate::locked::cases());
    cases.extend(crate::spsc::cases());
    cases.extend(crate::spsc_park::cases());
    cases.extend(crate::spsc_elsewhere::cases());
    cases.extend(crate::spsc_typed::cases());
    cases.extend(crate::mpmc::cases());
    cases.extend(crate::mpmc_crowd::cases());
    cases
}

/// The cases whose names begin with `prefix`, or with one of several that commas divide, and the
/// limits that those are compared with. A limit that is itself compared with one comes without it.
pub fn select(cases: Vec<Case>, prefix: &str) -> Result<Vec<Case>, Fault> {
    let chosen = |case: &Case| prefix.split(',').any(|prefix| case.name.starts_with(prefix));
    let limits: Vec<&'static str> = cases
        .iter()
        .filter(|case| chosen(case))
        .filter_map(|case| case.against.map(|against| against.limit))
        .collect();
    let kept: Vec<Case> = cases
        .into_iter()
        .filter(|case| chosen(case) || limits.contains(&case.name.as_str()))
        .collect();
    if kept.is_empty() { Err(Fault::NoSuchCase) } else { Ok(kept) }
}

/// Runs the cases in turns. `progress` hears of each round that is done: (round, of, seconds).
/// Blocks until all is done or the first fault, which it gives with the case's name.
pub fn run(
    cases: &[Case],
    stage: &Stage,
    pace: Pace,
    mut progress: impl FnMut(usize, usize, f64),
) -> Result<Vec<Outcome>, (String, Fault)> {
    let mut taken: Vec<Vec<Vec<Round>>> =
        cases.iter().map(|case| case.variants.iter().map(|_| Vec::new()).collect()).collect();
    let started = Instant::now();
    for round in 1..=pace.rounds.max(1) {
        for (case, taken) in cases.iter().zip(&mut taken) {
            for (variant, taken) in case.variants.iter().zip(taken) {
                let fault = |fault| (format!("{} ({})", case.name, variant.wait), fault);
                taken.push((variant.run)(stage).map_err(fault)?);
            }
        }
        let elapsed = started.elapsed();
        progress(round, pace.rounds.max(1), elapsed.as_secs_f64());
        if elapsed + elapsed / round as u32 > pace.budget {
            break;
        }
    }
    let mut outcomes = Vec::new();
    for (case, taken) in cases.iter().zip(&taken) {
        outcomes.push(best(case, taken).ok_or((case.name.clone(), Fault::Void))?);
    }
    for (i, case) in cases.iter().enumerate() {
        let Some(against) = case.against else { continue };
        let limit = outcomes.iter().find(|outcome| outcome.name == against.limit);
        let ratios = limit.map(|limit| {
            let pairs = outcomes[i].by_round.iter().zip(&limit.by_round);
            median(pairs.map(|(value, limit)| value * against.weight / limit))
        });
        outcomes[i].ratio = ratios.flatten();
        outcomes[i].limit = outcomes[i].ratio.map(|_| against.limit);
    }
    Ok(outcomes)
}

fn best(case: &Case, taken: &[Vec<Round>]) -> Option<Outcome> {
    let figures: Vec<Figure> = taken.iter().map(|rounds| figure(rounds)).collect::<Option<_>>()?;
    let better = |a: &usize, b: &usize| {
        let order = figures[*a].value().total_cmp(&figures[*b].value());
        if case.unit == Unit::Nanoseconds { order } else { order.reverse() }
    };
    let chosen = (0..figures.len()).min_by(better)?;
    let waits = case.variants.iter().map(|variant| variant.wait.clone());
    Some(Outcome {
        name: case.name.clone(),
        unit: case.unit,
        ring_bytes: case.ring_bytes,
        cell: case.cell,
        wait: case.variants[chosen].wait.clone(),
        rounds: taken[chosen].len(),
        pids: taken[chosen].last()?.pids,
        figure: figures[chosen],
        ratio: None,
        limit: None,
        by_round: taken[chosen].iter().map(|round| round.measured.value()).collect(),
        variants: waits.zip(figures.iter().map(Figure::value)).collect(),
    })
}

/// All rounds of one variant as one figure; none if they are not of one kind.
fn figure(rounds: &[Round]) -> Option<Figure> {
    let latencies: Vec<Latency> = rounds
        .iter()
        .filter_map(|round| match round.measured {
            Measured::Latency(latency) => Some(latency),
            Measured::Rate(_) => None,
        })
        .collect();
    if latencies.len() == rounds.len() {
        return Latency::of_rounds(&latencies).map(Figure::Latency);
    }
    let rates: Vec<f64> = rounds
        .iter()
        .filter_map(|round| match round.measured {
            Measured::Rate(rate) => Some(rate),
            Measured::Latency(_) => None,
        })
        .collect();
    if rates.len() == rounds.len() {
        return Throughput::of_rounds(&rates).map(Figure::Throughput);
    }
    None
}
