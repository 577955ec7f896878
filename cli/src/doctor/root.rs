//! Files of /proc and /sys, below a root that is `/` but in tests.
//!
//! Whatever stands in a file is read up to a bound, as text or what is left of it; a value that
//! makes no sense is told with what stood there.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// More than any of these files has: /proc/cpuinfo of 512 cores comes close.
const BYTES_MAX: u64 = 1 << 20;

/// What is shown of something that makes no sense.
const SHOWN: usize = 40;

/// Where /proc and /sys are looked for.
pub(super) struct Root(PathBuf);

/// Why something is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unread {
    path: String,
    why: String,
    /// Whether it is simply not there.
    pub(super) is_missing: bool,
}

impl Root {
    /// This machine.
    pub(super) fn real() -> Root {
        Root(PathBuf::from("/"))
    }

    /// A tree that looks like a machine.
    #[cfg(test)]
    pub(super) fn at(path: &Path) -> Root {
        Root(path.to_owned())
    }

    /// The text of a file, without white space around it. `path` is absolute.
    pub(super) fn text(&self, path: &str) -> Result<String, Unread> {
        let mut bytes = Vec::new();
        let opened = File::open(self.place(path));
        let read = opened.and_then(|file| file.take(BYTES_MAX).read_to_end(&mut bytes));
        match read {
            Ok(_) => Ok(String::from_utf8_lossy(&bytes).trim().to_owned()),
            Err(error) => {
                let is_missing = error.kind() == ErrorKind::NotFound;
                let text = error.to_string();
                let why = text.split(" (os error").next().unwrap_or(&text).to_owned();
                Err(Unread { path: path.to_owned(), why, is_missing })
            }
        }
    }

    /// What a file says, as far as `read` makes sense of it.
    pub(super) fn value<T>(
        &self,
        path: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Unread> {
        let text = self.text(path)?;
        read(&text).ok_or_else(|| {
            let mut shown: String = text.chars().take(SHOWN).collect();
            if shown.len() < text.len() {
                shown += "...";
            }
            let why = format!("'{shown}' makes no sense there");
            Unread { path: path.to_owned(), why, is_missing: false }
        })
    }

    /// The number in a file that has nothing else.
    pub(super) fn number(&self, path: &str) -> Result<u64, Unread> {
        self.value(path, |text| text.parse().ok())
    }

    /// Whether something is there.
    pub(super) fn has(&self, path: &str) -> bool {
        self.place(path).exists()
    }

    fn place(&self, path: &str) -> PathBuf {
        self.0.join(Path::new(path).strip_prefix("/").unwrap_or(Path::new(path)))
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot be read: {}: {}", self.path, self.why)
    }
}

/// The word in brackets of a setting with several: `always [madvise] never`.
pub(super) fn chosen(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    let (word, _) = rest.split_once(']')?;
    (!word.is_empty() && word.len() <= SHOWN).then(|| word.to_owned())
}
