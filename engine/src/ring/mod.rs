//! Rings: algorithms over [`Memory`](crate::sync::Memory), and nothing else.
//!
//! No file here makes a system call or owns a mapping, so loom, Miri, the byte-level search and
//! the real segment run the same lines.
//!
//! `head` is where the consumer is, `tail` where the producer is. Both are [`Position`]s: byte
//! offsets that only ever rise; the place in the ring is a position modulo the capacity, and the
//! *lap* is what is left of it above.

pub mod any;
pub(crate) mod area;
pub(crate) mod gate;
mod message;
pub mod mpmc;
mod park;
mod side;
mod spin;
pub mod spsc;
mod waiting;
mod word;

pub use gate::Standing;
pub use message::Message;
pub use park::watch;
pub(crate) use side::AsSide;
#[cfg(feature = "typed")]
pub(crate) use side::Side;
pub use waiting::{Barrier, Wait, Waiting, Wake};

use crate::layout;

/// A place in the stream of a ring since the segment was made: in bytes, and in a ring of many in
/// messages. It rises with every message and never repeats, so together with the segment's id it
/// names a message for good.
pub type Position = u64;

/// As far as any ring comes: positions beyond are not believed.
const POSITION_MAX: Position = 1 << 62;

/// One of the two sides of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The side that sends.
    Producer,
    /// The side that receives.
    Consumer,
}

impl Role {
    /// The other side.
    pub const fn peer(self) -> Role {
        match self {
            Role::Producer => Role::Consumer,
            Role::Consumer => Role::Producer,
        }
    }
}

/// The shape of a ring, and how its sides wait: checked once, then kept in private memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    capacity: u64,
    first_stamp: u32,
    waiting: Waiting,
}

impl Geometry {
    /// A ring of `capacity` bytes, whose sides spin, and whose lap 0 is stamped `first_stamp`.
    /// `None` unless the capacity is a power of two between [`layout::CAPACITY_MIN`] and
    /// [`layout::CAPACITY_MAX`].
    pub const fn new(capacity: u64, first_stamp: u32) -> Option<Geometry> {
        if capacity.is_power_of_two()
            && capacity >= layout::CAPACITY_MIN
            && capacity <= layout::CAPACITY_MAX
        {
            Some(Geometry { capacity, first_stamp, waiting: Waiting::Spin })
        } else {
            None
        }
    }

    /// The same, whose sides wait so.
    #[must_use]
    pub const fn waiting_by(mut self, waiting: Waiting) -> Geometry {
        self.waiting = waiting;
        self
    }

    /// How the ring's sides wait.
    pub const fn waiting(self) -> Waiting {
        self.waiting
    }

    /// Bytes in the ring.
    pub const fn capacity(self) -> u64 {
        self.capacity
    }

    /// Bytes of memory that a segment of this geometry takes.
    pub const fn segment_bytes(self) -> u64 {
        layout::DATA as u64 + self.capacity
    }

    /// The longest message in bytes: its record fills 7/16 of the ring.
    ///
    /// Half would be too much: a record of half the ring fits at every offset only when all is
    /// released, so its producer would depend on the consumer finding the ring empty.
    pub const fn longest_message(self) -> usize {
        let record = self.capacity / 16 * 7 / layout::CELL * layout::CELL;
        record as usize - word::BYTES
    }

    /// The stamp of lap 0.
    const fn first_stamp(self) -> u32 {
        self.first_stamp
    }
}
