//! Lists of cores, the table and the JSON lines.

use super::super::cpulist::{parse, show};
use super::super::finding::{Finding, json_lines, table};
use serde_json::{Value, json};

#[test]
fn lists_of_cores_are_read_and_written_as_the_kernel_does() {
    for (text, cores) in
        [("", &[][..]), ("3", &[3]), ("0-3", &[0, 1, 2, 3]), ("0,2-3,8", &[0, 2, 3, 8])]
    {
        assert_eq!(parse(text).as_deref(), Some(cores), "{text}");
        assert_eq!(show(cores), text);
    }
    assert_eq!(parse("3,1,1-2"), Some(vec![1, 2, 3]));
    for text in [",", "1,", "-", "1-", "-1", "2-1", "a", "0-65536", "1 2", "0-1-2"] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn the_table_has_a_line_for_each_and_one_for_what_to_do() {
    let findings = [
        Finding::ok("swap", "none"),
        Finding::warn("governor", "pow\x1b[31mer\nsave", "choose performance"),
    ];
    let lines = [
        "ok    swap      none",
        "warn  governor  pow\\u{1b}[31mer\\nsave",
        "                -> choose performance",
    ];
    assert_eq!(table(&findings), lines.map(|line| format!("{line}\n")).concat());
    let values: Vec<Value> =
        json_lines(&findings).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        values[0],
        json!({
            "schema": "annulus.doctor/1",
            "level": "ok",
            "name": "swap",
            "found": "none",
            "advice": null,
        })
    );
    assert_eq!(values[1]["advice"], "choose performance");
    assert_eq!(values[1]["found"], "pow\x1b[31mer\nsave");
}
