//! Shared memory made of loom's atomics, in which a participant can die at its k-th access.
//!
//! Control words may race, and loom shows a load every value that the orderings allow. Payload
//! must not race: each ring word carries a cell that loom watches, so a record that is read while
//! it is written, or overwritten while it is read, fails the model at once.

use crate::explored::{Explored, Reader};
use annulus::layout::{Bed, CONSUMER_BED, CONSUMER_GATE, DATA, HEAD, PRODUCER_BED, PRODUCER_GATE};
use annulus::ring::{Geometry, Role};
use annulus::sync::{Memory, Ordering, Outside};
use loom::cell::UnsafeCell;
use loom::sync::atomic::fence;
use loom::sync::{Condvar, Mutex};
use std::cell::Cell;
use std::mem::offset_of;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// The words of one ring and of its control lines.
pub struct Ring {
    gates: [Explored; 2],
    head: Explored,
    beds: [ModelledBed; 2],
    words: Vec<Word>,
    handles: AtomicUsize,
}

/// A bed, and the kernel's queue of those who sleep there. No sleep ends by itself here, so a wake
/// that is lost ends in a model that goes no further, which loom reports.
struct ModelledBed {
    asleep: Explored,
    wanted: Explored,
    bell: Explored,
    /// Whether it is over with sleeping there. Beds may share a queue: then one can sleep in both.
    queue: Arc<(Mutex<bool>, Condvar)>,
}

impl ModelledBed {
    fn made() -> ModelledBed {
        ModelledBed::beside(&Arc::new((Mutex::new(false), Condvar::new())))
    }

    fn beside(queue: &Arc<(Mutex<bool>, Condvar)>) -> ModelledBed {
        let zero = || Explored::new(0);
        ModelledBed { asleep: zero(), wanted: zero(), bell: zero(), queue: queue.clone() }
    }

    fn word(&self, field: usize) -> &Explored {
        match field {
            _ if field == offset_of!(Bed, asleep) => &self.asleep,
            _ if field == offset_of!(Bed, wanted) => &self.wanted,
            _ => &self.bell,
        }
    }
}

/// One word of the ring's bytes.
struct Word {
    value: Explored,
    payload: UnsafeCell<()>,
}

/// One participant's way to a ring.
pub struct Modelled {
    ring: Arc<Ring>,
    is_registered: bool,
    life: Lifeline,
    reader: Reader,
}

/// How many shared accesses a participant has left.
pub struct Lifeline {
    accesses_left: Cell<u32>,
    dead: Cell<bool>,
}

impl Lifeline {
    /// Of one that does not die.
    pub(crate) fn endless() -> Lifeline {
        Lifeline::of(u32::MAX)
    }

    /// Of one that dies before its access number `accesses`, counted from 0.
    pub(crate) fn of(accesses: u32) -> Lifeline {
        Lifeline { accesses_left: Cell::new(accesses), dead: Cell::new(false) }
    }

    /// From now on it is one that dies before its access number `accesses`, counted from 0.
    pub fn ends_before(&self, accesses: u32) {
        self.accesses_left.set(accesses);
    }

    /// Counts one access. False if this participant is dead: then nothing happens any more.
    pub(crate) fn goes_on(&self) -> bool {
        if self.dead.get() {
            return false;
        }
        match self.accesses_left.get() {
            0 => {
                self.dead.set(true);
                resume_unwind(Box::new(Crash));
            }
            u32::MAX => {}
            left => self.accesses_left.set(left - 1),
        }
        true
    }
}

/// What a victim unwinds with.
struct Crash;

impl Ring {
    /// A fresh ring: vacant gates, zeroed bytes.
    pub fn fresh(geometry: Geometry) -> Arc<Ring> {
        Ring::with_beds(geometry, [ModelledBed::made(), ModelledBed::made()])
    }

    /// Two such rings, whose receivers can be slept for at once.
    pub fn fresh_pair(geometry: Geometry) -> [Arc<Ring>; 2] {
        let queue = ModelledBed::made().queue;
        [(); 2]
            .map(|()| Ring::with_beds(geometry, [ModelledBed::made(), ModelledBed::beside(&queue)]))
    }

    fn with_beds(geometry: Geometry, beds: [ModelledBed; 2]) -> Arc<Ring> {
        let vacant = || Explored::new(annulus::layout::GATE_VACANT);
        let word = |_| Word { value: Explored::new(0), payload: UnsafeCell::new(()) };
        Arc::new(Ring {
            gates: [vacant(), vacant()],
            head: Explored::new(0),
            beds,
            words: (0..geometry.capacity() / 8).map(word).collect(),
            handles: AtomicUsize::new(0),
        })
    }

    fn control(&self, at: usize) -> &Explored {
        match at {
            PRODUCER_GATE => &self.gates[0],
            CONSUMER_GATE => &self.gates[1],
            HEAD => &self.head,
            PRODUCER_BED..CONSUMER_BED => self.beds[0].word(at - PRODUCER_BED),
            CONSUMER_BED..DATA => self.beds[1].word(at - CONSUMER_BED),
            at => &self.words[(at - DATA) / 8].value,
        }
    }
}

impl Ring {
    fn bed_of(&self, role: Role) -> &ModelledBed {
        match role {
            Role::Producer => &self.beds[0],
            Role::Consumer => &self.beds[1],
        }
    }

    /// Ends the sleep of `role`, and all that come. A process that is to wake one of its
    /// own threads, and may not ring, wakes it until it has heard.
    pub fn end_sleeps(&self, role: Role) {
        let bed = self.bed_of(role);
        *bed.queue.0.lock().expect("nobody panics there") = true;
        bed.queue.1.notify_all();
    }

    /// Sleeps for the receivers of a pair of rings while both of their bells are as said:
    /// futex_waitv queues at one after the other, and compares each as it does so.
    pub fn sleep_at_both(pair: &[Arc<Ring>; 2], bells: [u64; 2]) {
        let beds = pair.each_ref().map(|ring| ring.bed_of(Role::Consumer));
        let queue = beds[0].queue.0.lock().expect("nobody panics there");
        if beds
            .iter()
            .zip(bells)
            .all(|(bed, bell)| bed.bell.load(Reader::OTHER, Ordering::Relaxed) == bell)
        {
            drop(beds[0].queue.1.wait(queue).expect("nobody panics there"));
        }
    }
}

impl Modelled {
    /// A participant's way to `ring`.
    pub fn over(ring: &Arc<Ring>) -> Modelled {
        let reader = Reader::after(ring.handles.fetch_add(1, Ordering::Relaxed));
        Modelled { ring: ring.clone(), is_registered: false, life: Lifeline::endless(), reader }
    }

    /// The same for a process that is registered for membarrier(2).
    pub fn registered(self) -> Modelled {
        Modelled { is_registered: true, ..self }
    }

    /// A participant that dies before its shared access number `accesses`, counted from 0.
    pub fn dying_before(ring: &Arc<Ring>, accesses: u32) -> Modelled {
        Modelled { life: Lifeline::of(accesses), ..Modelled::over(ring) }
    }

    fn access(&self) -> bool {
        self.life.goes_on()
    }

    fn word(&self, at: usize) -> &Word {
        &self.ring.words[(at - DATA) / 8]
    }
}

/// Runs `operation`; `None` if its participant died in it.
pub fn survived<T>(operation: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(operation)) {
        Ok(value) => Some(value),
        Err(payload) if payload.is::<Crash>() => None,
        Err(payload) => resume_unwind(payload),
    }
}

/// Runs `model` for every access at which a victim can die, until one run lets it live. `model`
/// is given the number of the access and says whether the victim died in any interleaving.
/// Returns how many there were.
pub fn crash_point(mut model: impl FnMut(u32) -> bool) -> u32 {
    let mut accesses = 0;
    while model(accesses) {
        accesses += 1;
    }
    accesses
}

// SAFETY: every access is one to loom's own atomics, or to a vector by a checked index.
unsafe impl Memory for Modelled {
    unsafe fn load(&self, at: usize, order: Ordering) -> u64 {
        if !self.access() {
            return 0;
        }
        self.ring.control(at).load(self.reader, order)
    }

    unsafe fn store(&self, at: usize, word: u64, order: Ordering) {
        if !self.access() {
            return;
        }
        if at >= DATA {
            // A record's word, or a zero, over what may have been payload.
            self.word(at).payload.with_mut(|_| ());
        }
        self.ring.control(at).store(self.reader, word, order);
    }

    /// Counters are for people: no part of what is proved, so they cost no state here.
    unsafe fn note(&self, _: usize, _: u64) {}

    unsafe fn noted(&self, _: usize) -> u64 {
        0
    }

    unsafe fn put(&self, at: usize, word: u64) {
        if !self.access() {
            return;
        }
        self.word(at).payload.with_mut(|_| ());
        self.word(at).value.store(self.reader, word, Ordering::Relaxed);
    }

    unsafe fn read(&self, at: usize, into: &mut [u8]) {
        if !self.access() {
            return;
        }
        for (index, bytes) in into.chunks_mut(8).enumerate() {
            let word = self.word(at + 8 * index);
            word.payload.with(|_| ());
            // SAFETY: loom fails the model if a store could race with it.
            let value = unsafe { word.value.unsync_load() };
            bytes.copy_from_slice(&value.to_le_bytes()[..bytes.len()]);
        }
    }

    unsafe fn write(&self, at: usize, from: &[u8]) {
        for (index, bytes) in from.chunks(8).enumerate() {
            let word: [u8; 8] = bytes.try_into().expect("models write whole words");
            // SAFETY: the same contract.
            unsafe { self.put(at + 8 * index, u64::from_le_bytes(word)) };
        }
    }

    fn prefetch_read(&self, _: usize) {}

    fn prefetch_write(&self, _: usize) {}

    fn pause(&self) {
        loom::thread::yield_now();
    }

    /// So long that one pause is every wait: more of them show loom nothing new.
    fn pause_tenth_ns(&self) -> u64 {
        u64::MAX / 10
    }

    fn yield_now(&self) {
        loom::thread::yield_now();
    }

    fn now(&self) -> u64 {
        0
    }

    fn fence(&self) {
        fence(Ordering::SeqCst);
    }

    fn is_registered(&self) -> bool {
        self.is_registered
    }

    /// Loom has no membarrier(2): what it does to who is registered is a fence in this place. To
    /// all others nothing is done: nor is there anything else here that could hide a missing order.
    fn compiler_fence(&self) {
        if self.is_registered {
            self.fence();
        }
    }

    fn sleep(&self, role: Role, word: u64, _: u64) -> bool {
        if !self.access() {
            return false;
        }
        let bed = self.ring.bed_of(role);
        let queue = bed.queue.0.lock().expect("nobody panics there");
        // The kernel compares under the lock that a wake takes.
        if !*queue && bed.bell.load(self.reader, Ordering::Relaxed) == word {
            drop(bed.queue.1.wait(queue).expect("nobody panics there"));
        }
        false
    }

    fn wake(&self, role: Role) {
        if !self.access() {
            return;
        }
        let bed = self.ring.bed_of(role);
        let queue = bed.queue.0.lock().expect("nobody panics there");
        bed.queue.1.notify_all();
        drop(queue);
    }

    fn outside(&self) -> Outside {
        Outside::PeerAlive
    }
}
