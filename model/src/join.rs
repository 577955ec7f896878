//! Joining, sweeping, leaving: how a name is given out, so that the test of its lock byte is exact.
//!
//! Lock bytes are of the kernel: x for the life of participant x, P+x for the right to give x out.
//! The kernel frees all of a process at its death, and at no other time.
//!
//! **Join.** Lock P+x; busy, or x is held by this very process: the next index. Read the table.
//! *FREE*: lock x (busy: unlock P+x, the next index), store ACTIVE, unlock P+x. *ACTIVE*: is x
//! dead? Then sweep, store FREE, and go on as above; else unlock P+x, the next index.
//!
//! So byte x is locked only under P+x and when no claim bears x: *byte x locked means that no dead
//! claim bears x*, and the test of the lock is exact both ways.
//!
//! **Sweep**, under P+x: x was found dead once; each word with owner x in W or C is repaired; FREE
//! comes last. A sweeper killed anywhere leaves ACTIVE, and the next one starts over. A stopped one
//! keeps x from being given out, and nothing else: repair needs no lock.
//!
//! **Leave.** Claims are given back first, then FREE, then byte x is unlocked.
//!
//! Which index a joiner tries is left open here: any, at each attempt. With `join_under_sweep_byte`
//! out, the old order: byte x first; FREE: ACTIVE; else unlock it, lock P+x, sweep, start over.

use crate::check::Successor;
use crate::properties::Property;
use crate::repair::{is_dead, is_recorded};
use crate::state::{Actor, At, Errand, State};
use crate::step::{Ring, Step};
use crate::word::Name;

/// The steps of one who joins or leaves.
pub(crate) fn steps(ring: &Ring, state: &State, who: usize, out: &mut Vec<Successor<State>>) {
    let rules = ring.rules;
    let mut step = Step::new(ring, state, who);
    let what = match state.actors[who].at {
        At::PickIndex => {
            return (0..ring.shape.indices).for_each(|x| pick(ring, state, who, x, out));
        }
        At::ReadTable(x) => {
            let active = state.active[usize::from(x)];
            step.go(if active { At::TestForSweep(x) } else { At::LockLife(x) });
            if active { "reads ACTIVE" } else { "reads FREE" }
        }
        At::TestForSweep(x) => {
            let vetoed = state.life[usize::from(x)].is_none() && is_recorded(state, x);
            if is_dead(ring, state, x) {
                step.go(if rules.join_sweeps { At::SweepLook(x, 0) } else { At::LockLife(x) });
                "finds the index's owner dead"
            } else if vetoed && !rules.next_index_after_veto {
                "finds the index vetoed, tries again"
            } else {
                step.go(At::UnlockSweep(x, false));
                "finds the index's owner alive"
            }
        }
        At::SweepLook(x, slot) => {
            let word = step.word(slot);
            match word.claimer() == Some(x) {
                true if rules.sweep_tests_once => step.go(At::Repair(slot, word, Errand::Sweep(x))),
                true => step.go(At::SweepTest(x, slot, word)),
                false => step.sweep_on(x, slot),
            }
            "sweeps a slot"
        }
        At::SweepTest(x, slot, word) => {
            match is_dead(ring, state, x) {
                true => step.go(At::Repair(slot, word, Errand::Sweep(x))),
                false => step.sweep_on(x, slot),
            }
            "tests the owner once more"
        }
        At::SetFree(x) => {
            step.state.active[usize::from(x)] = false;
            step.go(match rules.join_under_sweep_byte {
                true => At::LockLife(x),
                false => At::UnlockSweep(x, false),
            });
            "stores FREE"
        }
        At::LockLife(x) => {
            let locked = step.lock_life(x);
            step.go(if locked { At::Activate(x) } else { At::UnlockSweep(x, false) });
            if locked { "locks the index's byte" } else { "finds the index's byte locked" }
        }
        At::Activate(x) => {
            activate(&mut step, x);
            match rules.join_under_sweep_byte {
                true => step.go(At::UnlockSweep(x, true)),
                false => step.enter(),
            }
            "stores ACTIVE"
        }
        At::UnlockSweep(x, joined) => {
            step.state.sweep[usize::from(x)] = None;
            match joined {
                true => step.enter(),
                false => step.go(At::PickIndex),
            }
            "unlocks the sweep byte"
        }
        At::OldReadTable(x) => {
            let active = state.active[usize::from(x)];
            step.go(if active { At::OldUnlock(x) } else { At::Activate(x) });
            if active { "reads ACTIVE" } else { "reads FREE" }
        }
        At::OldUnlock(x) => {
            step.state.life[usize::from(x)] = None;
            step.go(At::OldLockSweep(x));
            "unlocks the index's byte"
        }
        At::OldLockSweep(x) => {
            let locked = step.lock_sweep(x);
            step.go(if locked { At::TestForSweep(x) } else { At::PickIndex });
            if locked { "locks the sweep byte" } else { "finds the sweep byte locked" }
        }
        At::LeaveTable => {
            let name = step.name();
            step.state.active[usize::from(name)] = false;
            step.left(At::LeaveByte, rules.frees_before_unlock);
            "stores FREE, to leave"
        }
        At::LeaveByte => {
            let name = step.name();
            step.state.life[usize::from(name)] = None;
            step.left(At::LeaveTable, !rules.frees_before_unlock);
            "unlocks its byte, to leave"
        }
        _ => unreachable!("no step of a joiner"),
    };
    out.push(step.done(what));
}

/// Tries index x first.
fn pick(ring: &Ring, state: &State, who: usize, x: Name, out: &mut Vec<Successor<State>>) {
    let mut step = Step::new(ring, state, who);
    let own = |holder: Option<u8>| {
        holder.is_some_and(|holder| ring.shape.is_same_process(usize::from(holder), who))
    };
    let held = own(state.life[usize::from(x)]) || own(state.sweep[usize::from(x)]);
    if held && ring.rules.skips_own_indices {
        return;
    }
    let (locked, next, what) = if ring.rules.join_under_sweep_byte {
        (step.lock_sweep(x), At::ReadTable(x), "locks a sweep byte")
    } else {
        (step.lock_life(x), At::OldReadTable(x), "locks an index's byte")
    };
    if locked {
        step.go(next);
        out.push(step.done(what));
    }
}

fn activate(step: &mut Step<'_>, x: Name) {
    let slots = usize::from(step.ring.shape.slots);
    let claimed = step.state.slots[..slots].iter().any(|word| word.claimer() == Some(x));
    step.must(!claimed, Property::Release);
    step.must(!is_recorded(&step.state, x), Property::OneOwner);
    step.state.active[usize::from(x)] = true;
    step.actor().index = Some(x);
}

impl Step<'_> {
    /// Whether a byte with this holder can be locked: within one process nothing conflicts.
    fn can_lock(&self, holder: Option<u8>) -> bool {
        let same = |holder| self.ring.shape.is_same_process(usize::from(holder), self.who);
        holder.is_none_or(same)
    }

    /// Tries to lock byte x.
    fn lock_life(&mut self, x: Name) -> bool {
        let free = self.can_lock(self.state.life[usize::from(x)]);
        if free {
            self.state.life[usize::from(x)] = Some(self.who as u8);
        }
        free
    }

    /// Tries to lock byte P+x.
    fn lock_sweep(&mut self, x: Name) -> bool {
        let free = self.can_lock(self.state.sweep[usize::from(x)]);
        if free {
            self.state.sweep[usize::from(x)] = Some(self.who as u8);
        }
        free
    }

    /// A new member begins.
    fn enter(&mut self) {
        match (self.ring.shape.is_producer(self.who), self.actor().left) {
            (true, 0) => self.go(At::Rest),
            (true, _) => self.begin(),
            (false, _) => self.attach(),
        }
    }

    /// Begins to leave.
    pub(crate) fn leave(&mut self) {
        let first = self.ring.rules.frees_before_unlock;
        self.go(if first { At::LeaveTable } else { At::LeaveByte });
    }

    /// Goes on to leave, or is gone.
    fn left(&mut self, at: At, more: bool) {
        match more {
            true => self.go(at),
            false => *self.actor() = Actor::down(self.actor().left),
        }
    }

    /// The next slot of a sweep, or its end.
    pub(crate) fn sweep_on(&mut self, x: Name, slot: u8) {
        self.go(if slot + 1 < self.ring.shape.slots {
            At::SweepLook(x, slot + 1)
        } else {
            At::SetFree(x)
        });
    }
}
