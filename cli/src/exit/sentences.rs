//! What the failures of the command say: one sentence each, with what was wrong, with which value,
//! and what to do.

use super::{Failure, Length, Limits};
use crate::address::BadAddress;
use crate::meet;
use crate::standard::Standard;
use crate::units::Bytes;
use annulus::error::{RecvError, SendError, Severed, What};
use annulus::segment::{JoinError, Name, RemoveError, SegmentError};
use std::fmt;
use std::io;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Arguments { command, error } => {
                write!(f, "{command}: {}, see 'annulus {command} --help'", Refused(error))
            }
            Failure::FirstArgument(error) => write!(f, "{}, see 'annulus --help'", Refused(error)),
            Failure::NoCommand => f.write_str("what to do is not said, see 'annulus --help'"),
            Failure::UnknownCommand(word) => {
                write!(f, "there is no command '{word}', see 'annulus --help'")
            }
            Failure::Missing { command, what } => {
                write!(f, "{command}: {what} is missing, see 'annulus {command} --help'")
            }
            Failure::Both { command, options: [one, other] } => {
                write!(f, "{command}: {one} and {other} exclude each other, give one of them")
            }
            Failure::Option { option, given, error } => {
                write!(f, "{option} '{given}' is not understood: {error}")
            }
            Failure::Choice { option, given, allowed } => {
                write!(f, "{option} '{given}' is not understood: write {option} with {allowed}")
            }
            Failure::Zero { option } => write!(f, "{option} is 0, give 1 or more"),
            Failure::Address(BadAddress { given, error }) => {
                write!(f, "'{}' is no address: {error}", given.display())
            }
            Failure::Input { name, error } => {
                write!(f, "cannot read {name}: {}", Plain(error))
            }
            Failure::Closed(Standard::Input) => f.write_str(
                "standard input is closed and was to be read: open it or name a file, nothing was \
                 sent",
            ),
            Failure::Closed(Standard::Output) => f.write_str(
                "standard output is closed and messages would be lost: open it, nothing was \
                 received",
            ),
            Failure::Mute => f.write_str(
                "standard output is closed and the answer would be lost: open it, nothing was done",
            ),
            Failure::Output(error) => write!(
                f,
                "cannot write the output: {}, and what was not written stays in the ring",
                Plain(error)
            ),
            Failure::Print(error) => write!(f, "cannot write the output: {}", Plain(error)),
            Failure::Segment { address, error } => segment(f, address, *error),
            Failure::Call { address, call, error, bytes } => {
                call_failed(f, address, call, error, *bytes)
            }
            Failure::Join { address, error } => join(f, address, *error),
            Failure::Remove { address, error: RemoveError::Io { call, errno } } => {
                call_failed(f, address, call, &io::Error::from_raw_os_error(*errno), None)
            }
            Failure::Remove { address, error } => write!(f, "{address}: {error}"),
            Failure::NotNamed { address } => {
                write!(f, "{address}: only rings in shared memory are removed here, use rm(1)")
            }
            Failure::NeverARing { address, bytes } => write!(
                f,
                "{address}: its file has {bytes} bytes, which is no ring: if nobody wants it, {}",
                Delete(address)
            ),
            Failure::OtherCapacity { address, asked, found } => write!(
                f,
                "{address}: the ring exists with a capacity of {} and {} was asked for, ask for \
                 that, for none, or remove the ring",
                Bytes(*found),
                Bytes(*asked)
            ),
            Failure::OtherPages { address, asked, found } => write!(
                f,
                "{address}: the ring exists in pages of {} and {} were asked for, ask for those, \
                 for none, or remove the ring",
                Bytes(*found),
                Bytes(*asked)
            ),
            Failure::OtherBarrier { address, asked, found } => {
                write!(f, "{address}: the ring exists with ")?;
                match found {
                    Some(found) => write!(f, "the barrier {found}")?,
                    None => f.write_str("no barrier")?,
                }
                write!(f, " and {asked} was asked for, ask for that, for none, or remove the ring")
            }
            Failure::Contended { address } => write!(
                f,
                "{address}: others keep making and removing this ring, try again when they have \
                 finished"
            ),
            Failure::NothingCame { address } => write!(
                f,
                "{address}: nothing to receive came in time, start a sender or allow more time"
            ),
            Failure::LongBlocks { address, option, bytes, ring } => {
                let given = Bytes(*bytes as u64);
                write!(f, "{address}: {option} {given} is too long: {}, give less", Takes(ring))?;
                larger(f, Length::Exactly(*bytes), ring)
            }
            Failure::TooLong { address, number, len, ring } => {
                let (bound, bytes) = match *len {
                    Length::Exactly(bytes) => ("", bytes),
                    Length::AtLeast(bytes) => ("at least ", bytes),
                };
                write!(
                    f,
                    "{address}: message {number} is too long: it has {bound}{bytes} bytes and {}, \
                     make it shorter",
                    Takes(ring)
                )?;
                larger(f, *len, ring)
            }
            Failure::Send { address, error: SendError::Severed(cause), sent } => {
                severed(f, address, *cause)?;
                write!(f, "; {} sent before", Messages(*sent))
            }
            Failure::Send { address, error: SendError::Corrupted(what), sent } => {
                corrupted(f, address, *what)?;
                write!(f, "; {} sent before", Messages(*sent))
            }
            Failure::Send { address, error, sent } => write!(
                f,
                "{address}: {error}; {} sent before, and what nobody has received yet stays in the \
                 ring",
                Messages(*sent)
            ),
            Failure::Recv { address, error: RecvError::ProducerDied, received } => write!(
                f,
                "{address}: the sender ended without closing the ring: all that it left was \
                 written ({}), but there may have been more to come",
                Messages(*received)
            ),
            Failure::Recv { address, error: RecvError::Severed(cause), received } => {
                severed(f, address, *cause)?;
                write!(f, "; {} received before", Messages(*received))
            }
            Failure::Recv { address, error: RecvError::Corrupted(what), received } => {
                corrupted(f, address, *what)?;
                write!(f, "; {} received before", Messages(*received))
            }
            Failure::Recv { address, error, received } => {
                write!(f, "{address}: {error}; {} received before", Messages(*received))
            }
            Failure::Many { address, fault } => fault.say(f, address),
            Failure::Slow { what } => {
                write!(f, "the deadline passed while waiting for {what}, allow more time")
            }
            Failure::List(error) => {
                write!(f, "the segments in shared memory cannot be listed: {}", Plain(error))
            }
            Failure::Guard(error) => {
                write!(f, "the guard against truncated segments cannot be set up: {}", Plain(error))
            }
            Failure::Trial(fault) => fault.fmt(f),
            Failure::Bench { case, fault } => write!(f, "{case}: {fault}"),
        }
    }
}

/// What is wrong with a segment, and what to do here: the engine cannot know of this command.
fn segment(f: &mut fmt::Formatter<'_>, address: &str, error: SegmentError) -> fmt::Result {
    match error {
        SegmentError::WrongOwner { uid } => write!(
            f,
            "{address}: the ring belongs to user {uid}: root attaches to it with ?owner=any, if \
             that user is to be trusted"
        ),
        SegmentError::TooShort { bytes } => write!(
            f,
            "{address}: its file has only {bytes} bytes and no ring is so short, it was truncated \
             or is something else: {}",
            Delete(address)
        ),
        SegmentError::Header { field, value } => write!(
            f,
            "{address}: the ring's header is damaged, its {field} is {value:#x}: {}",
            Remove(address)
        ),
        SegmentError::WrongSize { wanted, bytes } => write!(
            f,
            "{address}: the ring should have {wanted} bytes and its file has {bytes}, it was \
             truncated or extended: {}",
            Remove(address)
        ),
        SegmentError::OtherWait { asked, found } => write!(
            f,
            "{address}: the ring exists with the wait policy {found} and {asked} was asked for, \
             ask for that, for none, or remove the ring"
        ),
        SegmentError::NoMembarrier { errno } => no_membarrier(f, address, errno),
        error => write!(f, "{address}: {error}"),
    }
}

fn join(f: &mut fmt::Formatter<'_>, address: &str, error: JoinError) -> fmt::Result {
    match error {
        JoinError::Corrupted(corruption) => corrupted(f, address, corruption.what),
        JoinError::Severed(cause) => severed(f, address, cause),
        JoinError::NoMembarrier { errno } => no_membarrier(f, address, errno),
        JoinError::Io { call, errno } => {
            call_failed(f, address, call, &io::Error::from_raw_os_error(errno), None)
        }
        error => write!(f, "{address}: {error}"),
    }
}

fn no_membarrier(f: &mut fmt::Formatter<'_>, address: &str, errno: i32) -> fmt::Result {
    write!(
        f,
        "{address}: membarrier(2) failed, by which this ring's sides find out who sleeps: {}: \
         allow it (seccomp), or make a ring with ?barrier=fence",
        Plain(&io::Error::from_raw_os_error(errno))
    )
}

pub(super) fn corrupted(f: &mut fmt::Formatter<'_>, address: &str, what: What) -> fmt::Result {
    write!(f, "{address}: the ring is corrupted, {what}: {}", Remove(address))
}

pub(super) fn severed(f: &mut fmt::Formatter<'_>, address: &str, cause: Severed) -> fmt::Result {
    match cause {
        Severed::Truncated => write!(
            f,
            "{address}: the ring's file was truncated, and what nobody had received is lost: {}",
            Delete(address)
        ),
        Severed::Removed => {
            write!(f, "{address}: the ring was removed by `rm --force`: send creates it anew")
        }
        Severed::Forked => write!(f, "{address}: {cause}"),
    }
}

fn call_failed(
    f: &mut fmt::Formatter<'_>,
    address: &str,
    call: &str,
    error: &io::Error,
    bytes: Option<u64>,
) -> fmt::Result {
    write!(f, "{address}: {call} of '{}'", file_of(address))?;
    if let Some(bytes) = bytes {
        write!(f, " ({bytes} bytes)")?;
    }
    let advice = match error.raw_os_error() {
        Some(libc::ENOMEM) => "allow more memory (ulimit -v) or take a smaller ring",
        Some(libc::EMFILE) => "allow more open files (ulimit -n)",
        Some(libc::ENFILE) => "the system has too many open files, end some processes",
        Some(libc::ENAMETOOLONG) => "choose a shorter path",
        _ => "see what stands there, or choose another place",
    };
    write!(f, " failed: {}: {advice}", Plain(error))
}

/// The end of a sentence about a message that is too long: a ring that takes it, if there is one.
fn larger(f: &mut fmt::Formatter<'_>, len: Length, ring: &Limits) -> fmt::Result {
    let (bytes, bound) = match len {
        Length::Exactly(bytes) => (bytes, ""),
        Length::AtLeast(bytes) => (bytes, " or more"),
    };
    if let Limits::Slots { .. } = ring {
        return match meet::is_possible_payload(bytes) {
            true => write!(f, " or make a ring with ?ring=mpmc&payload={bytes}{bound}"),
            false => f.write_str(", no ring takes so much"),
        };
    }
    match meet::capacity_for(bytes) {
        Some(enough) => write!(f, " or make a ring with ?capacity={}{bound}", Bytes(enough)),
        None => f.write_str(", no ring takes so much"),
    }
}

/// The file of the ring at an address that was shown.
fn file_of(address: &str) -> String {
    let name = address.strip_prefix("shm:").and_then(|name| Name::new(name).ok());
    match name {
        Some(name) => name.path().display().to_string(),
        None => address.strip_prefix("file:").unwrap_or(address).to_owned(),
    }
}

/// How to be rid of a ring.
struct Remove<'a>(&'a str);

impl fmt::Display for Remove<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.strip_prefix("shm:") {
            Some(name) => write!(f, "remove it with 'annulus rm {name}' and send anew"),
            None => Delete(self.0).fmt(f),
        }
    }
}

/// How to be rid of a file that `annulus rm` does not take for a ring.
struct Delete<'a>(&'a str);

impl fmt::Display for Delete<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "delete the file '{}'", file_of(self.0))
    }
}

/// What a ring takes.
struct Takes<'a>(&'a Limits);

impl fmt::Display for Takes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self.0 {
            Limits::Capacity { capacity, longest } => {
                write!(f, "a ring of {} takes at most {longest} bytes", Bytes(capacity))
            }
            Limits::Slots { longest } => {
                write!(f, "the slots of this ring take at most {longest} bytes")
            }
        }
    }
}

/// An argument that the parser refused.
struct Refused<'e>(&'e lexopt::Error);

impl fmt::Display for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            lexopt::Error::UnexpectedArgument(word) => {
                write!(f, "there is no place for '{}'", word.display())
            }
            lexopt::Error::UnexpectedValue { option, value } => {
                write!(f, "{option} takes no value, '{}' was given", value.display())
            }
            lexopt::Error::UnexpectedOption(option) => write!(f, "there is no option {option}"),
            lexopt::Error::MissingValue { option: Some(option) } => {
                write!(f, "the value of {option} is missing")
            }
            other => other.fmt(f),
        }
    }
}

/// A number of messages.
pub(super) struct Messages(pub(super) u64);

impl fmt::Display for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} message{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

/// An error of the system without Rust's "(os error 2)".
struct Plain<'e>(&'e io::Error);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        f.write_str(text.split(" (os error").next().unwrap_or(&text))
    }
}
