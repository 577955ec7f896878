//! What people and programs read: the table, and one JSON object a case.

use annulus_benches::case::Unit;
use annulus_benches::machine::Machine;
use annulus_benches::report;
use annulus_benches::stats::{Latency, Throughput};
use annulus_benches::suite::{Figure, Outcome};

fn machine() -> Machine {
    Machine {
        cpu: "a processor".to_owned(),
        core_count: 2,
        kernel: "6.1".to_owned(),
        commit: "abc1234".to_owned(),
        cores: [0, 1],
    }
}

fn outcome(name: &str, unit: Unit, figure: Figure) -> Outcome {
    Outcome {
        name: name.to_owned(),
        unit,
        ring_bytes: Some(65536),
        cell: Some(64),
        wait: "spin".to_owned(),
        rounds: 3,
        pids: [11, 12],
        figure,
        ratio: Some(1.05),
        limit: Some("limit/rtt"),
        by_round: vec![1.0],
        variants: vec![("spin".to_owned(), 1.0)],
    }
}

fn both() -> Vec<Outcome> {
    let latency = Latency {
        p50_ns: 200.04,
        p90_ns: 210.0,
        p99_ns: 300.0,
        p999_ns: 900.0,
        p9999_ns: 2_000.0,
        max_ns: 50_000.0,
        samples: 1_000,
    };
    let rate = Throughput { median: 1.5e8, min: 1.0e8, max: 2.0e8 };
    vec![
        outcome("spsc/rtt/56", Unit::Nanoseconds, Figure::Latency(latency)),
        outcome("spsc/stream/8/1MiB", Unit::MessagesPerSecond, Figure::Throughput(rate)),
    ]
}

#[test]
fn each_json_line_is_an_object_with_all_that_was_promised() {
    let text = report::json_lines(&machine(), &both());
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    let promised = [
        "schema",
        "case",
        "unit",
        "commit",
        "kernel",
        "cores",
        "ring_bytes",
        "cell",
        "wait",
        "rounds",
        "pids",
        "limit",
        "ratio",
    ];
    for line in &lines {
        for field in promised {
            assert!(line.get(field).is_some(), "{field} in {line}");
        }
        assert_eq!(line["cores"], serde_json::json!([0, 1]));
        assert_eq!(line["pids"], serde_json::json!([11, 12]));
    }
    assert_eq!(lines[0]["latency"]["p50"], 200.0);
    for field in ["p50", "p90", "p99", "p999", "p9999", "max", "samples"] {
        assert!(lines[0]["latency"][field].is_number(), "{field}");
    }
    assert_eq!(lines[1]["throughput"]["median"], 1.5e8);
    assert_eq!(lines[1]["throughput"]["min"], 1.0e8);
    assert_eq!(lines[1]["throughput"]["max"], 2.0e8);
    assert!(lines[1].get("latency").is_none());
}

#[test]
fn the_table_has_a_line_for_the_machine_one_of_heads_and_one_for_each_case() {
    let table = report::table(&machine(), &both());
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[0].contains("abc1234") && lines[0].contains("6.1"));
    assert!(lines[2].contains("200.0 ns") && lines[2].contains("1.05"));
    assert!(lines[3].contains("150.00 M messages/s"));
}
