//! Both forms say the same, also where there is nothing to say.

use super::Summary;
use crate::trial::histogram::Histogram;
use crate::trial::ledger::Counts;
use serde_json::{Value, json};

fn of(counts: Counts, span_ns: u64, latency: &Histogram) -> (String, Value) {
    let address = "shm:x".to_owned();
    let sent_span_ns = (latency.total() > 0).then_some(4 * span_ns);
    let summary = Summary {
        address,
        counts,
        span_ns,
        sent_span_ns,
        latency,
        interrupted: false,
        failure: None,
    };
    (summary.text(), serde_json::from_str(&summary.json()).unwrap())
}

#[test]
fn a_paced_run_has_all_figures() {
    let mut latency = Histogram::new();
    (1..=1_000).for_each(|ns| latency.record(ns));
    let counts =
        Counts { runs: 2, messages: 101, bytes: 6_464, repeated: 8, gaps: 1, first: 3, newest: 9 };
    let (text, json) = of(counts, 2_000_000_000, &latency);
    let lines = [
        "messages     101 (number 3 to 9, 2 runs)",
        "bytes        6464",
        "seconds      2.000000",
        "messages/s   50, sent at 12",
        "one way, ns  p50 501, p99 991, p99.9 999, max 1000",
        "repeated     8",
        "gaps         1",
    ];
    assert_eq!(text, lines.map(|line| format!("{line}\n")).concat());
    assert_eq!(json["schema"], "annulus.check/1");
    assert_eq!(json["messages_per_second"], 50.0);
    assert_eq!((&json["sent_per_second"], &json["interrupted"]), (&json!(13.0), &json!(false)));
    assert_eq!(
        json["latency_ns"],
        json!({ "p50": 501, "p99": 991, "p999": 999, "max": 1_000, "samples": 1_000 })
    );
    assert_eq!((&json["first"], &json["last"]), (&json!(3), &json!(9)));
}

#[test]
fn nothing_at_all_has_no_rate_and_no_times() {
    let (text, json) = of(Counts::default(), 0, &Histogram::new());
    assert!(text.starts_with("messages     0\n"), "{text}");
    assert!(text.contains("messages/s   -\n") && !text.contains("one way"), "{text}");
    for key in ["messages_per_second", "latency_ns", "first", "last", "failure"] {
        assert_eq!(json[key], Value::Null, "{key}");
    }
}
