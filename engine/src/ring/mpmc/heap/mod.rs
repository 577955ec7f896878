//! Tests of the ring over real memory, on the heap: what Miri and sanitizers look at.
//!
//! The kernel's locks are a table here, so a participant dies by being forgotten and its bytes
//! freed, and one that is stopped just does nothing.

use super::{Consumer, Delivery, Geometry, Producer, Received, RecvError};
use crate::layout::{Bed, MPMC_SEATS, Seat};
use crate::ring::Role;
use crate::ring::area::bed_at;
use crate::sync::{
    Byte, Crowd, Deadline, Identity, Memory, Ordering, Outside, Raw, accesses_of_raw, monotonic_ns,
};
use core::cell::Cell;
use core::mem::offset_of;
use core::ptr::NonNull;
use std::sync::Mutex;
use std::time::Duration;

mod batches;
mod deaths;
mod ends;
mod hostile;
mod joining;
mod letters;
mod limits;
mod moving;
mod numbered;
mod single;
mod sleeping;
mod threads;

/// A segment on the heap, and the kernel's table of locks.
struct Hall {
    words: Vec<u64>,
    geometry: Geometry,
    table: Box<Table>,
}

/// What the kernel keeps: which bytes somebody has, and how many sleep, of whichever role.
#[derive(Default)]
struct Table {
    locked: Mutex<Vec<Byte>>,
    asleep: Mutex<Asleep>,
}

#[derive(Default)]
struct Asleep {
    now: u32,
    /// How often somebody was to be woken.
    wakes: u32,
    /// How often one who sleeps is still to be rung for something else.
    rings: u32,
}

thread_local! {
    /// What others do whenever this thread pauses.
    static MEANWHILE: Cell<Option<Box<dyn FnMut()>>> = const { Cell::new(None) };
}

/// A way to the segment, which owns nothing: a handle that dies is forgotten.
#[derive(Clone)]
struct Reach(Raw, NonNull<Table>);

// SAFETY: the table is one for all threads, and outlives the handles, as the block does.
unsafe impl Send for Reach {}

impl Reach {
    fn table(&self) -> &Table {
        // SAFETY: it outlives the handles.
        unsafe { self.1.as_ref() }
    }
}

impl Hall {
    fn new(geometry: Geometry) -> Hall {
        let mut words = vec![0; geometry.segment_bytes() as usize / 8];
        geometry.first_words().for_each(|(at, word)| words[at / 8] = word);
        Hall { words, geometry, table: Box::default() }
    }

    /// Of so many slots of up to 48 bytes, for 8 participants.
    fn of(slots: u64) -> Hall {
        Hall::new(geometry(slots))
    }

    fn reach(&mut self) -> Reach {
        let bytes = 8 * self.words.len();
        let base = NonNull::new(self.words.as_mut_ptr().cast()).expect("a vector has an address");
        // SAFETY: the block is aligned to words, and the tests drop the handles before it.
        Reach(unsafe { Raw::new(base, bytes) }, NonNull::from(&*self.table))
    }

    fn producer(&mut self) -> Producer<Reach> {
        let geometry = self.geometry;
        // SAFETY: the block was made for that geometry.
        unsafe { Producer::join(self.reach(), geometry) }.expect("there is a seat")
    }

    fn consumer(&mut self) -> Consumer<Reach> {
        let geometry = self.geometry;
        // SAFETY: as above.
        unsafe { Consumer::join(self.reach(), geometry) }.expect("there is a seat")
    }

    /// The process of a participant is gone, at once and for good.
    fn kill<H>(&self, handle: H, participant: u16) {
        core::mem::forget(handle);
        self.free(Byte::Life(participant));
        self.free(Byte::Sweep(participant));
    }

    fn free(&self, byte: Byte) {
        self.table.locked.lock().expect("nobody panics there").retain(|held| *held != byte);
    }

    fn kill_producer(&self, producer: Producer<Reach>) {
        let participant = producer.participant();
        self.kill(producer, participant);
    }

    fn kill_consumer(&self, consumer: Consumer<Reach>) {
        let participant = consumer.participant();
        self.kill(consumer, participant);
    }

    /// Where the word of a slot stands.
    fn slot(&self, slot: u64) -> usize {
        self.geometry.slot_at(slot)
    }

    /// A peer writes what it likes.
    fn scribble(&mut self, at: usize, word: u64) {
        // SAFETY: within the block; every access to it is an atomic one.
        unsafe { self.reach().0.store(at, word, Ordering::Relaxed) };
    }
}

/// The word of a slot that nobody has claimed yet.
const FREE: u64 = 4;

fn geometry(slots: u64) -> Geometry {
    let geometry = Geometry::new(slots, 48).expect("a good geometry");
    geometry.with_seats(8).expect("so many there may be")
}

/// When a wait has asked more than once.
fn soon() -> Deadline {
    Deadline::after(Duration::from_millis(if cfg!(miri) { 200 } else { 20 }))
}

/// Sends a number.
fn send(producer: &mut Producer<Reach>, number: u64) -> u64 {
    producer.try_send(&number.to_le_bytes()).expect("there is room")
}

/// Receives a number.
fn recv(consumer: &mut Consumer<Reach>) -> Result<(u64, Received), RecvError> {
    let mut buffer = [0; 48];
    let received = consumer.try_recv(&mut buffer)?;
    let number = buffer.first_chunk::<8>().expect("it is long enough");
    assert_eq!(received.len, 8);
    Ok((u64::from_le_bytes(*number), received))
}

/// Receives that number, which was not delivered before.
#[track_caller]
fn expect(consumer: &mut Consumer<Reach>, number: u64) {
    let (found, received) = recv(consumer).expect("a message is there");
    assert_eq!((found, received.attempt), (number, 0));
}

// SAFETY: `Raw` makes every access an atomic or an opaque one.
unsafe impl Memory for Reach {
    accesses_of_raw!(0);

    fn pause(&self) {
        // Taken out meanwhile: what it does may pause, too.
        if let Some(mut meanwhile) = MEANWHILE.take() {
            meanwhile();
            MEANWHILE.set(Some(meanwhile));
        }
        if cfg!(miri) {
            std::thread::yield_now();
        }
        core::hint::spin_loop();
    }

    fn yield_now(&self) {
        std::thread::yield_now();
    }

    fn now(&self) -> u64 {
        monotonic_ns()
    }

    /// A short sleep, which ends with a ring if one is to come.
    fn sleep(&self, role: Role, _: u64, _: u64) -> bool {
        let mut asleep = self.table().asleep.lock().expect("nobody panics there");
        if asleep.rings > 0 {
            asleep.rings -= 1;
            // SAFETY: a control word of the block.
            unsafe { self.count(bed_at(role) + offset_of!(Bed, bell)) };
        }
        drop(asleep);
        std::thread::sleep(Duration::from_micros(50));
        false
    }

    fn wake(&self, _: Role) {
        let mut asleep = self.table().asleep.lock().expect("nobody panics there");
        (asleep.now, asleep.wakes) = (0, asleep.wakes + 1);
    }

    fn outside(&self) -> Outside {
        Outside::PeerAlive
    }
}

// SAFETY: as above.
unsafe impl Crowd for Reach {
    unsafe fn compare_exchange(&self, at: usize, current: u64, new: u64) -> Result<(), u64> {
        // SAFETY: the same contract.
        unsafe { self.0.compare_exchange(at, current, new) }
    }

    unsafe fn count(&self, at: usize) {
        // SAFETY: the same contract.
        unsafe { self.0.count(at) }
    }

    fn wake_one(&self, _: Role) -> bool {
        let mut asleep = self.table().asleep.lock().expect("nobody panics there");
        let is_one = asleep.now > 0;
        (asleep.now, asleep.wakes) = (asleep.now.saturating_sub(1), asleep.wakes + 1);
        is_one
    }

    fn try_lock(&self, byte: Byte) -> bool {
        let mut locked = self.table().locked.lock().expect("nobody panics there");
        let is_free = !locked.contains(&byte);
        if is_free {
            locked.push(byte);
        }
        is_free
    }

    fn unlock(&self, byte: Byte) {
        self.table().locked.lock().expect("nobody panics there").retain(|held| *held != byte);
    }

    fn is_gone(&self, participant: u16) -> bool {
        !self.table().locked.lock().expect("nobody panics there").contains(&Byte::Life(participant))
    }

    fn identity(&self) -> Identity {
        Identity::default()
    }
}
