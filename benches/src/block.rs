//! The small shared memory through which the two sides of a case meet and leave their figures.
//!
//! ```text
//! 0      lead's corner   phase, pid, fault           written by the lead, read by all
//! 128    peer's corner   phase, pid, fault           written by the peer, read by all
//! 256    figures         messages, ticks             written by the side that measured
//! 4096   bytes           what the limit cases bounce and hand over
//! ...    samples         one u64 of ticks per round trip, written by the lead
//! ```
//! The mapping is anonymous and shared, made before the fork, so both children and their parent
//! see the same pages. The parent reads figures and samples only after the sides have left.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::fault::{Fault, Side, SideFault};

const CONTROL_BYTES: usize = 4096;
const SAMPLE_BYTES: usize = size_of::<u64>();
/// After so many looks a side that waits for the other offers its core: both may share one.
const LOOKS_BEFORE_YIELD: u32 = 10_000;

/// A mapping shared by the two sides and their parent.
#[derive(Debug)]
pub struct Block {
    base: NonNull<u8>,
    bytes: usize,
    samples: usize,
}

#[repr(C, align(128))]
struct Corner {
    phase: AtomicU32,
    pid: AtomicU32,
    fault_kind: AtomicU32,
    fault_detail: AtomicU64,
}

#[repr(C)]
struct Control {
    corners: [Corner; 2],
    messages: AtomicU64,
    ticks: AtomicU64,
}

const _: () = assert!(size_of::<Control>() <= CONTROL_BYTES);

// SAFETY: everything in the block is reached through atomics, or through raw pointers whose users
// say themselves who may write when; the mapping itself does not move and belongs to no thread.
unsafe impl Sync for Block {}

impl Block {
    /// Maps a block with `bytes` of free use and room for `samples`. All pages are there at once,
    /// so that no sample pays for one.
    pub fn map(bytes: usize, samples: usize) -> Result<Block, Fault> {
        let bytes = bytes.next_multiple_of(4096);
        let len = CONTROL_BYTES + bytes + samples * SAMPLE_BYTES;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_POPULATE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(Fault::last_os());
        }
        let base = NonNull::new(base.cast::<u8>()).ok_or(Fault::Void)?;
        Ok(Block { base, bytes, samples })
    }

    /// Waits until the other side has come to `phase` too. Phases are counted from 1. Ends when
    /// the other side arrives or the parent ends this one.
    pub fn meet(&self, side: Side, phase: u32) {
        let [own, other] = match side {
            Side::Lead => [0, 1],
            Side::Peer => [1, 0],
        };
        let corners = &self.control().corners;
        // Release, pairs with the acquire below on the other side: what was set up is seen.
        corners[own].phase.store(phase, Ordering::Release);
        let mut looks = 0u32;
        while corners[other].phase.load(Ordering::Acquire) < phase {
            looks = looks.saturating_add(1);
            if looks < LOOKS_BEFORE_YIELD {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }

    /// Notes which process a side is.
    pub(crate) fn set_pid(&self, side: Side, pid: u32) {
        self.control().corners[side.index()].pid.store(pid, Ordering::Release);
    }

    /// The process that a side said it is; 0 if it never ran.
    pub(crate) fn pid(&self, side: Side) -> u32 {
        self.control().corners[side.index()].pid.load(Ordering::Acquire)
    }

    /// Notes why a side gives up.
    pub(crate) fn set_fault(&self, side: Side, fault: SideFault) {
        let (kind, detail) = fault.encode();
        let corner = &self.control().corners[side.index()];
        corner.fault_detail.store(detail, Ordering::Relaxed);
        // Release: the detail is there when the parent sees the kind.
        corner.fault_kind.store(kind, Ordering::Release);
    }

    /// Why a side gave up, if it did.
    pub(crate) fn fault(&self, side: Side) -> Option<SideFault> {
        let corner = &self.control().corners[side.index()];
        let kind = corner.fault_kind.load(Ordering::Acquire);
        SideFault::decode(kind, corner.fault_detail.load(Ordering::Relaxed))
    }

    /// Leaves a stream's figures: so many messages (or bytes, or lines) in so many ticks.
    pub fn set_figures(&self, messages: u64, ticks: u64) {
        self.control().messages.store(messages, Ordering::Relaxed);
        self.control().ticks.store(ticks, Ordering::Relaxed);
    }

    /// A stream's (messages, ticks), if they were left.
    pub fn figures(&self) -> Option<(u64, u64)> {
        let messages = self.control().messages.load(Ordering::Relaxed);
        let ticks = self.control().ticks.load(Ordering::Relaxed);
        (messages > 0 && ticks > 0).then_some((messages, ticks))
    }

    /// Leaves round trip `index`'s time. For the lead only.
    #[inline(always)]
    pub fn set_sample(&self, index: usize, ticks: u64) -> Result<(), SideFault> {
        if index >= self.samples {
            return Err(SideFault::NoRoom);
        }
        // SAFETY: `index` is inside the samples' part of the mapping.
        let place = unsafe { self.samples_start().add(index) };
        // SAFETY: one side alone writes samples, and the parent reads after that side has left.
        unsafe { place.write(ticks) };
        Ok(())
    }

    /// All samples, after the sides have left.
    pub fn samples(&self) -> Vec<u64> {
        // SAFETY: the samples' part of the mapping is so long, aligned to 4096 bytes, and its
        // writer has left.
        unsafe { std::slice::from_raw_parts(self.samples_start(), self.samples) }.to_vec()
    }

    /// The start of the bytes of free use, aligned to 4096.
    pub fn bytes(&self) -> *mut u8 {
        // SAFETY: the control page is inside the mapping.
        unsafe { self.base.as_ptr().add(CONTROL_BYTES) }
    }

    /// A shared word inside the bytes of free use; none beyond their end.
    pub fn word(&self, offset: usize) -> Option<&AtomicU64> {
        let place = self.place::<u64>(offset)?;
        // SAFETY: aligned and inside, by `place`; mapped as long as `self` lives; and its users
        // keep to atomics of this size for the words that they ask for here.
        Some(unsafe { AtomicU64::from_ptr(place) })
    }

    /// A shared word of half the size, which is what the kernel can wait for; none beyond the end.
    pub fn futex(&self, offset: usize) -> Option<&AtomicU32> {
        let place = self.place::<u32>(offset)?;
        // SAFETY: as in `word`.
        Some(unsafe { AtomicU32::from_ptr(place) })
    }

    /// Where a `T` stands in the bytes of free use, if it is aligned and inside.
    fn place<T>(&self, offset: usize) -> Option<*mut T> {
        if !offset.is_multiple_of(size_of::<T>()) || offset + size_of::<T>() > self.bytes {
            return None;
        }
        // SAFETY: inside the mapping by the check above.
        Some(unsafe { self.bytes().add(offset) }.cast::<T>())
    }

    fn samples_start(&self) -> *mut u64 {
        // SAFETY: the control page and the bytes are inside the mapping.
        unsafe { self.base.as_ptr().add(CONTROL_BYTES + self.bytes) }.cast::<u64>()
    }

    fn control(&self) -> &Control {
        // SAFETY: page-aligned, mapped as long as `self` lives, zeroed at first, and all atomics.
        unsafe { self.base.cast::<Control>().as_ref() }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let len = CONTROL_BYTES + self.bytes + self.samples * SAMPLE_BYTES;
        // SAFETY: exactly the mapping that `map` made; nobody borrows from it any more.
        unsafe { libc::munmap(self.base.as_ptr().cast(), len) };
    }
}
