//! The kernel: its age, /proc, membarrier(2), and whether the machine is a real one.

use super::finding::Finding;
use super::host::Host;
use super::root::Root;

/// The first kernel that brings a ring's pages in ready for writing, and that is supported.
const SUPPORTED: (u64, u64) = (5, 14);
/// The first one that has locks of open file descriptions, without which no role can be taken.
const OLDEST: (u64, u64) = (3, 15);

/// MEMBARRIER_CMD_PRIVATE_EXPEDITED and MEMBARRIER_CMD_GLOBAL_EXPEDITED.
const EXPEDITED: [u64; 2] = [1 << 3, 1 << 1];

pub(super) fn look(root: &Root, host: &Host) -> Vec<Finding> {
    vec![release(root), proc(root), membarrier(host), machine(root)]
}

fn release(root: &Root) -> Finding {
    let name = "kernel";
    let path = "/proc/sys/kernel/osrelease";
    let read = root.value(path, |text| version(text).map(|version| (version, text.to_owned())));
    match read {
        Ok((version, text)) if version < OLDEST => Finding::fail(
            name,
            format!("Linux {text} has no locks of open file descriptions: joining a ring fails"),
            "run a kernel of 5.14 or later",
        ),
        Ok((version, text)) if version < SUPPORTED => Finding::warn(
            name,
            format!("Linux {text} is older than 5.14: each page of a ring faults when first used"),
            "run a kernel of 5.14 or later, which is what is supported",
        ),
        Ok((_, text)) => Finding::ok(name, format!("Linux {text}")),
        Err(why) => Finding::unread(name, &why),
    }
}

/// The first two numbers of `6.18.44-generic`.
fn version(text: &str) -> Option<(u64, u64)> {
    let (major, rest) = text.split_once('.')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    Some((major.parse().ok()?, rest[..digits].parse().ok()?))
}

fn proc(root: &Root) -> Finding {
    if root.has("/proc/self/fd") {
        return Finding::ok("/proc", "mounted");
    }
    Finding::fail(
        "/proc",
        "/proc/self/fd is not there, and making a ring with a name fails",
        "mount it: mount -t proc proc /proc",
    )
}

fn membarrier(host: &Host) -> Finding {
    let name = "membarrier";
    match &host.membarrier {
        Ok(commands) if EXPEDITED.iter().all(|bit| commands & bit != 0) => {
            Finding::ok(name, format!("commands {commands:#x}"))
        }
        Ok(commands) => Finding::note(
            name,
            format!("commands {commands:#x}, without the expedited ones"),
            "nothing to do: rings whose sides sleep have fences instead, 8 ns a message",
        ),
        Err(why) => Finding::note(
            name,
            format!("refused: {why}"),
            "allow membarrier(2) in the container's seccomp profile, or make rings with fences",
        ),
    }
}

fn machine(root: &Root) -> Finding {
    let name = "machine";
    let cpuinfo = match root.text("/proc/cpuinfo") {
        Ok(text) => text,
        Err(why) => return Finding::unread(name, &why),
    };
    // x86 has `flags`; elsewhere this says nothing about hypervisors.
    let Some(flags) = cpuinfo.lines().find(|line| line.starts_with("flags")) else {
        return Finding::ok(name, "/proc/cpuinfo tells of no hypervisor");
    };
    if flags.split_whitespace().any(|flag| flag == "hypervisor") {
        return Finding::note(
            name,
            "virtual: the hypervisor may take a core away at any time",
            "ask for dedicated cores, and believe medians rather than maxima",
        );
    }
    Finding::ok(name, "no hypervisor")
}
