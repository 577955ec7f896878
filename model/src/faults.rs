//! What may strike a participant at any step: death, a stop, a lost lock; and its own whims: to
//! leave, and to come again.

use crate::check::Successor;
use crate::state::{Actor, At, State};
use crate::step::{Ring, Step};

/// The misfortunes that may befall `who` here.
pub(crate) fn steps(ring: &Ring, state: &State, who: usize, out: &mut Vec<Successor<State>>) {
    let actor = state.actors[who];
    let faults = state.faults;
    if actor.at == At::Down {
        if faults.restarts > 0 {
            let mut step = Step::fault(ring, state, who);
            step.state.faults.restarts -= 1;
            step.go(At::PickIndex);
            out.push(step.done("comes again"));
        }
        return;
    }
    if faults.crashes > 0 {
        let mut step = Step::fault(ring, state, who);
        step.state.faults.crashes -= 1;
        for other in 0..ring.shape.actors() {
            if ring.shape.is_same_process(other, who) {
                crash(&mut step.state, other);
            }
        }
        out.push(step.done("is killed"));
    }
    // A stop of one who has nothing to do makes no difference.
    if faults.stops > 0 && actor.at != At::Rest {
        let mut step = Step::fault(ring, state, who);
        step.state.faults.stops -= 1;
        step.actor().stopped = true;
        out.push(step.done("is stopped"));
    }
    let at_rest = matches!(actor.at, At::Look | At::Rest) && actor.held.is_empty();
    if faults.leaves > 0 && at_rest {
        let mut step = Step::fault(ring, state, who);
        step.state.faults.leaves -= 1;
        step.leave();
        out.push(step.done("is to leave"));
    }
    if let Some(index) = actor.index {
        let life = usize::from(index);
        if faults.lost_locks > 0 && state.life[life] == Some(who as u8) {
            let mut step = Step::fault(ring, state, who);
            step.state.faults.lost_locks -= 1;
            step.state.life[life] = None;
            out.push(step.done("loses its lock, and lives"));
        }
    }
}

/// The kernel frees all locks of the dead at once; what was stored stays.
fn crash(state: &mut State, who: usize) {
    for byte in state.life.iter_mut().chain(&mut state.sweep) {
        if *byte == Some(who as u8) {
            *byte = None;
        }
    }
    state.actors[who] = Actor::down(state.actors[who].left);
}
