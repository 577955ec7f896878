//! A ring of many made of loom's atomics, and the kernel's table of locks as a mutex.
//!
//! A participant dies at its k-th shared access, system calls among them; what it had locked is
//! given back by [`Hall::bury`], under the mutex, as the kernel does when a process is gone.

use crate::explored::{Explored, Reader};
use crate::memory::Lifeline;
use annulus::layout::{
    self, CONSUMER_BED, Comings, LETTER_PAYLOAD, MPMC_COMINGS, MPMC_HEAD, MPMC_SEATS, MPMC_TAIL,
    PRODUCER_ALARM, PRODUCER_BED, Seat,
};
use annulus::ring::Role;
use annulus::ring::mpmc::Geometry;
use annulus::sync::{Byte, Crowd, Identity, Memory, Ordering, Outside};
use loom::cell::UnsafeCell;
use loom::sync::atomic::fence;
use loom::sync::{Condvar, Mutex};
use std::mem::offset_of;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// The words of one ring of messages of 8 bytes.
pub struct Hall {
    hints: [Explored; 2],
    comings: Vec<Explored>,
    beds: [Bed; 2],
    /// Their states; who is there is for people.
    seats: Vec<Explored>,
    /// Of each numbered producer, what became of its last two sends.
    sends: Vec<[Explored; 4]>,
    /// Of each cell of dead letters, its word, position, length and payload.
    letters: Vec<[Explored; 4]>,
    letters_at: usize,
    slots: Vec<Slot>,
    slots_at: usize,
    stride: usize,
    locked: Mutex<Vec<Byte>>,
    handles: AtomicUsize,
}

/// A dead letter of 8 bytes takes a line.
const LETTER_BYTES: usize = 64;

/// Where all of one role sleep, and the kernel's queue of those who do. No sleep ends by itself, so
/// a wake that is lost ends in a model that goes no further, which loom reports.
struct Bed {
    asleep: Explored,
    bell: Explored,
    queue: (Mutex<u32>, Condvar),
}

impl Bed {
    fn made() -> Bed {
        let queue = (Mutex::new(0), Condvar::new());
        Bed { asleep: Explored::new(0), bell: Explored::new(0), queue }
    }

    fn word(&self, field: usize) -> &Explored {
        if field == offset_of!(layout::Bed, asleep) { &self.asleep } else { &self.bell }
    }

    /// Wakes up to so many; says how many there were.
    fn wake(&self, most: u32) -> u32 {
        let mut asleep = self.queue.0.lock().expect("nobody panics there");
        let woken = most.min(*asleep);
        *asleep -= woken;
        (0..woken).for_each(|_| self.queue.1.notify_one());
        woken
    }
}

struct Slot {
    word: Explored,
    payload: UnsafeCell<u64>,
}

/// One participant's way to a ring.
pub struct Seated {
    hall: Arc<Hall>,
    life: Rc<Lifeline>,
    reader: Reader,
    is_registered: bool,
}

impl Hall {
    /// A fresh ring, of messages of exactly 8 bytes.
    pub fn fresh(geometry: Geometry) -> Arc<Hall> {
        assert!(geometry.is_of_one_length() && geometry.payload() == 8, "as the slots are made");
        let zero = || Explored::new(0);
        let slots_at = (geometry.segment_bytes() - geometry.slots() * geometry.stride()) as usize;
        let letters_at = MPMC_SEATS + usize::from(geometry.seats()) * size_of::<Seat>();
        let first = |begin: usize, end: usize| {
            geometry.first_words().filter(move |(at, _)| (begin..end).contains(at))
        };
        let slot = |(_, word)| Slot { word: Explored::new(word), payload: UnsafeCell::new(0) };
        Arc::new(Hall {
            hints: [zero(), zero()],
            comings: (0..size_of::<Comings>() / 8).map(|_| zero()).collect(),
            beds: [Bed::made(), Bed::made()],
            seats: first(MPMC_SEATS, letters_at).map(|(_, word)| Explored::new(word)).collect(),
            sends: (0..geometry.numbered()).map(|_| [zero(), zero(), zero(), zero()]).collect(),
            letters: first(letters_at, slots_at)
                .map(|(_, word)| [Explored::new(word), zero(), zero(), zero()])
                .collect(),
            letters_at,
            slots: first(slots_at, usize::MAX).map(slot).collect(),
            slots_at,
            stride: geometry.stride() as usize,
            locked: Mutex::new(Vec::new()),
            handles: AtomicUsize::new(0),
        })
    }

    /// The process of a participant is gone, and all that it had locked is free.
    pub fn bury(&self, participant: u16) {
        self.table(|locked| {
            locked.retain(|byte| !matches!(byte, Byte::Life(of) if *of == participant));
        });
    }

    /// The bytes that are locked, those of who is just joining among them.
    pub fn locked(&self) -> Vec<Byte> {
        self.table(|locked| locked.clone())
    }

    /// The process of one who was joining is gone: these bytes are those of all others.
    pub fn bury_all_but(&self, others: &[Byte]) {
        self.table(|locked| locked.retain(|byte| others.contains(byte)));
    }

    /// Writes a slot's word, before anything else is done.
    pub fn set_slot(&self, slot: usize, word: u64) {
        let reader = Reader::after(self.handles.fetch_add(1, Ordering::Relaxed));
        self.slots[slot].word.store(reader, word, Ordering::Release);
    }

    fn table<T>(&self, change: impl FnOnce(&mut Vec<Byte>) -> T) -> T {
        change(&mut self.locked.lock().expect("nobody panics there"))
    }

    /// The control word at `at`; none for what is for people.
    fn control(&self, at: usize) -> Option<&Explored> {
        match at {
            MPMC_TAIL => Some(&self.hints[0]),
            MPMC_HEAD => Some(&self.hints[1]),
            PRODUCER_BED..CONSUMER_BED => Some(self.beds[0].word(at - PRODUCER_BED)),
            CONSUMER_BED..PRODUCER_ALARM => Some(self.beds[1].word(at - CONSUMER_BED)),
            MPMC_COMINGS..MPMC_SEATS => Some(&self.comings[(at - MPMC_COMINGS) / 8]),
            _ if (self.letters_at..self.slots_at).contains(&at) => {
                let at = at - self.letters_at;
                let field = match at % LETTER_BYTES {
                    LETTER_PAYLOAD => 3,
                    field => field / 8,
                };
                Some(&self.letters[at / LETTER_BYTES][field])
            }
            _ if at < self.slots_at => {
                let (seat, field) = ((at - MPMC_SEATS) / size_of::<Seat>(), at % size_of::<Seat>());
                let send = field.wrapping_sub(offset_of!(Seat, sends)) / 8;
                match (field, self.sends.get(seat)) {
                    (0, _) => Some(&self.seats[seat]),
                    (_, Some(sends)) => sends.get(send),
                    _ => None,
                }
            }
            _ => {
                assert_eq!((at - self.slots_at) % self.stride, 0, "a word, and no payload");
                Some(&self.slot(at).word)
            }
        }
    }

    fn slot(&self, at: usize) -> &Slot {
        &self.slots[(at - self.slots_at) / self.stride]
    }
}

impl Seated {
    /// A participant's way to `hall`.
    pub fn over(hall: &Arc<Hall>) -> Seated {
        let reader = Reader::after(hall.handles.fetch_add(1, Ordering::Relaxed));
        let life = Rc::new(Lifeline::endless());
        Seated { hall: hall.clone(), life, reader, is_registered: false }
    }

    /// The same for a process that is registered for membarrier(2).
    pub fn registered(self) -> Seated {
        Seated { is_registered: true, ..self }
    }

    /// How long it lives.
    pub fn life(&self) -> Rc<Lifeline> {
        self.life.clone()
    }
}

// SAFETY: every access is one to loom's own atomics and cells, by a checked index.
unsafe impl Memory for Seated {
    unsafe fn load(&self, at: usize, order: Ordering) -> u64 {
        match self.hall.control(at) {
            Some(word) if self.life.goes_on() => word.load(self.reader, order),
            _ => 0,
        }
    }

    unsafe fn store(&self, at: usize, word: u64, order: Ordering) {
        if let Some(control) = self.hall.control(at)
            && self.life.goes_on()
        {
            control.store(self.reader, word, order);
        }
    }

    /// Counters are for people: no part of what is proved, so they cost no state here.
    unsafe fn note(&self, _: usize, _: u64) {}

    unsafe fn noted(&self, _: usize) -> u64 {
        0
    }

    unsafe fn put(&self, at: usize, word: u64) {
        if self.life.goes_on() {
            // SAFETY: loom fails the model if another access could be at the same time.
            self.hall.slot(at).payload.with_mut(|payload| unsafe { *payload = word });
        }
    }

    unsafe fn read(&self, at: usize, into: &mut [u8]) {
        if self.life.goes_on() {
            // SAFETY: as above.
            let word = self.hall.slot(at).payload.with(|payload| unsafe { *payload });
            into.copy_from_slice(&word.to_le_bytes());
        }
    }

    unsafe fn write(&self, at: usize, from: &[u8]) {
        let word: [u8; 8] = from.try_into().expect("models write whole words");
        // SAFETY: the same contract.
        unsafe { self.put(at, u64::from_le_bytes(word)) };
    }

    fn prefetch_read(&self, _: usize) {}

    fn prefetch_write(&self, _: usize) {}

    /// Not a yield, after which loom shows a thread nothing stale that it has seen: models wait for
    /// others by themselves.
    fn pause(&self) {}

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

    /// As in `memory`.
    fn compiler_fence(&self) {
        if self.is_registered {
            self.fence();
        }
    }

    fn sleep(&self, role: Role, word: u64, _: u64) -> bool {
        if self.life.goes_on() {
            let Bed { bell, queue, .. } = &self.hall.beds[role as usize];
            let mut asleep = queue.0.lock().expect("nobody panics there");
            // The kernel compares under the lock that a wake takes.
            if bell.load(self.reader, Ordering::Relaxed) == word {
                *asleep += 1;
                drop(queue.1.wait(asleep).expect("nobody panics there"));
            }
        }
        false
    }

    fn wake(&self, role: Role) {
        if self.life.goes_on() {
            self.hall.beds[role as usize].wake(u32::MAX);
        }
    }

    fn outside(&self) -> Outside {
        Outside::PeerAlive
    }
}

// SAFETY: as above.
unsafe impl Crowd for Seated {
    unsafe fn compare_exchange(&self, at: usize, current: u64, new: u64) -> Result<(), u64> {
        match self.hall.control(at) {
            Some(word) if self.life.goes_on() => {
                word.compare_exchange(self.reader, current, new).map(drop)
            }
            _ => Err(0),
        }
    }

    unsafe fn count(&self, at: usize) {
        if let Some(word) = self.hall.control(at)
            && self.life.goes_on()
        {
            word.count(self.reader);
        }
    }

    fn wake_one(&self, role: Role) -> bool {
        self.life.goes_on() && self.hall.beds[role as usize].wake(1) > 0
    }

    fn try_lock(&self, byte: Byte) -> bool {
        self.life.goes_on()
            && self.hall.table(|locked| {
                let is_free = !locked.contains(&byte);
                if is_free {
                    locked.push(byte);
                }
                is_free
            })
    }

    fn unlock(&self, byte: Byte) {
        if self.life.goes_on() {
            self.hall.table(|locked| locked.retain(|held| *held != byte));
        }
    }

    fn is_gone(&self, participant: u16) -> bool {
        self.life.goes_on() && self.hall.table(|locked| !locked.contains(&Byte::Life(participant)))
    }

    fn identity(&self) -> Identity {
        Identity::default()
    }
}
