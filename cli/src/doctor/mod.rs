//! `annulus doctor`: what of this machine costs latency, or will fail, and what to do about it.
//!
//! ```text
//!   /proc, /sys --root--+
//!                       +--> a room for each concern --> findings --> table, or JSON
//!   the kernel --host---+
//! ```
//! It looks and changes nothing: files under /proc and /sys, and system calls that only answer.
//! Everything is read through a [`Root`] and a [`Host`], so that tests can show it any machine.
//! What is not there, or makes no sense, is a finding too.

mod clock;
mod containers;
mod cores;
mod cpulist;
mod finding;
mod frequency;
mod host;
mod ipc;
mod kernel;
mod limits;
mod pages;
mod root;
mod shared_memory;

use crate::args::Args;
use crate::exit::{Failure, Status};
use crate::{print, usage};
use finding::{Finding, Level};
use host::Host;
use lexopt::prelude::{Long, Short};
use root::Root;

/// Each concern, in the order in which it is told.
const CONCERNS: [fn(&Root, &Host) -> Vec<Finding>; 9] = [
    kernel::look,
    shared_memory::look,
    limits::look,
    cores::look,
    frequency::look,
    clock::look,
    pages::look,
    containers::look,
    ipc::look,
];

/// Runs the command.
pub(crate) fn run(mut args: Args) -> Result<Status, Failure> {
    let mut json = false;
    while let Some(arg) = args.next()? {
        match arg {
            Short('h') | Long("help") => return usage::show(usage::DOCTOR),
            Long("json") => json = true,
            other => {
                let error = other.unexpected();
                return Err(args.refused(error));
            }
        }
    }
    let findings = look(&Root::real(), &Host::ask());
    print::all(&if json { finding::json_lines(&findings) } else { finding::table(&findings) })?;
    let will_fail = findings.iter().any(|finding| finding.level == Level::Fail);
    Ok(if will_fail { Status::Error } else { Status::Done })
}

fn look(root: &Root, host: &Host) -> Vec<Finding> {
    CONCERNS.iter().flat_map(|concern| concern(root, host)).collect()
}

#[cfg(test)]
mod tests;
