//! Names of segments in shared memory.

use core::fmt;
use std::path::PathBuf;

/// Where named segments live.
pub(super) const FOLDER: &str = "/dev/shm";

/// What the file of a named segment begins with.
pub(super) const PREFIX: &str = "annulus.";

/// The longest name: with the prefix it stays under what a file name may have.
const LEN_MAX: usize = 200;

/// A checked name: 1 to 200 of `A-Z a-z 0-9 . _ -`. Its file is `/dev/shm/annulus.NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// Why a name is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// It has no character.
    Empty,
    /// It is too long.
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// A character that names do not have.
    Character {
        /// The first of them.
        found: char,
    },
    /// `.` and `..` are no names.
    Dots,
}

impl Name {
    /// Checks `name`. No system call.
    pub fn new(name: &str) -> Result<Name, NameError> {
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if let Some(found) = name.chars().find(|c| !valid(*c)) {
            return Err(NameError::Character { found });
        }
        if name.len() > LEN_MAX {
            return Err(NameError::TooLong { len: name.len() });
        }
        if name == "." || name == ".." {
            return Err(NameError::Dots);
        }
        Ok(Name(name.to_owned()))
    }

    /// The name, without the prefix of its file.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segment's file, whether it is there or not.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("{FOLDER}/{PREFIX}{}", self.0))
    }
}

impl NameError {
    /// The stable number of every bad name.
    pub const CODE: i32 = 47;

    /// The stable number of this error.
    pub const fn code(self) -> i32 {
        NameError::CODE
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Empty => f.write_str("a segment's name is empty")?,
            NameError::TooLong { len } => write!(f, "a segment's name has {len} characters")?,
            NameError::Character { found } => write!(f, "a segment's name has {found:?} in it")?,
            NameError::Dots => f.write_str("`.` and `..` are no names of segments")?,
        }
        write!(f, ": take 1 to {LEN_MAX} of A-Z a-z 0-9 . _ -")
    }
}

impl std::error::Error for NameError {}
