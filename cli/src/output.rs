//! What `recv` writes: several messages in one writev(2), straight from the ring.
//!
//! ```text
//!   iovecs   [prefix] [message in the ring] [newline]   [prefix] [message ...
//!   taken    ===============================------ whole: may be released
//!                                                     ^ torn: is finished before anything else
//! ```

use crate::args::Args;
use crate::descriptor::{self, Stop};
use crate::exit::Failure;
use crate::limit::Limit;
use crate::standard::Standard;
use annulus::Position;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};

/// Room for a position, an attempt and two tabulators.
const PREFIX: usize = 32;

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The message and a newline.
    Lines,
    /// The message alone.
    Raw,
    /// Position, tabulator, attempt, tabulator, message, newline.
    Meta,
}

impl Form {
    /// As the options ask for it.
    pub(crate) fn of(raw: bool, meta: bool, args: &Args) -> Result<Form, Failure> {
        match (raw, meta) {
            (false, false) => Ok(Form::Lines),
            (true, false) => Ok(Form::Raw),
            (false, true) => Ok(Form::Meta),
            (true, true) => Err(args.both("--raw", "--meta")),
        }
    }
}

/// Standard output, and the messages that are to be written next.
pub(crate) struct Output {
    stdout: OwnedFd,
    /// Whether a write may keep us although poll(2) said that there is room.
    may_block: bool,
    form: Form,
    messages: Vec<Message>,
}

/// A message that lies in the ring.
struct Message {
    prefix: [u8; PREFIX],
    prefix_len: usize,
    start: *const u8,
    len: usize,
}

/// What became of the messages.
pub(crate) struct Written {
    /// How many were taken whole, from the first on.
    pub(crate) whole: usize,
    /// Why the rest was not.
    pub(crate) stop: Option<Stop>,
}

/// What it is called that standard output took no more.
pub(crate) fn failed(stop: Stop) -> Failure {
    match stop {
        Stop::Timeout => Failure::Slow { what: "the reader of the output".to_owned() },
        Stop::Unmapped => Failure::Output(io::Error::from_raw_os_error(libc::EFAULT)),
        Stop::Closed => Failure::Output(io::ErrorKind::BrokenPipe.into()),
        Stop::Io(error) => Failure::Output(error),
    }
}

impl Output {
    /// Standard output, without the buffer of the standard library.
    pub(crate) fn new(form: Form) -> Result<Output, Failure> {
        Standard::Output.check()?;
        let stdout = io::stdout().as_fd().try_clone_to_owned().map_err(Failure::Output)?;
        let own = descriptor::own_pipe(stdout.as_fd());
        let may_block = own.is_none();
        Ok(Output { stdout: own.unwrap_or(stdout), may_block, form, messages: Vec::new() })
    }

    /// Forgets the messages of the last write.
    pub(crate) fn clear(&mut self) {
        self.messages.clear();
    }

    /// How many messages are to be written.
    pub(crate) fn count(&self) -> usize {
        self.messages.len()
    }

    /// Adds a message.
    ///
    /// # Safety
    ///
    /// `len` bytes from `start` stay mapped until the next `clear`.
    pub(crate) unsafe fn push(
        &mut self,
        position: Position,
        attempt: u32,
        start: *const u8,
        len: usize,
    ) {
        let mut prefix = [0; PREFIX];
        let mut free = &mut prefix[..];
        if self.form == Form::Meta {
            // A position has at most 20 digits and an attempt 2: it fits.
            let _ = write!(free, "{position}\t{attempt}\t");
        }
        let prefix_len = PREFIX - free.len();
        self.messages.push(Message { prefix, prefix_len, start, len });
    }

    /// Writes all messages, unless something stops it.
    pub(crate) fn write(&self, limit: Limit) -> Written {
        let mut written = 0;
        let mut rest = self.parts();
        // Ends: each turn writes a byte or more, or stops.
        let stop = loop {
            if rest.is_empty() {
                break None;
            }
            // SAFETY: the messages are mapped by `push`'s promise, the other bytes are `self`'s.
            match unsafe { descriptor::write(self.stdout.as_fd(), &rest, self.may_block, limit) } {
                Ok(count) => {
                    written += count;
                    advance(&mut rest, count);
                }
                Err(stop) => break Some(stop),
            }
        };
        Written { whole: self.whole(written), stop }
    }

    /// Whether nobody can read what would be written.
    pub(crate) fn is_closed(&self) -> bool {
        descriptor::reader_is_gone(self.stdout.as_fd())
    }

    /// All bytes to be written, in order. None of the parts is empty.
    fn parts(&self) -> Vec<libc::iovec> {
        let end = self.end();
        let part =
            |start: *const u8, len| libc::iovec { iov_base: start.cast_mut().cast(), iov_len: len };
        let parts = self.messages.iter().flat_map(|message| {
            [
                part(message.prefix.as_ptr(), message.prefix_len),
                part(message.start, message.len),
                part(end.as_ptr(), end.len()),
            ]
        });
        parts.filter(|part| part.iov_len > 0).collect()
    }

    /// How many messages lie wholly within the first `written` bytes.
    fn whole(&self, written: usize) -> usize {
        let mut end = 0;
        let ends = self.messages.iter().map(|message| {
            end += message.prefix_len + message.len + self.end().len();
            end
        });
        ends.take_while(|end| *end <= written).count()
    }

    /// What stands behind each message.
    fn end(&self) -> &'static [u8] {
        if self.form == Form::Raw { b"" } else { b"\n" }
    }
}

/// Drops the first `count` bytes.
fn advance(parts: &mut Vec<libc::iovec>, mut count: usize) {
    let gone = parts.iter().take_while(|part| {
        let gone = part.iov_len <= count;
        count -= if gone { part.iov_len } else { 0 };
        gone
    });
    let gone = gone.count();
    parts.drain(..gone);
    if let Some(first) = parts.first_mut() {
        first.iov_base = first.iov_base.wrapping_byte_add(count);
        first.iov_len -= count;
    }
}
