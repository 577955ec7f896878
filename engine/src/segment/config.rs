//! What a creator and an attacher decide.

use super::Name;
#[cfg(feature = "typed")]
use super::Shape;
use super::plan::{Asked, Slots};
use crate::ring::{Barrier, Wait, Wake};
use std::path::PathBuf;

/// Where a segment's memory is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backing {
    /// Anonymous memory that no name leads to: it is handed over by its descriptor, cannot be
    /// truncated by anybody, and goes with the last process that has it.
    Memfd,
    /// Shared memory under a name. It stays until it is removed or the machine restarts.
    Named(Name),
    /// A file on a local file system: what was sent survives the machine's restart as far as the
    /// kernel has written it back.
    File(PathBuf),
}

impl Backing {
    /// The file, if there is one.
    pub(super) fn path(&self) -> Option<PathBuf> {
        match self {
            Backing::Memfd => None,
            Backing::Named(name) => Some(name.path()),
            Backing::File(path) => Some(path.clone()),
        }
    }
}

/// What the creator of a segment decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    pub(super) ring: Asked,
    pub(super) huge_pages: Option<u64>,
    pub(super) numa_node: Option<u32>,
    pub(super) wait: Wait,
    pub(super) barrier: Option<Barrier>,
    pub(super) wake: Wake,
    pub(super) memory: MemoryChoice,
}

/// What an attacher decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attach {
    pub(super) any_owner: bool,
    pub(super) wait: Option<Wait>,
    pub(super) wake: Option<Wake>,
    pub(super) memory: MemoryChoice,
}

/// How this process maps the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MemoryChoice {
    pub(super) prefault: bool,
    pub(super) lock: bool,
}

impl MemoryChoice {
    const DEFAULT: MemoryChoice = MemoryChoice { prefault: true, lock: false };
}

impl Default for MemoryChoice {
    fn default() -> MemoryChoice {
        MemoryChoice::DEFAULT
    }
}

impl Config {
    /// A ring for one producer and one consumer, of `capacity` bytes: a power of two, which
    /// [`Segment::create`](super::Segment::create) checks before it allocates anything.
    pub const fn spsc(capacity: u64) -> Config {
        Config::new(Asked::Spsc { capacity, shape: None }, Wait::SpinThenPark)
    }

    /// A ring for many producers and many consumers, each message to one of them, of those slots;
    /// [`Segment::create`](super::Segment::create) checks them. Those who sleep are woken by a
    /// futex, and other means are refused.
    ///
    /// ```
    /// use annulus::ring::mpmc::RecvError;
    /// use annulus::{Backing, Config, Deadline, Segment, Slots};
    ///
    /// let segment = Segment::create(&Backing::Memfd, &Config::mpmc(Slots::of(64, 48)))?;
    /// let mut producer = segment.mpmc_producer()?;
    /// let mut worker = segment.mpmc_consumer()?;
    /// producer.send(b"job 0", Deadline::NEVER)?;
    /// let job = worker.take(Deadline::NEVER)?;
    /// assert_eq!((job.len(), job.position(), job.attempt()), (5, 0, 0));
    /// job.release();
    /// producer.close();
    /// assert_eq!(worker.take(Deadline::NEVER).err(), Some(RecvError::Closed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn mpmc(slots: Slots) -> Config {
        Config::new(Asked::Mpmc(slots), Wait::SpinThenPark)
    }

    const fn new(ring: Asked, wait: Wait) -> Config {
        Config {
            ring,
            huge_pages: None,
            numa_node: None,
            wait,
            barrier: None,
            wake: Wake::Futex,
            memory: MemoryChoice::DEFAULT,
        }
    }

    /// Asks for huge pages of so many bytes, such as 2 MiB; the segment takes a whole number of
    /// them. For a memfd, or for a file on a hugetlbfs mounted with that size, which has them
    /// anyway.
    #[must_use]
    pub const fn huge_pages(mut self, bytes: u64) -> Config {
        self.huge_pages = Some(bytes);
        self
    }

    /// What a side does that has nothing to do, for as long as the segment lives: it spins and then
    /// parks, unless something else is chosen here.
    #[must_use]
    pub const fn wait(mut self, wait: Wait) -> Config {
        self.wait = wait;
        self
    }

    /// How sleepers are not missed, if any side ever sleeps. Unless it is chosen here, it is
    /// [`Barrier::Membarrier`] where the system has that.
    #[must_use]
    pub const fn barrier(mut self, barrier: Barrier) -> Config {
        self.barrier = Some(barrier);
        self
    }

    /// By what who sleeps is woken, if any side ever sleeps. By a futex, unless it is chosen here.
    #[must_use]
    pub const fn wake(mut self, wake: Wake) -> Config {
        self.wake = wake;
        self
    }

    /// Takes all memory from that NUMA node. A file's memory that the kernel writes back and reads
    /// again may come from another.
    #[must_use]
    pub const fn numa_node(mut self, node: u32) -> Config {
        self.numa_node = Some(node);
        self
    }

    /// As [`Config::spsc`], for records of one shape only.
    #[cfg(feature = "typed")]
    pub(crate) const fn spsc_of_shape(capacity: u64, shape: Shape) -> Config {
        let asked = Asked::Spsc { capacity, shape: Some(shape) };
        Config::new(asked, Wait::SpinThenPark)
    }

    /// Whether the whole segment is brought into this process's page table at once, so that no
    /// message pays for a page fault. On unless turned off; nothing is ever stored for it.
    #[must_use]
    pub const fn prefault(mut self, on: bool) -> Config {
        self.memory.prefault = on;
        self
    }

    /// Whether the memory is kept from being swapped out (`mlock`). Off unless turned on.
    #[must_use]
    pub const fn lock_memory(mut self, on: bool) -> Config {
        self.memory.lock = on;
        self
    }
}

impl Attach {
    /// Whether segments of other users are attached to as well. Off unless turned on, for root
    /// too: whoever may write a segment decides which messages come out of it.
    #[must_use]
    pub const fn any_owner(mut self, on: bool) -> Attach {
        self.any_owner = on;
        self
    }

    /// Wants the segment's sides to wait like that; another policy is an error. Unless it is asked
    /// for, the creator's is followed.
    #[must_use]
    pub const fn wait(mut self, wait: Wait) -> Attach {
        self.wait = Some(wait);
        self
    }

    /// Wants the segment's sleepers to be woken by that; another means is an error, and so is a
    /// segment where nobody sleeps. Unless it is asked for, the creator's is followed.
    #[must_use]
    pub const fn wake(mut self, wake: Wake) -> Attach {
        self.wake = Some(wake);
        self
    }

    /// As [`Config::prefault`].
    #[must_use]
    pub const fn prefault(mut self, on: bool) -> Attach {
        self.memory.prefault = on;
        self
    }

    /// As [`Config::lock_memory`].
    #[must_use]
    pub const fn lock_memory(mut self, on: bool) -> Attach {
        self.memory.lock = on;
        self
    }
}
