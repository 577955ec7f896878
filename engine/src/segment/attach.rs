//! Opening a segment that somebody else made: nothing is believed before it is checked.
//!
//! The order is that of increasing trust. First the file is looked at without being opened
//! (`O_PATH`), so that a link, a FIFO or a device planted under the name does nothing; then its
//! owner and mode; then it is opened, its file system checked, and its header copied and checked
//! against itself and the file's size; only then is it mapped.

use super::create::MODE;
use super::{Attach, Backing, Inner, SegmentError, fd, header};
use crate::ring::Wake;
use std::fs::{File, Metadata};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Opens and maps the segment of that name.
pub(super) fn attach(backing: &Backing, choice: &Attach) -> Result<Inner, SegmentError> {
    let path = backing.path().ok_or(SegmentError::Nameless)?;
    let seen = look(&path)?;
    open(&seen, choice, true)
}

/// Maps the segment behind a descriptor.
pub(super) fn from_fd(fd: OwnedFd, choice: &Attach) -> Result<Inner, SegmentError> {
    let seen = File::from(fd);
    let metadata = seen.metadata().map_err(|error| fd::failed("fstat", &error))?;
    // A memfd never had a name, so none can be taken away.
    open(&seen, choice, metadata.nlink() > 0)
}

/// What stands at `path`, not opened yet.
pub(super) fn look(path: &Path) -> Result<File, SegmentError> {
    fd::look(path).map_err(|error| match fd::errno_of(&error) {
        libc::ENOENT | libc::ENOTDIR => SegmentError::NotFound,
        libc::EACCES | libc::EPERM => SegmentError::Denied,
        _ => fd::failed("open", &error),
    })
}

fn open(seen: &File, choice: &Attach, named: bool) -> Result<Inner, SegmentError> {
    let metadata = seen.metadata().map_err(|error| fd::failed("fstat", &error))?;
    check_file(&metadata, choice)?;
    let file = fd::open_anew(seen)?;
    fd::check_local(&file)?;
    let checked = header::read(&file, metadata.len())?;
    let waiting = checked.plan.waiting();
    if let Some(asked) = choice.wait
        && asked != waiting.policy()
    {
        return Err(SegmentError::OtherWait { asked, found: waiting.policy() });
    }
    if let Some(asked) = choice.wake
        && Some(asked) != waiting.wake()
    {
        return Err(SegmentError::OtherWake { asked, found: waiting.wake() });
    }
    // Its set would stay when all processes have gone, and its key may be anything.
    if waiting.wake() == Some(Wake::SysvSem) && !named {
        return Err(SegmentError::NamelessSysvSem);
    }
    Inner::new(&file, checked, choice.memory, named)
}

fn check_file(metadata: &Metadata, choice: &Attach) -> Result<(), SegmentError> {
    if !metadata.is_file() {
        return Err(SegmentError::NotRegular);
    }
    if metadata.uid() != fd::effective_user() && !choice.any_owner {
        return Err(SegmentError::WrongOwner { uid: metadata.uid() });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & !MODE != 0 {
        return Err(SegmentError::WrongMode { mode });
    }
    Ok(())
}
