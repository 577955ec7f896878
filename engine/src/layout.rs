//! Every shared byte of a segment, and the ABI version that names this arrangement.
//!
//! ```text
//!   0x000  Header           written once, before the segment can be found; never again
//!   0x100  producer's gate  one word; written when a producer joins or closes
//!   0x180  consumer's gate  one word; written when a consumer joins or closes
//!   0x200  head             one word; written by the consumer, once a batch
//!   0x280  (nothing)        keeps the head's neighbour line quiet
//!   0x300  Participant      of the producer: who it is, and its counters
//!   0x380  Participant      of the consumer
//!   0x400  removal         one word; zero, until somebody takes the segment from its holders
//!   0x480  producer's bed   where it sleeps when the ring is full, and is rung
//!   0x500  consumer's bed   where it sleeps when the ring is empty
//!   0x600  producer's alarm what the means of waking keeps for it, if it keeps anything
//!   0x700  consumer's alarm
//!   0x1000 the ring         `capacity` bytes, a power of two
//! ```
//!
//! A ring of many has the same header and removal word, and else:
//!
//! ```text
//!   0x100  tail            a hint: where producers are; written at every fourth claim
//!   0x180  head            a hint: where consumers are
//!   0x200  Comings         who ever joined, left and died, for those who find nothing to do
//!   0x480  producers' bed  where they sleep when the ring is full, and are rung
//!   0x500  consumers' bed  where they sleep when the ring is empty
//!   0x1000 Seats           128 bytes for each participant that there can be
//!   ...    dead letters    each a multiple of 64 bytes: a word as of a slot, position, payload
//!   ...    the slots       each a multiple of 64 bytes: its word (`ring::mpmc::word`), payload
//! ```
//!
//! There is no shared tail: a record's own first word says that it is there (`ring::word`).
//! Independent writers stand 128 bytes apart, since processors fetch lines in pairs. A word of
//! zero is never a valid gate or header field, so a zeroed page is seen for what it is.

/// Counts the arrangements of shared bytes. Any change of this file's layout, of the record
/// word or of the gates raises it; a segment of another version is refused by name.
pub const ABI_VERSION: u32 = 8;

/// `ANNULUS\n`, as the first eight bytes of a segment.
pub const MAGIC: u64 = u64::from_le_bytes(*b"ANNULUS\n");

/// The kind of a single-producer, single-consumer ring of variable-length records.
pub const KIND_SPSC: u32 = 1;

/// The kind of a ring of fixed slots, of many producers and consumers.
pub const KIND_MPMC: u32 = 2;

/// The wait policy "spin": no side ever sleeps.
pub const WAIT_SPIN: u32 = 1;
/// The wait policy "spin, then park".
pub const WAIT_SPIN_THEN_PARK: u32 = 2;
/// The wait policy "park": who has nothing to do sleeps at once.
pub const WAIT_PARK: u32 = 3;

/// Sleepers are woken by nothing: a spinning ring.
pub const WAKE_NONE: u32 = 0;
/// Sleepers are woken by a futex.
pub const WAKE_FUTEX: u32 = 1;
/// Sleepers are woken by a POSIX semaphore in the segment.
pub const WAKE_POSIX_SEM: u32 = 2;
/// Sleepers are woken by a System V semaphore, whose key is the header's.
pub const WAKE_SYSV_SEM: u32 = 3;
/// Sleepers are woken by raw_sync's event in the segment.
pub const WAKE_EVENT: u32 = 4;

/// No barriers: a spinning ring.
pub const BARRIER_NONE: u32 = 0;
/// Both sides have a fence of their own.
pub const BARRIER_FENCE: u32 = 1;
/// The sleeper pays for both, by membarrier(2).
pub const BARRIER_MEMBARRIER: u32 = 2;

/// Records start at multiples of this; a record's length is rounded up to it.
///
/// Eight, by measurement: see "Cells" in ARCHITECTURE.md.
pub const CELL: u64 = 8;

/// The smallest ring: eight cells, enough for every rule of the ring to hold.
pub const CAPACITY_MIN: u64 = 64;

/// The largest ring. A record's length has 30 bits and a record may fill 7/16 of the ring.
pub const CAPACITY_MAX: u64 = 1 << 30;

/// Where the producer's gate stands, in bytes from the segment's start.
pub const PRODUCER_GATE: usize = 0x100;
/// Where the consumer's gate stands.
pub const CONSUMER_GATE: usize = 0x180;
/// Where the consumer publishes how far it has released.
pub const HEAD: usize = 0x200;
/// Where the producer's [`Participant`] stands.
pub const PRODUCER: usize = 0x300;
/// Where the consumer's [`Participant`] stands.
pub const CONSUMER: usize = 0x380;
/// Where it is written that the segment was taken from those who hold it: [`REMOVED`], or zero.
pub const REMOVAL: usize = 0x400;
/// Where the producer's [`Bed`] stands.
pub const PRODUCER_BED: usize = 0x480;
/// Where the consumer's [`Bed`] stands.
pub const CONSUMER_BED: usize = 0x500;
/// Where the producer's [`Alarm`] stands.
pub const PRODUCER_ALARM: usize = 0x600;
/// Where the consumer's [`Alarm`] stands.
pub const CONSUMER_ALARM: usize = 0x700;
/// Where the ring's bytes begin.
pub const DATA: usize = 0x1000;

/// All messages have the length of the payload.
pub const FLAG_ONE_LENGTH: u32 = 1;
/// A message whose consumer is gone is given up, not delivered again.
pub const FLAG_AT_MOST_ONCE: u32 = 2;
/// There is one producer at a time.
pub const FLAG_SINGLE_PRODUCER: u32 = 4;
/// There is one consumer at a time.
pub const FLAG_SINGLE_CONSUMER: u32 = 8;

/// Where the producers of a ring of many are: a hint.
pub const MPMC_TAIL: usize = 0x100;
/// Where its consumers are: a hint.
pub const MPMC_HEAD: usize = 0x180;
/// Where its [`Comings`] stand.
pub const MPMC_COMINGS: usize = 0x200;
/// Where its [`Seat`]s begin.
pub const MPMC_SEATS: usize = 0x1000;

/// The fewest slots of a ring of many: with fewer a word could come again within three years.
pub const SLOTS_MIN: u64 = 64;

/// The most participants of a ring of many.
pub const SEATS_MAX: u16 = 1000;

/// Dead letters that there is room for at most.
pub const LETTERS_MAX: u16 = 1024;

/// Where a dead letter's payload stands: behind its word, its position and its length.
pub const LETTER_PAYLOAD: usize = 32;
/// Where its position stands.
pub const LETTER_POSITION: usize = 8;
/// Where its length stands.
pub const LETTER_LEN: usize = 16;

/// Slots, and dead letters, are multiples of this.
pub const SLOT_CELL: u64 = 64;

/// `REMOVED\n`: what stands at [`REMOVAL`] then. Both gates are zero with it, so that nobody looks
/// for it on the way of a message.
pub const REMOVED: u64 = u64::from_le_bytes(*b"REMOVED\n");

/// The gate of a side that nobody has joined yet: what a fresh segment starts with.
pub const GATE_VACANT: u64 = 1;

/// What a segment is. An attacher copies it once, checks the copy, and never reads it again.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: u64,
    /// [`ABI_VERSION`].
    pub abi_version: u32,
    /// [`KIND_SPSC`] or [`KIND_MPMC`].
    pub kind: u32,
    /// Size of the ring in bytes: a power of two, or of a ring of many so many slots.
    pub capacity: u64,
    /// Size of the whole segment in bytes.
    pub segment_bytes: u64,
    /// [`CELL`], or of a ring of many the size of a slot.
    pub cell_bytes: u32,
    /// The page size that the segment was made for.
    pub page_bytes: u32,
    /// [`WAIT_SPIN`] or another policy.
    pub wait_policy: u32,
    /// The stamp of lap 0, random for each segment so that small integers in payloads do not
    /// look like the stamps of the first laps.
    pub first_stamp: u32,
    /// A random name for this segment, for logs and for telling two of one name apart.
    pub segment_id: [u64; 2],
    /// The size in bytes of the one type that a typed segment's records have; zero in a segment
    /// whose messages are any bytes. Of a ring of many the longest message.
    pub record_bytes: u64,
    /// The layout hash of that type, never zero; zero in a segment whose messages are any bytes.
    pub type_hash: u64,
    /// [`WAKE_NONE`] or another means.
    pub wake_means: u32,
    /// [`BARRIER_NONE`] or another form.
    pub barrier: u32,
    /// The key of the segment's set of System V semaphores, if that is its means; else zero.
    pub wake_key: u32,
    /// Of a ring of many: [`FLAG_ONE_LENGTH`], [`FLAG_AT_MOST_ONCE`]; else zero.
    pub mpmc_flags: u32,
    /// Of a ring of many: how many participants there can be; else zero.
    pub seats: u64,
    /// Of a ring of many: how many of these are of numbered producers; else zero.
    pub numbered: u64,
    /// Of a ring of many: dead letters that there is room for; else zero.
    pub letters: u64,
    /// Zero until a later version gives them a meaning.
    pub reserved: [u64; 17],
}

/// Where one side sleeps (`ring::park` has the protocol), or in a ring of many all of one role
/// (`ring::mpmc::bells`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bed {
    /// Counts lying down and getting up, so it is odd while the side sleeps or is about to.
    /// Written by that side alone. In a ring of many it counts lying down, by all of the role.
    pub asleep: u64,
    /// The position that `head` has to reach before a producer is woken. Written before `asleep`.
    pub wanted: u64,
    /// Nothing: the bell is another line.
    pub reserved: [u64; 6],
    /// The futex is its lower half. Raised by whoever wakes the sleeper, before the wake.
    pub bell: u64,
}

/// What the means of waking keeps for one side: a semaphore or an event, as the C library arranges
/// it, or nothing.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The means' own.
    pub bytes: [u64; 32],
}

/// One side's lines: who it is, and what it has done. For people to read, but for the generation,
/// by which a waiting side tells one peer from the next.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Participant {
    /// The process, as it saw itself; another pid namespace may number it otherwise.
    pub pid: u64,
    /// `CLOCK_REALTIME` in nanoseconds when it joined.
    pub since_ns: u64,
    /// How many have held this role so far. Counted before the gate is opened.
    pub generation: u64,
    /// Messages moved, as last published.
    pub messages: u64,
    /// Payload bytes moved, as last published.
    pub bytes: u64,
    /// Waits begun.
    pub waits: u64,
    /// Sleeps whose backstop, not a wake, found work.
    pub backstop: u64,
    /// Zero until a later version gives it a meaning.
    pub reserved: u64,
}

/// One participant of a ring of many. Participants are numbered from 1.
///
/// Written by whoever has its lock byte, or has its sweep byte while the lock byte is free.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Whether somebody has it, and as what (`ring::mpmc::standing`); never zero.
    pub state: u64,
    /// The process, as it saw itself.
    pub pid: u64,
    /// When the kernel started that process, in its own ticks.
    pub started: u64,
    /// The inode of the pid namespace in which the process saw itself.
    pub namespace: u64,
    /// `CLOCK_REALTIME` in nanoseconds when it joined.
    pub since_ns: u64,
    /// Messages moved: not counted in this version, and zero.
    pub messages: u64,
    /// Payload bytes moved, likewise.
    pub bytes: u64,
    /// Waits begun, likewise.
    pub waits: u64,
    /// Messages that it gave up for good, since consumers died over them so often.
    pub lost: u64,
    /// Sleeps whose backstop, not a wake, found work.
    pub backstop: u64,
    /// Of a numbered producer: its last two sends, each by its number modulo two.
    pub sends: [Send; 2],
    /// Zero until a later version gives them a meaning.
    pub reserved: [u64; 2],
}

/// What became of one send of a numbered producer (`ring::mpmc::sends`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Send {
    /// Its number, from 1 on; zero if there was none.
    pub number: u64,
    /// How far it has come, and at which position.
    pub stage: u64,
}

/// What a participant of a ring of many that finds nothing to do asks about all the others.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comings {
    /// How many producers have joined so far; more by those killed while they did.
    pub producer_joined: u64,
    /// Not zero once the seat of a producer that died was given to another one.
    pub producer_died: u64,
    /// How many consumers have joined so far, likewise.
    pub consumer_joined: u64,
    /// Not zero once the seat of a consumer that died was given to another one.
    pub consumer_died: u64,
    /// Changes when a participant comes or leaves.
    pub changes: u64,
    /// Counts messages that came back from consumers that left or are gone.
    pub orphans: u64,
}

const _: () = {
    use core::mem::{align_of, offset_of, size_of};
    assert!(size_of::<Seat>() == 128 && MPMC_SEATS.is_multiple_of(128));
    assert!(MPMC_HEAD - MPMC_TAIL >= 128 && MPMC_COMINGS - MPMC_HEAD >= 128);
    assert!(MPMC_COMINGS + size_of::<Comings>() <= REMOVAL && REMOVAL < MPMC_SEATS);
    assert!(size_of::<Header>() == 256 && align_of::<Header>() == 8);
    assert!(offset_of!(Header, capacity) == 16);
    assert!(offset_of!(Header, cell_bytes) == 32);
    assert!(offset_of!(Header, first_stamp) == 44);
    assert!(offset_of!(Header, segment_id) == 48);
    assert!(offset_of!(Header, record_bytes) == 64 && offset_of!(Header, type_hash) == 72);
    assert!(offset_of!(Header, wake_means) == 80 && offset_of!(Header, barrier) == 84);
    assert!(offset_of!(Header, wake_key) == 88 && offset_of!(Header, seats) == 96);
    assert!(offset_of!(Header, numbered) == 104 && offset_of!(Seat, sends) == 80);
    assert!(offset_of!(Header, letters) == 112);
    assert!(size_of::<Header>() <= PRODUCER_GATE);
    assert!(size_of::<Participant>() == 64);
    assert!(CONSUMER_GATE - PRODUCER_GATE >= 128 && HEAD - CONSUMER_GATE >= 128);
    assert!(PRODUCER - HEAD >= 128 && CONSUMER - PRODUCER >= 128);
    assert!(REMOVAL - CONSUMER >= 128 && REMOVAL >= CONSUMER + size_of::<Participant>());
    assert!(PRODUCER_BED - REMOVAL >= 128 && CONSUMER_BED - PRODUCER_BED >= 128);
    assert!(offset_of!(Bed, bell) == 64 && size_of::<Bed>() <= 128);
    assert!(PRODUCER_ALARM - CONSUMER_BED >= 128 + size_of::<Bed>());
    assert!(CONSUMER_ALARM - PRODUCER_ALARM == size_of::<Alarm>());
    assert!(CONSUMER_ALARM + size_of::<Alarm>() <= DATA);
    assert!(CELL.is_power_of_two() && CELL >= 8 && CELL <= 64);
    assert!(CAPACITY_MIN >= 8 * CELL && CAPACITY_MAX.is_power_of_two());
    // The longest padding is shorter than the longest record, and that fits 30 bits.
    assert!(CAPACITY_MAX / 16 * 7 < 1 << 30);
};
