//! eventfd(2): a descriptor that is readable when somebody has written to it, until it is read.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// A new one, which is not readable. Programs that are executed do not get it.
pub(super) fn new() -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given it to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Makes it readable. Fails only if it is, by 2^64 writes that nobody read.
pub(super) fn set(fd: &OwnedFd) {
    let one = 1_u64.to_ne_bytes();
    // SAFETY: eight bytes that are valid for the call to read.
    unsafe { libc::write(fd.as_raw_fd(), one.as_ptr().cast(), one.len()) };
}

/// Makes it not readable. Fails only if it is not.
pub(super) fn clear(fd: &OwnedFd) {
    let mut count = [0_u8; 8];
    // SAFETY: eight bytes that are there to be filled.
    unsafe { libc::read(fd.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
}
