//! What these tests look up in /proc, independent of the code they test.

// Each test binary uses a part of it.
#![allow(dead_code)]

use std::fs;
use std::time::Duration;

pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Whether a process with this id runs. A zombie does not.
pub(crate) fn runs(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // "pid (name) state …", and the name may hold anything.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// The ids of the processes whose parent is `parent`.
pub(crate) fn children_of(parent: u32) -> Vec<String> {
    let child = |pid: &String| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        rest.split(' ').nth(1) == Some(&parent.to_string())
    };
    processes().filter(child).collect()
}

/// The id of the janitor that cleans up after process `owner`.
pub(crate) fn janitor_of(owner: u32) -> Option<String> {
    let wanted = format!("\0annulus-janitor\0{owner}\0");
    processes().find(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.windows(wanted.len()).any(|part| part == wanted.as_bytes()) && runs(pid)
    })
}

/// What process `owner` has in shared memory under a scratch name.
pub(crate) fn left_by(owner: u32) -> Vec<String> {
    let files = fs::read_dir("/dev/shm").unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(&format!("annulus.test-{owner}-"))).collect()
}

fn processes() -> impl Iterator<Item = String> {
    let entries = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().file_name());
    let names = entries.map(|name| name.into_string().unwrap());
    names.filter(|name| name.starts_with(|first: char| first.is_ascii_digit()))
}
