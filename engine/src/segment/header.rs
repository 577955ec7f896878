//! The header: made once by the creator, copied once and checked by everybody else.
//!
//! It is read through the descriptor, not through a mapping: so it is in private memory before
//! anything is mapped, and a file that is cut short meanwhile is an error and no signal.

use super::plan::{Asked, Plan};
use super::{SegmentError, fd, pages, waiting};
use crate::layout::{
    ABI_VERSION, CELL, CONSUMER_GATE, DATA, HEAD, Header, KIND_MPMC, KIND_SPSC, MAGIC,
    PRODUCER_GATE,
};
use crate::ring::gate::Gate;
use crate::ring::{Geometry, Waiting, Wake};
use crate::wake;
use core::fmt;
use core::mem::offset_of;
use std::fs::File;
use std::os::unix::fs::FileExt;

const BYTES: usize = size_of::<Header>();

/// A field of the header that can be wrong by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The ring's size.
    Capacity,
    /// The size of the whole segment, against the capacity.
    SegmentBytes,
    /// The size of a cell.
    CellBytes,
    /// The page size, against that of the file.
    PageBytes,
    /// The wait policy.
    WaitPolicy,
    /// How sleepers are woken, against the wait policy.
    WakeMeans,
    /// How sleepers are not missed, against the wait policy.
    Barrier,
    /// The key of a set of semaphores, against the means of waking.
    WakeKey,
    /// The size of a typed segment's records.
    RecordBytes,
    /// The layout hash of a typed segment's records.
    TypeHash,
    /// The slots of a ring of many, and its participants.
    Slots,
    /// What is zero until a later version.
    Reserved,
}

/// A header that was checked, and the ring that it describes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checked {
    pub(super) header: Header,
    pub(super) plan: Plan,
}

/// The header of a new segment of the ring that is `asked` for, in pages of `page_bytes`, whose
/// sides wait as `waiting` says.
pub(super) fn new(
    asked: Asked,
    page_bytes: u64,
    waiting: Waiting,
) -> Result<Checked, SegmentError> {
    let [id_low, id_high, stamp] = fd::random()?;
    let first_stamp = stamp as u32;
    let plan = asked.check(first_stamp)?;
    let [wait_policy, wake_means, barrier] = waiting::words(waiting);
    let wake_key = match waiting.wake() {
        Some(Wake::SysvSem) => wake::random_key(stamp >> 32),
        _ => 0,
    };
    let words = plan.words();
    let header = Header {
        magic: MAGIC,
        abi_version: ABI_VERSION,
        kind: plan.kind(),
        capacity: plan.capacity(),
        segment_bytes: pages::segment_bytes(plan, page_bytes),
        cell_bytes: words.cell,
        page_bytes: u32::try_from(page_bytes)
            .map_err(|_| SegmentError::NoSuchPages { asked: page_bytes })?,
        wait_policy,
        first_stamp,
        segment_id: [id_low, id_high],
        record_bytes: asked.shape().map_or(words.payload, |shape| shape.bytes),
        type_hash: asked.shape().map_or(0, |shape| shape.hash),
        wake_means,
        barrier,
        wake_key,
        mpmc_flags: words.flags,
        seats: words.seats,
        numbered: words.numbered,
        letters: words.letters,
        reserved: [0; 17],
    };
    Ok(Checked { header, plan: plan.waiting_by(waiting) })
}

/// What stands before the bytes of a new spsc ring: header, gates, and zeros.
pub(super) fn first_bytes(header: &Header) -> [u8; DATA] {
    let mut bytes = [0; DATA];
    bytes[..BYTES].copy_from_slice(&encode(header));
    let vacant = Gate::VACANT.to_bits().to_ne_bytes();
    bytes[PRODUCER_GATE..PRODUCER_GATE + 8].copy_from_slice(&vacant);
    bytes[CONSUMER_GATE..CONSUMER_GATE + 8].copy_from_slice(&vacant);
    bytes
}

/// Copies the header of `file`, which has `bytes` bytes, and believes nothing of it unchecked.
pub(super) fn read(file: &File, bytes: u64) -> Result<Checked, SegmentError> {
    if bytes < size_of::<u64>() as u64 {
        return Err(SegmentError::TooShort { bytes });
    }
    if magic(file)? != MAGIC {
        return Err(SegmentError::NotAnnulus);
    }
    let mut copy = [0; BYTES];
    match file.read_exact_at(&mut copy, 0) {
        Ok(()) => check(decode(copy), bytes, pages::of(file)?),
        Err(_) => Err(SegmentError::TooShort { bytes }),
    }
}

/// What stands where the magic should.
pub(super) fn magic(file: &File) -> Result<u64, SegmentError> {
    word_at(file, offset_of!(Header, magic))
}

/// One word of the segment, read through the descriptor.
pub(super) fn word_at(file: &File, at: usize) -> Result<u64, SegmentError> {
    let mut word = [0; 8];
    file.read_exact_at(&mut word, at as u64).map_err(|error| fd::failed("pread", &error))?;
    Ok(u64::from_ne_bytes(word))
}

/// The checks that depend on no version come first.
fn check(header: Header, bytes: u64, page_bytes: u64) -> Result<Checked, SegmentError> {
    if header.magic != MAGIC {
        return Err(SegmentError::NotAnnulus);
    }
    if header.abi_version != ABI_VERSION {
        return Err(SegmentError::WrongVersion { found: header.abi_version, wanted: ABI_VERSION });
    }
    let plan = match header.kind {
        KIND_SPSC => check_spsc(&header)?,
        KIND_MPMC => check_mpmc(&header)?,
        found => return Err(SegmentError::WrongKind { found }),
    };
    if u64::from(header.page_bytes) != page_bytes {
        return damaged(Field::PageBytes, header.page_bytes);
    }
    if header.segment_bytes != pages::segment_bytes(plan, page_bytes) {
        return damaged(Field::SegmentBytes, header.segment_bytes);
    }
    if bytes != header.segment_bytes {
        return Err(SegmentError::WrongSize { wanted: header.segment_bytes, bytes });
    }
    let waiting = match waiting::of(&header) {
        Ok(waiting) if plan.can_wait_by(waiting) => waiting,
        Ok(_) => return damaged(Field::WakeMeans, header.wake_means),
        Err((field, value)) => return damaged(field, value),
    };
    if (waiting.wake() == Some(Wake::SysvSem)) != (header.wake_key != 0) {
        return damaged(Field::WakeKey, header.wake_key);
    }
    if let Some(word) = header.reserved.iter().find(|word| **word != 0) {
        return damaged(Field::Reserved, *word);
    }
    Ok(Checked { header, plan: plan.waiting_by(waiting) })
}

fn check_spsc(header: &Header) -> Result<Plan, SegmentError> {
    if u64::from(header.cell_bytes) != CELL {
        return damaged(Field::CellBytes, header.cell_bytes);
    }
    let Some(geometry) = Geometry::new(header.capacity, header.first_stamp) else {
        return damaged(Field::Capacity, header.capacity);
    };
    // Both or neither, and a record that the ring takes.
    let has_bytes = (1..=geometry.longest_message() as u64).contains(&header.record_bytes);
    if header.record_bytes != 0 && !has_bytes {
        return damaged(Field::RecordBytes, header.record_bytes);
    }
    if has_bytes != (header.type_hash != 0) {
        return damaged(Field::TypeHash, header.type_hash);
    }
    if header.mpmc_flags != 0 {
        return damaged(Field::Reserved, header.mpmc_flags);
    }
    let of_many = [header.seats, header.numbered, header.letters];
    if let Some(word) = of_many.iter().find(|word| **word != 0) {
        return damaged(Field::Reserved, *word);
    }
    Ok(Plan::Spsc(geometry))
}

fn check_mpmc(header: &Header) -> Result<Plan, SegmentError> {
    if header.type_hash != 0 {
        return damaged(Field::TypeHash, header.type_hash);
    }
    match Plan::of_many(header) {
        Some(geometry) => Ok(Plan::Mpmc(geometry)),
        None => damaged(Field::Slots, header.cell_bytes),
    }
}

fn damaged<T>(field: Field, value: impl Into<u64>) -> Result<T, SegmentError> {
    Err(SegmentError::Header { field, value: value.into() })
}

/// The bytes of a header.
pub(super) fn encode(header: &Header) -> [u8; BYTES] {
    // SAFETY: a `Header` is integers without padding (asserted in `layout`), so all of its bytes
    // have values.
    unsafe { core::mem::transmute::<Header, [u8; BYTES]>(*header) }
}

fn decode(bytes: [u8; BYTES]) -> Header {
    // SAFETY: a `Header` is integers, for which all bytes are values.
    unsafe { core::mem::transmute::<[u8; BYTES], Header>(bytes) }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Field::Capacity => "capacity",
            Field::SegmentBytes => "size",
            Field::CellBytes => "cell size",
            Field::PageBytes => "page size",
            Field::WaitPolicy => "wait policy",
            Field::WakeMeans => "means of waking",
            Field::WakeKey => "key of semaphores",
            Field::Barrier => "barrier",
            Field::RecordBytes => "record size",
            Field::TypeHash => "record type",
            Field::Slots => "size of slots",
            Field::Reserved => "reserved part",
        })
    }
}

// `first_bytes` writes words within its array.
const _: () = assert!(HEAD + 8 <= DATA && BYTES <= PRODUCER_GATE);
