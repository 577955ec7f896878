//! What was found: how bad it is, with which value, and what to do about it.

use super::root::Unread;
use serde_json::json;
use std::fmt;

/// The form of a JSON line. It changes when a field's meaning does.
const SCHEMA: &str = "annulus.doctor/1";

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing; also what cannot be known.
    Note,
    /// Costs latency, or room that may be wanted.
    Warn,
    /// Rings cannot be made or used.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// What was looked at, in a word or two.
    pub(super) name: &'static str,
    /// What it is.
    pub(super) found: String,
    /// What to do; nothing where all is well.
    pub(super) advice: Option<&'static str>,
}

impl Finding {
    pub(super) fn ok(name: &'static str, found: impl Into<String>) -> Finding {
        Finding { level: Level::Ok, name, found: found.into(), advice: None }
    }

    pub(super) fn note(
        name: &'static str,
        found: impl Into<String>,
        advice: &'static str,
    ) -> Finding {
        Finding { level: Level::Note, name, found: found.into(), advice: Some(advice) }
    }

    pub(super) fn warn(
        name: &'static str,
        found: impl Into<String>,
        advice: &'static str,
    ) -> Finding {
        Finding { level: Level::Warn, ..Finding::note(name, found, advice) }
    }

    pub(super) fn fail(
        name: &'static str,
        found: impl Into<String>,
        advice: &'static str,
    ) -> Finding {
        Finding { level: Level::Fail, ..Finding::note(name, found, advice) }
    }

    /// It cannot be known, which is no fault of the machine.
    pub(super) fn unread(name: &'static str, why: &Unread) -> Finding {
        Finding::note(name, why.to_string(), "look at it by other means if it matters here")
    }

    /// The kernel did not answer a system call.
    pub(super) fn unasked(name: &'static str, call: &str, why: &str) -> Finding {
        Finding::note(
            name,
            format!("cannot be read: {call} gives '{why}'"),
            "look at it by other means if it matters here",
        )
    }
}

/// A line for each finding, with what to do below it.
pub(super) fn table(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Finding { level, name, found, advice } in findings {
        text += &format!("{level:<5} {name:<width$}  {}\n", escaped(found));
        if let Some(advice) = advice {
            text += &format!("{:<5} {:<width$}  -> {advice}\n", "", "");
        }
    }
    text
}

/// One JSON object a line, a line for each finding.
pub(super) fn json_lines(findings: &[Finding]) -> String {
    let line = |Finding { level, name, found, advice }: &Finding| {
        let object = json!({
            "schema": SCHEMA,
            "level": level.to_string(),
            "name": name,
            "found": found,
            "advice": advice,
        });
        format!("{object}\n")
    };
    findings.iter().map(line).collect()
}

/// What stands in a file may be anything: control characters would act on the terminal.
fn escaped(text: &str) -> String {
    let each = text.chars().flat_map(|c| {
        let (plain, strange) = if c.is_control() { (None, Some(c)) } else { (Some(c), None) };
        plain.into_iter().chain(strange.into_iter().flat_map(char::escape_default))
    });
    each.collect()
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Level::Ok => "ok",
            Level::Note => "note",
            Level::Warn => "warn",
            Level::Fail => "fail",
        })
    }
}
