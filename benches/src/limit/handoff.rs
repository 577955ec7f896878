//! `limit/handoff/SIZE`: plain stores and loads of whole 64-byte lines through SIZE bytes of ring.
//!
//! The writer publishes its position every 4 KiB and the reader gives room back every 4 KiB, each
//! on a line of its own; each keeps the other's position until it runs out. Every word of each
//! line is written and read, and the sum of all words must come out. `limit/handoff64/SIZE` is the
//! same, published every line.
//!
//! ```text
//! block bytes: 0 written, by the lead | 256 read, by the peer | 4096 the ring, by the lead
//! ```
//!
//! Patience. What decides is how long a reader that has caught up waits: looking at once, it stays
//! at the writer's heels and each needless touch of a line counts twice. Measured on a 2-core AMD
//! Zen 5 VM, kernel 6.18, M lines/s by the reader's pauses:
//!
//! | | 1 | 3 | 16 | 32 | 64 | 128 | 256 |
//! |---|---|---|---|---|---|---|---|
//! | handoff/64KiB | 428 | 423 | 420 | 424 | 414 | 312 | 202 |
//! | handoff/1MiB | 447 | 433 | 541 | 653 | 598 | 601 | 642 |
//! | handoff64/1MiB | 188 | 233 | 358 | 420 | 468 | 480 | 485 |
//!
//! So the reader's patience is what varies here. The writer's (1, 16 or 64 pauses, going on when
//! 4 KiB or a quarter is free) moved nothing beyond noise: 16 pauses, 4 KiB. A writer that also
//! issues `prefetchw` 512 bytes ahead gains 5 to 10 %; that is no plain store and stays out.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::block::Block;
use crate::case::{Case, Round, Stage, Unit, Variant};
use crate::drive::pause;
use crate::fault::{Fault, Side, SideFault};
use crate::pair;

const WRITTEN: usize = 0;
const READ: usize = 256;
const RING: usize = 4096;

const CHUNK_BYTES: u64 = 4096;
const LINE_BYTES: u64 = 64;
const LINE_WORDS: u64 = LINE_BYTES / 8;
/// Bytes of one round: 20 to 50 ms.
const ROUND_BYTES: u64 = 512 << 20;
/// Pauses of a writer between two looks at a full ring.
const WRITER_PAUSES: u32 = 16;
/// Pauses of a reader between two looks at an empty ring, each a variant.
const READER_PAUSES: [u32; 4] = [2, 32, 64, 256];

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, ring_bytes: u64, publish_bytes: u64| Case {
        name: name.to_owned(),
        unit: if publish_bytes == LINE_BYTES { Unit::LinesPerSecond } else { Unit::BytesPerSecond },
        ring_bytes: Some(ring_bytes as usize),
        cell: Some(LINE_BYTES as usize),
        against: None,
        variants: READER_PAUSES
            .map(|reader_pauses| {
                let how = Handoff { ring_bytes, publish_bytes, reader_pauses };
                Variant::new(format!("pause:{reader_pauses}"), move |stage| how.round(stage))
            })
            .into(),
    };
    vec![
        case("limit/handoff/64KiB", 64 << 10, CHUNK_BYTES),
        case("limit/handoff/1MiB", 1 << 20, CHUNK_BYTES),
        case("limit/handoff64/1MiB", 1 << 20, LINE_BYTES),
    ]
}

#[derive(Debug, Clone, Copy)]
struct Handoff {
    ring_bytes: u64,
    /// Bytes between two publications.
    publish_bytes: u64,
    reader_pauses: u32,
}

/// What both sides use.
struct Shared<'a> {
    written: &'a AtomicU64,
    read: &'a AtomicU64,
    ring: *mut u64,
}

impl Handoff {
    fn round(self, stage: &Stage) -> Result<Round, Fault> {
        let total = (ROUND_BYTES / stage.shorten).max(8 * self.ring_bytes);
        let (warmup, total) = (whole_chunks(total / 10), whole_chunks(total));
        let block = Block::map(RING + self.ring_bytes as usize, 0)?;
        let shared = Shared {
            written: block.word(WRITTEN).ok_or(Fault::Void)?,
            read: block.word(READ).ok_or(Fault::Void)?,
            // SAFETY: the block has the ring's bytes from RING on.
            ring: unsafe { block.bytes().add(RING) }.cast::<u64>(),
        };
        let lead = || {
            block.meet(Side::Lead, 1);
            self.write(&shared, total);
            Ok(())
        };
        let peer = || {
            block.meet(Side::Peer, 1);
            let early = self.read(&shared, 0, warmup);
            let started = stage.clock.now();
            let late = self.read(&shared, warmup, total);
            let ticks = stage.clock.now() - started;
            if early.wrapping_add(late) != sum_of_words_before(total / 8) {
                return Err(SideFault::Mismatch { position: total });
            }
            let unit = if self.publish_bytes == LINE_BYTES { LINE_BYTES } else { 1 };
            block.set_figures((total - warmup) / unit, ticks);
            Ok(())
        };
        let pids = pair::processes(&stage.terms, &block, lead, peer)?;
        stage.rate(&block, pids)
    }

    fn write(self, shared: &Shared<'_>, total: u64) {
        let mut position = 0;
        let mut room_end = self.ring_bytes;
        while position < total {
            while position == room_end {
                // Acquire, pairs with the reader's release: it has done reading what is free.
                room_end = shared.read.load(Ordering::Acquire) + self.ring_bytes;
                if position == room_end {
                    pause(WRITER_PAUSES);
                }
            }
            let end = position + self.publish_bytes;
            while position < end {
                // SAFETY: [position, end) is free: room ends at whole chunks, as does `end`.
                unsafe { write_line(self.line(shared, position), position / 8) };
                position += LINE_BYTES;
            }
            // Release, pairs with the reader's acquire: the lines are there.
            shared.written.store(position, Ordering::Release);
        }
    }

    /// Reads from `position` to `end`, both whole chunks, and gives the sum of the words.
    fn read(self, shared: &Shared<'_>, mut position: u64, end: u64) -> u64 {
        let mut sum = 0u64;
        let mut available = position;
        while position < end {
            while available == position {
                // Acquire, pairs with the writer's release.
                available = shared.written.load(Ordering::Acquire);
                if available == position {
                    pause(self.reader_pauses);
                }
            }
            let chunk_end = position - position % CHUNK_BYTES + CHUNK_BYTES;
            let stop = available.min(chunk_end);
            while position < stop {
                // SAFETY: lines before `available` are written and stay until given back.
                sum = sum.wrapping_add(unsafe { sum_line(self.line(shared, position)) });
                position += LINE_BYTES;
            }
            if position == chunk_end {
                // Release, pairs with the writer's acquire: we have read what we give back.
                shared.read.store(position, Ordering::Release);
            }
        }
        sum
    }

    #[inline(always)]
    fn line(self, shared: &Shared<'_>, position: u64) -> *mut u64 {
        let offset = position & (self.ring_bytes - 1);
        // SAFETY: the ring has a power of two of bytes, and this is one of them.
        unsafe { shared.ring.add((offset / 8) as usize) }
    }
}

/// Writes the eight words of a line, counting from `first`.
///
/// # Safety
/// The line is the caller's alone.
#[inline(always)]
unsafe fn write_line(line: *mut u64, first: u64) {
    for i in 0..LINE_WORDS {
        // SAFETY: a line has so many words.
        let place = unsafe { line.add(i as usize) };
        // SAFETY: the caller has the line to itself.
        unsafe { place.write(first + i) };
    }
}

/// Reads the eight words of a line.
///
/// # Safety
/// Nobody writes the line meanwhile.
#[inline(always)]
unsafe fn sum_line(line: *const u64) -> u64 {
    let mut sum = 0u64;
    for i in 0..LINE_WORDS {
        // SAFETY: a line has so many words.
        let place = unsafe { line.add(i as usize) };
        // SAFETY: the line stands still, says the caller.
        sum = sum.wrapping_add(unsafe { place.read() });
    }
    sum
}

/// 0 + 1 + ... + (count - 1), wrapping like the reader's sum.
fn sum_of_words_before(count: u64) -> u64 {
    let (even, odd) =
        if count.is_multiple_of(2) { (count, count.wrapping_sub(1)) } else { (count - 1, count) };
    (even / 2).wrapping_mul(odd)
}

fn whole_chunks(bytes: u64) -> u64 {
    bytes - bytes % CHUNK_BYTES
}
