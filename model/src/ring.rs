//! The ring as a machine: whose step it may be, and when all who survive have done their work.

use crate::check::{Machine, Note, Successor};
use crate::state::{At, State};
use crate::step::Ring;
use crate::word::Word;
use crate::{canonical, consumer, faults, join, producer, repair};

impl Machine for Ring {
    type State = State;

    fn first(&self) -> State {
        State::first(&self.shape)
    }

    fn fingerprint(&self, state: &State) -> u64 {
        canonical::fingerprint(&self.shape, state)
    }

    fn successors(&self, state: &State, out: &mut Vec<Successor<State>>) {
        for who in 0..self.shape.actors() {
            if state.actors[who].stopped {
                continue;
            }
            self.steps(state, who, out);
            faults::steps(self, state, who, out);
        }
    }

    /// All that survivors can do is done: everything sent, every position settled. Excused is
    /// what a stopped participant holds up: its own claim, all that is behind it if it writes,
    /// since order is kept, and the producers that come round to any of these.
    fn is_done(&self, state: &State) -> bool {
        let actors = &state.actors[..self.shape.actors()];
        let (producers, consumers) = actors.split_at(usize::from(self.shape.producers));
        if !consumers.iter().any(|actor| actor.runs()) {
            return true;
        }
        let stopped = |position: usize| {
            let mut held =
                actors.iter().filter(|actor| actor.stopped).flat_map(|actor| actor.held.iter());
            held.any(|held| usize::from(held.position) == position)
        };
        let slots = usize::from(self.shape.slots);
        let tail = state.fates.tail();
        let mut behind_writer = false;
        let mut excused_last = None;
        for position in 0..tail {
            let held_up = stopped(position);
            if held_up && matches!(state.slots[position % slots], Word::Writing { .. }) {
                behind_writer = true;
            }
            let excused = held_up || behind_writer;
            if !state.fates.0[position].is_settled() && !excused {
                return false;
            }
            if position + slots == tail {
                excused_last = Some(excused && !state.fates.0[position].is_settled());
            }
        }
        let sent = producers.iter().all(|actor| !actor.runs() || idle(actor.at, actor.left));
        sent || excused_last == Some(true)
    }

    fn describe(&self, note: Note, state: &State) -> String {
        let role = if self.shape.is_producer(usize::from(note.who)) { "P" } else { "C" };
        let name = match state.actors[usize::from(note.who)].index {
            Some(index) => format!("{role}{} as {index}", note.who),
            None => format!("{role}{}", note.who),
        };
        let slots = state.slots[..usize::from(self.shape.slots)].iter();
        let slots: Vec<String> = slots.map(Word::to_string).collect();
        format!("{name} {}; {}", note.what, slots.join(" "))
    }
}

fn idle(at: At, left: u8) -> bool {
    left == 0 && matches!(at, At::Rest)
}

impl Ring {
    fn steps(&self, state: &State, who: usize, out: &mut Vec<Successor<State>>) {
        match state.actors[who].at {
            At::Down | At::Rest => {}
            At::PickIndex
            | At::ReadTable(..)
            | At::TestForSweep(..)
            | At::SweepLook(..)
            | At::SweepTest(..)
            | At::SetFree(..)
            | At::LockLife(..)
            | At::Activate(..)
            | At::UnlockSweep(..)
            | At::OldReadTable(..)
            | At::OldUnlock(..)
            | At::OldLockSweep(..)
            | At::LeaveTable
            | At::LeaveByte => join::steps(self, state, who, out),
            At::TestOwner(..) | At::LookAfterTest(..) | At::Repair(..) | At::CountRewind(..) => {
                repair::steps(self, state, who, out);
            }
            At::ReadHint | At::Look if self.shape.is_producer(who) => {
                producer::steps(self, state, who, out);
            }
            At::Claim(..) | At::Write => producer::steps(self, state, who, out),
            At::ReadHint
            | At::Look
            | At::ReadRewind
            | At::Scan(..)
            | At::Take(..)
            | At::FreeTombstone(..)
            | At::Process
            | At::GiveBack => consumer::steps(self, state, who, out),
        }
    }
}
