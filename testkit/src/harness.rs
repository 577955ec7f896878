//! Harnesses that are killed themselves, while the processes that they made are at work.

use crate::eventually;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long a harness may take to get to work on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// Runs `command` until it has at least `children` children, kills it with SIGKILL, and returns the
/// process ids of its children. It is reaped; what has become of them is for the caller to see.
#[track_caller]
pub fn kill_at_work(mut command: Command, children: usize) -> Vec<u32> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut harness = command.spawn().expect("the harness can be started");
    let mut seen = Vec::new();
    eventually(SOON, || {
        seen = children_of(harness.id());
        seen.len() >= children
    });
    harness.kill().expect("the harness can be killed");
    harness.wait().expect("the harness can be reaped");
    seen
}

/// Whether a process is there, and not a zombie that nobody has reaped yet.
pub fn is_alive(pid: u32) -> bool {
    !matches!(state_of(pid), Some('Z' | 'X') | None)
}

/// Whether a process sleeps in a system call.
pub fn is_asleep(pid: u32) -> bool {
    state_of(pid) == Some('S')
}

fn state_of(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The first field after the name, which may contain anything.
    stat.rsplit(") ").next().and_then(|fields| fields.chars().next())
}

fn children_of(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}
