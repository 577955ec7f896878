//! One step: a participant's one shared access and what it concludes from it, on a copy of the
//! state.

use crate::check::{Note, Successor};
use crate::properties::Property;
use crate::rules::Rules;
use crate::shape::{POSITIONS, Shape};
use crate::state::{Actor, At, State};
use crate::word::{Name, Word};

/// A ring of this shape under these rules: what is searched.
#[derive(Clone, Copy, Debug)]
pub struct Ring {
    /// How large, and what may happen.
    pub shape: Shape,
    /// What its participants do.
    pub rules: Rules,
}

/// The state after a step that `who` is making.
pub(crate) struct Step<'a> {
    pub(crate) ring: &'a Ring,
    pub(crate) who: usize,
    pub(crate) state: State,
    breach: Option<Property>,
    fault: bool,
}

impl<'a> Step<'a> {
    pub(crate) fn new(ring: &'a Ring, state: &State, who: usize) -> Step<'a> {
        Step { ring, who, state: *state, breach: None, fault: false }
    }

    /// A step that nobody may count on: a misfortune, or a whim.
    pub(crate) fn fault(ring: &'a Ring, state: &State, who: usize) -> Step<'a> {
        Step { fault: true, ..Step::new(ring, state, who) }
    }

    pub(crate) fn actor(&mut self) -> &mut Actor {
        &mut self.state.actors[self.who]
    }

    /// The participant's name, which it has: it is a member.
    pub(crate) fn name(&self) -> Name {
        self.state.actors[self.who].index.expect("only a member claims")
    }

    pub(crate) fn go(&mut self, at: At) {
        self.actor().at = at;
    }

    /// The first breach of a step is the one that is told.
    pub(crate) fn judge(&mut self, verdict: Result<(), Property>) {
        if self.breach.is_none() {
            self.breach = verdict.err();
        }
    }

    pub(crate) fn must(&mut self, holds: bool, property: Property) {
        self.judge(if holds { Ok(()) } else { Err(property) });
    }

    pub(crate) fn word(&self, slot: u8) -> Word {
        self.state.slots[usize::from(slot)]
    }

    pub(crate) fn store(&mut self, slot: u8, word: Word) {
        self.state.slots[usize::from(slot)] = word;
    }

    /// Compare-and-swap of a slot's word; whether it changed.
    pub(crate) fn swap(&mut self, slot: u8, expected: Word, word: Word) -> bool {
        let same = self.word(slot) == expected;
        if same {
            self.store(slot, word);
        }
        same
    }

    /// The position that this word in this slot is about.
    pub(crate) fn position(&self, slot: u8, word: Word) -> u8 {
        word.lap() * self.ring.shape.slots + slot
    }

    pub(crate) fn cursor_slot(&self) -> u8 {
        self.state.actors[self.who].cursor % self.ring.shape.slots
    }

    /// The cursor goes behind the position before the one that `later` is about, in its own slot.
    pub(crate) fn jump(&mut self, later: Word) {
        let slots = self.ring.shape.slots;
        let slot = self.cursor_slot();
        self.actor().cursor = (later.lap() - 1) * slots + slot + 1;
    }

    pub(crate) fn advance(&mut self) {
        self.actor().cursor += 1;
        assert!(usize::from(self.actor().cursor) <= POSITIONS, "nobody runs ahead of all claims");
    }

    /// After a compare-and-swap at the cursor that failed.
    pub(crate) fn look_again(&mut self) {
        if !self.ring.rules.looks_again && self.may_pass() {
            self.advance();
        }
        self.go(At::Look);
    }

    /// Whether a broken rule may lead further: not out of what a state has room for.
    fn may_pass(&self) -> bool {
        usize::from(self.state.actors[self.who].cursor) + 2 < POSITIONS
    }

    /// Whether the participant has claims, and may have one more.
    pub(crate) fn may_claim_more(&self) -> bool {
        let count = self.state.actors[self.who].held.len();
        count > 0 && count < usize::from(self.ring.shape.batch)
    }

    /// Where an operation begins.
    pub(crate) fn begin(&mut self) {
        self.go(if self.ring.shape.hints { At::ReadHint } else { At::Look });
    }

    pub(crate) fn done(self, what: &'static str) -> Successor<State> {
        let note = Note { who: self.who as u8, what };
        Successor { state: self.state, note, fault: self.fault, breach: self.breach }
    }
}
