//! Where rings with a name live: /dev/shm, its room, and whether its pages may leave memory.

use super::finding::Finding;
use super::host::{Host, Space};
use super::root::Root;
use crate::address::CAPACITY_DEFAULT;
use crate::units::Bytes;

/// What a ring of the default capacity takes, with its header.
const NEEDED: u64 = CAPACITY_DEFAULT + 4096;
/// Less than this is soon full.
const SCARCE: u64 = 64 << 20;

pub(super) fn look(root: &Root, host: &Host) -> Vec<Finding> {
    vec![mount(root), room(host), swap(root)]
}

fn mount(root: &Root) -> Finding {
    let name = "/dev/shm";
    let mounts = match root.text("/proc/mounts") {
        Ok(text) => text,
        Err(why) => return Finding::unread(name, &why),
    };
    // Of several on one another the last one is seen.
    let mounted = mounts.lines().rev().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        (fields.next() == Some("/dev/shm")).then(|| fields.next().unwrap_or("nothing known"))
    });
    match mounted {
        Some("tmpfs") => Finding::ok(name, "tmpfs"),
        Some(other) => Finding::warn(
            name,
            format!("{other}, and not tmpfs"),
            "mount a tmpfs there: on a disk, dirty pages are written back meanwhile",
        ),
        None => Finding::warn(
            name,
            "no file system of its own is mounted there",
            "mount one: mount -t tmpfs -o mode=1777 tmpfs /dev/shm",
        ),
    }
}

fn room(host: &Host) -> Finding {
    let name = "room for rings";
    let Space { bytes, free, read_only } = match &host.shm {
        Ok(space) => *space,
        Err(why) => {
            return Finding::fail(
                name,
                format!("/dev/shm: {why}, and making a ring with a name fails"),
                "mount one: mount -t tmpfs -o mode=1777 tmpfs /dev/shm",
            );
        }
    };
    let found = format!("{} of {} are free in /dev/shm", Rounded(free), Rounded(bytes));
    if read_only {
        let found = "/dev/shm is read-only, and making a ring with a name fails";
        return Finding::fail(name, found, "mount it anew: mount -o remount,rw /dev/shm");
    }
    if free < NEEDED {
        return Finding::fail(
            name,
            format!("{found}, and a ring of the default capacity takes {NEEDED} bytes"),
            "enlarge it (mount -o remount,size=1G /dev/shm; docker run --shm-size=1g), or free \
             some with 'annulus gc'",
        );
    }
    if free < SCARCE {
        let advice = "enlarge it (mount -o remount,size=1G /dev/shm; docker run --shm-size=1g)";
        return Finding::warn(name, found, advice);
    }
    Finding::ok(name, found)
}

fn swap(root: &Root) -> Finding {
    match root.text("/proc/swaps") {
        Ok(text) if text.lines().count() > 1 => Finding::note(
            "swap",
            format!("{} in use, and rings may be moved there", text.lines().count() - 1),
            "switch it off (swapoff -a) where a wait of milliseconds is too much",
        ),
        Ok(_) => Finding::ok("swap", "none"),
        Err(why) => Finding::unread("swap", &why),
    }
}

/// A size that need not be exact.
struct Rounded(u64);

impl std::fmt::Display for Rounded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let whole = [1 << 30, 1 << 20, 1 << 10].into_iter().find(|unit| self.0 >= 8 * unit);
        let unit = whole.unwrap_or(1);
        Bytes(self.0 / unit * unit).fmt(f)
    }
}
