//! Names and folders that belong to one test and go with it.
//!
//! Whoever drops them removes them; when nobody lives to drop them, the janitor finds them by the
//! process id in their names. A forked copy removes nothing.

use crate::janitor::janitor;
use std::fmt;
use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, process};

/// A ring name that nobody else uses: `test-<pid>-<counter>[-label]`.
///
/// Nothing is created. On drop, also in a panic, the shared file of that name is unlinked.
#[derive(Debug)]
pub struct Scratch {
    owner: u32,
    name: String,
    path: PathBuf,
}

/// A directory of one's own, removed with all that is in it on drop.
#[derive(Debug)]
pub struct ScratchDir {
    owner: u32,
    path: PathBuf,
}

impl Scratch {
    /// A new name.
    #[expect(clippy::new_without_default, reason = "a default is not expected to be unique")]
    pub fn new() -> Scratch {
        Scratch::named("")
    }

    /// A new name that ends in `-label`, so that a listing says what it is for.
    pub fn labelled(label: &str) -> Scratch {
        let valid = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        assert!(label.chars().all(valid), "a label is made of [A-Za-z0-9._-], and not {label:?}");
        Scratch::named(&format!("-{label}"))
    }

    /// The ring's name, as the library and the command take it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The ring's file in shared memory, whether it is there or not.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn named(suffix: &str) -> Scratch {
        // The janitor has to be there before there is anything to leave behind.
        janitor();
        let owner = process::id();
        let name = format!("test-{owner}-{}{suffix}", next());
        let path = PathBuf::from(format!("/dev/shm/annulus.{name}"));
        Scratch { owner, name, path }
    }
}

impl ScratchDir {
    /// A new, empty directory.
    #[expect(clippy::new_without_default, reason = "a default is not expected to be unique")]
    pub fn new() -> ScratchDir {
        let owner = process::id();
        let path = janitor().temp().join(format!("annulus-test-{owner}-{}", next()));
        fs::create_dir(&path).expect("a scratch directory can be created");
        ScratchDir { owner, path }
    }

    /// Where it is, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it, whether it is there or not.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.owner == process::id() {
            forget_semaphores(&self.path);
            // Mostly it is gone already: a ring is unlinked by its last receiver.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        if self.owner == process::id() {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

impl fmt::Display for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Removes the set of System V semaphores that the segment at `path` names, if it does: at byte 88
/// of its header, zero for none.
fn forget_semaphores(path: &Path) {
    let mut key = [0; 4];
    // It may be a FIFO, or a link to one.
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let named = opened.and_then(|file| file.read_exact_at(&mut key, 88));
    let key = i32::from_ne_bytes(key);
    if named.is_ok() && key != 0 {
        // SAFETY: takes no pointer.
        let set = unsafe { libc::semget(key, 4, 0) };
        if set >= 0 {
            // SAFETY: takes no argument.
            unsafe { libc::semctl(set, 0, libc::IPC_RMID) };
        }
    }
}

fn next() -> u32 {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    COUNTER.fetch_add(1, Ordering::Relaxed)
}
