//! Memory that shows every store to the model, and in which a victim dies at its k-th store.

use super::model::Model;
use crate::layout::{CONSUMER_BED, CONSUMER_GATE, DATA, HEAD, PRODUCER_BED, PRODUCER_GATE};
use crate::ring::Geometry;
use crate::ring::gate::Gate;
use crate::sync::{Memory, Ordering, Outside};
use std::cell::{Cell, RefCell, RefMut};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

/// One participant's way to the shared block. Handles of several participants share the block;
/// each dies on its own.
pub(super) struct Traced {
    block: Rc<RefCell<Block>>,
    stores_left: Cell<u32>,
    dead: Cell<bool>,
    /// Bytes are stored in pieces of one to eight, in an order that follows from this.
    scramble: Cell<u64>,
}

/// Where `head` and the ring stand in a [`Block`], which leaves out the bytes between.
pub(super) const HEAD_AT: usize = 16;
pub(super) const RING_AT: usize = 40;

/// Where byte `at` of a segment stands in a [`Block`].
fn place(at: usize) -> usize {
    match at {
        PRODUCER_GATE => 0,
        CONSUMER_GATE => 8,
        HEAD => HEAD_AT,
        // Who sleeps there: nobody.
        PRODUCER_BED => 24,
        CONSUMER_BED => 32,
        at => RING_AT + (at.checked_sub(DATA).expect("a byte that a ring knows")),
    }
}

/// The shared bytes and the model that watches them.
#[derive(Clone)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    pub(super) model: Model,
}

/// What a victim unwinds with.
struct Crash;

impl Traced {
    pub(super) fn fresh(geometry: Geometry) -> Traced {
        let mut bytes = vec![0; RING_AT + geometry.capacity() as usize];
        for gate in [PRODUCER_GATE, CONSUMER_GATE] {
            bytes[place(gate)..][..8].copy_from_slice(&Gate::VACANT.to_bits().to_le_bytes());
        }
        Traced::over(Block { bytes, model: Model::new(geometry) })
    }

    pub(super) fn over(block: Block) -> Traced {
        Traced::of(Rc::new(RefCell::new(block)))
    }

    fn of(block: Rc<RefCell<Block>>) -> Traced {
        Traced {
            block,
            stores_left: Cell::new(u32::MAX),
            dead: Cell::new(false),
            scramble: Cell::new(0),
        }
    }

    /// Another participant's way to the same block.
    pub(super) fn share(&self) -> Traced {
        Traced::of(self.block.clone())
    }

    pub(super) fn block(&self) -> RefMut<'_, Block> {
        self.block.borrow_mut()
    }

    /// From now on bytes are stored in pieces and in an order that `seed` decides.
    pub(super) fn scramble(&self, seed: u64) {
        self.scramble.set(seed | 1);
    }

    /// This participant dies before its store number `stores`, counted from 0.
    pub(super) fn die_before(&self, stores: u32) {
        self.stores_left.set(stores);
    }

    /// This participant is dead: what it stores from now on is not stored.
    pub(super) fn die(&self) {
        self.dead.set(true);
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.get()
    }

    /// One store: before it the victim may die, after it the model looks.
    fn store_bytes(&self, at: usize, from: &[u8]) {
        if self.dead.get() {
            return;
        }
        match self.stores_left.get() {
            0 => {
                self.dead.set(true);
                resume_unwind(Box::new(Crash));
            }
            left => self.stores_left.set(left - 1),
        }
        let mut block = self.block();
        let Block { bytes, model } = &mut *block;
        if at >= DATA {
            model.before_store((at - DATA) as u64, from.len() as u64);
        }
        bytes[place(at)..][..from.len()].copy_from_slice(from);
        model.after_store(bytes);
    }

    fn next_random(&self) -> u64 {
        let mut state = self.scramble.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.scramble.set(state);
        state
    }
}

/// Runs `operation`; `None` if its participant died in it.
pub(super) fn survived<T>(operation: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(operation)) {
        Ok(value) => Some(value),
        Err(payload) if payload.is::<Crash>() => None,
        Err(payload) => resume_unwind(payload),
    }
}

// SAFETY: every access is a bounds-checked one to a vector.
unsafe impl Memory for Traced {
    unsafe fn load(&self, at: usize, _: Ordering) -> u64 {
        let block = self.block.borrow();
        u64::from_le_bytes(block.bytes[place(at)..][..8].try_into().expect("eight bytes"))
    }

    unsafe fn store(&self, at: usize, word: u64, _: Ordering) {
        self.store_bytes(at, &word.to_le_bytes());
    }

    /// Counters are for people: no part of what is proved, so they cost no state here.
    unsafe fn note(&self, _: usize, _: u64) {}

    unsafe fn noted(&self, _: usize) -> u64 {
        0
    }

    unsafe fn put(&self, at: usize, word: u64) {
        self.store_bytes(at, &word.to_le_bytes());
    }

    unsafe fn read(&self, at: usize, into: &mut [u8]) {
        into.copy_from_slice(&self.block.borrow().bytes[place(at)..][..into.len()]);
    }

    unsafe fn write(&self, at: usize, from: &[u8]) {
        if self.scramble.get() == 0 {
            for (index, piece) in from.chunks(8).enumerate() {
                self.store_bytes(at + 8 * index, piece);
            }
            return;
        }
        let mut pieces = Vec::new();
        let mut done = 0;
        while done < from.len() {
            let len = (self.next_random() as usize % 8 + 1).min(from.len() - done);
            pieces.push((at + done, &from[done..done + len]));
            done += len;
        }
        while !pieces.is_empty() {
            let pick = self.next_random() as usize % pieces.len();
            let (at, piece) = pieces.swap_remove(pick);
            self.store_bytes(at, piece);
        }
    }

    fn prefetch_read(&self, _: usize) {}

    fn prefetch_write(&self, _: usize) {}

    fn pause(&self) {}

    fn yield_now(&self) {}

    fn now(&self) -> u64 {
        0
    }

    fn outside(&self) -> Outside {
        Outside::PeerAlive
    }
}
