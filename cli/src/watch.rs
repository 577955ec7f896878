//! What others may do to a segment's file while we use it: cut it short, or take its name away.
//!
//! A truncated segment is replaced by zeros as soon as this process itself touches what is gone
//! (the guard); when the kernel does so in a system call, that fails. So messages that were
//! gathered are known to be real if the file is whole after the gathering, and nothing but the
//! kernel touches them until they are written.

use annulus::Segment;
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;

/// An eye on a segment's file. If the system lets us have none, all is taken to be well.
pub(crate) struct Watch {
    file: Option<File>,
    bytes: u64,
}

impl Watch {
    /// On the file of `segment`.
    pub(crate) fn on(segment: &Segment) -> Watch {
        let file = segment.share_fd().ok().map(File::from);
        Watch { file, bytes: segment.header().segment_bytes }
    }

    /// Whether nothing of the file has been cut off. Costs a system call.
    pub(crate) fn is_whole(&self) -> bool {
        self.metadata().is_none_or(|metadata| metadata.len() >= self.bytes)
    }

    /// Whether somebody who knows the segment's name still finds it.
    pub(crate) fn has_name(&self) -> bool {
        self.metadata().is_none_or(|metadata| metadata.nlink() > 0)
    }

    fn metadata(&self) -> Option<Metadata> {
        self.file.as_ref()?.metadata().ok()
    }
}
