//! Making a segment: out of sight, in full, and published at once.
//!
//! A named segment begins as a file without a name (`O_TMPFILE`) in its folder. It is allocated
//! in full, so that a full disk is an error now and not a SIGBUS later, filled, mapped, and only
//! then linked under its name. A creator that is killed leaves nothing, nobody ever sees a
//! half-made segment, and of two creators of one name exactly one wins.

use super::header::{self, Checked};
use super::plan::Plan;
use super::{Backing, Config, Inner, SegmentError, fd, numa, pages, waiting};
use crate::sync::Ordering;
use crate::wake;
use std::ffi::CString;
use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// The mode of every segment: its owner's alone.
pub(super) const MODE: u32 = 0o600;

/// What is allocated in one system call. Some kernels undo and refuse it for a signal that comes
/// meanwhile, so it has to be done between two: 0.3 ms, where a profiler's come every 1 ms.
const ALLOCATION_STEP: u64 = 1 << 20;

/// Signals that may interrupt one step of allocation before it counts as failed.
const INTERRUPTIONS_MAX: u32 = 1000;

/// Makes a segment and maps it.
pub(super) fn create(backing: &Backing, config: &Config) -> Result<Inner, SegmentError> {
    let plan = config.ring.check(0)?;
    if let Some(asked) = config.huge_pages {
        pages::check_asked(asked)?;
        if matches!(backing, Backing::Named(_)) {
            return Err(SegmentError::NoNamedHugePages);
        }
    }
    match backing.path() {
        None => {
            let file = memfd(config)?;
            let checked = allocated(&file, backing, config)?;
            seal(&file)?;
            filled(&file, checked, config, false)
        }
        Some(path) => {
            // Saves the allocation; that the name is free is decided below.
            if path.symlink_metadata().is_ok() {
                return Err(SegmentError::Exists);
            }
            let file = nameless_in(folder_of(&path), plan.capacity())?;
            fd::check_local(&file)?;
            let checked = allocated(&file, backing, config)?;
            let inner = filled(&file, checked, config, true)?;
            publish(&file, &path, checked.header.segment_bytes)?;
            Ok(inner)
        }
    }
}

/// Gives the file its mode and all of its memory.
fn allocated(file: &File, backing: &Backing, config: &Config) -> Result<Checked, SegmentError> {
    let page_bytes = pages::of(file)?;
    if let Some(asked) = config.huge_pages
        && asked != page_bytes
    {
        return Err(SegmentError::NoSuchPages { asked });
    }
    let waiting = waiting::choose(backing, config)?;
    let checked = header::new(config.ring, page_bytes, waiting)?;
    let mode = file.set_permissions(Permissions::from_mode(MODE));
    mode.map_err(|error| fd::failed("fchmod", &error))?;
    let bytes = checked.header.segment_bytes;
    numa::on_node(config.numa_node, || allocate(file, bytes, page_bytes))?;
    Ok(checked)
}

/// Maps it, and writes what stands before the ring. Through the mapping: files on a hugetlbfs
/// cannot be written to otherwise.
fn filled(
    file: &File,
    checked: Checked,
    config: &Config,
    named: bool,
) -> Result<Inner, SegmentError> {
    let inner = Inner::new(file, checked, config.memory, named)?;
    match checked.plan {
        Plan::Spsc(_) => {
            // SAFETY: every segment has so many bytes before its ring.
            unsafe { inner.map.raw().write(0, &header::first_bytes(&checked.header)) };
        }
        Plan::Mpmc(geometry) => {
            // SAFETY: as above.
            unsafe { inner.map.raw().write(0, &header::encode(&checked.header)) };
            for (at, word) in geometry.first_words() {
                // ORDERING: Relaxed: nobody else has it yet.
                // SAFETY: a word within a segment of that geometry.
                unsafe { inner.map.raw().store(at, word, Ordering::Relaxed) };
            }
        }
    }
    if let Some(wake) = checked.plan.waiting().wake() {
        let laid_out = wake::lay_out(wake, inner.map.raw());
        laid_out.map_err(|_| SegmentError::NoSuchWake { wake })?;
    }
    Ok(inner)
}

fn allocate(file: &File, bytes: u64, page_bytes: u64) -> Result<(), SegmentError> {
    let is_huge = page_bytes != fd::page_bytes();
    let mut at = 0;
    while at < bytes {
        let step = (bytes - at).min(ALLOCATION_STEP.max(page_bytes));
        match allocate_step(file, at, step) {
            0 => at += step,
            libc::ENOSPC | libc::ENOMEM if is_huge => {
                return Err(SegmentError::NoHugePages { needed: bytes, page_bytes });
            }
            libc::ENOSPC | libc::EDQUOT => return Err(SegmentError::NoSpace { needed: bytes }),
            errno => return Err(SegmentError::Io { call: "fallocate", errno }),
        }
    }
    Ok(())
}

/// The errno of one step, 0 if it worked.
fn allocate_step(file: &File, at: u64, bytes: u64) -> i32 {
    let (at, bytes) = (at.cast_signed(), bytes.cast_signed());
    for _ in 0..INTERRUPTIONS_MAX {
        // SAFETY: takes no pointer.
        let errno = unsafe { libc::posix_fallocate(file.as_raw_fd(), at, bytes) };
        if errno != libc::EINTR {
            return errno;
        }
    }
    libc::EINTR
}

/// A file without a name in `folder`.
fn nameless_in(folder: &Path, needed: u64) -> Result<File, SegmentError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(MODE).custom_flags(libc::O_TMPFILE);
    options.open(folder).map_err(|error| match fd::errno_of(&error) {
        libc::ENOENT | libc::ENOTDIR => SegmentError::NoFolder,
        libc::EACCES | libc::EPERM => SegmentError::Denied,
        libc::EOPNOTSUPP | libc::EISDIR => SegmentError::NoTmpfile,
        libc::ENOSPC | libc::EDQUOT => SegmentError::NoSpace { needed },
        _ => fd::failed("open", &error),
    })
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Gives the complete segment its name, unless something has it.
fn publish(file: &File, path: &Path, needed: u64) -> Result<(), SegmentError> {
    let from = c_path(&fd::proc_path(file.as_fd()))?;
    let to = c_path(path)?;
    let (here, follow) = (libc::AT_FDCWD, libc::AT_SYMLINK_FOLLOW);
    // SAFETY: both are strings that end with a zero byte.
    let status = unsafe { libc::linkat(here, from.as_ptr(), here, to.as_ptr(), follow) };
    if status == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    Err(match fd::errno_of(&error) {
        libc::EEXIST => SegmentError::Exists,
        libc::ENOENT | libc::ENOTDIR => SegmentError::NoFolder,
        libc::EACCES => SegmentError::Denied,
        libc::ENOSPC | libc::EDQUOT => SegmentError::NoSpace { needed },
        _ => fd::failed("linkat", &error),
    })
}

fn c_path(path: &Path) -> Result<CString, SegmentError> {
    let invalid = SegmentError::Io { call: "linkat", errno: libc::EINVAL };
    CString::new(path.as_os_str().as_bytes()).map_err(|_| invalid)
}

fn memfd(config: &Config) -> Result<File, SegmentError> {
    let huge = config.huge_pages.map_or(0, pages::memfd_flags);
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING | huge;
    // Without the right to execute, where the kernel (6.3) knows how to ask for that.
    for flags in [flags | libc::MFD_NOEXEC_SEAL, flags] {
        // SAFETY: the name is a string that ends with a zero byte.
        let fd = unsafe { libc::memfd_create(c"annulus".as_ptr(), flags) };
        if fd >= 0 {
            // SAFETY: a new descriptor that nobody else has.
            return Ok(unsafe { File::from_raw_fd(fd) });
        }
        let error = io::Error::last_os_error();
        match (error.raw_os_error(), config.huge_pages) {
            (Some(libc::EINVAL), _) => {}
            // How the kernel says that it has no pages of that size.
            (Some(libc::ENODEV | libc::ENOENT), Some(asked)) => {
                return Err(SegmentError::NoSuchPages { asked });
            }
            _ => return Err(fd::failed("memfd_create", &error)),
        }
    }
    match config.huge_pages {
        Some(asked) => Err(SegmentError::NoSuchPages { asked }),
        None => Err(SegmentError::Io { call: "memfd_create", errno: libc::EINVAL }),
    }
}

/// Nobody can cut it short, extend it, or change that.
fn seal(file: &File) -> Result<(), SegmentError> {
    let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: takes no pointer.
    let status = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) };
    if status == 0 { Ok(()) } else { Err(fd::failed("fcntl", &io::Error::last_os_error())) }
}
