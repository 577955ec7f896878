//! How a command ends: its status, and the one sentence it says when something was wrong.
//!
//! | status | means |
//! |---|---|
//! | 0 | done; also when nobody wants the output any more |
//! | 1 | error |
//! | 2 | usage: the command line cannot be meant like this |
//! | 3 | a peer died |
//! | 4 | the deadline passed |
//! | 5 | the segment is corrupted or was truncated |
//! | 6 | it exists, is busy, or was refused |

use crate::address::BadAddress;
use crate::units::{Bytes, UnitError};
use annulus::error::{RecvError, SendError, Severed};
use annulus::segment::{JoinError, RemoveError, SegmentError};
use annulus_benches::fault::Fault;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

/// An exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    Done = 0,
    Error = 1,
    Usage = 2,
    PeerDied = 3,
    Deadline = 4,
    Corrupted = 5,
    Refused = 6,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(status as u8)
    }
}

/// Why a command did not do what it was told. As text: one sentence with what was wrong, with
/// which value, and what to do.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments of this command.
    Arguments { command: &'static str, error: lexopt::Error },
    /// What stands where a command should.
    FirstArgument(lexopt::Error),
    /// Neither a command nor a question.
    NoCommand,
    /// No such command.
    UnknownCommand(String),
    /// An argument that must be there.
    Missing { command: &'static str, what: &'static str },
    /// Two options that exclude each other.
    Both { command: &'static str, options: [&'static str; 2] },
    /// The value of an option.
    Option { option: &'static str, given: String, error: UnitError },
    /// An option that must not be 0.
    Zero { option: &'static str },
    /// An address.
    Address(BadAddress),
    /// A file to be sent.
    Input { name: String, error: io::Error },
    /// Messages to standard output.
    Output(io::Error),
    /// Other text to standard output.
    Print(io::Error),
    /// The segment cannot be made or opened.
    Segment { address: String, error: SegmentError },
    /// The role cannot be had.
    Join { address: String, error: JoinError },
    /// The segment cannot be removed.
    Remove { address: String, error: RemoveError },
    /// `rm` of a file.
    NotNamed { address: String },
    /// It exists with another capacity.
    OtherCapacity { address: String, asked: u64, found: u64 },
    /// It is made and removed by others all the time.
    Contended { address: String },
    /// Nothing to receive came.
    NothingCame { address: String },
    /// A message is longer than the ring takes.
    TooLong { address: String, number: u64, limit: u64, capacity: u64, enough: Option<u64> },
    /// Sending failed.
    Send { address: String, error: SendError, sent: u64 },
    /// Receiving failed.
    Recv { address: String, error: RecvError, received: u64 },
    /// The deadline passed while an input or the output was waited for.
    Slow { what: String },
    /// The list of segments.
    List(io::Error),
    /// The guard against truncated files.
    Guard(io::Error),
    /// A case of the bench.
    Bench { case: String, fault: Fault },
}

impl Failure {
    /// The exit status that it gives the command.
    pub(crate) fn status(&self) -> Status {
        match self {
            Failure::Arguments { .. }
            | Failure::FirstArgument(_)
            | Failure::NoCommand
            | Failure::UnknownCommand(_)
            | Failure::Missing { .. }
            | Failure::Both { .. }
            | Failure::Option { .. }
            | Failure::Zero { .. }
            | Failure::Address(_)
            | Failure::NotNamed { .. }
            | Failure::Bench { fault: Fault::NoSuchCase, .. } => Status::Usage,
            Failure::Input { .. }
            | Failure::Output(_)
            | Failure::Print(_)
            | Failure::TooLong { .. }
            | Failure::List(_)
            | Failure::Guard(_)
            | Failure::Bench { .. } => Status::Error,
            Failure::NothingCame { .. } | Failure::Slow { .. } => Status::Deadline,
            Failure::OtherCapacity { .. } | Failure::Contended { .. } => Status::Refused,
            Failure::Segment { error, .. } => of_segment(*error),
            Failure::Join { error, .. } => of_join(*error),
            Failure::Remove { error, .. } => of_remove(*error),
            Failure::Send { error, .. } => of_send(*error),
            Failure::Recv { error, .. } => of_recv(*error),
        }
    }
}

/// Says on standard error what is worth saying although the command goes on.
pub(crate) fn note(failure: &Failure) {
    // Nothing can be done when nobody listens.
    let _ = writeln!(io::stderr(), "annulus: {failure}");
}

fn of_segment(error: SegmentError) -> Status {
    match error {
        SegmentError::Capacity { .. } => Status::Usage,
        SegmentError::Exists
        | SegmentError::NotRegular
        | SegmentError::WrongOwner { .. }
        | SegmentError::WrongMode { .. }
        | SegmentError::Denied
        | SegmentError::NotAnnulus
        | SegmentError::WrongVersion { .. }
        | SegmentError::WrongKind { .. }
        | SegmentError::Filesystem { .. } => Status::Refused,
        SegmentError::TooShort { .. }
        | SegmentError::Header { .. }
        | SegmentError::WrongSize { .. } => Status::Corrupted,
        _ => Status::Error,
    }
}

fn of_join(error: JoinError) -> Status {
    match error {
        JoinError::Busy { .. } | JoinError::DoorStuck | JoinError::Removed => Status::Refused,
        JoinError::Corrupted(_) => Status::Corrupted,
        JoinError::Severed(severed) => of_severed(severed),
        JoinError::Io { .. } => Status::Error,
    }
}

fn of_remove(error: RemoveError) -> Status {
    match error {
        RemoveError::NotFound | RemoveError::Io { .. } => Status::Error,
        _ => Status::Refused,
    }
}

fn of_send(error: SendError) -> Status {
    match error {
        SendError::Full | SendError::TooLarge { .. } | SendError::PeerClosed => Status::Error,
        SendError::Timeout => Status::Deadline,
        SendError::PeerDead => Status::PeerDied,
        SendError::Severed(severed) => of_severed(severed),
        SendError::Corrupted(_) => Status::Corrupted,
    }
}

fn of_recv(error: RecvError) -> Status {
    match error {
        RecvError::Empty | RecvError::TooSmall { .. } | RecvError::Closed => Status::Error,
        RecvError::Timeout => Status::Deadline,
        RecvError::ProducerDied => Status::PeerDied,
        RecvError::Severed(severed) => of_severed(severed),
        RecvError::Corrupted(_) => Status::Corrupted,
    }
}

fn of_severed(severed: Severed) -> Status {
    match severed {
        Severed::Truncated => Status::Corrupted,
        Severed::Forked => Status::Error,
    }
}

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
            Failure::Zero { option } => write!(f, "{option} is 0, give 1 or more"),
            Failure::Address(BadAddress { given, error }) => {
                write!(f, "'{}' is no address: {error}", given.display())
            }
            Failure::Input { name, error } => {
                write!(f, "cannot read {name}: {}", Plain(error))
            }
            Failure::Output(error) => write!(
                f,
                "cannot write the output: {}, and what was not written stays in the ring",
                Plain(error)
            ),
            Failure::Print(error) => write!(f, "cannot write the output: {}", Plain(error)),
            Failure::Segment { address, error } => write!(f, "{address}: {error}"),
            Failure::Join { address, error } => write!(f, "{address}: {error}"),
            Failure::Remove { address, error } => write!(f, "{address}: {error}"),
            Failure::NotNamed { address } => {
                write!(f, "{address}: only rings in shared memory are removed here, use rm(1)")
            }
            Failure::OtherCapacity { address, asked, found } => write!(
                f,
                "{address}: the ring exists with a capacity of {} and {} was asked for, ask for \
                 that, for none, or remove the ring",
                Bytes(*found),
                Bytes(*asked)
            ),
            Failure::Contended { address } => write!(
                f,
                "{address}: others keep making and removing this ring, try again when they have \
                 finished"
            ),
            Failure::NothingCame { address } => write!(
                f,
                "{address}: nothing to receive came in time, start a sender or allow more time"
            ),
            Failure::TooLong { address, number, limit, capacity, enough } => {
                let ring = Bytes(*capacity);
                write!(
                    f,
                    "{address}: message {number} is too long, this ring of {ring} takes at most \
                     {limit} bytes: "
                )?;
                match enough {
                    Some(enough) => {
                        write!(f, "make shorter ones, or a ring with ?capacity={}", Bytes(*enough))
                    }
                    None => f.write_str("make shorter ones"),
                }
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
            Failure::Recv { address, error, received } => {
                write!(f, "{address}: {error}; {} received before", Messages(*received))
            }
            Failure::Slow { what } => {
                write!(f, "the deadline passed while waiting for {what}, allow more time")
            }
            Failure::List(error) => {
                write!(f, "the segments in shared memory cannot be listed: {}", Plain(error))
            }
            Failure::Guard(error) => {
                write!(f, "the guard against truncated segments cannot be set up: {}", Plain(error))
            }
            Failure::Bench { case, fault } => write!(f, "{case}: {fault}"),
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
struct Messages(u64);

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
