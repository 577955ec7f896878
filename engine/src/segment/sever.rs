//! Replacing a mapping in place by private zero pages: one system call, safe in signal handlers.

use super::table::Span;
use core::ffi::c_long;

/// Puts zero pages of this process's own in the place of the mapping at `span`. True if it
/// worked; if not, the mapping is gone, and whoever touches it is ended by SIGSEGV: better than
/// to write into a ring that belongs to another process.
pub(super) fn replace(span: Span) -> bool {
    let (address, bytes) = (span.address() as c_long, span.bytes() as c_long);
    let protection = c_long::from(libc::PROT_READ | libc::PROT_WRITE);
    let placed_and_private = libc::MAP_FIXED | libc::MAP_PRIVATE;
    let flags = c_long::from(placed_and_private | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE);
    let (no_file, offset): (c_long, c_long) = (-1, 0);
    // The raw call: no library's wrapper is promised to be safe in a signal handler. All of its
    // arguments are longs, since it cannot know how wide others would be.
    // SAFETY: the pages at `span` belong to a mapping of ours (`table`), on which no Rust object
    // lives: it is only reached by atomics and opaque copies, which take zeros for an answer.
    let placed = unsafe {
        libc::syscall(libc::SYS_mmap, address, bytes, protection, flags, no_file, offset)
    };
    if placed == address {
        return true;
    }
    // SAFETY: as above; the kernel unmaps the rest of the last page with it.
    unsafe { libc::syscall(libc::SYS_munmap, address, bytes) };
    false
}
