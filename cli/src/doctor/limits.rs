//! Limits of this process: open files, and memory that it may lock.

use super::finding::Finding;
use super::host::{Answer, Host};
use super::root::Root;
use crate::units::Bytes;

/// A segment takes three descriptors, and a process has three before.
const FILES_LEAST: u64 = 8;
/// Less than this is soon used up.
const FILES_SCARCE: u64 = 256;

/// What a few rings take.
const LOCKED_SCARCE: u64 = 64 << 20;

pub(super) fn look(_: &Root, host: &Host) -> Vec<Finding> {
    vec![files(&host.nofile), locked(&host.memlock)]
}

fn files(limit: &Answer<Option<u64>>) -> Finding {
    let name = "open files";
    let advice = "raise it: ulimit -n 1024";
    match limit {
        Ok(None) => Finding::ok(name, "no limit"),
        Ok(Some(limit)) if *limit < FILES_LEAST => {
            let found = format!("{limit} at most, and a ring alone takes three");
            Finding::fail(name, found, advice)
        }
        Ok(Some(limit)) if *limit < FILES_SCARCE => {
            Finding::warn(name, format!("{limit} at most, and a ring takes three"), advice)
        }
        Ok(Some(limit)) => Finding::ok(name, format!("{limit} at most")),
        Err(why) => Finding::unasked(name, "getrlimit", why),
    }
}

fn locked(limit: &Answer<Option<u64>>) -> Finding {
    let name = "locked memory";
    match limit {
        Ok(None) => Finding::ok(name, "no limit"),
        Ok(Some(limit)) if *limit < LOCKED_SCARCE => Finding::note(
            name,
            format!("{} at most", Bytes(*limit)),
            "raise it (ulimit -l) if rings are to be locked in memory",
        ),
        Ok(Some(limit)) => Finding::ok(name, format!("{} at most", Bytes(*limit))),
        Err(why) => Finding::unasked(name, "getrlimit", why),
    }
}
