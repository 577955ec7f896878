//! Listing named segments without touching them.

use super::Name;
use super::name::{FOLDER, PREFIX};
use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;

/// A file that has the name of a segment. Whether it is one, attaching will say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The segment's name.
    pub name: Name,
    /// Its owner's user id.
    pub uid: u32,
    /// The size of its file.
    pub bytes: u64,
    /// When its file was last changed, as far as the kernel notices writes through mappings.
    pub modified: SystemTime,
}

/// All regular files in shared memory whose names are those of segments, of all users, by name.
pub fn list() -> io::Result<Vec<Listed>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(FOLDER)? {
        found.extend(listed(&entry?)?);
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn listed(entry: &DirEntry) -> io::Result<Option<Listed>> {
    let file = entry.file_name();
    let name = file.to_str().and_then(|file| Name::new(file.strip_prefix(PREFIX)?).ok());
    let Some(name) = name else { return Ok(None) };
    // Of a symbolic link this is the link's own.
    let metadata = match entry.metadata() {
        Ok(metadata) if metadata.is_file() => metadata,
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let (uid, bytes, modified) = (metadata.uid(), metadata.len(), metadata.modified()?);
    Ok(Some(Listed { name, uid, bytes, modified }))
}
