//! What the errors of segments say: one sentence each, with what was wrong, which value it had, and
//! what to do. They name no segment, since the caller knows which one it asked for.

use super::{JoinError, RemoveError, SegmentError};
use crate::layout::{CAPACITY_MAX, CAPACITY_MIN, SLOT_CELL, SLOTS_MIN};
use crate::ring::{Role, Wake};
use core::fmt;
use std::io;

impl fmt::Display for SegmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            SegmentError::Capacity { asked } => write!(
                f,
                "a ring of {} is not possible: take a power of two between {} and {}, the \
                 nearest is {}",
                Bytes(asked),
                Bytes(CAPACITY_MIN),
                Bytes(CAPACITY_MAX),
                Bytes(nearest_power(asked, CAPACITY_MIN, CAPACITY_MAX))
            ),
            SegmentError::Slots { asked } => write!(
                f,
                "a ring of {asked} slots is not possible: take a power of two between {SLOTS_MIN} \
                 and {}, the nearest is {}",
                CAPACITY_MAX / SLOT_CELL,
                nearest_power(asked, SLOTS_MIN, CAPACITY_MAX / SLOT_CELL)
            ),
            SegmentError::LargeSlots { slots, payload } => write!(
                f,
                "{slots} slots for messages of {payload} bytes are more than {}, which is the \
                 most: take fewer, or shorter ones",
                Bytes(CAPACITY_MAX)
            ),
            SegmentError::Participants { asked, least, limit } => {
                write!(
                    f,
                    "a ring for {asked} participants is not possible: take {least} to {limit}"
                )
            }
            SegmentError::DeadLetters { asked, limit } => write!(
                f,
                "room for {asked} dead letters is not possible with messages so long: take at most \
                 {limit}"
            ),
            SegmentError::ManyWake { asked } => write!(
                f,
                "whoever sleeps in a ring of many producers and consumers is woken by a futex, and \
                 {asked} is not there yet: ask for futex"
            ),
            SegmentError::Exists => {
                f.write_str("a segment of this name exists: attach to it, or choose another name")
            }
            SegmentError::NotFound => {
                f.write_str("no segment has this name: create it, or wait for it")
            }
            SegmentError::NoFolder => {
                f.write_str("the folder for the segment is not there: make it first")
            }
            SegmentError::Nameless => f.write_str(
                "a memfd has no name to attach by: pass its descriptor on and attach to that",
            ),
            SegmentError::NotRegular => f.write_str(
                "this is not a segment but a link, folder, FIFO or device: choose another name",
            ),
            SegmentError::WrongOwner { uid } => write!(
                f,
                "the segment belongs to user {uid}: attach to it with any owner allowed, if that \
                 user is trusted"
            ),
            SegmentError::WrongMode { mode } => write!(
                f,
                "the segment has mode {mode:04o}: nobody but its owner may have access, set the \
                 mode to 0600 if its bytes are still to be trusted"
            ),
            SegmentError::Denied => {
                f.write_str("the system refuses access: run as the segment's owner")
            }
            SegmentError::TooShort { bytes } => write!(
                f,
                "the file has only {} and no segment is so short: it was truncated or is \
                 something else, remove it",
                Bytes(bytes)
            ),
            SegmentError::NotAnnulus => f.write_str(
                "the file does not begin as a segment does: it is something else, choose another \
                 name",
            ),
            SegmentError::WrongVersion { found, wanted } => write!(
                f,
                "the segment has ABI version {found} and this library reads version {wanted}: \
                 use the same version of Annulus on both sides, or remove the segment"
            ),
            SegmentError::WrongKind { found } => write!(
                f,
                "the segment holds a ring of kind {found}, which this version does not know: use \
                 a newer Annulus"
            ),
            SegmentError::Header { field, value } => write!(
                f,
                "the segment's header is damaged: its {field} is {value:#x}; remove the segment \
                 and make it anew"
            ),
            SegmentError::WrongSize { wanted, bytes } => write!(
                f,
                "the segment should have {wanted} bytes and its file has {bytes}: it was \
                 truncated or extended, remove it and make it anew"
            ),
            SegmentError::NoSpace { needed } => write!(
                f,
                "no room for a segment of {needed} bytes: free shared memory (or disk) or take a \
                 smaller ring"
            ),
            SegmentError::NoTmpfile => f.write_str(
                "this file system cannot publish a segment complete (no O_TMPFILE): use another, \
                 such as tmpfs, ext4 or xfs",
            ),
            SegmentError::Filesystem { magic } => write!(
                f,
                "on a file system of type {magic:#x} locks and mappings cannot be relied on: put \
                 the segment on a local one, such as tmpfs, ext4 or xfs"
            ),
            SegmentError::NoProc => f.write_str("/proc is needed and not there: mount it"),
            SegmentError::LockLimit { needed, limit } => write!(
                f,
                "{needed} bytes cannot be locked in memory, this process may lock {limit}: raise \
                 the limit (ulimit -l) or do without locking"
            ),
            SegmentError::NoSuchPages { asked } => write!(
                f,
                "there are no huge pages of {} here: take a size from /sys/kernel/mm/hugepages, \
                 and for a file a hugetlbfs that is mounted with it",
                Bytes(asked)
            ),
            SegmentError::NoNamedHugePages => f.write_str(
                "shared memory under a name has no huge pages: take a memfd, or a file on a \
                 hugetlbfs",
            ),
            SegmentError::NoHugePages { needed, page_bytes } => write!(
                f,
                "{} huge pages of {} are not free: raise nr_hugepages in /sys/kernel/mm/hugepages",
                needed / page_bytes,
                Bytes(page_bytes)
            ),
            SegmentError::NoSuchNode { asked } => write!(
                f,
                "there is no NUMA node {asked} with memory for this process: see \
                 /sys/devices/system/node/has_memory"
            ),
            SegmentError::OtherWait { asked, found } => write!(
                f,
                "the segment's sides wait by {found} and not by {asked}: ask for that, or for none"
            ),
            SegmentError::OtherWake { asked, found: Some(found) } => write!(
                f,
                "the segment's sleepers are woken by {found} and not by {asked}: ask for that, or \
                 for none"
            ),
            SegmentError::OtherWake { asked, found: None } => write!(
                f,
                "nobody sleeps in this segment, so nobody is woken by {asked}: ask for none"
            ),
            SegmentError::NoSuchWake { wake } => no_such_wake(f, wake),
            SegmentError::NamelessSysvSem => f.write_str(
                "System V semaphores stay until their segment's name is removed, and this one has \
                 none in shared memory: take another means of waking, or a name",
            ),
            SegmentError::NoSysvSem { errno } => no_sysv_sem(f, errno),
            SegmentError::NoMembarrier { errno } => no_membarrier(f, errno),
            SegmentError::TooManyMappings { limit } => write!(
                f,
                "this process has {limit} segments mapped, which is the most: drop one first"
            ),
            SegmentError::LongRecords { bytes, limit } => write!(
                f,
                "records of {bytes} bytes do not fit this ring, which takes at most {limit}: make \
                 a larger one"
            ),
            SegmentError::Untyped { name } => write!(
                f,
                "the segment holds messages of any bytes, not records of type {name}: attach \
                 without a type, or make a segment of that type under another name"
            ),
            SegmentError::OtherType { name, wanted, found } => write!(
                f,
                "the segment's records ({found}) are not of this program's type {name} \
                 ({wanted}): build both sides with one definition of it, or remove the segment"
            ),
            SegmentError::Io { call, errno } => failed_call(f, call, errno),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            JoinError::Busy { role, pid } => held(f, role, pid, "wait until it leaves, or end it"),
            JoinError::DoorStuck => f.write_str(STUCK),
            JoinError::Removed => f.write_str("the segment was removed: create it anew"),
            JoinError::Typed { shape } => write!(
                f,
                "the ring takes records of one type only ({shape}) and no other messages: send \
                 with a program that has this type"
            ),
            JoinError::OfMany => f.write_str(
                "the ring is of many producers and consumers: join it as one of them, or make one \
                 for two sides under another name",
            ),
            JoinError::OneToOne => f.write_str(
                "the ring is of one producer and one consumer: join it as such, or make one of \
                 many under another name",
            ),
            JoinError::Full { participants } => write!(
                f,
                "all {participants} participants that this ring can have are there: wait until one \
                 leaves, or make a ring for more"
            ),
            JoinError::NoSuchNumber { numbers: 0 } => f.write_str(
                "the ring has no numbered producers: join as one of many, or make a ring that has",
            ),
            JoinError::NoSuchNumber { numbers } => {
                write!(f, "the ring's numbered producers are 1 to {numbers}: join as one of these")
            }
            JoinError::NoMembarrier { errno } => no_membarrier(f, errno),
            JoinError::NoSuchWake { wake } => no_such_wake(f, wake),
            JoinError::ForeignWake { wake } => write!(
                f,
                "the segment's {wake} is not as this process's C library makes it: build both \
                 sides for the same one; if they are, it was written over: remove the segment"
            ),
            JoinError::NoSysvSem { errno } => no_sysv_sem(f, errno),
            JoinError::TakenKey { key } => write!(
                f,
                "somebody else has the System V semaphores of the segment's key {key:#x}: see \
                 ipcs -s, and make the segment anew"
            ),
            JoinError::Corrupted(corruption) => {
                write!(f, "{corruption}; remove the segment and make it anew")
            }
            JoinError::Severed(severed) => severed.fmt(f),
            JoinError::Io { call, errno } => failed_call(f, call, errno),
        }
    }
}

impl fmt::Display for RemoveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            RemoveError::NotFound => f.write_str("no segment has this name: it is gone already"),
            RemoveError::Held { role, pid } => {
                held(f, role, pid, "end it first, or remove it by force")
            }
            RemoveError::DoorStuck => f.write_str(STUCK),
            RemoveError::NotSpent => {
                f.write_str("the ring is not closed and drained: receive what is left in it first")
            }
            RemoveError::NotAnnulus => f.write_str(
                "what has this name does not look like a segment: if it was one, delete the file \
                 by hand",
            ),
            RemoveError::Replaced => {
                f.write_str("another segment took the name meanwhile: look again")
            }
            RemoveError::Denied => {
                f.write_str("the system refuses access: run as the segment's owner or as root")
            }
            RemoveError::Io { call, errno } => failed_call(f, call, errno),
        }
    }
}

const STUCK: &str = "another process has been joining or removing this segment for a second: look \
                     whether it is stopped, then try again";

fn held(f: &mut fmt::Formatter<'_>, role: Role, pid: Option<u64>, advice: &str) -> fmt::Result {
    let side = match role {
        Role::Producer => "a producer",
        Role::Consumer => "a consumer",
    };
    match pid {
        Some(pid) => write!(f, "the ring has {side}, process {pid}: {advice}"),
        None => write!(f, "the ring has {side} in an unknown process: {advice}"),
    }
}

fn no_membarrier(f: &mut fmt::Formatter<'_>, errno: i32) -> fmt::Result {
    write!(
        f,
        "membarrier(2) is refused ({}), by which the segment's sides find out who sleeps: allow it \
         (seccomp), or make the segment with fences",
        io::Error::from_raw_os_error(errno)
    )
}

fn no_such_wake(f: &mut fmt::Formatter<'_>, wake: Wake) -> fmt::Result {
    let lacks = match wake {
        Wake::Event => "the feature event",
        _ => "glibc",
    };
    write!(f, "this build cannot wake by {wake}, which takes {lacks}: take another means of waking")
}

fn no_sysv_sem(f: &mut fmt::Formatter<'_>, errno: i32) -> fmt::Result {
    let error = io::Error::from_raw_os_error(errno);
    write!(f, "no System V semaphores can be had ({error}): ")?;
    match errno {
        libc::ENOSPC => f.write_str(
            "remove sets that nobody needs (ipcs -s), raise kernel.sem, or take another means of \
             waking",
        ),
        _ => f.write_str("take another means of waking"),
    }
}

fn failed_call(f: &mut fmt::Formatter<'_>, call: &str, errno: i32) -> fmt::Result {
    write!(f, "{call} failed: {}", io::Error::from_raw_os_error(errno))
}

/// The possible capacity that is closest to `asked`.
fn nearest_power(asked: u64, least: u64, most: u64) -> u64 {
    let asked = asked.clamp(least, most);
    let above = asked.next_power_of_two();
    let below = if above == asked { asked } else { above / 2 };
    if asked - below <= above - asked { below } else { above }
}

/// A size, in the largest unit that divides it.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
            if self.0 != 0 && self.0.trailing_zeros() >= shift {
                return write!(f, "{} {unit}", self.0 >> shift);
            }
        }
        write!(f, "{} bytes", self.0)
    }
}
