//! Segments: memory that processes share, and who plays which role in it.
//!
//! ```text
//!   process A                                                process B
//!   Producer -- Mapping --+                          +-- Mapping -- Consumer
//!                         v                          v
//!                      Segment --- map ---+--- map --- Segment
//!                         |               v               |
//!                         |      header, gates, ring      |
//!                         |      (memfd, /dev/shm, file)  |
//!                         v               ^               v
//!     registry: life fd --+-- lock bytes -+- lock bytes --+-- life fd
//!               probe fd --- who is there? ----- who is there? --- probe fd
//! ```
//!
//! A [`Segment`] is a mapping of memory that was made complete ([`Segment::create`]) or checked
//! ([`Segment::attach`]). A role is joined by taking its lock byte on the segment's own file, and
//! kept until the handle is dropped; the kernel gives the byte back when the process ends, however
//! it ends. So a peer's death is known and never guessed.
//!
//! | room | what happens there |
//! |---|---|
//! | `name`, `config` | what a caller says: names, backings, choices |
//! | `create` | making a segment out of sight and publishing it complete |
//! | `attach`, `header` | checking what somebody else made, before anything is believed |
//! | `map`, `mapping` | the memory: mapped once, and as the rings see it |
//! | `pages`, `numa` | in what pieces it comes, and from where |
//! | `locks`, `registry` | lock bytes, and which of them are this process's own |
//! | `join`, `door` | taking a role; one at a time |
//! | `waiting` | how its sides wait |
//! | `pollable` | a descriptor for epoll, and the thread that makes it readable |
//! | `wait_any`, `waitable` | waiting for any of several rings; what that takes of a handle |
//! | `plan` | which ring it is, and of what shape |
//! | `crowd`, `identity` | joining a ring of many; who may still live |
//! | `attendance` | who takes part in one |
//! | `shape`, `trust` | records of one type; the promise that allows references into the ring |
//! | `table`, `sever` | all mappings, and cutting one off in place |
//! | `fork`, `guard` | the two causes of that: a fork's child, and a truncated file |
//! | `survey`, `inspect`, `onlooker`, `list` | looking without joining |
//! | `remove` | taking a name away |
//! | `fd` | descriptors |
//! | `errors`, `sentences`, `wait_errors` | what can go wrong, and what it says |
//!
//! **What is trusted**: whoever may write a segment decides what comes out of it; so only its
//! owner may (mode 0600), and only the owner's processes attach unless more is asked for. A peer
//! that writes garbage gets the other side an error and nothing worse.
//!
//! **Not to be done behind its back**: closing all descriptors (`close_range`) gives the roles
//! away while their handles still write; a raw `clone` that shares descriptors keeps a dead
//! parent's roles held.

mod attach;
mod attendance;
mod config;
mod create;
mod crowd;
mod door;
mod errors;
mod evict;
mod fd;
mod fork;
mod guard;
mod header;
mod identity;
mod inspect;
mod join;
mod list;
mod locks;
mod map;
mod mapping;
mod name;
mod numa;
mod onlooker;
mod pages;
mod plan;
mod pollable;
mod registry;
mod remove;
mod remove_errors;
mod sentences;
mod sever;
mod shape;
mod survey;
mod table;
mod trust;
mod wait_any;
mod wait_errors;
pub(crate) mod waitable;
mod waiting;

pub use attendance::Attendance;
pub use config::{Attach, Backing, Config};
pub use crowd::CrowdMapping;
pub use errors::{JoinError, SegmentError};
pub use evict::EvictError;
pub use guard::guard_truncation;
pub use header::Field;
pub use inspect::Inspection;
pub use list::{Listed, list};
pub use mapping::Mapping;
pub use name::{Name, NameError};
pub use plan::Slots;
#[cfg(feature = "typed")]
pub(crate) use pollable::armed;
pub use pollable::{Pollable, Readiness};
pub use remove::{Removal, remove};
pub use remove_errors::RemoveError;
pub use shape::Shape;
pub use survey::{RoleSurvey, Survey};
pub use trust::{Peers, Trusted, TrustingSegment, Untrusted};
pub use wait_any::wait_any;
pub use wait_errors::{NoBell, NotPollable, PollError, WaitAnyError};
pub use waitable::{Handle, Waitable};

use crate::error::Severed;
use crate::layout::{Header, Participant};
use crate::ring::mpmc::{DeadLetter, Occupancy};
use crate::ring::{Position, Role, Waiting, mpmc, spsc};
use crate::sync::Deadline;
use crate::wake::Means;
use config::MemoryChoice;
use core::mem::offset_of;
use header::Checked;
use map::Map;
use plan::Plan;
use registry::Node;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock};

/// The sending handle of an spsc ring in a segment.
pub type Producer = spsc::Producer<Mapping>;

/// The receiving handle of an spsc ring in a segment.
pub type Consumer = spsc::Consumer<Mapping>;

/// The sending handle of a ring of many in a segment.
pub type MpmcProducer = mpmc::Producer<CrowdMapping>;

/// The receiving handle of a ring of many in a segment.
pub type MpmcConsumer = mpmc::Consumer<CrowdMapping>;

/// A mapped segment. A clone is another handle on the same mapping; so is every role joined.
#[derive(Clone, Debug)]
pub struct Segment {
    inner: Arc<Inner>,
}

/// The mapping, and what is known of it in private memory.
#[derive(Debug)]
struct Inner {
    // Fields are dropped in this order: memory first, then the descriptors.
    /// How who sleeps here is woken: there once somebody joined.
    means: OnceLock<Box<dyn Means>>,
    map: Map,
    node: Node,
    header: Header,
    plan: Plan,
    /// Whether it has, or had, a name; then losing it means that it was removed.
    named: bool,
}

impl Inner {
    fn new(
        file: &File,
        checked: Checked,
        choice: MemoryChoice,
        named: bool,
    ) -> Result<Inner, SegmentError> {
        let Checked { header, plan } = checked;
        let node = Node::enter(file)?;
        let map = Map::new(file, &checked, choice)?;
        Ok(Inner { means: OnceLock::new(), map, node, header, plan, named })
    }

    /// Who holds `role`, by its own word.
    fn pid_of(&self, role: Role) -> Option<u64> {
        let pid = join::word(self.map.raw(), role, offset_of!(Participant, pid));
        (pid != 0).then_some(pid)
    }
}

impl Segment {
    /// Makes a segment and maps it. Does not wait; allocates and brings in all of its memory, which
    /// takes a millisecond a MiB (on a 2-core VM; 28 us for the smallest).
    ///
    /// The capacity is checked before anything else is done. On any error nothing is left behind.
    pub fn create(backing: &Backing, config: &Config) -> Result<Segment, SegmentError> {
        create::create(backing, config).map(Segment::from)
    }

    /// Maps a segment that is there, after checking that it is one and whose it is. Does not
    /// wait; brings in all of its memory, 0.4 ms a MiB. It takes no role, so it changes nothing
    /// for anybody.
    pub fn attach(backing: &Backing, choice: &Attach) -> Result<Segment, SegmentError> {
        attach::attach(backing, choice).map(Segment::from)
    }

    /// As [`Segment::attach`], by a descriptor that another process passed on, which is closed.
    pub fn from_fd(fd: OwnedFd, choice: &Attach) -> Result<Segment, SegmentError> {
        attach::from_fd(fd, choice).map(Segment::from)
    }

    /// A new descriptor of the segment to pass on to another process: by a Unix socket, or by
    /// inheritance once its close-on-exec flag is cleared.
    pub fn share_fd(&self) -> io::Result<OwnedFd> {
        let opened = self.inner.node.open_anew().map(OwnedFd::from);
        opened.map_err(|error| match error {
            SegmentError::Io { errno, .. } => io::Error::from_raw_os_error(errno),
            other => io::Error::other(other),
        })
    }

    /// Joins as the producer, to send. Waits for others who join or remove the segment, at most a
    /// second. The role is given up when the handle is dropped or the process ends.
    ///
    /// What the predecessor sent stays, and sending goes on after it. If nobody is the consumer,
    /// the ring is open again although the last one closed it.
    ///
    /// A segment for records of one type is the error [`JoinError::Typed`]: it is joined by
    /// that type.
    pub fn producer(&self) -> Result<Producer, JoinError> {
        join::producer_of_bytes(&self.inner)
    }

    /// Joins as the consumer, to receive. Waits as [`Segment::producer`].
    ///
    /// What the predecessor read and had not released comes again. Records of one type are
    /// received as the bytes that they are.
    pub fn consumer(&self) -> Result<Consumer, JoinError> {
        join::consumer(&self.inner)
    }

    /// Joins a ring of many as one of its producers. Waits for others who join or remove the
    /// segment, at most a second.
    ///
    /// The error [`JoinError::OneToOne`] is that of a ring of two sides.
    pub fn mpmc_producer(&self) -> Result<MpmcProducer, JoinError> {
        crowd::producer(&self.inner)
    }

    /// Joins a ring of many as the producer of that number, from 1 on, of which there is one at a
    /// time; the ring was made for [`Slots::numbered_producers`]. Its `sent` says how many sends by
    /// that number took effect so far. Else as [`Segment::mpmc_producer`].
    pub fn mpmc_producer_numbered(&self, number: u16) -> Result<MpmcProducer, JoinError> {
        crowd::numbered(&self.inner, number)
    }

    /// Joins a ring of many as one of its consumers. As [`Segment::mpmc_producer`].
    pub fn mpmc_consumer(&self) -> Result<MpmcConsumer, JoinError> {
        crowd::consumer(&self.inner)
    }

    /// Who takes part in a ring of many, dead or alive, and what each holds. Looks at all slots,
    /// and asks the kernel after each participant: for people, not for a loop. None in a ring of
    /// two sides.
    pub fn attendances(&self) -> Vec<Attendance> {
        attendance::attendances(&self.inner)
    }

    /// Kills the process of a participant of a ring of many, as a `PeerStalled` or
    /// [`Segment::attendances`] names it, and waits until it is gone, until `deadline`; killed it
    /// is in any case. What it held is then repaired like any dead one's, by whoever is blocked by
    /// it: who spins at once, who sleeps at the end of its slice. One that has died is no error;
    /// one that has left, or whose place another one has by now, is [`EvictError::NotThere`].
    ///
    /// Nothing else can be done about one that lives and does not move: what it holds is its own as
    /// long as it might go on. All that the process did besides ends with it, so nothing here ever
    /// does this unasked.
    pub fn evict(&self, stalled: &mpmc::Stalled, deadline: Deadline) -> Result<(), EvictError> {
        evict::evict(&self.inner, stalled, deadline)
    }

    /// The dead letters of a ring of many, the lowest position first: messages over which sixteen
    /// consumers died, or which they gave back, and that are not delivered any more. They stay
    /// until they are [discarded](Segment::discard_dead_letter), also when whoever looks is killed.
    /// None in a ring of two sides. Takes no part in the ring, and does not wait.
    pub fn dead_letters(&self) -> Result<Vec<DeadLetter>, Severed> {
        crowd::dead_letters(&self.inner)
    }

    /// Discards the dead letter of that position, for good. Whether it was there: of several who
    /// discard it, one is told so. Does not wait.
    pub fn discard_dead_letter(&self, position: Position) -> Result<bool, Severed> {
        crowd::discard(&self.inner, position)
    }

    /// What a ring of many holds, slot by slot. Looks at all of them: for people, not for a loop.
    /// None of a ring of two sides, and where the mapping was cut off, as in a forked child.
    pub fn occupancy(&self) -> Option<Occupancy> {
        attendance::occupancy(&self.inner)
    }

    /// The shape of a ring of many. None of a ring of two sides.
    pub fn mpmc_geometry(&self) -> Option<mpmc::Geometry> {
        match self.inner.plan {
            Plan::Mpmc(geometry) => Some(geometry),
            Plan::Spsc(_) => None,
        }
    }

    /// Opens the ring for a next consumer, if the last one closed it or died and nobody has the
    /// role now: the sends of a producer that got `PeerClosed` or `PeerDead` go on. Otherwise does
    /// nothing. Waits as [`Segment::producer`].
    ///
    /// What the last consumer had not released comes to the next one. That one's gate is forgotten,
    /// which tells the next that messages may come again: after `PeerDead`, waiting is better.
    pub fn reopen(&self) -> Result<(), JoinError> {
        join::reopen(&self.inner)
    }

    /// Bytes in the ring.
    pub fn capacity(&self) -> u64 {
        self.inner.plan.capacity()
    }

    /// The longest message that the ring takes, in bytes.
    pub fn longest_message(&self) -> usize {
        self.inner.plan.longest_message()
    }

    /// The header, as it was when this process mapped the segment.
    pub fn header(&self) -> Header {
        self.inner.header
    }

    /// The shape of the ring's records, if it takes one type only.
    pub fn shape(&self) -> Option<Shape> {
        Shape::of(&self.inner.header)
    }

    /// How its sides wait.
    pub fn waiting(&self) -> Waiting {
        self.inner.plan.waiting()
    }

    /// Joins as the producer of records of a type that was checked to be the segment's.
    #[cfg(feature = "typed")]
    pub(crate) fn join_producer<P: Peers>(&self) -> Result<spsc::Producer<Mapping<P>>, JoinError> {
        join::producer(&self.inner)
    }

    /// As [`Segment::consumer`], over memory of either sort.
    #[cfg(feature = "typed")]
    pub(crate) fn join_consumer<P: Peers>(&self) -> Result<spsc::Consumer<Mapping<P>>, JoinError> {
        join::consumer(&self.inner)
    }

    /// Looks at both sides without joining. Does not wait; makes four system calls, more while
    /// somebody joins or leaves.
    pub fn survey(&self) -> Survey {
        survey::survey(&self.inner)
    }

    /// Looks at both sides and at all that nobody has received yet, without joining. Does not wait
    /// and changes nothing; looks at the word of each unread message, and so takes its line from
    /// the other sides' caches for a moment: for people who look, not for a loop.
    pub fn inspect(&self) -> Inspection {
        inspect::inspect(&self.inner)
    }

    /// Whether the producer has closed and all was received: for a new receiver there is nothing
    /// here yet. Whether a receiver was told so is for [`remove`] to ask.
    pub fn is_spent(&self) -> bool {
        let survey = self.survey();
        !survey.producer.held && survey.closed_at == Some(survey.head)
    }
}

impl From<Inner> for Segment {
    fn from(inner: Inner) -> Segment {
        Segment { inner: Arc::new(inner) }
    }
}

const _: () = {
    const fn shared<T: Send + Sync>() {}
    const fn moved<T: Send>() {}
    shared::<Segment>();
    moved::<Producer>();
    moved::<Consumer>();
    moved::<MpmcProducer>();
    moved::<MpmcConsumer>();
    moved::<Pollable<Producer>>();
    moved::<Pollable<Consumer>>();
};
