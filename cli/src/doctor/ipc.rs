//! Message queues and semaphores of the system: rings use neither, but who compares them does.

use super::finding::Finding;
use super::host::Host;
use super::root::{Root, Unread};

const UNUSED: &str = "raise it with sysctl if you compare rings with it: Annulus does not use it";

pub(super) fn look(root: &Root, _: &Host) -> Vec<Finding> {
    vec![
        told("message queues", posix_queues(root)),
        told("System V queues", system_v_queues(root)),
        told("semaphores", semaphores(root)),
    ]
}

/// What was found and whether it is enough for anything.
fn told(name: &'static str, found: Result<(String, bool), Unread>) -> Finding {
    match found {
        Ok((found, true)) => Finding::ok(name, found),
        Ok((found, false)) => Finding::note(name, found, UNUSED),
        Err(why) if why.is_missing => {
            Finding::note(name, "not in this kernel or container", "nothing: rings use none")
        }
        Err(why) => Finding::unread(name, &why),
    }
}

fn posix_queues(root: &Root) -> Result<(String, bool), Unread> {
    let number = |name: &str| root.number(&format!("/proc/sys/fs/mqueue/{name}"));
    let (queues, messages, bytes) =
        (number("queues_max")?, number("msg_max")?, number("msgsize_max")?);
    let found = format!("{queues} of {messages} messages of {bytes} bytes at most");
    Ok((found, queues > 0 && messages > 0 && bytes >= 64))
}

fn system_v_queues(root: &Root) -> Result<(String, bool), Unread> {
    let number = |name: &str| root.number(&format!("/proc/sys/kernel/{name}"));
    let (queues, queue, message) = (number("msgmni")?, number("msgmnb")?, number("msgmax")?);
    let found = format!("{queues} of {queue} bytes, messages of {message} bytes at most");
    Ok((found, queues > 0 && queue >= 64 && message >= 64))
}

fn semaphores(root: &Root) -> Result<(String, bool), Unread> {
    // In a set, in all, operations in a call, sets.
    let numbers = root.value("/proc/sys/kernel/sem", |text| {
        let numbers = text.split_whitespace().map(str::parse);
        let numbers: Result<Vec<u64>, _> = numbers.collect();
        <[u64; 4]>::try_from(numbers.ok()?).ok()
    })?;
    let [_, all, _, sets] = numbers;
    Ok((format!("{all} in {sets} sets at most"), all > 0 && sets > 0))
}
