//! A ring's part of a segment: where an offset is computed, and nowhere else.
//!
//! A position is masked to a slot, and a participant's index is checked when it is joined or read
//! from a word: so nothing that a peer writes can lead outside of the segment.

use super::geometry::{Delivery, Geometry};
use super::word::{State, Word};
use crate::layout::{Bed, Comings, MPMC_COMINGS, MPMC_HEAD, MPMC_SEATS, MPMC_TAIL, Seat};
use crate::ring::area::bed_at;
use crate::ring::{Position, Role};
use crate::sync::{Crowd, Mapped, Ordering};
use core::mem::offset_of;

/// How many slots before they are needed lines are asked for.
pub(super) const AHEAD: u64 = 16;

/// The slots, seats and hints of one ring over some memory.
pub(super) struct Slots<M> {
    memory: M,
    mask: u64,
    /// The slots as a power of two: what a position is shifted by to give its lap.
    shift: u32,
    stride: usize,
    begin: usize,
    end: usize,
    /// Bytes from a slot to the one whose line is asked for with it.
    ahead: usize,
    payload_at: usize,
    geometry: Geometry,
}

/// A slot: its offset in the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(usize);

impl Place {
    /// Of no slot.
    pub(super) const NONE: Place = Place(0);
}

/// Where a handle goes on: a position, and what else would be computed from it for each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) position: Position,
    pub(super) place: Place,
    pub(super) lap: u64,
}

impl<M: Crowd> Slots<M> {
    /// The ring of `geometry` in `memory`.
    ///
    /// # Safety
    ///
    /// `memory` has at least `geometry.segment_bytes()` bytes.
    pub(super) unsafe fn new(memory: M, geometry: Geometry) -> Slots<M> {
        Slots {
            memory,
            mask: geometry.slots() - 1,
            shift: geometry.slots().trailing_zeros(),
            stride: geometry.stride() as usize,
            begin: geometry.slots_at(),
            end: geometry.segment_bytes() as usize,
            ahead: (AHEAD.min(geometry.slots()) * geometry.stride()) as usize,
            payload_at: geometry.payload_at() as usize,
            geometry,
        }
    }

    #[inline(always)]
    pub(super) fn memory(&self) -> &M {
        &self.memory
    }

    #[inline(always)]
    pub(super) fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// How many there are.
    #[inline(always)]
    pub(super) fn count(&self) -> u64 {
        self.mask + 1
    }

    /// A handle's cursor at `position`.
    pub(super) fn cursor(&self, position: Position) -> Cursor {
        Cursor { position, place: self.place(position), lap: self.lap(position) }
    }

    /// The cursor behind `at`.
    #[inline(always)]
    pub(super) fn behind(&self, at: Cursor) -> Cursor {
        let (position, place) = (at.position + 1, at.place.0 + self.stride);
        if place == self.end {
            return Cursor { position, place: Place(self.begin), lap: at.lap + 1 };
        }
        Cursor { position, place: Place(place), lap: at.lap }
    }

    /// The slot of `position`.
    #[inline(always)]
    pub(super) fn place(&self, position: Position) -> Place {
        Place(self.begin + (position & self.mask) as usize * self.stride)
    }

    /// The lap of `position`.
    #[inline(always)]
    pub(super) fn lap(&self, position: Position) -> u64 {
        position >> self.shift
    }

    /// The position that has `slot` (or any position of the same slot) in `lap`. Of a lap that no
    /// ring comes to, any.
    #[inline(always)]
    pub(super) fn position(&self, slot: Position, lap: u64) -> Position {
        lap << self.shift | slot & self.mask
    }

    /// The last position that is over for those who look for the next one, when `word` of this lap
    /// or a later one stands at `at`. `None` for a lap that no ring comes to.
    #[inline(always)]
    pub(super) fn passed(&self, at: Position, word: Word) -> Option<Position> {
        if word.lap() > self.lap(self.geometry.position_max()) {
            return None;
        }
        // Free, a slot says nothing of its own lap.
        Some(self.position(at, self.lap(at).max(word.lap().saturating_sub(1))))
    }

    /// The word of the slot of `position`.
    #[inline(always)]
    pub(super) fn word(&self, position: Position, order: Ordering) -> Word {
        self.word_at(self.place(position), order)
    }

    /// The word of the slot at `place`.
    #[inline(always)]
    pub(super) fn word_at(&self, place: Place, order: Ordering) -> Word {
        // SAFETY: a slot's start, which `new` says is there; slots are multiples of 64 from a
        // multiple of 64.
        Word::from_bits(unsafe { self.memory.load(place.0, order) })
    }

    /// Sets the word of a slot that is ours.
    #[inline(always)]
    pub(super) fn set_word_at(&self, place: Place, word: Word, order: Ordering) {
        // SAFETY: as in `word_at`.
        unsafe { self.memory.store(place.0, word.to_bits(), order) }
    }

    /// Swaps the word of a slot from `seen` to `next`, or says what it is.
    #[inline(always)]
    pub(super) fn swap(&self, position: Position, seen: Word, next: Word) -> Result<(), Word> {
        self.swap_at(self.place(position), seen, next)
    }

    /// As [`Slots::swap`], of the slot at `place`.
    #[inline(always)]
    pub(super) fn swap_at(&self, place: Place, seen: Word, next: Word) -> Result<(), Word> {
        // SAFETY: as in `word_at`.
        let swapped =
            unsafe { self.memory.compare_exchange(place.0, seen.to_bits(), next.to_bits()) };
        swapped.map_err(Word::from_bits)
    }

    /// The state that a word says; `None` for one that no participant of this ring writes.
    #[inline(always)]
    pub(super) fn state_of(&self, word: Word) -> Option<State> {
        self.geometry.state_of(word)
    }

    /// Writes down how long the message is, unless all have the same length.
    #[inline(always)]
    pub(super) fn set_len(&self, place: Place, len: u32) {
        if !self.geometry.is_of_one_length() {
            // SAFETY: the second word of a slot, whose payload begins behind it then.
            unsafe { self.memory.put(place.0 + 8, len.into()) }
        }
    }

    /// How long the message is; `None` if that is not possible.
    #[inline(always)]
    pub(super) fn len(&self, place: Place) -> Option<u32> {
        if self.geometry.is_of_one_length() {
            return Some(self.geometry.payload());
        }
        let mut word = [0; 8];
        // SAFETY: as in `set_len`.
        unsafe { self.memory.read_value(place.0 + 8, &mut word) };
        let word = u64::from_ne_bytes(word);
        (word <= self.geometry.payload().into()).then_some(word as u32)
    }

    /// Copies payload into the slot, from byte `offset` of it on.
    #[inline(always)]
    pub(super) fn write(&self, place: Place, offset: usize, bytes: &[u8]) {
        debug_assert!(offset + bytes.len() <= self.geometry.payload() as usize);
        // SAFETY: within the payload, as every caller has checked.
        unsafe { self.memory.write(self.payload(place) + offset, bytes) }
    }

    /// Copies payload out of the slot.
    #[inline(always)]
    pub(super) fn read(&self, place: Place, offset: usize, into: &mut [u8]) {
        debug_assert!(offset + into.len() <= self.geometry.payload() as usize);
        // SAFETY: as in `write`.
        unsafe { self.memory.read(self.payload(place) + offset, into) }
    }

    /// Copies payload out of the slot, to stay in registers.
    #[inline(always)]
    pub(super) fn read_value(&self, place: Place, into: &mut [u8]) {
        debug_assert!(into.len() <= self.geometry.payload() as usize);
        // SAFETY: as in `write`.
        unsafe { self.memory.read_value(self.payload(place), into) }
    }

    /// Whether `word` is that of a message of that lap which nobody has taken.
    #[inline(always)]
    pub(super) fn is_ready(&self, word: Word, lap: u64) -> bool {
        word.is_ready_in(lap, self.geometry.seats())
    }

    /// Asks for the line of a slot's word, to write it.
    #[inline(always)]
    pub(super) fn prefetch(&self, position: Position) {
        self.memory.prefetch_write(self.place(position).0);
    }

    /// The same for the slot [`AHEAD`] behind one.
    #[inline(always)]
    pub(super) fn prefetch_ahead(&self, place: Place) {
        let at = place.0 + self.ahead;
        let at = if at < self.end { at } else { at - (self.end - self.begin) };
        self.memory.prefetch_write(at);
    }

    #[inline(always)]
    fn payload(&self, place: Place) -> usize {
        place.0 + self.payload_at
    }

    /// The hint of who is `role`; never beyond where a ring comes to.
    #[inline(always)]
    pub(super) fn hint(&self, role: Role) -> Position {
        // ORDERING: Acquire, edge H: the words that let somebody come so far can be seen.
        // SAFETY: a control word below the seats, aligned by the layout.
        unsafe { self.memory.load(hint_at(role), Ordering::Acquire) }
            .min(self.geometry.position_max())
    }

    #[inline(always)]
    pub(super) fn set_hint(&self, role: Role, position: Position) {
        // ORDERING: Release, edge H.
        // SAFETY: as in `hint`.
        unsafe { self.memory.store(hint_at(role), position, Ordering::Release) }
    }

    /// How often somebody lay down as `role`.
    #[inline(always)]
    pub(super) fn asleep(&self, role: Role) -> u64 {
        // ORDERING: Relaxed: behind the barrier of who publishes.
        // SAFETY: a control word below the seats, aligned by the layout; so likewise below.
        unsafe { self.memory.load(bed_at(role) + offset_of!(Bed, asleep), Ordering::Relaxed) }
    }

    pub(super) fn count_asleep(&self, role: Role) {
        // SAFETY: as in `asleep`.
        unsafe { self.memory.count(bed_at(role) + offset_of!(Bed, asleep)) }
    }

    pub(super) fn bell(&self, role: Role, order: Ordering) -> u64 {
        // SAFETY: as in `asleep`.
        unsafe { self.memory.load(bed_at(role) + offset_of!(Bed, bell), order) }
    }

    pub(super) fn raise_bell(&self, role: Role) {
        // SAFETY: as in `asleep`.
        unsafe { self.memory.count(bed_at(role) + offset_of!(Bed, bell)) }
    }

    /// A message has come back. After its word.
    pub(super) fn count_orphan(&self) {
        // SAFETY: as in `hint`.
        unsafe { self.memory.count(MPMC_COMINGS + offset_of!(Comings, orphans)) }
    }

    /// How many have, so far.
    pub(super) fn orphans(&self) -> u64 {
        self.coming(offset_of!(Comings, orphans))
    }

    /// A word of participant `index`: the field of its [`Seat`] at that offset.
    pub(super) fn seat(&self, index: u16, field: usize, order: Ordering) -> u64 {
        // SAFETY: as in `seat_at`.
        unsafe { self.memory.load(self.seat_at(index, field), order) }
    }

    pub(super) fn set_seat(&self, index: u16, field: usize, word: u64, order: Ordering) {
        // SAFETY: as in `seat_at`.
        unsafe { self.memory.store(self.seat_at(index, field), word, order) }
    }

    /// Swaps a word of participant `index`. Whether it was `seen`.
    pub(super) fn swap_seat(&self, index: u16, field: usize, seen: u64, next: u64) -> bool {
        // SAFETY: as in `seat_at`.
        unsafe { self.memory.compare_exchange(self.seat_at(index, field), seen, next) }.is_ok()
    }

    /// Writes a counter of participant `index`.
    pub(super) fn note(&self, index: u16, field: usize, word: u64) {
        // SAFETY: as in `seat_at`.
        unsafe { self.memory.note(self.seat_at(index, field), word) }
    }

    /// Where a word of a participant stands: within the segment, since every caller's index is one
    /// of the ring's.
    fn seat_at(&self, index: u16, field: usize) -> usize {
        assert!(index >= 1 && index <= self.geometry.seats(), "participant {index}");
        debug_assert!(field < size_of::<Seat>());
        MPMC_SEATS + (index as usize - 1) * size_of::<Seat>() + field
    }

    /// A word of the [`Comings`].
    pub(super) fn coming(&self, field: usize) -> u64 {
        debug_assert!(field < size_of::<Comings>());
        // ORDERING: Acquire: with `set_coming`.
        // SAFETY: as in `hint`.
        unsafe { self.memory.load(MPMC_COMINGS + field, Ordering::Acquire) }
    }

    pub(super) fn set_coming(&self, field: usize, word: u64) {
        debug_assert!(field < size_of::<Comings>());
        // ORDERING: Release: what was done before can be seen.
        // SAFETY: as in `hint`.
        unsafe { self.memory.store(MPMC_COMINGS + field, word, Ordering::Release) }
    }

    /// What becomes of a message whose consumer is gone: its next word, and whether it is lost.
    pub(super) fn given_back(&self, taken: Word) -> (Word, bool) {
        if self.geometry.delivery() == Delivery::AtMostOnce {
            return (taken.released(), true);
        }
        match taken.orphaned() {
            Some(orphaned) => (orphaned, false),
            None if self.geometry.letters() > 0 && !taken.is_dead_letter() => {
                (taken.dead_letter(), false)
            }
            None => (taken.released(), true),
        }
    }

    /// Where dead letters are put by. A cell of them begins with a word as a slot does.
    pub(super) fn letters(&self) -> impl Iterator<Item = Place> + use<M> {
        let geometry = self.geometry;
        (0..geometry.letters()).map(move |cell| Place(geometry.letter_at(cell)))
    }

    /// Where that place is in the segment.
    pub(super) fn offset_of(&self, place: Place) -> usize {
        place.0
    }

    /// A word of a slot or a letter, by its offset in the segment.
    pub(super) fn word_in(&self, at: usize) -> u64 {
        debug_assert!(at >= self.geometry.letters_at() && at < self.end);
        // ORDERING: Acquire: what is looked at then is not older.
        // SAFETY: within the segment, of which all letters and slots are multiples of 64.
        unsafe { self.memory.load(at, Ordering::Acquire) }
    }

    /// A word of a letter's cell: that many bytes behind the cell's own.
    pub(super) fn letter_word(&self, cell: Place, offset: usize) -> u64 {
        debug_assert!(offset < self.geometry.letter_stride() as usize);
        // ORDERING: Relaxed: shown by the cell's word, which is looked at before and after.
        // SAFETY: within a cell, which is a multiple of 64 bytes from a multiple of 64.
        unsafe { self.memory.load(cell.0 + offset, Ordering::Relaxed) }
    }

    pub(super) fn set_letter_word(&self, cell: Place, offset: usize, word: u64) {
        debug_assert!(offset < self.geometry.letter_stride() as usize);
        // ORDERING: Relaxed: as above.
        // SAFETY: as above.
        unsafe { self.memory.store(cell.0 + offset, word, Ordering::Relaxed) }
    }
}

impl<M: Crowd + Mapped> Slots<M> {
    /// The address of the payload.
    pub(super) fn pointer(&self, place: Place) -> *mut u8 {
        self.memory.base().wrapping_add(self.payload(place))
    }
}

const fn hint_at(role: Role) -> usize {
    match role {
        Role::Producer => MPMC_TAIL,
        Role::Consumer => MPMC_HEAD,
    }
}
