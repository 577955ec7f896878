//! A ring of many made of shuttle's atomics, and the kernel's table of locks and its queues of
//! those who sleep.

use crate::lifeline::Lifeline;
use annulus::layout::{Bed, CONSUMER_BED, PRODUCER_BED};
use annulus::ring::Role;
use annulus::ring::mpmc::Geometry;
use annulus::sync::{Byte, Crowd, Identity, Memory, Ordering, Outside};
use shuttle::sync::atomic::AtomicU64;
use shuttle::sync::{Condvar, Mutex};
use std::mem::offset_of;
use std::rc::Rc;
use std::sync::Arc;

/// The words of a ring.
pub struct Hall {
    words: Vec<AtomicU64>,
    locked: Mutex<Vec<Byte>>,
    /// The kernel's queues of those who sleep, by role. As long as nobody has died no sleep ends by
    /// itself, so a wake that is lost ends in a model that goes no further, which shuttle reports.
    queues: [(Mutex<u32>, Condvar); 2],
    /// It stands still until somebody has died; then each sleep ends with its slice.
    clock_ns: AtomicU64,
}

/// One participant's way to a ring.
pub struct Seated {
    hall: Arc<Hall>,
    life: Rc<Lifeline>,
}

impl Hall {
    /// A fresh ring.
    pub fn fresh(geometry: Geometry) -> Arc<Hall> {
        let mut words = vec![0; geometry.segment_bytes().div_ceil(8) as usize];
        geometry.first_words().for_each(|(at, word)| words[at / 8] = word);
        Arc::new(Hall {
            words: words.into_iter().map(AtomicU64::new).collect(),
            locked: Mutex::new(Vec::new()),
            queues: [(); 2].map(|()| (Mutex::new(0), Condvar::new())),
            clock_ns: AtomicU64::new(0),
        })
    }

    /// The process of a participant is gone, and all that it had locked is free.
    pub fn bury(&self, participant: u16) {
        self.table(|locked| {
            locked.retain(|byte| !matches!(byte, Byte::Life(of) if *of == participant));
        });
        self.clock_ns.fetch_add(1, Ordering::SeqCst);
        self.wake(Role::Producer, u32::MAX);
        self.wake(Role::Consumer, u32::MAX);
    }

    fn table<T>(&self, change: impl FnOnce(&mut Vec<Byte>) -> T) -> T {
        change(&mut self.locked.lock().expect("nobody panics there"))
    }

    fn wake(&self, role: Role, most: u32) -> u32 {
        let (asleep, bed) = &self.queues[role as usize];
        let mut asleep = asleep.lock().expect("nobody panics there");
        let woken = most.min(*asleep);
        *asleep -= woken;
        (0..woken).for_each(|_| bed.notify_one());
        woken
    }
}

impl Seated {
    /// A participant's way to `hall`.
    pub fn over(hall: &Arc<Hall>) -> Seated {
        Seated { hall: hall.clone(), life: Rc::new(Lifeline::endless()) }
    }

    /// How long it lives.
    pub fn life(&self) -> Rc<Lifeline> {
        self.life.clone()
    }

    /// The words of so many bytes of payload.
    fn payload(&self, at: usize, bytes: usize) -> &[AtomicU64] {
        assert!(at.is_multiple_of(8) && bytes.is_multiple_of(8), "models move whole words");
        &self.hall.words[at / 8..(at + bytes) / 8]
    }
}

// SAFETY: every access is one to shuttle's own atomics, by a checked index.
unsafe impl Memory for Seated {
    unsafe fn load(&self, at: usize, _: Ordering) -> u64 {
        // Where it is over nothing is believed of what it sees.
        if self.life.goes_on() { self.hall.words[at / 8].load(Ordering::SeqCst) } else { 0 }
    }

    unsafe fn store(&self, at: usize, word: u64, _: Ordering) {
        if self.life.goes_on() {
            self.hall.words[at / 8].store(word, Ordering::SeqCst);
        }
    }

    /// Counters are for people, and no place to be interrupted at.
    unsafe fn note(&self, _: usize, _: u64) {}

    unsafe fn noted(&self, _: usize) -> u64 {
        0
    }

    unsafe fn put(&self, at: usize, word: u64) {
        // SAFETY: the same contract.
        unsafe { self.store(at, word, Ordering::Relaxed) };
    }

    unsafe fn read(&self, at: usize, into: &mut [u8]) {
        let words = self.payload(at, into.len());
        for (bytes, word) in into.chunks_exact_mut(8).zip(words) {
            if self.life.goes_on() {
                bytes.copy_from_slice(&word.load(Ordering::SeqCst).to_le_bytes());
            }
        }
    }

    unsafe fn write(&self, at: usize, from: &[u8]) {
        let words = self.payload(at, from.len());
        for (bytes, word) in from.as_chunks().0.iter().zip(words) {
            if self.life.goes_on() {
                word.store(u64::from_le_bytes(*bytes), Ordering::SeqCst);
            }
        }
    }

    fn prefetch_read(&self, _: usize) {}

    fn prefetch_write(&self, _: usize) {}

    fn pause(&self) {}

    fn yield_now(&self) {
        shuttle::thread::yield_now();
    }

    fn now(&self) -> u64 {
        self.hall.clock_ns.load(Ordering::SeqCst)
    }

    /// Nothing is stale here.
    fn fence(&self) {}

    fn sleep(&self, role: Role, word: u64, ns: u64) -> bool {
        let has_died = || self.hall.clock_ns.load(Ordering::SeqCst) > 0;
        if self.life.goes_on() && !has_died() {
            let bed = [PRODUCER_BED, CONSUMER_BED][role as usize];
            let bell = &self.hall.words[(bed + offset_of!(Bed, bell)) / 8];
            let (asleep, queue) = &self.hall.queues[role as usize];
            let mut asleep = asleep.lock().expect("nobody panics there");
            // The kernel compares under the lock that a wake takes.
            if bell.load(Ordering::SeqCst) == word && !has_died() {
                *asleep += 1;
                drop(queue.wait(asleep).expect("nobody panics there"));
            }
        }
        let ends_by_itself = has_died();
        if ends_by_itself {
            self.hall.clock_ns.fetch_add(ns, Ordering::SeqCst);
            shuttle::thread::yield_now();
        }
        ends_by_itself
    }

    fn wake(&self, role: Role) {
        if self.life.goes_on() {
            self.hall.wake(role, u32::MAX);
        }
    }

    fn outside(&self) -> Outside {
        Outside::PeerAlive
    }
}

// SAFETY: as above.
unsafe impl Crowd for Seated {
    unsafe fn compare_exchange(&self, at: usize, current: u64, new: u64) -> Result<(), u64> {
        if !self.life.goes_on() {
            return Err(0);
        }
        let word = &self.hall.words[at / 8];
        word.compare_exchange(current, new, Ordering::SeqCst, Ordering::SeqCst).map(drop)
    }

    unsafe fn count(&self, at: usize) {
        if self.life.goes_on() {
            self.hall.words[at / 8].fetch_add(1, Ordering::SeqCst);
        }
    }

    fn wake_one(&self, role: Role) -> bool {
        self.life.goes_on() && self.hall.wake(role, 1) > 0
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
