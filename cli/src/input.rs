//! What `send` reads: files and standard input, cut into lines.

use crate::descriptor::{self, Stop};
use crate::exit::Failure;
use crate::limit::Limit;
use crate::standard::Standard;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;

/// Bytes that are asked for at a time while lines are looked for.
const PIECE: usize = 64 << 10;

/// An open file with the name that messages about it bear.
pub(crate) struct Input {
    name: String,
    file: File,
}

impl Input {
    /// Opens all `paths`, before anything is sent; none at all is standard input, and so is `-`.
    pub(crate) fn open_all(paths: &[OsString]) -> Result<Vec<Input>, Failure> {
        match paths {
            [] => Ok(vec![Input::stdin()?]),
            paths => paths.iter().map(Input::open).collect(),
        }
    }

    /// Reads up to `len` bytes to `into`; 0 is the end.
    ///
    /// # Safety
    ///
    /// As for [`descriptor::read`].
    pub(crate) unsafe fn read(
        &self,
        into: *mut u8,
        len: usize,
        limit: Limit,
    ) -> Result<usize, Stop> {
        // SAFETY: the caller's promise.
        unsafe { descriptor::read(self.file.as_fd(), into, len, limit) }
    }

    /// Reads to the front of `into`; 0 is the end.
    pub(crate) fn read_to(&self, into: &mut [u8], limit: Limit) -> Result<usize, Stop> {
        // SAFETY: `into` is writable.
        unsafe { self.read(into.as_mut_ptr(), into.len(), limit) }
    }

    /// What is said when reading stops for this reason.
    pub(crate) fn failed(&self, stop: Stop) -> Failure {
        let name = self.name.clone();
        let error = match stop {
            Stop::Timeout => return Failure::Slow { what: name },
            Stop::Unmapped => io::Error::from_raw_os_error(libc::EFAULT),
            Stop::Closed => io::ErrorKind::BrokenPipe.into(),
            Stop::Io(error) => error,
        };
        Failure::Input { name, error }
    }

    fn open(path: &OsString) -> Result<Input, Failure> {
        if path == "-" {
            return Input::stdin();
        }
        let name = format!("'{}'", path.display());
        match File::open(path).and_then(not_a_folder) {
            Ok(file) => Ok(Input { name, file }),
            Err(error) => Err(Failure::Input { name, error }),
        }
    }

    /// A descriptor of its own: the standard library's has a buffer.
    fn stdin() -> Result<Input, Failure> {
        Standard::Input.check()?;
        let name = "standard input".to_owned();
        match io::stdin().as_fd().try_clone_to_owned() {
            Ok(descriptor) => Ok(Input { name, file: File::from(descriptor) }),
            Err(error) => Err(Failure::Input { name, error }),
        }
    }
}

/// A folder can be opened, and not read.
fn not_a_folder(file: File) -> io::Result<File> {
    if file.metadata()?.is_dir() {
        return Err(io::Error::from_raw_os_error(libc::EISDIR));
    }
    Ok(file)
}

/// Cuts inputs into lines, one after the other, in one buffer that grows up to the longest
/// message.
///
/// ```text
///   buffer  [ given out | start  no newline here  scanned |  not looked at  | end   free ]
/// ```
pub(crate) struct Lines {
    buffer: Vec<u8>,
    longest: usize,
    start: usize,
    scanned: usize,
    end: usize,
}

/// A line, or why there is none.
pub(crate) enum Next<'l> {
    /// A line without its newline; perhaps longer than a message may be.
    Line(&'l [u8]),
    /// Longer than any message: so many bytes, and its end not yet seen.
    TooLong(usize),
    /// The input's end.
    End,
}

impl Lines {
    /// For messages of at most `longest` bytes.
    pub(crate) fn new(longest: usize) -> Lines {
        Lines { buffer: vec![0; PIECE], longest, start: 0, scanned: 0, end: 0 }
    }

    /// Whether all that was read so far was given out: the next line may be long in coming.
    pub(crate) fn are_used_up(&self) -> bool {
        self.start == self.end
    }

    /// The next line of `input`. A new input may follow when this one has ended.
    pub(crate) fn next(&mut self, input: &Input, limit: Limit) -> Result<Next<'_>, Stop> {
        // Ends: each turn finds a line, ends, fails, or reads on in a line that may only grow
        // to the longest message.
        loop {
            if let Some(len) = newline(&self.buffer[self.scanned..self.end]) {
                let (from, to) = (self.start, self.scanned + len);
                (self.start, self.scanned) = (to + 1, to + 1);
                return Ok(Next::Line(&self.buffer[from..to]));
            }
            self.scanned = self.end;
            if self.end - self.start > self.longest {
                return Ok(Next::TooLong(self.end - self.start));
            }
            self.make_room();
            let count = input.read_to(&mut self.buffer[self.end..], limit)?;
            if count == 0 {
                let (from, to) = (self.start, self.end);
                (self.start, self.scanned, self.end) = (0, 0, 0);
                let last = &self.buffer[from..to];
                return Ok(if last.is_empty() { Next::End } else { Next::Line(last) });
            }
            self.end += count;
        }
    }

    /// Moves the line that has begun to the front; doubles the buffer when that is not enough.
    fn make_room(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.scanned, self.end) =
            (0, self.scanned - self.start, self.end - self.start);
        if self.buffer.len() - self.end < PIECE / 2 {
            self.buffer.resize(2 * self.buffer.len(), 0);
        }
    }
}

/// Where the first newline is. The system's memchr looks at 32 bytes at a time.
fn newline(bytes: &[u8]) -> Option<usize> {
    let start = bytes.as_ptr();
    // SAFETY: `bytes` is readable for its whole length.
    let found = unsafe { libc::memchr(start.cast(), i32::from(b'\n'), bytes.len()) };
    (!found.is_null()).then(|| found.addr() - start.addr())
}
