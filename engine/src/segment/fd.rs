//! Descriptors, and the few questions to the system that several rooms ask.
//!
//! Files are opened by std, which sets `O_CLOEXEC` on all of them. A descriptor is *opened anew*
//! through `/proc/self/fd/N`: that gives an open file description of its own, with locks of its
//! own, also for a memfd and for a file that has been unlinked.

use super::SegmentError;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Where the kernel shows descriptor `fd` of this process as a path.
pub(super) fn proc_path(fd: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}

/// Opens `path` only to look at what stands there: follows no link, and has no effect on a FIFO,
/// a device or a file with a lease. It needs no permission on the file itself.
pub(super) fn look(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_NOFOLLOW).open(path)
}

/// Another open file description of the regular file behind `fd`, for reading and writing.
pub(super) fn open_anew(fd: impl AsFd) -> Result<File, SegmentError> {
    let path = proc_path(fd.as_fd());
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let opened = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path);
    opened.map_err(|error| match error.kind() {
        // The descriptor is open, so it is /proc that is not there.
        ErrorKind::NotFound => SegmentError::NoProc,
        ErrorKind::PermissionDenied => SegmentError::Denied,
        _ => failed("open", &error),
    })
}

/// Network and user-space file systems, by the magic numbers of `statfs`: NFS, SMB1, SMB2 and
/// CIFS, FUSE with virtiofs, 9p, Ceph, AFS.
const NOT_LOCAL: [u64; 8] =
    [0x6969, 0x517b, 0xfe53_4d42, 0xff53_4d42, 0x6573_5546, 0x0102_1997, 0x00c3_6400, 0x5346_414f];

/// Refuses file systems on which locks may be faked and page faults may hang.
pub(super) fn check_local(fd: impl AsFd) -> Result<(), SegmentError> {
    // SAFETY: a `statfs` is integers, for which zero is a value.
    let mut answer: libc::statfs = unsafe { core::mem::zeroed() };
    // SAFETY: the descriptor is open while it is borrowed, and `answer` is there to be filled.
    let status = unsafe { libc::fstatfs(fd.as_fd().as_raw_fd(), &mut answer) };
    if status != 0 {
        return Err(failed("fstatfs", &io::Error::last_os_error()));
    }
    let magic = u64::from(answer.f_type as u32);
    if NOT_LOCAL.contains(&magic) {
        return Err(SegmentError::Filesystem { magic });
    }
    Ok(())
}

/// The user whose rights count when files are opened.
pub(super) fn effective_user() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

/// The size of the system's own pages.
pub(super) fn page_bytes() -> u64 {
    // SAFETY: takes no pointer.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(bytes).unwrap_or(4096)
}

/// Three words that nobody can guess.
pub(super) fn random() -> Result<[u64; 3], SegmentError> {
    let mut bytes = [0_u8; 24];
    // SAFETY: `bytes` is there to be filled.
    let filled = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    // Up to 256 bytes come whole or not at all.
    if filled != 24 {
        return Err(failed("getrandom", &io::Error::last_os_error()));
    }
    let word = |at| u64::from_ne_bytes(core::array::from_fn(|index| bytes[at + index]));
    Ok([word(0), word(8), word(16)])
}

/// A system call's failure that has no variant of its own.
pub(super) fn failed(call: &'static str, error: &io::Error) -> SegmentError {
    SegmentError::Io { call, errno: errno_of(error) }
}

/// The error's number; those that std makes up itself count as plain input/output errors.
pub(super) fn errno_of(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

/// How many bytes this process may lock in memory.
pub(super) fn lock_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is there to be filled.
    let status = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit) };
    if status == 0 { limit.rlim_cur } else { 0 }
}
