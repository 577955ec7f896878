//! A consumer: takes what is ready at its position, in order; and looks for orphans while it waits.
//!
//! At position h, lap k, by the word's lap:
//!
//! | word | what it does |
//! |---|---|
//! | R, O of lap k | takes it by compare-and-swap, C(k,y,a): a delivery, flagged if a > 0 |
//! | C(k) | somebody has it: h+1 |
//! | lap L > k | jumps as a producer does |
//! | T(k) | frees it by compare-and-swap, F(k+1); who wins reports the gap; then h+1 |
//! | W(k) | tests the owner, repairs if it is dead, else waits: everybody does, order is kept |
//! | F(k) | empty |
//! | O(k-1) | takes it |
//! | C(k-1) | tests the owner, repairs if it is dead, else empty |
//! | all others below k | never seen in a ring that is not corrupted |
//!
//! **Idle scan**: a consumer that waits, for an empty ring or for a slow producer, reads all words
//! now and then. Those of dead owners it repairs, and it takes the lowest orphan.
//!
//! **Attach**: before its first take a consumer looks through all words and repairs those of dead
//! owners; *then* it looks for orphans and takes the lowest, until it finds none. One look for both
//! is not enough: of a claim that was seen another one may be faster to make an orphan, and if its
//! owner's name is given out again at once, the test even finds that owner alive.

use crate::check::Successor;
use crate::properties::Property;
use crate::repair::after_attempt;
use crate::rules::{Looks, Orphans, Rules};
use crate::state::{At, Attach, Errand, Held, State};
use crate::step::{Ring, Step};
use crate::word::Word;

/// The consumer's steps from here.
pub(crate) fn steps(ring: &Ring, state: &State, who: usize, out: &mut Vec<Successor<State>>) {
    let mut step = Step::new(ring, state, who);
    let what = match state.actors[who].at {
        At::ReadHint => {
            let hint = step.state.head_hint;
            let actor = step.actor();
            actor.cursor = actor.cursor.max(hint);
            step.go(At::Look);
            "reads the head's hint"
        }
        At::Look => {
            let (what, waits) = look(&mut step);
            if waits {
                step.wait(what, out);
                return;
            }
            what
        }
        At::ReadRewind => read_rewind(&mut step),
        At::Scan(slot) => scan(&mut step, slot),
        At::Take(slot, word, errand) => take(&mut step, slot, word, errand),
        At::FreeTombstone(word) => free_tombstone(&mut step, word),
        At::Process => return process(ring, state, who, out),
        At::GiveBack => {
            step.give_back();
            "gives back its next message"
        }
        _ => unreachable!("no step of a consumer"),
    };
    out.push(step.done(what));
}

/// Loads the slot of the cursor; and whether there is nothing to do but wait.
fn look(step: &mut Step<'_>) -> (&'static str, bool) {
    let slots = step.ring.shape.slots;
    let (slot, lap) = (step.cursor_slot(), step.state.actors[step.who].cursor / slots);
    let word = step.word(slot);
    if word.lap() > lap {
        step.jump(word);
        return ("sees a later lap, jumps", false);
    }
    if word.lap() == lap {
        return match word {
            Word::Free { .. } => ("sees an empty ring", true),
            Word::Writing { .. } => {
                step.go(At::TestOwner(slot, word, Errand::Cursor));
                ("sees a writer", false)
            }
            Word::Ready { .. } | Word::Orphan { .. } => {
                step.go(At::Take(slot, word, Errand::Cursor));
                ("sees a message", false)
            }
            Word::Taken { .. } => {
                step.advance();
                ("sees a taken position, advances", false)
            }
            Word::Tombstone { .. } => {
                step.go(At::FreeTombstone(word));
                ("sees a tombstone", false)
            }
        };
    }
    let lawful = word.lap() + 1 == lap && matches!(word, Word::Orphan { .. } | Word::Taken { .. });
    step.must(lawful, Property::Stale);
    match word {
        Word::Orphan { .. } => {
            step.go(At::Take(slot, word, Errand::Cursor));
            ("sees an orphan of the lap before", false)
        }
        Word::Taken { .. } => {
            step.go(At::TestOwner(slot, word, Errand::Cursor));
            ("sees a taken slot of the lap before", false)
        }
        _ => ("sees a stale word", true),
    }
}

impl Step<'_> {
    /// A consumer has found nothing to take: it goes on with what it has, or waits: it looks again
    /// at its position, or first elsewhere.
    pub(crate) fn wait(mut self, what: &'static str, out: &mut Vec<Successor<State>>) {
        if !self.actor().held.is_empty() {
            self.go(At::Process);
            out.push(self.done(what));
            return;
        }
        self.go(At::Look);
        let at = match self.ring.rules.orphans {
            Orphans::IdleScan => At::Scan(0),
            Orphans::Rewind => At::ReadRewind,
            Orphans::Nobody => At::Look,
        };
        let mut scans = Step::new(self.ring, &self.state, self.who);
        scans.go(at);
        out.push(self.done(what));
        out.push(scans.done("is to look for orphans"));
    }

    /// A consumer that has just become a member.
    pub(crate) fn attach(&mut self) {
        let Rules { attach_repairs, attach_looks, .. } = self.ring.rules;
        let twice = attach_repairs && attach_looks == Looks::Twice;
        self.actor().attach = if twice { Attach::Repairs } else { Attach::Takes };
        self.seek();
    }

    /// Begins to look through all slots.
    fn seek(&mut self) {
        self.actor().lowest = None;
        let rewind = self.ring.rules.orphans == Orphans::Rewind;
        self.go(if rewind { At::ReadRewind } else { At::Scan(0) });
    }

    /// The next slot of a look through all, or what follows from what was met.
    pub(crate) fn scan_on(&mut self, slot: u8) {
        if slot + 1 < self.ring.shape.slots {
            self.go(At::Scan(slot + 1));
            return;
        }
        if self.actor().attach == Attach::Repairs {
            self.actor().attach = Attach::Takes;
            self.go(At::Scan(0));
            return;
        }
        match self.actor().lowest.take() {
            Some((slot, word)) => self.go(At::Take(slot, word, Errand::Scan)),
            None => {
                self.actor().attach = Attach::Done;
                self.begin();
            }
        }
    }

    /// An orphan was met in a look through all slots: the lowest is remembered.
    pub(crate) fn met_orphan(&mut self, slot: u8, word: Word) {
        if self.actor().attach == Attach::Repairs {
            return;
        }
        let lowest = self.actor().lowest;
        let position = self.position(slot, word);
        let lower = |(at, other)| position < self.position(at, other);
        if lowest.is_none_or(|other| self.ring.rules.takes_lowest_first && lower(other)) {
            self.actor().lowest = Some((slot, word));
        }
    }
}

/// With one rule out: heeds orphans only if one was announced since.
fn read_rewind(step: &mut Step<'_>) -> &'static str {
    let rewinds = step.state.rewinds;
    let actor = step.actor();
    actor.heeds = actor.rewinds_seen != rewinds || actor.attach != Attach::Done;
    actor.rewinds_seen = rewinds;
    step.go(At::Scan(0));
    "reads the count of rewinds"
}

fn scan(step: &mut Step<'_>, slot: u8) -> &'static str {
    let word = step.word(slot);
    let Rules { attach_repairs, attach_looks, .. } = step.ring.rules;
    let repairs = match step.actor().attach {
        Attach::Repairs | Attach::Done => true,
        Attach::Takes => attach_repairs && attach_looks != Looks::Twice,
    };
    let heeds = step.ring.rules.orphans != Orphans::Rewind || step.actor().heeds;
    match word {
        Word::Orphan { .. } if heeds => step.met_orphan(slot, word),
        Word::Writing { .. } | Word::Taken { .. } if repairs => {
            step.go(At::TestOwner(slot, word, Errand::Scan));
            return "scans a claim";
        }
        _ => {}
    }
    step.scan_on(slot);
    "scans a slot"
}

fn take(step: &mut Step<'_>, slot: u8, expected: Word, errand: Errand) -> &'static str {
    let (lap, owner, attempts) = (expected.lap(), step.name(), expected.attempts());
    let position = step.position(slot, expected);
    if !step.swap(slot, expected, Word::Taken { lap, owner, attempts }) {
        match errand {
            Errand::Cursor => step.look_again(),
            _ if step.actor().attach != Attach::Done => step.seek(),
            _ => step.go(At::Look),
        }
        return "fails to take";
    }
    let verdict = step.state.fates.deliver(position, attempts, &step.ring.shape);
    step.judge(verdict);
    let later = step.actor().held.iter().any(|held| held.position > position);
    step.must(!(later && step.ring.shape.is_totally_ordered()), Property::TotalOrder);
    if step.actor().cursor == position {
        step.advance();
        step.actor().hint_due = step.ring.shape.hints;
    }
    step.actor().held.push(Held { position, attempts });
    step.go(At::Process);
    "takes"
}

fn free_tombstone(step: &mut Step<'_>, expected: Word) -> &'static str {
    let slot = step.cursor_slot();
    if !step.swap(slot, expected, Word::Free { lap: expected.lap() + 1 }) {
        step.look_again();
        return "fails to free a tombstone";
    }
    let verdict = step.state.fates.report(step.position(slot, expected));
    step.judge(verdict);
    step.advance();
    step.begin();
    "frees a tombstone, reports the gap"
}

/// The last take is told by a hint, or not; another one is made, or not; the oldest is
/// acknowledged, or given back by one who leaves.
fn process(ring: &Ring, state: &State, who: usize, out: &mut Vec<Successor<State>>) {
    let actor = state.actors[who];
    if actor.hint_due {
        let mut step = Step::new(ring, state, who);
        step.state.head_hint = actor.cursor;
        step.actor().hint_due = false;
        out.push(step.done("stores the head's hint"));
    }
    let mut step = Step::new(ring, state, who);
    if step.may_claim_more() {
        match actor.attach {
            Attach::Done => step.go(At::Look),
            _ => step.seek(),
        }
        out.push(step.done("is to take one more"));
    }
    for (age, held) in actor.held.iter().enumerate() {
        if age > 0 && ring.rules.acknowledges_in_order {
            break;
        }
        let mut step = Step::new(ring, state, who);
        step.settle(held, Word::Free { lap: held.position / ring.shape.slots + 1 });
        step.state.fates.acknowledge(held.position);
        if step.actor().held.is_empty() {
            step.actor().hint_due = false;
            match step.actor().attach {
                Attach::Done => step.begin(),
                _ => step.seek(),
            }
        }
        out.push(step.done("acknowledges"));
    }
    if state.faults.leaves > 0 {
        let mut step = Step::fault(ring, state, who);
        step.state.faults.leaves -= 1;
        step.give_back();
        out.push(step.done("gives back its message, to leave"));
    }
}

impl Step<'_> {
    /// Stores over one's own claim.
    fn settle(&mut self, held: Held, word: Word) {
        let Held { position, attempts } = held;
        let slots = self.ring.shape.slots;
        let (slot, lap) = (position % slots, position / slots);
        let own = Word::Taken { lap, owner: self.name(), attempts };
        self.must(self.word(slot) == own, Property::OwnClaim);
        self.store(slot, word);
        self.actor().held.remove(held);
    }

    /// Gives back the oldest message in hand; then the next, or leaves.
    fn give_back(&mut self) {
        let rules = self.ring.rules;
        let held = self.actor().held.iter().next().expect("who processes has a message");
        let lap = held.position / self.ring.shape.slots;
        let word = match after_attempt(self.ring, lap, held.attempts) {
            Word::Orphan { lap, attempts } if !rules.giving_back_counts => {
                Word::Orphan { lap, attempts: attempts - 1 }
            }
            word => word,
        };
        if rules.gives_back {
            self.settle(held, word);
            match word {
                Word::Free { .. } => self.state.fates.lose(held.position),
                Word::Tombstone { .. } => self.state.fates.bury(held.position),
                _ => {}
            }
        }
        match self.actor().held.is_empty() || !rules.gives_back {
            true => self.leave(),
            false => self.go(At::GiveBack),
        }
    }
}
