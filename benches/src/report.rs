//! What came out, for people (a table) and for programs (one JSON object a line).
//!
//! Both say the same: the case, its figure, its ratio to the limit of the same run, and what a
//! reader needs to judge it: how it waited, how many rounds, where. Writing is the caller's: both
//! forms are given as text.

use serde_json::{Value, json};

use crate::case::Unit;
use crate::machine::Machine;
use crate::suite::{Figure, Outcome};

/// The form of a JSON line. It changes when a field's meaning does.
pub const SCHEMA: &str = "annulus.bench/1";

/// One JSON object a line, a line for each outcome. Times are nanoseconds.
pub fn json_lines(machine: &Machine, outcomes: &[Outcome]) -> String {
    outcomes.iter().map(|outcome| format!("{}\n", json_object(machine, outcome))).collect()
}

/// One outcome as a JSON object.
pub fn json_object(machine: &Machine, outcome: &Outcome) -> Value {
    let mut object = json!({
        "schema": SCHEMA,
        "case": outcome.name,
        "unit": outcome.unit.to_string(),
        "commit": machine.commit,
        "kernel": machine.kernel,
        "cpu": machine.cpu,
        "cores": machine.cores,
        "ring_bytes": outcome.ring_bytes,
        "cell": outcome.cell,
        "wait": outcome.wait,
        "rounds": outcome.rounds,
        "pids": outcome.pids,
        "limit": outcome.limit,
        "ratio": outcome.ratio.map(|ratio| rounded(ratio, 1e4)),
        "variants": outcome
            .variants
            .iter()
            .map(|(wait, value)| json!({ "wait": wait, "value": rounded(*value, 10.0) }))
            .collect::<Vec<_>>(),
    });
    let (kind, figure) = match outcome.figure {
        Figure::Latency(latency) => (
            "latency",
            json!({
                "p50": rounded(latency.p50_ns, 10.0),
                "p90": rounded(latency.p90_ns, 10.0),
                "p99": rounded(latency.p99_ns, 10.0),
                "p999": rounded(latency.p999_ns, 10.0),
                "p9999": rounded(latency.p9999_ns, 10.0),
                "max": rounded(latency.max_ns, 10.0),
                "samples": latency.samples,
            }),
        ),
        Figure::Throughput(throughput) => (
            "throughput",
            json!({
                "median": throughput.median.round(),
                "min": throughput.min.round(),
                "max": throughput.max.round(),
            }),
        ),
    };
    object[kind] = figure;
    object
}

/// A table with a line about the machine above it.
pub fn table(machine: &Machine, outcomes: &[Outcome]) -> String {
    let width = outcomes.iter().map(|outcome| outcome.name.len()).max().unwrap_or(0).max(4);
    let mut text = format!(
        "{} | {} core(s) usable, cores {} and {} used | kernel {} | commit {}\n",
        machine.cpu,
        machine.core_count,
        machine.cores[0],
        machine.cores[1],
        machine.kernel,
        machine.commit
    );
    text += &format!(
        "{:width$}  {:>22}  {:>6}  {:>8}  {:>8}  {:>8}  {:>9}  {}\n",
        "case", "value", "ratio", "p50", "p99", "p99.9", "max", "wait, rounds"
    );
    for outcome in outcomes {
        let ratio = outcome.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        let columns = match outcome.figure {
            Figure::Latency(latency) => {
                [latency.p50_ns, latency.p99_ns, latency.p999_ns, latency.max_ns]
                    .map(|ns| format!("{ns:.0}"))
            }
            Figure::Throughput(_) => ["-"; 4].map(str::to_owned),
        };
        text += &format!(
            "{:width$}  {:>22}  {:>6}  {:>8}  {:>8}  {:>8}  {:>9}  {}, {}\n",
            outcome.name,
            value(outcome),
            ratio,
            columns[0],
            columns[1],
            columns[2],
            columns[3],
            outcome.wait,
            outcome.rounds
        );
    }
    text
}

/// The figure in a unit that is easy to read.
fn value(outcome: &Outcome) -> String {
    let value = outcome.figure.value();
    match outcome.unit {
        Unit::Nanoseconds => format!("{value:.1} ns"),
        Unit::MessagesPerSecond => format!("{:.2} M messages/s", value / 1e6),
        Unit::LinesPerSecond => format!("{:.2} M lines/s", value / 1e6),
        Unit::BytesPerSecond => format!("{:.2} GB/s", value / 1e9),
    }
}

/// To the nearest of `per_one` steps in one: clocks do not know more digits than these.
fn rounded(value: f64, per_one: f64) -> f64 {
    (value * per_one).round() / per_one
}

/// A line for each case that has several variants, with the value of each.
pub fn variants(outcomes: &[Outcome]) -> String {
    let several = outcomes.iter().filter(|outcome| outcome.variants.len() > 1);
    several
        .map(|outcome| {
            let scale = if outcome.unit == Unit::Nanoseconds { 1.0 } else { 1e6 };
            let each = outcome.variants.iter();
            let each = each.map(|(wait, value)| format!("  {wait} {:.0}", value / scale));
            format!("{}{}\n", outcome.name, each.collect::<String>())
        })
        .collect()
}
