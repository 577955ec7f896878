//! What can go wrong in a run: [`Fault`] as the caller sees it, [`SideFault`] as one of the two
//! processes reports it.
//!
//! A side leaves its fault in the shared block as two integers (a kind and a detail), because
//! that is all that crosses from a process that is about to leave. What an engine or a rival said
//! in words goes to stderr, from the side itself.

use std::fmt;

/// Which of the two processes (or threads) of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Sends: pings in a round trip, produces in a stream.
    Lead,
    /// Receives: echoes in a round trip, consumes in a stream.
    Peer,
}

impl Side {
    /// 0 for the lead, 1 for the peer: the side's place in every pair of things.
    pub const fn index(self) -> usize {
        match self {
            Side::Lead => 0,
            Side::Peer => 1,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Lead => "sending side",
            Side::Peer => "receiving side",
        })
    }
}

/// The step at which a side's ring or descriptor refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Creating or opening the thing under test.
    Open,
    /// Sending one message.
    Send,
    /// Receiving one message.
    Receive,
}

/// Why one side gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SideFault {
    /// What arrived at this position is not what was sent. The run is void.
    Mismatch {
        /// The message's number in its stream, from 0.
        position: u64,
    },
    /// The side could not be pinned to its core.
    Unpinned,
    /// The side panicked; its message is on stderr.
    Panicked,
    /// The thing under test refused; its own words are on stderr.
    Refused(Step),
    /// A system call failed with this `errno`.
    Os {
        /// The `errno`.
        errno: i32,
    },
    /// The messages did not fit the block that was mapped for them: a defect of the case.
    NoRoom,
}

impl SideFault {
    /// The last system call's error, as a side fault.
    pub fn last_os() -> SideFault {
        SideFault::Os { errno: std::io::Error::last_os_error().raw_os_error().unwrap_or(0) }
    }

    /// As (kind, detail) for the shared block; kind is never 0, which means "none".
    pub const fn encode(self) -> (u32, u64) {
        match self {
            SideFault::Mismatch { position } => (1, position),
            SideFault::Unpinned => (2, 0),
            SideFault::Panicked => (3, 0),
            SideFault::Refused(Step::Open) => (4, 0),
            SideFault::Refused(Step::Send) => (4, 1),
            SideFault::Refused(Step::Receive) => (4, 2),
            SideFault::Os { errno } => (5, errno as u64),
            SideFault::NoRoom => (6, 0),
        }
    }

    /// Back from what [`encode`](Self::encode) made; none for kind 0 and anything unknown.
    pub const fn decode(kind: u32, detail: u64) -> Option<SideFault> {
        Some(match (kind, detail) {
            (1, position) => SideFault::Mismatch { position },
            (2, _) => SideFault::Unpinned,
            (3, _) => SideFault::Panicked,
            (4, 0) => SideFault::Refused(Step::Open),
            (4, 1) => SideFault::Refused(Step::Send),
            (4, 2) => SideFault::Refused(Step::Receive),
            (5, errno) => SideFault::Os { errno: errno as i32 },
            (6, _) => SideFault::NoRoom,
            _ => return None,
        })
    }
}

impl fmt::Display for SideFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SideFault::Mismatch { position } => {
                write!(f, "message {position} arrived with other bytes than were sent")
            }
            SideFault::Unpinned => f.write_str("could not be pinned to its core"),
            SideFault::Panicked => f.write_str("panicked (its message is above)"),
            SideFault::Refused(Step::Open) => f.write_str("could not open its end (see above)"),
            SideFault::Refused(Step::Send) => f.write_str("could not send (see above)"),
            SideFault::Refused(Step::Receive) => f.write_str("could not receive (see above)"),
            SideFault::Os { errno } => {
                write!(f, "{}", std::io::Error::from_raw_os_error(*errno))
            }
            SideFault::NoRoom => f.write_str("ran out of room for its results"),
        }
    }
}

/// Why a run, or one round of a case, has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Fewer than two cores may be used. Give the process two, for example by `taskset -c 0,1`.
    OneCore {
        /// How many the process may use.
        allowed: usize,
    },
    /// A core that was asked for is not among those that the process may use, or named twice.
    CoreRefused {
        /// The core's number.
        core: usize,
    },
    /// The kernel gave no memory, process or descriptor. Retry when the machine is less full.
    Os {
        /// The `errno`.
        errno: i32,
    },
    /// A side gave up and said why.
    Side {
        /// Which one.
        side: Side,
        /// Why.
        fault: SideFault,
    },
    /// A side was ended by a signal from outside, or left in a way it should not.
    Died {
        /// Which one.
        side: Side,
        /// The signal, or 0 if it left without saying why.
        signal: i32,
    },
    /// The round did not end in time; both sides were ended.
    TimedOut {
        /// The limit.
        seconds: u64,
    },
    /// No case's name begins with the filter.
    NoSuchCase,
    /// A side left no figures behind, or two sides that must be two processes are not.
    Void,
}

impl Fault {
    /// The last system call's error, as a fault.
    pub fn last_os() -> Fault {
        Fault::Os { errno: std::io::Error::last_os_error().raw_os_error().unwrap_or(0) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::OneCore { allowed } => write!(
                f,
                "{allowed} core(s) may be used and two are needed, one for each side; \
                 allow two, for example with `taskset -c 0,1`"
            ),
            Fault::CoreRefused { core } => write!(
                f,
                "core {core} cannot be used: name two different cores that this process may use"
            ),
            Fault::Os { errno } => {
                write!(f, "the kernel refused: {}", std::io::Error::from_raw_os_error(*errno))
            }
            Fault::Side { side, fault } => write!(f, "the {side} {fault}"),
            Fault::Died { side, signal: 0 } => write!(f, "the {side} left without a word"),
            Fault::Died { side, signal } => write!(f, "the {side} was ended by signal {signal}"),
            Fault::TimedOut { seconds } => {
                write!(f, "a round did not end within {seconds} s and was stopped")
            }
            Fault::NoSuchCase => {
                f.write_str("no case's name begins so: run without a name to see them all")
            }
            Fault::Void => f.write_str("a side left no figures behind; the round is void"),
        }
    }
}

impl std::error::Error for Fault {}
