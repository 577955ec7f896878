//! What this process has to do with each segment, once for all its handles.
//!
//! For each segment (device and inode) the process has two open file descriptions:
//!
//! * **life** holds the locks of all roles that this process plays there, and the door's;
//! * **probe** holds none, so that asking by it sees our own locks like anybody else's.
//!
//! Locks of one description do not conflict, so the table also says which bytes are ours. Whoever
//! changes it has the mutex; `fork` takes it too, so a child never sees it half changed.
//!
//! A child of fork begins with an empty table (`fork`): entries carry a *generation*, and what
//! was made in an older one neither unlocks nor closes anything, since the numbers of its
//! descriptors may be somebody else's by now.

use super::locks::{self, LockRange};
use super::{SegmentError, fd, fork};
use libc::{major, minor};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

static REGISTRY: Mutex<Registry> = Mutex::new(Registry::EMPTY);

/// The table. There is one.
#[derive(Debug)]
pub(super) struct Registry {
    /// How many forks lie between this process and the first.
    generation: u64,
    /// Whether this is called at each of them.
    pub(super) forks_are_watched: bool,
    entries: Vec<Entry>,
}

/// One segment.
#[derive(Debug)]
struct Entry {
    key: Key,
    /// How many [`Node`]s there are of it.
    nodes: usize,
    life: OwnedFd,
    probe: OwnedFd,
    /// What `life` has locked.
    held: Vec<LockRange>,
}

/// Which file a segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    device: u64,
    inode: u64,
}

/// A mapping's share in an entry, which lasts as long as one of them does.
#[derive(Debug)]
pub(super) struct Node {
    key: Key,
    generation: u64,
    probe: RawFd,
}

/// What asking a description's file gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileState {
    /// Its size.
    pub(super) bytes: u64,
    /// Whether it has no name (any more).
    pub(super) nameless: bool,
}

/// The table, for whoever is to change it.
pub(super) fn lock() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registry {
    const EMPTY: Registry =
        Registry { generation: 0, forks_are_watched: false, entries: Vec::new() };

    /// Forgets everything and closes all descriptors: the child's part of a fork. It frees no
    /// memory but that of the entries' places, which stays with the table.
    pub(super) fn forget_parent(&mut self) {
        self.entries.clear();
        self.generation += 1;
    }

    fn index(&self, key: Key) -> Option<usize> {
        self.entries.iter().position(|entry| entry.key == key)
    }

    /// The entry of `node`, unless `node` was made before a fork.
    fn entry(&mut self, node: &Node) -> Option<&mut Entry> {
        if node.generation != self.generation {
            return None;
        }
        let index = self.index(node.key)?;
        self.entries.get_mut(index)
    }
}

impl Node {
    /// A share in the entry of `file`, of which it opens two descriptions if it is the first.
    pub(super) fn enter(file: &File) -> Result<Node, SegmentError> {
        let mut registry = lock();
        fork::watch(&mut registry).map_err(|error| fd::failed("pthread_atfork", &error))?;
        let key = Key::of(file).map_err(|error| fd::failed("fstat", &error))?;
        let index = match registry.index(key) {
            Some(index) => index,
            None => {
                // Opened under the mutex: no fork copies them before they are in the table.
                let (life, probe) = (fd::open_anew(file)?.into(), fd::open_anew(file)?.into());
                registry.entries.push(Entry { key, nodes: 0, life, probe, held: Vec::new() });
                registry.entries.len() - 1
            }
        };
        let generation = registry.generation;
        let entry = &mut registry.entries[index];
        entry.nodes += 1;
        Ok(Node { key, generation, probe: entry.probe.as_raw_fd() })
    }

    /// Locks `range` unless somebody has some of it, be it this process. Does not wait.
    ///
    /// A process that has some of it has all of it: ranges are whole or apart.
    pub(super) fn try_lock(&self, range: LockRange) -> io::Result<bool> {
        let mut registry = lock();
        let Some(entry) = registry.entry(self) else {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        };
        if entry.held.contains(&range) {
            return Ok(false);
        }
        let is_locked = locks::try_lock(entry.life.as_raw_fd(), range)?;
        if is_locked {
            entry.held.push(range);
        }
        Ok(is_locked)
    }

    /// Gives `range` back. In a child of fork it does nothing.
    pub(super) fn unlock(&self, range: LockRange) {
        let mut registry = lock();
        let Some(entry) = registry.entry(self) else { return };
        let unlocked = locks::unlock(entry.life.as_raw_fd(), range);
        debug_assert!(unlocked.is_ok(), "unlocking whole bytes of our own cannot fail");
        entry.held.retain(|held| *held != range);
    }

    /// Whether somebody has some of `range`, be it this process. One system call.
    ///
    /// Not to be asked in a child of fork, where the descriptor is closed.
    pub(super) fn is_locked(&self, range: LockRange) -> io::Result<bool> {
        locks::is_locked(self.probe, range)
    }

    /// The file's state. One system call; not to be asked in a child of fork.
    ///
    /// An error if the program closed the descriptor behind our back, also when another file has
    /// its number by now: then nothing is known, and nobody is to be called dead.
    pub(super) fn state(&self) -> io::Result<FileState> {
        // SAFETY: a `stat` is integers, for which zero is a value.
        let mut stat: libc::stat = unsafe { core::mem::zeroed() };
        // SAFETY: `stat` is there to be filled; a wrong descriptor is an error.
        let status = unsafe { libc::fstat(self.probe, &mut stat) };
        if status != 0 {
            return Err(io::Error::last_os_error());
        }
        if self.key != (Key { device: stat.st_dev, inode: stat.st_ino }) {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        Ok(FileState { bytes: stat.st_size.cast_unsigned(), nameless: stat.st_nlink == 0 })
    }

    /// Whether that process may have this file mapped. One whose mappings we may not see may.
    pub(super) fn may_be_mapped_by(&self, pid: u64) -> bool {
        let Ok(maps) = fs::read_to_string(format!("/proc/{pid}/maps")) else {
            return Path::new(&format!("/proc/{pid}")).exists();
        };
        let device = format!("{:02x}:{:02x}", major(self.key.device), minor(self.key.device));
        let inode = self.key.inode.to_string();
        maps.lines().any(|line| {
            let mut fields = line.split_ascii_whitespace().skip(3);
            fields.next() == Some(&device) && fields.next() == Some(&inode)
        })
    }

    /// Whether it was made before a fork, and this is the child: then nothing that stands beside it
    /// is ours either.
    pub(super) fn is_inherited(&self) -> bool {
        lock().generation != self.generation
    }

    /// A new open file description of the same file, for somebody else.
    pub(super) fn open_anew(&self) -> Result<File, SegmentError> {
        let mut registry = lock();
        match registry.entry(self) {
            Some(entry) => fd::open_anew(&entry.probe),
            None => Err(inherited()),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let mut registry = lock();
        let Some(entry) = registry.entry(self) else { return };
        entry.nodes -= 1;
        if entry.nodes == 0
            && let Some(index) = registry.index(self.key)
        {
            // Closes both descriptions, under the mutex: no fork comes in between.
            registry.entries.swap_remove(index);
        }
    }
}

impl Key {
    /// The key of an open file.
    pub(super) fn of(file: &File) -> io::Result<Key> {
        let metadata = file.metadata()?;
        Ok(Key { device: metadata.dev(), inode: metadata.ino() })
    }
}

fn inherited() -> SegmentError {
    SegmentError::Io { call: "open", errno: libc::EBADF }
}
