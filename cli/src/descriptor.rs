//! read(2), writev(2) and poll(2) on memory that a peer may write at the same time.
//!
//! The standard library takes `&mut [u8]` and `&[u8]`, which must not exist over shared memory;
//! so these take addresses. An interrupted call is made again, here and nowhere else.

use crate::limit::Limit;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};

/// Why a descriptor gave or took no bytes.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The limit passed while it was not ready.
    Timeout,
    /// Part of the segment under the bytes is gone: somebody cut its file short.
    Unmapped,
    /// Nobody reads the other end any more.
    Closed,
    /// The call failed.
    Io(io::Error),
}

/// Reads up to `len` bytes to `into`; 0 is the end. Waits for the first byte until `limit`.
///
/// # Safety
///
/// `into` is valid for writes of `len` bytes, or at least mapped memory of this process's own
/// choosing: the kernel, not the compiler, writes there.
pub(crate) unsafe fn read(
    from: BorrowedFd<'_>,
    into: *mut u8,
    len: usize,
    limit: Limit,
) -> Result<usize, Stop> {
    // Ends: each turn reads, fails, or follows a signal or a wait within the limit.
    loop {
        if limit.poll_ms() >= 0 {
            wait(from, libc::POLLIN, limit)?;
        }
        // SAFETY: the caller's promise.
        let count = unsafe { libc::read(from.as_raw_fd(), into.cast(), len) };
        match usize::try_from(count) {
            Ok(count) => return Ok(count),
            Err(_) => retried(from, libc::POLLIN, limit)?,
        }
    }
}

/// What a pipe takes without waiting when poll(2) says that it takes something.
const PIPE_BYTES: usize = libc::PIPE_BUF;

/// Writes from `parts` what the descriptor takes in one call: 1 byte at least. Waits until
/// `limit`; if there is one and the descriptor is one that `may_block`, it writes so little at a
/// time that a pipe or a socket does not keep it longer.
///
/// # Safety
///
/// Each part is valid for reads of its length, in the sense of [`read`].
pub(crate) unsafe fn write(
    to: BorrowedFd<'_>,
    parts: &[libc::iovec],
    may_block: bool,
    limit: Limit,
) -> Result<usize, Stop> {
    let few = (may_block && limit.poll_ms() >= 0).then(|| first_bytes(parts));
    let parts = few.as_deref().unwrap_or(parts);
    // Ends as the loop of `read` does.
    loop {
        if few.is_some() {
            wait(to, libc::POLLOUT, limit)?;
        }
        let count = i32::try_from(parts.len()).unwrap_or(i32::MAX);
        // SAFETY: the caller's promise; `parts` has at least `count` elements.
        let taken = unsafe { libc::writev(to.as_raw_fd(), parts.as_ptr(), count) };
        match usize::try_from(taken) {
            Ok(0) => return Err(Stop::Io(io::ErrorKind::WriteZero.into())),
            Ok(taken) => return Ok(taken),
            Err(_) => retried(to, libc::POLLOUT, limit)?,
        }
    }
}

/// As much of the parts as a pipe takes without waiting.
fn first_bytes(parts: &[libc::iovec]) -> Vec<libc::iovec> {
    let mut left = PIPE_BYTES;
    let cut = parts.iter().map_while(|part| {
        let iov_len = part.iov_len.min(left);
        left -= iov_len;
        (iov_len > 0).then_some(libc::iovec { iov_len, ..*part })
    });
    cut.collect()
}

/// Another way to the same pipe, of our own, which does not wait: so that a limit holds also where
/// somebody else fills the pipe between our look at it and our write. Others who have it notice
/// nothing, which they would if this one stopped waiting. None if it is no pipe, or cannot be had.
pub(crate) fn own_pipe(of: BorrowedFd<'_>) -> Option<OwnedFd> {
    let path = format!("/proc/self/fd/{}", of.as_raw_fd());
    let metadata = fs::metadata(&path).ok()?;
    let mut options = fs::OpenOptions::new();
    options.write(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    metadata.file_type().is_fifo().then(|| options.open(&path).ok())?.map(OwnedFd::from)
}

/// Whether it can be known that nobody reads the other end any more. Does not wait.
pub(crate) fn reader_is_gone(of: BorrowedFd<'_>) -> bool {
    let mut poll = libc::pollfd { fd: of.as_raw_fd(), events: 0, revents: 0 };
    // SAFETY: one pollfd, which the call fills.
    let ready = unsafe { libc::poll(&mut poll, 1, 0) };
    ready == 1 && poll.revents & libc::POLLERR != 0
}

/// Returns when a failed call is worth making again.
fn retried(of: BorrowedFd<'_>, events: i16, limit: Limit) -> Result<(), Stop> {
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EINTR) => Ok(()),
        Some(libc::EAGAIN) => wait(of, events, limit),
        Some(libc::EFAULT) => Err(Stop::Unmapped),
        Some(libc::EPIPE) => Err(Stop::Closed),
        _ => Err(Stop::Io(error)),
    }
}

/// Waits until the descriptor is ready, or will say at once why it is not.
fn wait(of: BorrowedFd<'_>, events: i16, limit: Limit) -> Result<(), Stop> {
    let mut poll = libc::pollfd { fd: of.as_raw_fd(), events, revents: 0 };
    // SAFETY: one pollfd, which the call fills.
    match unsafe { libc::poll(&mut poll, 1, limit.poll_ms()) } {
        0 => Err(Stop::Timeout),
        1.. => Ok(()),
        _ => {
            let error = io::Error::last_os_error();
            // A signal: the caller's call says by itself whether it is ready.
            if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(Stop::Io(error)) }
        }
    }
}
