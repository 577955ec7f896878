//! Repair: observe a claim, test its owner's lock, change exactly the word that was observed.
//!
//! Anybody may, at any time, without a lock. It is exact: the word was seen *before* the byte was
//! found free, so that whoever wrote it is gone; and it never comes back, so that the swap changes
//! that claim or nothing.
//!
//! | dead owner's word | becomes |
//! |---|---|
//! | W(k,x) | T(k,x) |
//! | C(k,y,a), a below the bound | O(k,a+1) |
//! | C(k,y,a) at the bound, or at most once | F(k+1), and one loss is counted |

use crate::check::Successor;
use crate::properties::Property;
use crate::rules::{Looks, Orphans};
use crate::state::{At, Errand, State};
use crate::step::{Ring, Step};
use crate::word::{Name, Word};

/// The steps of a repair from here.
pub(crate) fn steps(ring: &Ring, state: &State, who: usize, out: &mut Vec<Successor<State>>) {
    let mut step = Step::new(ring, state, who);
    let what = match state.actors[who].at {
        At::TestOwner(slot, word, errand) => {
            let owner = word.claimer().expect("only claims are tested");
            if !is_dead(ring, state, owner) {
                return step.owner_lives(slot, word, errand, out);
            }
            step.go(match ring.rules.expects_word_before_test {
                true => At::Repair(slot, word, errand),
                false => At::LookAfterTest(slot, owner, errand),
            });
            "finds the owner dead"
        }
        At::LookAfterTest(slot, owner, errand) => {
            let word = step.word(slot);
            match word.claimer() == Some(owner) {
                true => step.go(At::Repair(slot, word, errand)),
                false => step.repair_over(slot, errand, false),
            }
            "looks again, after the test"
        }
        At::Repair(slot, word, errand) => repair(&mut step, slot, word, errand),
        At::CountRewind(errand) => {
            step.state.rewinds += 1;
            // Where it was is not remembered: a scan begins again.
            match errand {
                Errand::Sweep(index) => step.go(At::SweepLook(index, 0)),
                Errand::Scan => step.go(At::Scan(0)),
                Errand::Cursor => step.go(At::Look),
            }
            "counts up the rewinds"
        }
        _ => unreachable!("no step of a repair"),
    };
    out.push(step.done(what));
}

/// Whether x is dead: its byte is free, and the process that it is recorded as runs no more.
pub(crate) fn is_dead(ring: &Ring, state: &State, x: Name) -> bool {
    state.life[usize::from(x)].is_none() && !(ring.rules.veto && is_recorded(state, x))
}

/// Whether somebody who exists bears this name.
pub(crate) fn is_recorded(state: &State, x: Name) -> bool {
    state.actors.iter().any(|actor| actor.lives() && actor.index == Some(x))
}

/// What becomes of a message whose consumer has died or left, `attempts` others before it.
pub(crate) fn after_attempt(ring: &Ring, lap: u8, attempts: u8) -> Word {
    let ended = attempts >= ring.shape.bound && ring.rules.attempts_end;
    if ended && !ring.rules.bound_frees {
        return Word::Tombstone { lap, owner: 0 };
    }
    if ended || ring.shape.at_most_once {
        return Word::Free { lap: lap + 1 };
    }
    Word::Orphan { lap, attempts: (attempts + 1).min(ring.shape.bound.max(1)) }
}

fn repair(step: &mut Step<'_>, slot: u8, observed: Word, errand: Errand) -> &'static str {
    let position = step.position(slot, observed);
    let word = match observed {
        Word::Writing { lap, owner } if step.ring.rules.buries_writers => {
            Word::Tombstone { lap, owner }
        }
        _ => after_attempt(step.ring, observed.lap(), observed.attempts()),
    };
    let changed = if step.ring.rules.repair_by_swap {
        step.swap(slot, observed, word)
    } else {
        let same = step.word(slot) == observed;
        step.must(same, Property::ExactRepair);
        step.store(slot, word);
        true
    };
    if changed {
        step.must(!step.state.is_held(position), Property::ExactRepair);
        match word {
            Word::Tombstone { .. } => step.state.fates.bury(position),
            Word::Free { .. } => step.state.fates.lose(position),
            _ => {}
        }
        if matches!(word, Word::Orphan { .. }) {
            if step.ring.rules.orphans == Orphans::Rewind {
                step.go(At::CountRewind(errand));
                return "repairs, the rewind to be counted";
            }
            if errand == Errand::Scan {
                step.met_orphan(slot, word);
            }
        }
    }
    step.repair_over(slot, errand, changed);
    if changed { "repairs" } else { "fails to repair" }
}

impl Step<'_> {
    /// Goes on after a repair, or after there was nothing to repair.
    fn repair_over(&mut self, slot: u8, errand: Errand, changed: bool) {
        match errand {
            Errand::Cursor if changed => self.go(At::Look),
            Errand::Cursor => self.look_again(),
            Errand::Scan if !changed && self.ring.rules.attach_looks == Looks::OnceWithCare => {
                self.go(At::Scan(slot));
            }
            Errand::Scan => self.scan_on(slot),
            Errand::Sweep(index) => self.sweep_on(index, slot),
        }
    }

    /// Goes on after the owner of a claim was found alive.
    fn owner_lives(
        mut self,
        slot: u8,
        word: Word,
        errand: Errand,
        out: &mut Vec<Successor<State>>,
    ) {
        let rules = self.ring.rules;
        match errand {
            Errand::Scan => self.scan_on(slot),
            Errand::Sweep(_) => unreachable!("a sweep tests by itself"),
            Errand::Cursor if self.ring.shape.is_producer(self.who) => self.full(),
            Errand::Cursor => {
                let pending = matches!(word, Word::Writing { .. });
                if pending && !rules.waits_for_writers {
                    self.advance();
                } else if !pending || rules.scans_while_pending {
                    return self.wait("finds the owner alive", out);
                }
                self.go(At::Look);
            }
        }
        out.push(self.done("finds the owner alive"));
    }
}
