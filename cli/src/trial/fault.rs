//! What a trial found wrong, and which exit status that is.
//!
//! A message of the run that is not as it was sent, is missing or comes again: then the ring did
//! not hold what was put into it, which is what status 5, a corrupted segment, means. A message
//! that is none of the run tells nothing about the ring, but that somebody else sends: status 1.

use super::ledger::Disorder;
use super::message::Wrong;
use crate::exit::Status;
use annulus::Position;
use std::fmt;

/// Where, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(super) address: String,
    /// Where the message stands, or where the ring ends.
    pub(super) position: Position,
    pub(super) kind: Kind,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The bytes, where this number had to come.
    Wrong { wrong: Wrong, expected: Option<u64> },
    /// The number.
    Disorder(Disorder),
    /// The ring was closed where this number had to come.
    NoEnd { expected: u64 },
    /// The ring was closed and nothing came.
    Nothing,
}

impl Fault {
    /// The exit status that it gives the command.
    pub(crate) fn status(&self) -> Status {
        match self.kind {
            Kind::Wrong { wrong: Wrong::Foreign, .. }
            | Kind::Disorder(Disorder::OtherRun { .. })
            | Kind::Nothing => Status::Error,
            Kind::Wrong { .. } | Kind::Disorder(_) | Kind::NoEnd { .. } => Status::Corrupted,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { address, position, kind } = self;
        write!(f, "{address}: ")?;
        match kind {
            Kind::Wrong { wrong, expected } => {
                write!(f, "the message at position {position}")?;
                match expected {
                    Some(expected) => write!(f, ", where number {expected} had to come, ")?,
                    None => f.write_str(", the first one, ")?,
                }
                wrong_bytes(f, *wrong)
            }
            Kind::Disorder(Disorder::OtherRun { number, expected }) => write!(
                f,
                "the message at position {position} is number {number} of another run, and number \
                 {expected} of this one had to come: let one sender end before the next begins"
            ),
            Kind::Disorder(Disorder::Gap { number, expected }) => write!(
                f,
                "number {expected} is missing: at position {position} comes number {number}, \
                 {LOOK}"
            ),
            Kind::Disorder(Disorder::Repeat { number, expected }) => write!(
                f,
                "number {number} comes again at position {position}, where number {expected} had \
                 to come, {LOOK}"
            ),
            Kind::NoEnd { expected } => write!(
                f,
                "number {expected} is missing: the sender closed the ring at position {position} \
                 and the last message of its run did not come, {LOOK}"
            ),
            Kind::Nothing => write!(
                f,
                "the sender closed the ring at position {position} and sent nothing to check, send \
                 with 'annulus send --count N'"
            ),
        }
    }
}

/// What to do when the ring did not hold what was sent.
const LOOK: &str = "look for who else writes to the ring, remove it and send anew";

fn wrong_bytes(f: &mut fmt::Formatter<'_>, wrong: Wrong) -> fmt::Result {
    match wrong {
        Wrong::Foreign => f.write_str("is none of a trial, send with 'annulus send --count N'"),
        Wrong::Length { said, found } => {
            write!(f, "has {found} bytes and was sent with {said}, {LOOK}")
        }
        Wrong::Header => {
            write!(f, "has a wrong byte before its payload, which does not fit its check, {LOOK}")
        }
        Wrong::Byte { number, at, found, sent } => write!(
            f,
            "says that it is number {number}, and its byte {at} is {found:#04x} where {sent:#04x} \
             was sent, {LOOK}"
        ),
    }
}
