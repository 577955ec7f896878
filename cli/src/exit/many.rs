//! What goes wrong at a ring of many senders and receivers: the status, and the sentence.

use super::sentences::{Messages, corrupted, severed};
use super::{Status, of_severed};
use crate::address::Kind;
use annulus::ring::mpmc::{RecvError, SendError};
use std::fmt;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ManyFault {
    /// The ring is of the other sort.
    OtherKind { asked: Kind, found: Kind },
    /// The ring has other slots: what was asked for, and what it has, as options.
    OtherSlots { asked: String, found: String },
    /// Sending failed.
    Send { error: SendError, sent: u64 },
    /// Receiving failed, or a gap was met.
    Recv { error: RecvError, received: u64 },
    /// Messages whose receivers died were given up by this one.
    Lost { count: u64 },
    /// Messages that nobody could be given are left in the ring.
    DeadLetters { count: u64 },
    /// Messages that may come to be such.
    ToComeLetters { count: u64 },
    /// The ring is of two sides, and has none.
    NoLetters,
    /// Less senders have come than were waited for.
    FewProducers { come: u64, wanted: u64 },
    /// Several senders were waited for at a ring that has one.
    OneProducer { wanted: u64 },
    /// A trial was to be checked, and each receiver has a part of it.
    Check,
}

impl ManyFault {
    /// The exit status that it gives the command.
    pub(super) fn status(&self) -> Status {
        match self {
            ManyFault::OtherKind { .. }
            | ManyFault::OtherSlots { .. }
            | ManyFault::NoLetters
            | ManyFault::OneProducer { .. } => Status::Refused,
            ManyFault::Send { error, .. } => of_send(*error),
            ManyFault::Recv { error, .. } => of_recv(*error),
            ManyFault::Lost { .. }
            | ManyFault::DeadLetters { .. }
            | ManyFault::ToComeLetters { .. } => Status::Error,
            ManyFault::FewProducers { .. } => Status::Deadline,
            ManyFault::Check => Status::Usage,
        }
    }

    /// The sentence.
    pub(super) fn say(&self, f: &mut fmt::Formatter<'_>, address: &str) -> fmt::Result {
        match self {
            ManyFault::OtherKind { asked, found } => write!(
                f,
                "{address}: the ring exists as {found} and {asked} was asked for, ask for that, \
                 for none, or remove the ring"
            ),
            ManyFault::OtherSlots { asked, found } => write!(
                f,
                "{address}: the ring exists with {found} and {asked} was asked for, ask for that, \
                 for none, or remove the ring"
            ),
            ManyFault::Send { error, sent } => {
                match *error {
                    SendError::Severed(cause) => severed(f, address, cause)?,
                    SendError::Corrupted(what) => corrupted(f, address, what)?,
                    error => write!(f, "{address}: {error}")?,
                }
                write!(f, "; {} sent before", Messages(*sent))
            }
            ManyFault::Recv { error, received } => {
                match *error {
                    RecvError::Severed(cause) => severed(f, address, cause)?,
                    RecvError::Corrupted(what) => corrupted(f, address, what)?,
                    RecvError::Gap { position, .. } => write!(
                        f,
                        "{address}: there is no message at position {position}, its sender died \
                         in it or gave it up, and receiving goes on behind it"
                    )?,
                    RecvError::ProducerDied => write!(
                        f,
                        "{address}: a sender ended without closing the ring: all that was left was \
                         received, but there may have been more to come"
                    )?,
                    error => write!(f, "{address}: {error}")?,
                }
                write!(f, "; {} received before", Messages(*received))
            }
            ManyFault::Lost { count } => write!(
                f,
                "{address}: {} given up, since the receivers that had them died or could not write \
                 them, and the ring delivers them no more often",
                Messages(*count)
            ),
            ManyFault::DeadLetters { count } => write!(
                f,
                "{address}: {} left in the ring over which sixteen receivers died, or which they \
                 could not write, look at them with `annulus dead-letters`",
                Messages(*count)
            ),
            ManyFault::ToComeLetters { count } => write!(
                f,
                "{address}: {} delivered for the last time, which are dead letters if their \
                 receivers died and when the next receiver comes",
                Messages(*count)
            ),
            ManyFault::NoLetters => write!(
                f,
                "{address}: the ring has one sender and one receiver, and so no dead letters: ask \
                 for those of a ring made with ?ring=mpmc"
            ),
            ManyFault::FewProducers { come, wanted } => write!(
                f,
                "{address}: {come} of {wanted} senders came in time, start the others or allow \
                 more time"
            ),
            ManyFault::OneProducer { wanted } => write!(
                f,
                "{address}: this ring has one sender and --producers {wanted} waits for more, make \
                 it with ?ring=mpmc"
            ),
            ManyFault::Check => write!(
                f,
                "{address}: --check is for rings of one sender and one receiver, and this one was \
                 made with ?ring=mpmc: receive without it"
            ),
        }
    }
}

fn of_send(error: SendError) -> Status {
    match error {
        SendError::Full
        | SendError::TooLarge { .. }
        | SendError::OtherLength { .. }
        | SendError::PeerClosed => Status::Error,
        SendError::Timeout | SendError::PeerStalled(_) => Status::Deadline,
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
        | RecvError::Gap { .. }
        | RecvError::Closed => Status::Error,
        RecvError::Timeout | RecvError::PeerStalled(_) => Status::Deadline,
        RecvError::ProducerDied => Status::PeerDied,
        RecvError::Severed(severed) => of_severed(severed),
        RecvError::Corrupted(_) => Status::Corrupted,
    }
}
