//! A ring's part of a segment, by position: where an offset is computed, and nowhere else.
//!
//! Everything unsafe about reaching shared bytes from a ring is here. A position is masked into
//! the ring, so no value that a peer writes can lead outside of it.

use super::gate::{Gate, Standing};
use super::word::{self, Tag};
use super::{Geometry, Position, Role};
use crate::layout::{
    Bed, CELL, CONSUMER, CONSUMER_BED, CONSUMER_GATE, DATA, HEAD, PRODUCER, PRODUCER_BED,
    PRODUCER_GATE, Participant,
};
use crate::sync::{Mapped, Memory, Ordering};
use core::mem::offset_of;

/// A ring's bytes and control words over some memory.
pub(super) struct Area<M> {
    memory: M,
    wrap: Wrap,
    /// The capacity as a power of two: what a position is shifted by to give its lap.
    shift: u32,
    /// The tag of lap 0.
    first_tag: Tag,
    longest_message: usize,
}

/// A place in the ring: an offset into the segment that was computed from a position.
#[derive(Clone, Copy)]
pub(super) struct Place(usize);

/// How positions wrap round the ring. A copy of it stays in a register where a field of the area
/// is read anew after each access to shared memory that the compiler may not look across.
#[derive(Clone, Copy)]
pub(super) struct Wrap {
    mask: u64,
}

impl Wrap {
    /// Where `position` lies.
    #[inline(always)]
    pub(super) fn place(self, position: Position) -> Place {
        Place(DATA + (position & self.mask) as usize)
    }
}

impl Place {
    /// The place `bytes` further on in the same record, which does not straddle the ring's end.
    #[inline(always)]
    pub(super) fn plus(self, bytes: usize) -> Place {
        Place(self.0 + bytes)
    }
}

impl<M: Memory> Area<M> {
    /// The ring of `geometry` in `memory`.
    ///
    /// # Safety
    ///
    /// `memory` has at least `geometry.segment_bytes()` bytes.
    pub(super) unsafe fn new(memory: M, geometry: Geometry) -> Area<M> {
        Area {
            memory,
            wrap: Wrap { mask: geometry.capacity() - 1 },
            shift: geometry.capacity().trailing_zeros(),
            first_tag: Tag::of(geometry.first_stamp()),
            longest_message: geometry.longest_message(),
        }
    }

    /// Pauses, time and the outside world.
    #[inline(always)]
    pub(super) fn memory(&self) -> &M {
        &self.memory
    }

    /// The longest message in bytes.
    #[inline(always)]
    pub(super) fn longest_message(&self) -> usize {
        self.longest_message
    }

    /// Before where every record ends that starts at `start`, and where no record ends whose
    /// message is too long, wherever it starts from there on.
    pub(super) fn longest_end(&self, start: Position) -> Position {
        start + word::record_bytes(self.longest_message as u64) + CELL
    }

    #[inline(always)]
    pub(super) fn capacity(&self) -> u64 {
        self.wrap.mask + 1
    }

    /// How many bytes lie between `position` and the ring's end.
    #[inline(always)]
    pub(super) fn to_end(&self, position: Position) -> u64 {
        self.capacity() - (position & self.wrap.mask)
    }

    /// Whether `position` is a lap's first.
    #[inline(always)]
    pub(super) fn starts_lap(&self, position: Position) -> bool {
        position & self.wrap.mask == 0
    }

    /// The tag of a record at `position`.
    #[inline(always)]
    pub(super) fn tag(&self, position: Position) -> Tag {
        self.first_tag.plus(position >> self.shift)
    }

    /// From now on no record is found here: costs nothing where records are looked for.
    pub(super) fn poison(&mut self) {
        self.first_tag = Tag::NEVER;
    }

    /// How positions wrap round this ring.
    #[inline(always)]
    pub(super) fn wrap(&self) -> Wrap {
        self.wrap
    }

    /// Where `position` lies.
    #[inline(always)]
    pub(super) fn place(&self, position: Position) -> Place {
        self.wrap.place(position)
    }

    /// The word at `position`, the start of a cell.
    #[inline(always)]
    pub(super) fn word(&self, position: Position, order: Ordering) -> u64 {
        self.word_at(self.place(position), order)
    }

    /// The word at `place`, the start of a cell.
    #[inline(always)]
    pub(super) fn word_at(&self, place: Place, order: Ordering) -> u64 {
        debug_assert_eq!(place.0 as u64 % CELL, 0);
        // SAFETY: masked into the ring, which `new` says is there; cells are aligned.
        unsafe { self.memory.load(place.0, order) }
    }

    /// What stands at `position`, the start of a cell, perhaps payload that is being written.
    #[inline(always)]
    pub(super) fn glimpse(&self, position: Position) -> u64 {
        // SAFETY: as in `word_at`.
        unsafe { self.memory.glimpse(self.place(position).0) }
    }

    /// Sets the word at `position`, the start of a cell.
    #[inline(always)]
    pub(super) fn set_word(&self, position: Position, word: u64, order: Ordering) {
        self.set_word_at(self.place(position), word, order);
    }

    /// Sets the word at `place`, the start of a cell.
    #[inline(always)]
    pub(super) fn set_word_at(&self, place: Place, word: u64, order: Ordering) {
        debug_assert_eq!(place.0 as u64 % CELL, 0);
        // SAFETY: as in `word_at`.
        unsafe { self.memory.store(place.0, word, order) }
    }

    /// Sets the payload word at `place`, a multiple of eight within a record.
    #[inline(always)]
    pub(super) fn put(&self, place: Place, word: u64) {
        debug_assert_eq!(place.0 % 8, 0);
        // SAFETY: within a record, and records lie within the ring; multiples of eight from a
        // cell's start are aligned.
        unsafe { self.memory.put(place.0, word) }
    }

    /// Copies payload out of a record.
    #[inline(always)]
    pub(super) fn read(&self, place: Place, into: &mut [u8]) {
        // SAFETY: within a record, as every caller has checked, and a record is accepted only if
        // it does not reach past the ring's end.
        unsafe { self.memory.read(place.0, into) }
    }

    /// As [`Area::read`], for a value of a known length that is looked at where it is received.
    #[inline(always)]
    pub(super) fn read_value(&self, place: Place, into: &mut [u8]) {
        // SAFETY: as in `read`.
        unsafe { self.memory.read_value(place.0, into) }
    }

    /// Copies payload into a record.
    #[inline(always)]
    pub(super) fn write(&self, place: Place, from: &[u8]) {
        // SAFETY: within a record, as every caller has checked, and room for a record does not
        // straddle the ring's end.
        unsafe { self.memory.write(place.0, from) }
    }

    /// Copies payload words into a record.
    #[inline(always)]
    pub(super) fn write_words(&self, place: Place, words: &[[u8; 8]]) {
        // SAFETY: as in `write`; payloads start at a multiple of eight.
        unsafe { self.memory.write_words(place.0, words) }
    }

    /// Asks for the line of `place` for writing.
    #[inline(always)]
    pub(super) fn prefetch_write(&self, place: Place) {
        self.memory.prefetch_write(place.0);
    }

    /// Asks for the line of `place` for reading.
    #[inline(always)]
    pub(super) fn prefetch_read(&self, place: Place) {
        self.memory.prefetch_read(place.0);
    }

    /// How far the consumer has released.
    #[inline(always)]
    pub(super) fn head(&self, order: Ordering) -> Position {
        // SAFETY: a control word below `DATA`, aligned by the layout.
        unsafe { self.memory.load(HEAD, order) }
    }

    #[inline(always)]
    pub(super) fn set_head(&self, head: Position, order: Ordering) {
        // SAFETY: as in `head`.
        unsafe { self.memory.store(HEAD, head, order) }
    }

    /// The gate of `role`.
    #[inline(always)]
    pub(super) fn gate(&self, role: Role, order: Ordering) -> Gate {
        // SAFETY: as in `head`.
        Gate::from_bits(unsafe { self.memory.load(gate_at(role), order) })
    }

    /// The gate of `role`, and how many have held the role so far.
    ///
    /// Two equal answers with a free lock byte between them are of one participant, who died: the
    /// next one counts itself before it opens the gate, and only when the one before has closed
    /// it or is gone.
    pub(super) fn participant(&self, role: Role) -> (Gate, u64) {
        // ORDERING: Acquire, edge J: one who opened the gate has counted itself.
        let gate = self.gate(role, Ordering::Acquire);
        let counted = participant_at(role) + offset_of!(Participant, generation);
        // ORDERING: Relaxed: read after the gate.
        // SAFETY: as in `head`.
        (gate, unsafe { self.memory.load(counted, Ordering::Relaxed) })
    }

    /// Closes our own gate at `position`. One that somebody made zero stays so: the segment was
    /// removed by force, and our close is not to hide that from the peer.
    pub(super) fn close_gate(&self, role: Role, position: Position, order: Ordering) {
        // ORDERING: Relaxed: only whether to store at all.
        if self.gate(role, Ordering::Relaxed).standing() != Standing::Invalid {
            self.set_gate(role, Gate::closed(position), order);
        }
    }

    /// Sets a counter of `role`: the field of its [`Participant`] at that offset.
    pub(super) fn note(&self, role: Role, field: usize, word: u64) {
        debug_assert!(field < size_of::<Participant>());
        // SAFETY: as in `head`.
        unsafe { self.memory.note(participant_at(role) + field, word) }
    }

    /// A counter of `role`.
    pub(super) fn noted(&self, role: Role, field: usize) -> u64 {
        debug_assert!(field < size_of::<Participant>());
        // SAFETY: as in `head`.
        unsafe { self.memory.noted(participant_at(role) + field) }
    }

    /// A word of the bed of `role`: the field at that offset.
    #[inline(always)]
    pub(super) fn bed(&self, role: Role, field: usize, order: Ordering) -> u64 {
        debug_assert!(field < size_of::<Bed>());
        // SAFETY: as in `head`.
        unsafe { self.memory.load(bed_at(role) + field, order) }
    }

    /// Sets a word of the bed of `role`.
    pub(super) fn set_bed(&self, role: Role, field: usize, word: u64, order: Ordering) {
        debug_assert!(field < size_of::<Bed>());
        // SAFETY: as in `head`.
        unsafe { self.memory.store(bed_at(role) + field, word, order) }
    }

    /// Rings for who sleeps in the bed of `role`.
    pub(super) fn ring(&self, role: Role) {
        let bell = offset_of!(Bed, bell);
        // ORDERING: Relaxed: one at a time rings, or it is somebody who takes the segment away.
        let rung = self.bed(role, bell, Ordering::Relaxed).wrapping_add(1);
        // ORDERING: Release, edge B: who sees it rung sees why.
        self.set_bed(role, bell, rung, Ordering::Release);
        self.memory.wake(role);
    }

    #[inline(always)]
    pub(super) fn set_gate(&self, role: Role, gate: Gate, order: Ordering) {
        // SAFETY: as in `head`.
        unsafe { self.memory.store(gate_at(role), gate.to_bits(), order) }
    }
}

impl<M: Mapped> Area<M> {
    /// The address of `place`.
    #[inline(always)]
    pub(super) fn pointer(&self, place: Place) -> *mut u8 {
        self.memory.base().wrapping_add(place.0)
    }
}

const fn gate_at(role: Role) -> usize {
    match role {
        Role::Producer => PRODUCER_GATE,
        Role::Consumer => CONSUMER_GATE,
    }
}

/// Where the [`Bed`] of `role` stands.
pub(crate) const fn bed_at(role: Role) -> usize {
    match role {
        Role::Producer => PRODUCER_BED,
        Role::Consumer => CONSUMER_BED,
    }
}

/// Where the [`Participant`] of `role` stands.
pub(crate) const fn participant_at(role: Role) -> usize {
    match role {
        Role::Producer => PRODUCER,
        Role::Consumer => CONSUMER,
    }
}
