//! In what pieces a segment's memory comes: the system's own pages, or huge ones.
//!
//! Which they are is a matter of the file, and the header says it again: a memfd made for huge
//! pages and a file on a hugetlbfs have huge ones, everything else the system's. A segment of
//! huge pages is a whole number of them.

use super::plan::Plan;
use super::{SegmentError, fd};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// The largest page that anybody has: 16 GiB.
const LARGEST: u64 = 1 << 34;

/// That there may be huge pages of `asked` bytes at all. No system call but for the system's page.
pub(super) fn check_asked(asked: u64) -> Result<(), SegmentError> {
    let possible = asked.is_power_of_two() && asked > fd::page_bytes() && asked <= LARGEST;
    if possible { Ok(()) } else { Err(SegmentError::NoSuchPages { asked }) }
}

/// The flags that ask `memfd_create` for huge pages of `asked` bytes.
pub(super) fn memfd_flags(asked: u64) -> libc::c_uint {
    libc::MFD_HUGETLB | asked.trailing_zeros() << libc::MFD_HUGE_SHIFT
}

/// The size of the pages that `file` has.
pub(super) fn of(file: &File) -> Result<u64, SegmentError> {
    // SAFETY: a `statfs` is integers, for which zero is a value.
    let mut answer: libc::statfs = unsafe { core::mem::zeroed() };
    // SAFETY: the descriptor is open while it is borrowed, and `answer` is there to be filled.
    if unsafe { libc::fstatfs(file.as_raw_fd(), &mut answer) } != 0 {
        return Err(fd::failed("fstatfs", &io::Error::last_os_error()));
    }
    let is_huge = answer.f_type as u32 == libc::HUGETLBFS_MAGIC as u32;
    Ok(if is_huge { answer.f_bsize as u64 } else { fd::page_bytes() })
}

/// The bytes that a segment of that ring has in pages of that size.
pub(super) fn segment_bytes(plan: Plan, page_bytes: u64) -> u64 {
    let needed = plan.segment_bytes();
    if page_bytes == fd::page_bytes() { needed } else { needed.next_multiple_of(page_bytes) }
}
