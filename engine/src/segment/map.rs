//! One mapping of a segment: made, brought in, and given up.

use super::config::MemoryChoice;
use super::header::Checked;
use super::table::{self, Slot, Span};
use super::{SegmentError, fd};
use crate::error::Severed;
use crate::sync::{Ordering, Raw};
use core::ptr::NonNull;
use memmap2::{Advice, MmapOptions, MmapRaw};
use std::fs::File;
use std::io;

/// A mapping of a whole segment, until it is dropped.
#[derive(Debug)]
pub(super) struct Map {
    // Fields are dropped in this order: no slot names memory that is unmapped.
    slot: Slot,
    raw: Raw,
    _memory: MmapRaw,
}

impl Map {
    /// Maps the segment that `checked` describes.
    pub(super) fn new(
        file: &File,
        checked: &Checked,
        choice: MemoryChoice,
    ) -> Result<Map, SegmentError> {
        let needed = checked.header.segment_bytes;
        let len = needed as usize;
        let mapped = MmapOptions::new().len(len).map_raw(file);
        let memory = mapped.map_err(|error| fd::failed("mmap", &error))?;
        let base = NonNull::new(memory.as_mut_ptr())
            .ok_or(SegmentError::Io { call: "mmap", errno: libc::EFAULT })?;
        // SAFETY: the mapping is page-aligned and has `len` bytes to read and write; whoever has
        // this `Raw` or a copy has the `Map` as well.
        let raw = unsafe { Raw::new(base, len) };
        let in_pages = needed.next_multiple_of(checked.header.page_bytes.into());
        let span = Span::new(base.as_ptr() as u64, in_pages);
        let slot =
            Slot::claim(span).ok_or(SegmentError::TooManyMappings { limit: table::SLOTS })?;
        // A core dump of the ring would delay the moment at which peers see this process gone,
        // and the ring is still there to be looked at. It is only advice.
        let _ = memory.advise(Advice::DontDump);
        if choice.prefault {
            prefault(file, &memory, raw, needed)?;
        }
        if choice.lock {
            memory.lock().map_err(|error| lock_refused(&error, needed))?;
        }
        Ok(Map { slot, raw, _memory: memory })
    }

    /// The memory. To be used only as long as the `Map` lives.
    pub(super) fn raw(&self) -> Raw {
        self.raw
    }

    /// Why it no longer shows the segment, if so.
    pub(super) fn severed(&self) -> Option<Severed> {
        self.slot.severed()
    }

    /// Cuts it off.
    pub(super) fn sever(&self, cause: Severed) {
        self.slot.sever(cause);
    }
}

/// Brings all pages in, without storing into memory that others use.
fn prefault(file: &File, memory: &MmapRaw, raw: Raw, needed: u64) -> Result<(), SegmentError> {
    // Ready for writing (Linux 5.14), else for reading, else by hand.
    for advice in [Advice::PopulateWrite, Advice::PopulateRead] {
        match memory.advise(advice) {
            Ok(()) => return Ok(()),
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
            Err(error) if error.raw_os_error() == Some(libc::EFAULT) => {
                let bytes = file.metadata().map_or(0, |metadata| metadata.len());
                return Err(SegmentError::WrongSize { wanted: needed, bytes });
            }
            Err(error) => return Err(fd::failed("madvise", &error)),
        }
    }
    for at in (0..raw.len()).step_by(fd::page_bytes() as usize) {
        // ORDERING: Relaxed: what is read is of no interest.
        // SAFETY: the start of a page within the mapping, which is longer by a header at least.
        unsafe { raw.load(at, Ordering::Relaxed) };
    }
    Ok(())
}

fn lock_refused(error: &io::Error, needed: u64) -> SegmentError {
    match error.raw_os_error() {
        Some(libc::ENOMEM | libc::EPERM | libc::EAGAIN) => {
            SegmentError::LockLimit { needed, limit: fd::lock_limit() }
        }
        _ => fd::failed("mlock", error),
    }
}
