//! How a command ends: its status, and the one sentence it says when something was wrong. What it
//! says stands in `sentences`.
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

mod many;
mod sentences;

pub(crate) use many::ManyFault;

use crate::address::BadAddress;
use crate::standard::Standard;
use crate::trial;
use crate::units::UnitError;
use annulus::error::{RecvError, SendError, Severed};
use annulus::segment::{JoinError, RemoveError, SegmentError};
use annulus::{Barrier, Segment};
use annulus_benches::fault::Fault;
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
    /// The value of an option that has some words only.
    Choice { option: &'static str, given: String, allowed: &'static str },
    /// An option that must not be 0.
    Zero { option: &'static str },
    /// An address.
    Address(BadAddress),
    /// A file to be sent.
    Input { name: String, error: io::Error },
    /// A descriptor that was closed when the process began.
    Closed(Standard),
    /// No standard output to tell an answer to.
    Mute,
    /// Messages to standard output.
    Output(io::Error),
    /// Other text to standard output.
    Print(io::Error),
    /// The segment cannot be made or opened.
    Segment { address: String, error: SegmentError },
    /// A system call for the segment failed, whose file has, or would have, so many bytes.
    Call { address: String, call: &'static str, error: io::Error, bytes: Option<u64> },
    /// The role cannot be had.
    Join { address: String, error: JoinError },
    /// The segment cannot be removed.
    Remove { address: String, error: RemoveError },
    /// `rm` of a file.
    NotNamed { address: String },
    /// `rm` of a file with a ring's name and too short for anything of a ring.
    NeverARing { address: String, bytes: u64 },
    /// It exists with another capacity.
    OtherCapacity { address: String, asked: u64, found: u64 },
    /// It exists in other pages.
    OtherPages { address: String, asked: u64, found: u64 },
    /// It exists with another barrier, or with none.
    OtherBarrier { address: String, asked: Barrier, found: Option<Barrier> },
    /// It is made and removed by others all the time.
    Contended { address: String },
    /// Nothing to receive came.
    NothingCame { address: String },
    /// The blocks or messages that were asked for are longer than the ring takes.
    LongBlocks { address: String, option: &'static str, bytes: usize, ring: Limits },
    /// A message is longer than the ring takes.
    TooLong { address: String, number: u64, len: Length, ring: Limits },
    /// Sending failed.
    Send { address: String, error: SendError, sent: u64 },
    /// Receiving failed.
    Recv { address: String, error: RecvError, received: u64 },
    /// The deadline passed while an input or the output was waited for.
    Slow { what: String },
    /// Something at a ring of many.
    Many { address: String, fault: ManyFault },
    /// The list of segments.
    List(io::Error),
    /// The guard against truncated files.
    Guard(io::Error),
    /// A trial found something wrong.
    Trial(trial::Fault),
    /// A case of the bench.
    Bench { case: String, fault: Fault },
}

/// What a ring takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limits {
    /// One of this capacity, messages to this length.
    Capacity { capacity: u64, longest: usize },
    /// One of many, messages to this length.
    Slots { longest: usize },
}

impl Limits {
    /// Those of a ring that is there.
    pub(crate) fn of(segment: &Segment) -> Limits {
        let (capacity, longest) = (segment.capacity(), segment.longest_message());
        match segment.mpmc_geometry() {
            None => Limits::Capacity { capacity, longest },
            Some(_) => Limits::Slots { longest },
        }
    }

    /// The longest message.
    pub(crate) fn longest(&self) -> usize {
        match *self {
            Limits::Capacity { longest, .. } | Limits::Slots { longest } => longest,
        }
    }
}

/// The length of a message that is too long, as far as it was seen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    /// All of it.
    Exactly(usize),
    /// Its end was not seen.
    AtLeast(usize),
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
            | Failure::Choice { .. }
            | Failure::Zero { .. }
            | Failure::Address(_)
            | Failure::NotNamed { .. }
            | Failure::LongBlocks { .. }
            | Failure::Bench { fault: Fault::NoSuchCase, .. } => Status::Usage,
            Failure::Input { .. }
            | Failure::Closed(_)
            | Failure::Mute
            | Failure::Call { .. }
            | Failure::Output(_)
            | Failure::Print(_)
            | Failure::TooLong { .. }
            | Failure::List(_)
            | Failure::Guard(_)
            | Failure::Bench { .. } => Status::Error,
            Failure::NothingCame { .. } | Failure::Slow { .. } => Status::Deadline,
            Failure::OtherCapacity { .. }
            | Failure::OtherPages { .. }
            | Failure::OtherBarrier { .. }
            | Failure::Contended { .. }
            | Failure::NeverARing { .. } => Status::Refused,
            Failure::Segment { error, .. } => of_segment(*error),
            Failure::Join { error, .. } => of_join(*error),
            Failure::Remove { error, .. } => of_remove(*error),
            Failure::Send { error, .. } => of_send(*error),
            Failure::Recv { error, .. } => of_recv(*error),
            Failure::Many { fault, .. } => fault.status(),
            Failure::Trial(fault) => fault.status(),
        }
    }
}

/// Says on standard error what is worth saying although the command goes on.
pub(crate) fn note(failure: &Failure) {
    // Nothing can be done when nobody listens.
    let _ = writeln!(io::stderr(), "annulus: {}", one_line(&failure.to_string()));
}

/// What was typed is told as well: a newline in it would make two lines of one, and other control
/// characters would act on the terminal.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars() {
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

fn of_segment(error: SegmentError) -> Status {
    match error {
        SegmentError::Capacity { .. }
        | SegmentError::Slots { .. }
        | SegmentError::LargeSlots { .. }
        | SegmentError::Participants { .. }
        | SegmentError::DeadLetters { .. }
        | SegmentError::ManyWake { .. }
        | SegmentError::NamelessSysvSem => Status::Usage,
        SegmentError::Exists
        | SegmentError::NotRegular
        | SegmentError::WrongOwner { .. }
        | SegmentError::WrongMode { .. }
        | SegmentError::Denied
        | SegmentError::NotAnnulus
        | SegmentError::WrongVersion { .. }
        | SegmentError::WrongKind { .. }
        | SegmentError::Untyped { .. }
        | SegmentError::OtherType { .. }
        | SegmentError::OtherWait { .. }
        | SegmentError::OtherWake { .. }
        | SegmentError::Filesystem { .. } => Status::Refused,
        SegmentError::TooShort { .. }
        | SegmentError::Header { .. }
        | SegmentError::WrongSize { .. } => Status::Corrupted,
        _ => Status::Error,
    }
}

fn of_join(error: JoinError) -> Status {
    match error {
        JoinError::Busy { .. }
        | JoinError::DoorStuck
        | JoinError::Removed
        | JoinError::TakenKey { .. }
        | JoinError::OfMany
        | JoinError::OneToOne
        | JoinError::Full { .. }
        | JoinError::NoSuchNumber { .. }
        | JoinError::Typed { .. } => Status::Refused,
        JoinError::Corrupted(_) => Status::Corrupted,
        JoinError::Severed(severed) => of_severed(severed),
        JoinError::NoMembarrier { .. }
        | JoinError::NoSuchWake { .. }
        | JoinError::ForeignWake { .. }
        | JoinError::NoSysvSem { .. }
        | JoinError::Io { .. } => Status::Error,
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
        RecvError::Empty
        | RecvError::TooSmall { .. }
        | RecvError::OtherLength { .. }
        | RecvError::Closed => Status::Error,
        RecvError::Timeout => Status::Deadline,
        RecvError::ProducerDied => Status::PeerDied,
        RecvError::Severed(severed) => of_severed(severed),
        RecvError::Corrupted(_) => Status::Corrupted,
    }
}

fn of_severed(severed: Severed) -> Status {
    match severed {
        Severed::Truncated => Status::Corrupted,
        Severed::Removed => Status::Refused,
        Severed::Forked => Status::Error,
    }
}
