//! The ratios that must hold on any machine: what `ci/ratios` checks.
//!
//! | | |
//! |---|---|
//! | round trip | `spsc/rtt/56` at most 1.15 times `limit/rtt` |
//! | stream | the payload bytes of `spsc/stream/64/1MiB` at least 0.7 times `limit/handoff/1MiB` |
//! | able to sleep | `spsc-parkable/stream/8/1MiB` at least 0.97 times `spsc/stream/8/1MiB` |
//! | asleep | `spsc-park/rtt/56/futex` at most 1.1 times `limit/futex-rtt` |
//!
//! The last two are shown for sides with fences, too, of which nothing is demanded: so that the
//! other form's gain is seen. Each is the median of the rounds' ratios, all in one run, a case
//! right behind its limit: a machine that is shared drifts.

use crate::case::{Case, Stage};
use crate::fault::Fault;
use crate::stats::median;
use crate::suite::{self, Outcome, Pace};
use std::fmt::{self, Display};

/// A bound on one case by another.
#[derive(Debug, Clone, Copy)]
struct Demand {
    case: &'static str,
    limit: &'static str,
    /// What a unit of the case is in units of the limit.
    weight: f64,
    bound: Bound,
}

impl Demand {
    const fn new(case: &'static str, bound: Bound, weight: f64, limit: &'static str) -> Demand {
        Demand { case, limit, weight, bound }
    }
}

#[derive(Debug, Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
    /// None: shown beside one that has a bound.
    Free,
}

const DEMANDS: [Demand; 6] = [
    Demand::new("spsc/rtt/56", Bound::AtMost(1.15), 1.0, "limit/rtt"),
    Demand::new("spsc/stream/64/1MiB", Bound::AtLeast(0.7), 64.0, "limit/handoff/1MiB"),
    Demand::new("spsc-parkable/stream/8/1MiB", Bound::AtLeast(0.97), 1.0, "spsc/stream/8/1MiB"),
    Demand::new("spsc-parkable/stream/8/1MiB/fence", Bound::Free, 1.0, "spsc/stream/8/1MiB"),
    Demand::new("spsc-park/rtt/56/futex", Bound::AtMost(1.1), 1.0, "limit/futex-rtt"),
    Demand::new("spsc-park/rtt/56/futex-fence", Bound::Free, 1.0, "limit/futex-rtt"),
];

/// One demand, measured.
#[derive(Debug, Clone, Copy)]
pub struct Verdict {
    demand: Demand,
    ratio: f64,
}

impl Verdict {
    /// Whether the bound is kept.
    pub fn holds(&self) -> bool {
        match self.demand.bound {
            Bound::AtMost(bound) => self.ratio <= bound,
            Bound::AtLeast(bound) => self.ratio >= bound,
            Bound::Free => true,
        }
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Demand { case, limit, bound, .. } = self.demand;
        write!(f, "{case} / {limit} = {:.3}, ", self.ratio)?;
        let verdict = if self.holds() { "holds" } else { "MISSED" };
        match bound {
            Bound::AtMost(bound) => write!(f, "wanted <= {bound}: {verdict}"),
            Bound::AtLeast(bound) => write!(f, "wanted >= {bound}: {verdict}"),
            Bound::Free => f.write_str("to compare"),
        }
    }
}

/// Measures all demands in one run. Blocks for about `rounds` seconds.
pub fn measure(stage: &Stage, rounds: usize) -> Result<Vec<Verdict>, (String, Fault)> {
    let cases = demanded();
    let pace = Pace { rounds, ..Pace::FULL };
    let outcomes = suite::run(&cases, stage, pace, |_, _, _| {})?;
    DEMANDS
        .iter()
        .map(|demand| {
            let ratio = ratio(&outcomes, demand).ok_or((demand.case.to_owned(), Fault::Void))?;
            Ok(Verdict { demand: *demand, ratio })
        })
        .collect()
}

/// The cases of all demands, each limit before what it limits.
fn demanded() -> Vec<Case> {
    let names = DEMANDS.iter().flat_map(|demand| [demand.limit, demand.case]);
    let place = |case: &Case| names.clone().position(|name| name == case.name);
    let mut cases: Vec<Case> = suite::standard();
    cases.retain(|case| place(case).is_some());
    cases.sort_by_key(|case| place(case));
    cases
}

fn ratio(outcomes: &[Outcome], demand: &Demand) -> Option<f64> {
    let named = |name| outcomes.iter().find(|outcome| outcome.name == name);
    let (case, limit) = (named(demand.case)?, named(demand.limit)?);
    let pairs = case.by_round.iter().zip(&limit.by_round);
    median(pairs.map(|(value, limit)| value * demand.weight / limit))
}

#[cfg(test)]
mod tests;
