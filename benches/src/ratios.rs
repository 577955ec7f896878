//! The ratios that must hold on any machine: what `ci/ratios` checks.
//!
//! | | |
//! |---|---|
//! | round trip | `spsc/rtt/56` at most 1.15 times `limit/rtt` |
//! | stream | the payload bytes of `spsc/stream/64/1MiB` at least 0.7 times `limit/handoff/1MiB` |
//!
//! Each is the median of the rounds' ratios, all in one run: a machine that is shared drifts.

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

#[derive(Debug, Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

const DEMANDS: [Demand; 2] = [
    Demand { case: "spsc/rtt/56", limit: "limit/rtt", weight: 1.0, bound: Bound::AtMost(1.15) },
    Demand {
        case: "spsc/stream/64/1MiB",
        limit: "limit/handoff/1MiB",
        weight: 64.0,
        bound: Bound::AtLeast(0.7),
    },
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
        }
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Demand { case, limit, bound, .. } = self.demand;
        let (sign, bound) = match bound {
            Bound::AtMost(bound) => ("<=", bound),
            Bound::AtLeast(bound) => (">=", bound),
        };
        let verdict = if self.holds() { "holds" } else { "MISSED" };
        write!(f, "{case} / {limit} = {:.2}, wanted {sign} {bound}: {verdict}", self.ratio)
    }
}

/// Measures all demands in one run. Blocks for about `rounds` seconds.
pub fn measure(stage: &Stage, rounds: usize) -> Result<Vec<Verdict>, (String, Fault)> {
    let wanted = |case: &Case| {
        DEMANDS.iter().any(|demand| case.name == demand.case || case.name == demand.limit)
    };
    let cases: Vec<Case> = suite::standard().into_iter().filter(wanted).collect();
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

fn ratio(outcomes: &[Outcome], demand: &Demand) -> Option<f64> {
    let named = |name| outcomes.iter().find(|outcome| outcome.name == name);
    let (case, limit) = (named(demand.case)?, named(demand.limit)?);
    let pairs = case.by_round.iter().zip(&limit.by_round);
    median(pairs.map(|(value, limit)| value * demand.weight / limit))
}
