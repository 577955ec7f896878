//! A producer: finds the first position that nobody has claimed, claims it, writes, commits.
//!
//! At position t, slot i, lap k, by the word's lap:
//!
//! | word | what it does |
//! |---|---|
//! | F(k) | claims it by compare-and-swap, W(k,x) |
//! | lap k, not F | t is claimed: t+1 |
//! | lap L > k | so are all before the lap L: goes to (L-1)N+i+1 |
//! | R, O, T of lap k-1 | full: waits |
//! | W, C of lap k-1 | tests the owner, repairs if it is dead, else full |
//! | F(k-1), and all below | never seen in a ring that is not corrupted |

use crate::check::Successor;
use crate::properties::Property;
use crate::state::{At, Errand, Held, State};
use crate::step::{Ring, Step};
use crate::word::Word;

/// The producer's steps from here.
pub(crate) fn steps(ring: &Ring, state: &State, who: usize, out: &mut Vec<Successor<State>>) {
    let mut step = Step::new(ring, state, who);
    let what = match state.actors[who].at {
        At::ReadHint => {
            let hint = step.state.tail_hint;
            let actor = step.actor();
            actor.cursor = actor.cursor.max(hint);
            step.go(At::Look);
            "reads the tail's hint"
        }
        At::Look => look(&mut step),
        At::Claim(word) => {
            if ring.shape.hints && !ring.rules.hint_after_claim && !state.actors[who].hint_due {
                out.push(hint_early(ring, state, who));
            }
            claim(&mut step, word)
        }
        At::Write => return write(ring, state, who, out),
        _ => unreachable!("no step of a producer"),
    };
    out.push(step.done(what));
}

/// Loads the slot of the cursor.
fn look(step: &mut Step<'_>) -> &'static str {
    let slots = step.ring.shape.slots;
    let (slot, lap) = (step.cursor_slot(), step.state.actors[step.who].cursor / slots);
    let word = step.word(slot);
    if word.lap() > lap {
        step.jump(word);
        return "sees a later lap, jumps";
    }
    if word.lap() == lap {
        if let Word::Free { .. } = word {
            step.go(At::Claim(word));
            return "sees a free slot";
        }
        step.advance();
        return "sees a claimed position, advances";
    }
    let stale = word.lap() + 1 < lap || matches!(word, Word::Free { .. });
    step.must(!stale, Property::Stale);
    match word {
        Word::Tombstone { .. } if !step.ring.rules.tombstone_is_full => {
            step.go(At::Claim(word));
            "sees a tombstone to take over"
        }
        Word::Ready { .. } if !step.ring.rules.waits_while_full => {
            step.go(At::Claim(word));
            "sees a message to write over"
        }
        Word::Writing { .. } | Word::Taken { .. } => {
            step.go(At::TestOwner(slot, word, Errand::Cursor));
            "sees a claim of the lap before"
        }
        _ => {
            step.full();
            "sees a full ring"
        }
    }
}

fn claim(step: &mut Step<'_>, expected: Word) -> &'static str {
    let slots = step.ring.shape.slots;
    let (slot, position) = (step.cursor_slot(), step.state.actors[step.who].cursor);
    let word = Word::Writing { lap: position / slots, owner: step.name() };
    step.actor().hint_due = false;
    if !step.swap(slot, expected, word) {
        step.look_again();
        return "fails to claim";
    }
    let verdict = step.state.fates.claim(position, &step.ring.shape);
    step.judge(verdict);
    step.advance();
    let hints = step.ring.shape.hints;
    let actor = step.actor();
    actor.held.push(Held { position, attempts: 0 });
    actor.left -= 1;
    actor.hint_due = hints;
    step.go(At::Write);
    "claims"
}

/// What a producer may not do: tells of a claim that it has yet to make.
fn hint_early(ring: &Ring, state: &State, who: usize) -> Successor<State> {
    let mut step = Step::new(ring, state, who);
    step.actor().hint_due = true;
    step.state.tail_hint = state.actors[who].cursor + 1;
    step.done("stores the tail's hint before the claim")
}

/// The last claim is told by a hint, or not; another one is made, or not; then each is committed or
/// given up, by a plain store, in any order.
fn write(ring: &Ring, state: &State, who: usize, out: &mut Vec<Successor<State>>) {
    let actor = state.actors[who];
    if actor.hint_due {
        let mut step = Step::new(ring, state, who);
        step.state.tail_hint = actor.cursor;
        step.actor().hint_due = false;
        out.push(step.done("stores the tail's hint"));
    }
    let mut step = Step::new(ring, state, who);
    if step.may_claim_more() && actor.left > 0 {
        step.go(At::Look);
        let what = look(&mut step);
        if step.actor().at != At::Write {
            out.push(step.done(what));
        }
    }
    for held in actor.held.iter() {
        let (slot, lap) = (held.position % ring.shape.slots, held.position / ring.shape.slots);
        let settle = |mut step: Step<'_>, word: Word, what| {
            let owner = step.name();
            let own = step.word(slot) == Word::Writing { lap, owner };
            step.must(own, Property::OwnClaim);
            step.store(slot, word);
            let actor = step.actor();
            actor.held.remove(held);
            if actor.held.is_empty() {
                actor.hint_due = false;
                match actor.left {
                    0 => step.go(At::Rest),
                    _ => step.begin(),
                }
            }
            step.done(what)
        };

        let mut step = Step::new(ring, state, who);
        step.state.fates.commit(held.position);
        let owner = step.name();
        out.push(settle(step, Word::Ready { lap, owner }, "commits"));

        if state.faults.aborts > 0 {
            let mut step = Step::fault(ring, state, who);
            step.state.faults.aborts -= 1;
            step.state.fates.bury(held.position);
            out.push(settle(step, Word::Tombstone { lap, owner }, "gives up its claim"));
        }
    }
}

impl Step<'_> {
    /// A producer has found no free slot: it looks again, or goes on with the claims that it has.
    pub(crate) fn full(&mut self) {
        let empty = self.actor().held.is_empty();
        self.go(if empty { At::Look } else { At::Write });
    }
}
