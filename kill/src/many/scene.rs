//! A ring as it stands when an operation begins, and who else holds slots of it.
//!
//! It is made once and kept as bytes. A participant that holds a slot of it lives if its lock byte
//! is held, by whomever; so the harness locks those bytes for one who lives and was stopped, and
//! leaves them for one who died.

use crate::scene::Trouble;
use annulus::layout::{Bed, CONSUMER_BED, Header, MPMC_SEATS, PRODUCER_BED, Seat};
use annulus::{Attach, Backing, Config, Segment, Slots, Wait};
use memmap2::Mmap;
use std::fs::File;
use std::io;
use std::mem::offset_of;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;

/// Slots of the ring.
pub(super) const SLOTS: u64 = 64;

/// So often a message is delivered.
const ATTEMPTS: u32 = 16;

/// Who may take part: a numbered producer, the victim, two others, and two who look afterwards.
const PARTICIPANTS: u16 = 7;

/// The life byte of participant x, as the engine's `segment/locks.rs` says.
const LIFE: i64 = 1;

/// How a ring stands when the operation begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) name: &'static str,
    /// So many messages have gone through it.
    before: u64,
    /// So many are in it that nobody has taken.
    filled: u64,
    others: Others,
    sleepers: Sleepers,
    /// Whether there is one of each role at a time.
    single: bool,
    /// Whether a consumer that holds the first message is the last one that it is given to.
    last: bool,
}

/// Whether anybody sleeps in the ring. Those who do are elsewhere, and found by what they left in
/// their beds: who publishes rings for them, and meets nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sleepers {
    /// All spin.
    Never,
    /// Some of both roles.
    Some,
}

/// Who else holds slots: a consumer the first message, and a producer one in the midst of the rest
/// unless it was the single one, whose claim nobody sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    None,
    Alive,
    Dead,
}

const EMPTY: Start = Start {
    name: "empty",
    before: 0,
    filled: 0,
    others: Others::None,
    sleepers: Sleepers::Never,
    single: false,
    last: false,
};

const CONTENDED: Start =
    Start { name: "contended", before: SLOTS - 4, filled: 6, others: Others::Alive, ..EMPTY };

const FULL_WOUNDED: Start =
    Start { name: "full, wounded", filled: SLOTS - 2, others: Others::Dead, ..EMPTY };

const FULL_WOUNDED_SINGLE: Start = Start {
    name: "full, wounded, sleepers, single",
    before: 5,
    filled: SLOTS - 1,
    others: Others::Dead,
    sleepers: Sleepers::Some,
    single: true,
    last: false,
};

/// The starts of the matrix.
pub(super) const STARTS: [Start; 13] = [
    EMPTY,
    Start { name: "filled", before: 130, filled: 12, ..EMPTY },
    Start { name: "full", before: 5, filled: SLOTS, ..EMPTY },
    Start { name: "wrapping", before: 2 * SLOTS - 2, filled: 4, ..EMPTY },
    CONTENDED,
    Start { name: "wounded", others: Others::Dead, ..CONTENDED },
    FULL_WOUNDED,
    Start { name: "filled, sleepers", before: 130, filled: 12, sleepers: Sleepers::Some, ..EMPTY },
    Start { name: "full, wounded, sleepers", sleepers: Sleepers::Some, ..FULL_WOUNDED },
    Start { name: "wrapping, single", before: 2 * SLOTS - 2, filled: 4, single: true, ..EMPTY },
    FULL_WOUNDED_SINGLE,
    Start { name: "full, wounded, last attempt", last: true, ..FULL_WOUNDED },
    Start {
        name: "wounded, last attempt, sleepers, single",
        filled: 6,
        last: true,
        ..FULL_WOUNDED_SINGLE
    },
];

/// A position that is not free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A message that nobody has taken.
    Ready(u64),
    /// One in another consumer's hand.
    InHand(u64),
    /// One in the hand of the last consumer that it was given to, which is gone: nobody gets it,
    /// and it is a dead letter in the end.
    Last(u64),
    /// Another producer's claim.
    Claimed,
}

/// A ring, as bytes, and what is known of it.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) bytes: Vec<u8>,
    /// What is in it, in order.
    pub(super) items: Vec<Item>,
    /// The number of the next message.
    pub(super) next: u64,
    /// Participants that live, and are stopped.
    pub(super) alive: Vec<u16>,
    /// Whether there is one of each role at a time.
    pub(super) single: bool,
}

/// A ring over which something is tried.
pub(super) struct Scene {
    pub(super) segment: Segment,
    file: File,
    /// The same bytes, mapped.
    mapped: Mmap,
    /// Has the bytes of those who live locked.
    others: File,
    alive: Vec<u16>,
}

impl Origin {
    /// A ring that stands as `start` says.
    pub(super) fn new(start: Start) -> Result<Origin, Trouble> {
        let wait = if start.sleepers == Sleepers::Never { Wait::Spin } else { Wait::Park };
        let segment = Segment::create(&Backing::Memfd, &config(start.single).wait(wait))?;
        let mut producer = segment.mpmc_producer()?;
        let mut consumer = segment.mpmc_consumer()?;
        let (mut next, mut items) = (0, Vec::new());
        let mut send = |producer: &mut annulus::MpmcProducer| {
            producer.try_send(&message(next))?;
            next += 1;
            Ok::<u64, Trouble>(next - 1)
        };
        for _ in 0..start.before {
            send(&mut producer)?;
            consumer.try_recv(&mut [0; 48])?;
            consumer.flush();
        }
        let held = |number| if start.last { Item::Last(number) } else { Item::InHand(number) };
        let mut others = Vec::new();
        // Their handles go with the harness: as somebody else's, in a ring that nobody uses.
        if start.others != Others::None && start.single {
            items.push(held(send(&mut producer)?));
            drop(consumer);
            wear_out(&segment, start)?;
            let mut consumer = segment.mpmc_consumer()?;
            others = vec![consumer.participant()];
            consumer.try_recv(&mut [0; 48])?;
            std::mem::forget(consumer);
        } else if start.others != Others::None {
            let (mut taker, mut claimer) = (segment.mpmc_consumer()?, segment.mpmc_producer()?);
            others = vec![taker.participant(), claimer.participant()];
            items.push(held(send(&mut producer)?));
            drop(consumer);
            wear_out(&segment, start)?;
            taker.try_recv(&mut [0; 48])?;
            for _ in 0..start.filled / 2 {
                items.push(Item::Ready(send(&mut producer)?));
            }
            std::mem::forget(claimer.try_claim(48)?);
            items.push(Item::Claimed);
            std::mem::forget((taker, claimer));
        } else {
            drop(consumer);
        }
        for _ in items.len() as u64..start.filled + others.len() as u64 {
            items.push(Item::Ready(send(&mut producer)?));
        }
        drop(producer);
        let alive = if start.others == Others::Alive { others } else { Vec::new() };
        let mut bytes = Scene::over(segment, Vec::new())?.bytes()?;
        // They were ours, and we live: what is left of them is to be nobody's but their lock's.
        forget_names(&mut bytes);
        if start.sleepers == Sleepers::Some {
            for bed in [PRODUCER_BED, CONSUMER_BED] {
                let at = bed + offset_of!(Bed, asleep);
                bytes[at..at + 8].copy_from_slice(&3u64.to_ne_bytes());
            }
        }
        Ok(Origin { bytes, items, next, alive, single: start.single })
    }

    /// A ring of its own that stands so.
    pub(super) fn scene(&self) -> Result<Scene, Trouble> {
        let empty = Segment::create(&Backing::Memfd, &config(self.single))?;
        let file = File::from(empty.share_fd()?);
        file.write_all_at(&self.bytes, 0)?;
        let segment = Segment::from_fd(OwnedFd::from(file), &Attach::default())?;
        let scene = Scene::over(segment, self.alive.clone())?;
        for participant in &self.alive {
            scene.lock(*participant, libc::F_WRLCK)?;
        }
        Ok(scene)
    }
}

impl Scene {
    fn over(segment: Segment, alive: Vec<u16>) -> Result<Scene, Trouble> {
        let (file, others) = (File::from(segment.share_fd()?), segment.share_fd()?.into());
        // SAFETY: the file keeps its length; it is read while those who write are stopped.
        let mapped = unsafe { Mmap::map(&file)? };
        Ok(Scene { segment, file, mapped, others, alive })
    }

    /// The bytes that everybody sees.
    pub(super) fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.segment.header().segment_bytes as usize];
        self.file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Whether they are these.
    pub(super) fn stands_as(&self, bytes: &[u8]) -> bool {
        self.mapped[..] == *bytes
    }

    /// Which bytes are locked: what somebody else sees first of them, and of those behind it.
    pub(super) fn locks(&self) -> io::Result<Vec<i64>> {
        let mut seen = Vec::new();
        let mut from = 0;
        // Ends: each lock begins behind the one before, and there are few.
        while let Some((start, len)) = first_lock(&self.file, from)? {
            seen.push(start);
            from = start + len.max(1);
        }
        Ok(seen)
    }

    pub(super) fn alive(&self) -> &[u16] {
        &self.alive
    }

    /// Those who lived die.
    pub(super) fn others_die(&mut self) -> io::Result<()> {
        for participant in std::mem::take(&mut self.alive) {
            self.lock(participant, libc::F_UNLCK)?;
        }
        Ok(())
    }

    fn lock(&self, participant: u16, kind: libc::c_int) -> io::Result<()> {
        let mut lock = flock(kind, LIFE + i64::from(participant), 1);
        fcntl(&self.others, libc::F_OFD_SETLK, &mut lock)
    }
}

/// The next message is given back by so many that one attempt is left, if that is how it starts.
fn wear_out(segment: &Segment, start: Start) -> Result<(), Trouble> {
    let attempts = if start.last { ATTEMPTS - 1 } else { 0 };
    for _ in 0..attempts {
        let mut consumer = segment.mpmc_consumer()?;
        consumer.try_take()?;
        consumer.close();
    }
    Ok(())
}

fn config(single: bool) -> Config {
    let slots = Slots::of(SLOTS, 48).participants(PARTICIPANTS).numbered_producers(1);
    Config::mpmc(if single { slots.single_producer().single_consumer() } else { slots })
}

fn first_lock(file: &File, from: i64) -> io::Result<Option<(i64, i64)>> {
    // The door is no state that a kill leaves.
    let mut lock = flock(libc::F_WRLCK, from, 4096 - from);
    fcntl(file, libc::F_OFD_GETLK, &mut lock)?;
    let is_there = lock.l_type != libc::F_UNLCK as libc::c_short;
    Ok(is_there.then_some((lock.l_start, lock.l_len)))
}

fn flock(kind: libc::c_int, start: i64, len: i64) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: start,
        l_len: len,
        l_pid: 0,
    }
}

fn fcntl(file: &File, command: libc::c_int, lock: &mut libc::flock) -> io::Result<()> {
    // SAFETY: `lock` is a flock that the call may read and write.
    let status = unsafe { libc::fcntl(file.as_raw_fd(), command, lock as *mut libc::flock) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Message number `number`: its length and bytes follow from that.
pub(super) fn message(number: u64) -> Vec<u8> {
    let len = (number * 29 % 41) as usize;
    let word = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.extend((0..len).map(|at| word[at % 8]));
    bytes
}

/// The number of a message, if its bytes are what they should be.
pub(super) fn number_of(bytes: &[u8]) -> Option<u64> {
    let number = u64::from_le_bytes(*bytes.first_chunk()?);
    (bytes == message(number)).then_some(number)
}

/// Leaves of a ring's bytes what counts: not the header, and not who has a seat.
pub(super) fn without_names(mut bytes: Vec<u8>) -> Vec<u8> {
    forget_names(&mut bytes);
    bytes.drain(..size_of::<Header>());
    bytes
}

/// Leaves of the seats their states, and what became of their sends.
fn forget_names(bytes: &mut [u8]) {
    for seat in 0..usize::from(PARTICIPANTS) {
        let at = MPMC_SEATS + seat * size_of::<Seat>();
        bytes[at + size_of::<u64>()..at + offset_of!(Seat, sends)].fill(0);
    }
}
