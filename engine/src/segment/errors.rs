//! What can go wrong with a segment, and what the caller does next.
//!
//! One enum for each concern: making or opening a segment, joining it, removing it. Every variant
//! has a stable number (`code`); the same trouble has the same number wherever it shows. What they
//! say stands in `sentences`.

use super::Shape;
use super::header::Field;
use crate::error::{Corruption, Severed};
use crate::ring::{Role, Wait, Wake};

/// Why a segment was not created or attached. Nothing is left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentError {
    /// No ring has this capacity: take a power of two within the limits.
    Capacity {
        /// What was asked for, in bytes.
        asked: u64,
    },
    /// No ring has so many slots: take a power of two within the limits.
    Slots {
        /// What was asked for.
        asked: u64,
    },
    /// So many slots for so long messages are more than a ring has.
    LargeSlots {
        /// The slots.
        slots: u64,
        /// The longest message, in bytes.
        payload: u32,
    },
    /// No ring of many is for so many participants, or for none.
    Participants {
        /// What was asked for.
        asked: u16,
        /// The fewest: those who have a place of their own, and one more for all others.
        least: u16,
        /// The most.
        limit: u16,
    },
    /// There is no room for so many dead letters.
    DeadLetters {
        /// What was asked for.
        asked: u16,
        /// The most, of messages so long.
        limit: u16,
    },
    /// Who sleeps in a ring of many sleeps by a futex, in this version.
    ManyWake {
        /// What was asked for.
        asked: Wake,
    },
    /// No ring of this capacity takes records of this type: make a larger one.
    LongRecords {
        /// The type's size in bytes.
        bytes: u64,
        /// The longest record of the ring in bytes.
        limit: u64,
    },
    /// The segment's messages are any bytes, and not records of one type.
    Untyped {
        /// The type that was asked for.
        name: &'static str,
    },
    /// The segment's records are of another type than was asked for.
    OtherType {
        /// The type that was asked for.
        name: &'static str,
        /// Its shape.
        wanted: Shape,
        /// The shape of the segment's records.
        found: Shape,
    },
    /// The name is taken: attach to it, or choose another.
    Exists,
    /// Nothing has this name: create it, or wait for it.
    NotFound,
    /// The folder that the segment should be made in is not there.
    NoFolder,
    /// A memfd has no name to attach by: pass its descriptor and use `from_fd`.
    Nameless,
    /// A symbolic link, FIFO, folder or device stands there, and not a file.
    NotRegular,
    /// The file belongs to somebody else: ask for any owner if that user is trusted.
    WrongOwner {
        /// The owner's user id.
        uid: u32,
    },
    /// Others than the owner may open the file, or it can be executed.
    WrongMode {
        /// Its permission bits.
        mode: u32,
    },
    /// The system refuses access.
    Denied,
    /// The file is too short to be a segment: it was truncated, or never was one.
    TooShort {
        /// Its size in bytes.
        bytes: u64,
    },
    /// The file does not begin as a segment does.
    NotAnnulus,
    /// The segment was made by another version of Annulus.
    WrongVersion {
        /// The version of its arrangement of bytes.
        found: u32,
        /// The version that this library reads.
        wanted: u32,
    },
    /// A ring of a kind that this version does not know.
    WrongKind {
        /// The number of that kind.
        found: u32,
    },
    /// The header says what no creator writes.
    Header {
        /// Which field.
        field: Field,
        /// What it says.
        value: u64,
    },
    /// The file is not as long as the header says: it was truncated, or copied in part.
    WrongSize {
        /// What the header says, in bytes.
        wanted: u64,
        /// What the file has.
        bytes: u64,
    },
    /// There is no room for the segment.
    NoSpace {
        /// What it takes in bytes.
        needed: u64,
    },
    /// The file system cannot make a file that is published complete (`O_TMPFILE`).
    NoTmpfile,
    /// A network or user-space file system, whose locks and mappings cannot be relied on.
    Filesystem {
        /// Its magic number, as `statfs` has it.
        magic: u64,
    },
    /// `/proc` is not mounted, and descriptors are opened anew through it.
    NoProc,
    /// The memory cannot be locked.
    LockLimit {
        /// What the segment takes in bytes.
        needed: u64,
        /// How much this process may lock, in bytes.
        limit: u64,
    },
    /// This process has as many segments mapped as it can.
    TooManyMappings {
        /// How many that is.
        limit: usize,
    },
    /// This machine has no huge pages of that size, or the file system has others.
    NoSuchPages {
        /// What was asked for, in bytes.
        asked: u64,
    },
    /// Shared memory under a name has no huge pages: take a memfd, or a file on a hugetlbfs.
    NoNamedHugePages,
    /// Not so many huge pages are free.
    NoHugePages {
        /// What the segment takes in bytes.
        needed: u64,
        /// The size of a page in bytes.
        page_bytes: u64,
    },
    /// There is no such NUMA node, or it has no memory for this process.
    NoSuchNode {
        /// Which was asked for.
        asked: u32,
    },
    /// The segment's sides wait otherwise than was asked for.
    OtherWait {
        /// What was asked for.
        asked: Wait,
        /// What its creator chose.
        found: Wait,
    },
    /// The segment's sleepers are woken otherwise than was asked for.
    OtherWake {
        /// What was asked for.
        asked: Wake,
        /// What its creator chose; nothing where nobody sleeps.
        found: Option<Wake>,
    },
    /// This build of the library cannot wake by that.
    NoSuchWake {
        /// What was asked for.
        wake: Wake,
    },
    /// System V semaphores go with the name of their segment, and this one would have none.
    NamelessSysvSem,
    /// The system has no System V semaphores left, or none at all.
    NoSysvSem {
        /// With this errno.
        errno: i32,
    },
    /// The segment was to need membarrier(2), and the system refuses it: take fences.
    NoMembarrier {
        /// With this errno.
        errno: i32,
    },
    /// A system call failed otherwise.
    Io {
        /// Which.
        call: &'static str,
        /// With this errno.
        errno: i32,
    },
}

/// Why a role was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinError {
    /// Somebody holds the role: wait until it is given up.
    Busy {
        /// The role.
        role: Role,
        /// Who holds it, as that process saw itself; nothing rests on it.
        pid: Option<u64>,
    },
    /// Somebody has been joining or removing the segment for too long.
    DoorStuck,
    /// The segment's name is gone: create it anew.
    Removed,
    /// The ring takes records of one type only, and the producer would send any bytes: join it by
    /// that type.
    Typed {
        /// The shape of its records.
        shape: Shape,
    },
    /// The ring is of many producers and consumers: join it as one of them.
    OfMany,
    /// The ring is of one producer and one consumer: join it as such.
    OneToOne,
    /// All participants that there can be are there: wait until one leaves.
    Full {
        /// So many there can be.
        participants: u16,
    },
    /// The ring has fewer numbered producers, or none.
    NoSuchNumber {
        /// So many.
        numbers: u16,
    },
    /// Whoever sleeps in this segment needs membarrier(2), and the system refuses it.
    NoMembarrier {
        /// With this errno.
        errno: i32,
    },
    /// This build of the library cannot wake by the segment's means.
    NoSuchWake {
        /// By that.
        wake: Wake,
    },
    /// What the segment keeps to wake by is not what this process's C library makes: another made
    /// it, or it was written over.
    ForeignWake {
        /// By that.
        wake: Wake,
    },
    /// The system gives no System V semaphores.
    NoSysvSem {
        /// With this errno.
        errno: i32,
    },
    /// The key of the segment's System V semaphores leads to a set that somebody else made.
    TakenKey {
        /// The key.
        key: u32,
    },
    /// The ring holds what no correct peer writes: remove it and make it anew.
    Corrupted(Corruption),
    /// The mapping was cut off.
    Severed(Severed),
    /// A system call failed.
    Io {
        /// Which.
        call: &'static str,
        /// With this errno.
        errno: i32,
    },
}

impl SegmentError {
    /// The stable number of this error.
    pub const fn code(self) -> i32 {
        match self {
            SegmentError::Capacity { .. } => 20,
            SegmentError::Exists => 21,
            SegmentError::NotFound => 22,
            SegmentError::NoFolder => 23,
            SegmentError::Nameless => 24,
            SegmentError::NotRegular => 25,
            SegmentError::WrongOwner { .. } => 26,
            SegmentError::WrongMode { .. } => 27,
            SegmentError::Denied => 28,
            SegmentError::TooShort { .. } => 29,
            SegmentError::NotAnnulus => 30,
            SegmentError::WrongVersion { .. } => 31,
            SegmentError::WrongKind { .. } => 32,
            SegmentError::Header { .. } => 33,
            SegmentError::WrongSize { .. } => 34,
            SegmentError::NoSpace { .. } => 35,
            SegmentError::NoTmpfile => 36,
            SegmentError::Filesystem { .. } => 37,
            SegmentError::NoProc => 38,
            SegmentError::LockLimit { .. } => 39,
            SegmentError::TooManyMappings { .. } => 40,
            SegmentError::LongRecords { .. } => 47,
            SegmentError::Untyped { .. } => 48,
            SegmentError::OtherType { .. } => 49,
            SegmentError::NoSuchPages { .. } => 51,
            SegmentError::NoNamedHugePages => 52,
            SegmentError::NoHugePages { .. } => 53,
            SegmentError::NoSuchNode { .. } => 54,
            SegmentError::OtherWait { .. } => 55,
            SegmentError::NoMembarrier { .. } => NO_MEMBARRIER,
            SegmentError::NoSuchWake { .. } => NO_SUCH_WAKE,
            SegmentError::NoSysvSem { .. } => NO_SYSV_SEM,
            SegmentError::NamelessSysvSem => 61,
            SegmentError::OtherWake { .. } => 62,
            SegmentError::Slots { .. } | SegmentError::LargeSlots { .. } => 63,
            SegmentError::Participants { .. } => 64,
            SegmentError::ManyWake { .. } => 65,
            SegmentError::DeadLetters { .. } => 75,
            SegmentError::Io { .. } => IO,
        }
    }
}

impl JoinError {
    /// The stable number of this error.
    pub const fn code(self) -> i32 {
        match self {
            JoinError::Busy { .. } => BUSY,
            JoinError::DoorStuck => DOOR_STUCK,
            JoinError::Removed => 44,
            JoinError::Typed { .. } => 50,
            JoinError::OfMany | JoinError::OneToOne => 66,
            JoinError::Full { .. } => 67,
            JoinError::NoSuchNumber { .. } => 73,
            JoinError::NoMembarrier { .. } => NO_MEMBARRIER,
            JoinError::NoSuchWake { .. } => NO_SUCH_WAKE,
            JoinError::ForeignWake { .. } => 58,
            JoinError::NoSysvSem { .. } => NO_SYSV_SEM,
            JoinError::TakenKey { .. } => 60,
            JoinError::Corrupted(_) => Corruption::CODE,
            JoinError::Severed(severed) => severed.code(),
            JoinError::Io { .. } => IO,
        }
    }
}

pub(super) const IO: i32 = 41;
pub(super) const BUSY: i32 = 42;
pub(super) const DOOR_STUCK: i32 = 43;
const NO_MEMBARRIER: i32 = 56;
const NO_SUCH_WAKE: i32 = 57;
const NO_SYSV_SEM: i32 = 59;

impl std::error::Error for SegmentError {}
impl std::error::Error for JoinError {}
