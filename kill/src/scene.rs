//! The ring in which an operation begins, and the messages in it.

use annulus::layout::Header;
use annulus::{Attach, Backing, Barrier, Config, Consumer, Producer, Segment, SendError, Wait};
use std::error::Error;
use std::fmt::{self, Display};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

/// What goes wrong outside of what is tried.
pub(crate) type Trouble = Box<dyn Error>;

/// Bytes of ring: a few laps take a few dozen messages.
pub(crate) const CAPACITY: u64 = 1024;

/// How a ring's sides wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    /// They spin.
    Spins,
    /// They sleep at once, by that form of the protocol.
    Parks(Barrier),
}

impl Ring {
    fn config(self) -> Config {
        let config = Config::spsc(CAPACITY);
        match self {
            Ring::Spins => config.wait(Wait::Spin),
            Ring::Parks(barrier) => config.wait(Wait::Park).barrier(barrier),
        }
    }
}

impl Display for Ring {
    /// What follows the name of the start.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ring::Spins => Ok(()),
            Ring::Parks(barrier) => write!(f, ", by {barrier}"),
        }
    }
}

/// How a ring stands when the operation begins.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// What it is called in the report.
    pub name: &'static str,
    /// Where the first message that nobody has received starts, at least.
    pub offset: u64,
    /// How many messages nobody has received; more than fit means full.
    pub filled: u64,
    /// Whether both sides have been there before, and have closed.
    pub used: bool,
}

/// The starts of the matrix: empty, half full, full, and with the ring's end near.
pub const STARTS: [Start; 5] = [
    EMPTY,
    Start { name: "filled", offset: 2 * CAPACITY + 200, filled: 12, used: true },
    FULL,
    WRAPPING,
    Start { name: "wrapping, filled", offset: CAPACITY - 500, filled: 12, used: true },
];

pub(crate) const EMPTY: Start = Start { name: "empty", offset: 0, filled: 0, used: true };
pub(crate) const FULL: Start = Start { name: "full", offset: 300, filled: u64::MAX, used: true };
pub(crate) const WRAPPING: Start =
    Start { name: "wrapping", offset: 2 * CAPACITY - 40, filled: 0, used: true };
pub(crate) const NEW: Start = Start { name: "new", offset: 0, filled: 0, used: false };

/// What is known of a ring's messages, which are numbered from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// So many were sent.
    pub sent: u64,
    /// So many were received and released.
    pub received: u64,
    /// The stamp of lap 0.
    pub stamp: u32,
}

/// A ring made ready, in which nobody has a role yet.
pub(crate) struct Scene {
    pub(crate) segment: Segment,
    pub(crate) known: Known,
    /// The same memory, to be read as a file.
    file: File,
}

impl Scene {
    /// A new ring that stands as `start` says. Nobody has a role in it.
    pub(crate) fn set(ring: Ring, start: Start) -> Result<Scene, Trouble> {
        let segment = Segment::create(&Backing::Memfd, &ring.config())?;
        let mut known = Known { sent: 0, received: 0, stamp: segment.header().first_stamp };
        let file = File::from(segment.share_fd()?);
        if !start.used {
            return Ok(Scene { segment, known, file });
        }
        let mut producer = segment.producer()?;
        let mut consumer = segment.consumer()?;
        while producer.position() < start.offset {
            send(&mut producer, &mut known)?;
            receive(&mut consumer, &mut known)?;
        }
        // Else a ring that is filled now would not be full when the consumer has gone.
        consumer.flush();
        for _ in 0..start.filled {
            match send(&mut producer, &mut known) {
                Ok(()) => {}
                Err(SendError::Full) => break,
                Err(error) => return Err(error.into()),
            }
        }
        drop((producer, consumer));
        Ok(Scene { segment, known, file })
    }

    /// A ring with the bytes of another, as they stood.
    pub(crate) fn restored(bytes: &[u8], known: Known) -> Result<Scene, Trouble> {
        let empty = Segment::create(&Backing::Memfd, &Config::spsc(CAPACITY).wait(Wait::Spin))?;
        let file = File::from(empty.share_fd()?);
        file.write_all_at(bytes, 0)?;
        let segment = Segment::from_fd(OwnedFd::from(file.try_clone()?), &Attach::default())?;
        Ok(Scene { segment, known, file })
    }

    /// The bytes that everybody sees.
    pub(crate) fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.segment.header().segment_bytes as usize];
        self.file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// The word at byte `at`.
    pub(crate) fn word(&self, at: usize) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.file.read_exact_at(&mut bytes, at as u64)?;
        Ok(u64::from_le_bytes(bytes))
    }
}

/// Message number `number`: its length and bytes follow from that. Most words of it look like
/// records of this lap, the next, or the one after.
pub(crate) fn message(number: u64, stamp: u32) -> Vec<u8> {
    let len = (number * 29 % 61) as usize;
    let mut bytes = number.to_le_bytes().to_vec();
    for word in 0..8 {
        let lap = (number / 16 + word % 3) as u32;
        let lookalike = u64::from(stamp.wrapping_add(lap)) << 32 | 1 << 31 | (word * 8);
        bytes.extend_from_slice(&lookalike.to_le_bytes());
    }
    bytes.truncate(8 + len);
    bytes
}

/// Sends the next message if there is room.
pub(crate) fn send(producer: &mut Producer, known: &mut Known) -> Result<(), SendError> {
    producer.try_send(&message(known.sent, known.stamp))?;
    known.sent += 1;
    Ok(())
}

/// Receives the next message, which is there, and checks it.
pub(crate) fn receive(consumer: &mut Consumer, known: &mut Known) -> Result<(), Trouble> {
    let mut buffer = [0; 128];
    let received = consumer.try_recv(&mut buffer)?;
    if buffer[..received.len] != message(known.received, known.stamp)[..] {
        return Err(format!("message {} is not what was sent", known.received).into());
    }
    known.received += 1;
    Ok(())
}

/// Where a segment's lines of participants stand: for people to read, and no state of the ring.
pub(crate) const PARTICIPANTS: std::ops::Range<usize> =
    annulus::layout::PRODUCER..annulus::layout::PRODUCER_BED;

const _: () = assert!(size_of::<Header>() <= annulus::layout::PRODUCER_GATE);
