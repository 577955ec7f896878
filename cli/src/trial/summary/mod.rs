//! What is told of a trial, to people and to programs.

#[cfg(test)]
mod tests;

use super::histogram::Histogram;
use super::ledger::Counts;
use serde_json::{Value, json};

/// The form of the JSON object. It changes when a field's meaning does.
const SCHEMA: &str = "annulus.check/1";

/// What came of a trial.
pub(super) struct Summary<'a> {
    pub(super) address: String,
    pub(super) counts: Counts,
    /// From when the first message had come to when the last one had.
    pub(super) span_ns: u64,
    /// From when the first message was sent to when the last one was, if they say it.
    pub(super) sent_span_ns: Option<u64>,
    /// One-way times of the paced messages.
    pub(super) latency: &'a Histogram,
    /// Whether a signal ended it.
    pub(super) interrupted: bool,
    /// The sentence about how it ended, unless it ended well.
    pub(super) failure: Option<String>,
}

impl Summary<'_> {
    /// A line for each figure.
    pub(super) fn text(&self) -> String {
        let Counts { runs, messages, bytes, repeated, gaps, first, newest } = self.counts;
        let mut lines = vec![("messages", messages.to_string())];
        if messages > 0 {
            let more = if runs > 1 { format!(", {runs} runs") } else { String::new() };
            lines[0].1 += &format!(" (number {first} to {newest}{more})");
        }
        lines.push(("bytes", bytes.to_string()));
        lines.push(("seconds", format!("{:.6}", self.seconds())));
        let whole = |rate: f64| format!("{rate:.0}");
        let mut rate = self.rate(Some(self.span_ns)).map_or("-".to_owned(), whole);
        if let Some(sent) = self.rate(self.sent_span_ns) {
            rate += &format!(", sent at {sent:.0}");
        }
        lines.push(("messages/s", rate));
        if self.latency.total() > 0 {
            let [p50, p99, p999] = self.percentiles();
            let max = self.latency.max();
            lines.push(("one way, ns", format!("p50 {p50}, p99 {p99}, p99.9 {p999}, max {max}")));
        }
        lines.push(("repeated", repeated.to_string()));
        lines.push(("gaps", gaps.to_string()));
        if self.interrupted {
            lines.push(("ended", "by a signal".to_owned()));
        }
        lines.iter().map(|(name, value)| format!("{name:<12} {value}\n")).collect()
    }

    /// The same as an object in a line.
    pub(super) fn json(&self) -> String {
        let Counts { runs, messages, bytes, repeated, gaps, first, newest } = self.counts;
        let came = messages > 0;
        let latency = (self.latency.total() > 0).then(|| {
            let [p50, p99, p999] = self.percentiles();
            json!({
                "p50": p50,
                "p99": p99,
                "p999": p999,
                "max": self.latency.max(),
                "samples": self.latency.total(),
            })
        });
        let object: Value = json!({
            "schema": SCHEMA,
            "address": self.address,
            "runs": runs,
            "messages": messages,
            "bytes": bytes,
            "seconds": self.seconds(),
            "messages_per_second": self.rate(Some(self.span_ns)).map(f64::round),
            "sent_per_second": self.rate(self.sent_span_ns).map(f64::round),
            "latency_ns": latency,
            "repeated": repeated,
            "gaps": gaps,
            "first": came.then_some(first),
            "last": came.then_some(newest),
            "interrupted": self.interrupted,
            "failure": self.failure,
        });
        format!("{object}\n")
    }

    fn seconds(&self) -> f64 {
        self.span_ns as f64 / 1e9
    }

    /// Messages a second: those after the first one, over the time they took.
    fn rate(&self, span_ns: Option<u64>) -> Option<f64> {
        let (after, span_ns) = (self.counts.messages.saturating_sub(1), span_ns?);
        (after > 0 && span_ns > 0).then(|| after as f64 * 1e9 / span_ns as f64)
    }

    fn percentiles(&self) -> [u64; 3] {
        [5_000, 9_900, 9_990].map(|per_10_000| self.latency.percentile(per_10_000))
    }
}
