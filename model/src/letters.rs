//! Dead letters, by themselves: a message that is given out no more is put by, once.
//!
//! One slot, whose message has worn out, and a few cells. A consumer takes it as any message, looks
//! for a letter of that position, claims a cell if there is none, writes, says that the cell is
//! ready, and frees the slot. Who finds the taker dead gives the message back, one attempt on. A
//! letter is shown, and may be discarded, when its slot is free. Whoever comes under a dead one's
//! name sweeps first: the slot, then the cells that this one was writing; and who finds no cell
//! frees those whose writers are dead, and looks once more.
//!
//! Without the message's own word for it, whoever repairs the worn-out message would copy it before
//! it frees the slot: two who do so make two letters, and one that is slow a letter of a message
//! that was discarded long ago. That is the first drawing, and [`Letters::copies_in_repair`].

mod state;

pub use state::LettersState;

use crate::canonical::Mixer;
use crate::check::{Machine, Note, Successor};
use crate::properties::Property;
use state::{At, CELLS, CONSUMERS, Cell, Slot, Word, parts};
use std::hash::{Hash, Hasher};

/// Who plays the world: it wears out the next message, and looks at letters.
const WORLD: usize = CONSUMERS;

/// Consumers at a slot, and what may happen to them: what is searched.
#[derive(Clone, Copy, Debug)]
pub struct Letters {
    /// How many consumers there are.
    pub consumers: u8,
    /// How many cells.
    pub cells: u8,
    /// How many messages wear out, one after the other.
    pub messages: u8,
    /// Deaths of consumers, and how often one comes again.
    pub crashes: u8,
    /// See there.
    pub restarts: u8,
    /// Consumers that live and never go on.
    pub stops: u8,
    /// Whether who has the message looks for a letter that is there.
    pub looks_for_letters: bool,
    /// Whether a letter is not shown before its slot is free.
    pub waits_for_slot: bool,
    /// Whether who comes under a dead one's name frees its cells.
    pub sweeps_cells: bool,
    /// Whether who finds no cell frees those of the dead.
    pub frees_cells_of_the_dead: bool,
    /// Whether nothing else takes a cell that is needed: then nothing is ever lost.
    pub has_room: bool,
    /// Whether who repairs the message copies it, which nobody takes then.
    pub copies_in_repair: bool,
}

impl Letters {
    /// The step of `who`: to where, by what, and what it breaks.
    fn step(
        &self,
        state: &mut LettersState,
        who: usize,
    ) -> Option<(At, &'static str, Option<Property>)> {
        let me = who as u8;
        let mut breach = None;
        let (at, what) = match state.at[who] {
            At::Dead => return None,
            At::Look => match state.slot {
                // Where nobody takes it, it is under repair from the first.
                seen @ Slot::Dead { .. } if self.copies_in_repair => {
                    (At::Seek(seen, 0), "sees a worn-out message")
                }
                seen @ Slot::Dead { .. } => (At::Take(seen), "sees a dead letter"),
                seen @ Slot::Taken { owner, .. } if owner != me => (At::Test(seen), "sees a taker"),
                Slot::Taken { .. } | Slot::Free { .. } => return None,
            },
            At::Take(seen) => {
                let (lap, attempts) = parts(seen);
                let taken = Slot::Taken { lap, attempts, owner: me };
                match state.swap(seen, taken) {
                    true => (At::Seek(taken, 0), "takes"),
                    false => (At::Look, "fails to take"),
                }
            }
            At::Test(seen) => {
                let Slot::Taken { owner, .. } = seen else { unreachable!("a taker is tested") };
                match state.is_gone(owner) {
                    true => (At::Repair(seen), "finds the taker dead"),
                    false => (At::Look, "finds the taker alive"),
                }
            }
            At::Repair(seen) => {
                let (lap, attempts) = parts(seen);
                state.swap(seen, Slot::Dead { lap, attempts: attempts + 1 });
                (At::Look, "gives back")
            }
            At::Seek(taken, cell) if !self.looks_for_letters => {
                (At::ReadCell(taken, cell, false), "looks for no letter")
            }
            At::Seek(taken, cell) => {
                let Cell { word, position } = state.cells[usize::from(cell)];
                let is_it = matches!(word, Word::Ready { .. }) && position == parts(taken).0;
                let next = match (is_it, cell + 1 < self.cells) {
                    (true, _) => At::FreeSlot(taken),
                    (false, true) => At::Seek(taken, cell + 1),
                    (false, false) => At::ReadCell(taken, 0, false),
                };
                (next, if is_it { "finds its letter" } else { "looks for its letter" })
            }
            At::ReadCell(taken, cell, last) => match state.cells[usize::from(cell)].word {
                seen @ Word::Free { .. } => {
                    (At::Claim(taken, cell, seen, last), "sees a free cell")
                }
                _ => (self.next_cell(state, taken, cell, last), "sees a cell that is not free"),
            },
            At::ReadDead(taken, cell) => match state.cells[usize::from(cell)].word {
                seen @ Word::Writing { .. } => {
                    (At::TestDead(taken, cell, seen), "sees a cell that is written")
                }
                _ => (self.next_dead(taken, cell), "sees a cell that nobody writes"),
            },
            At::TestDead(taken, cell, seen) => {
                let Word::Writing { owner, .. } = seen else {
                    unreachable!("its writer is tested")
                };
                match state.is_gone(owner) {
                    true => (At::FreeDead(taken, cell, seen), "finds the writer dead"),
                    false => (self.next_dead(taken, cell), "finds the writer alive"),
                }
            }
            At::FreeDead(taken, cell, seen) => {
                let place = &mut state.cells[usize::from(cell)];
                if place.word == seen {
                    place.word = Word::Free { lap: seen.lap() + 1 };
                }
                (self.next_dead(taken, cell), "frees a cell for its own letter")
            }
            At::Claim(taken, cell, seen, last) => {
                let place = &mut state.cells[usize::from(cell)];
                if place.word == seen {
                    place.word = Word::Writing { lap: seen.lap(), owner: me };
                    (At::Write(taken, cell), "claims a cell")
                } else {
                    (self.next_cell(state, taken, cell, last), "fails to claim a cell")
                }
            }
            At::Write(taken, cell) => {
                state.cells[usize::from(cell)].position = parts(taken).0;
                (At::Show(taken, cell), "writes")
            }
            At::Show(taken, cell) => {
                let place = &mut state.cells[usize::from(cell)];
                let is_own = matches!(place.word, Word::Writing { owner, .. } if owner == me);
                breach = (!is_own).then_some(Property::OwnClaim);
                place.word = Word::Ready { lap: place.word.lap(), owner: me };
                (At::FreeSlot(taken), "says that the letter is whole")
            }
            At::FreeSlot(taken) => {
                let is_own = state.swap(taken, Slot::Free { lap: parts(taken).0 + 1 });
                let is_lawful = is_own || self.copies_in_repair;
                breach = (!is_lawful).then_some(Property::OwnClaim);
                (At::Look, "frees the slot")
            }
            At::SweepSlot => {
                if let Slot::Taken { lap, attempts, owner } = state.slot
                    && owner == me
                {
                    state.slot = Slot::Dead { lap, attempts: attempts + 1 };
                }
                (if self.sweeps_cells { At::SweepCell(0) } else { At::Look }, "sweeps the slot")
            }
            At::SweepCell(cell) => {
                let word = state.cells[usize::from(cell)].word;
                let next = match word {
                    Word::Writing { owner, .. } if owner == me => At::FreeCell(cell, word),
                    _ => self.sweep_on(cell),
                };
                (next, "sweeps a cell")
            }
            At::FreeCell(cell, seen) => {
                let place = &mut state.cells[usize::from(cell)];
                if place.word == seen {
                    place.word = Word::Free { lap: seen.lap() + 1 };
                }
                (self.sweep_on(cell), "frees a dead one's cell")
            }
        };
        // Who comes again has no claim of its name's last bearer.
        let bears = |cell: &Cell| matches!(cell.word, Word::Writing { owner, .. } if owner == me);
        if state.is_gone(me) && at == At::Look && state.cells.iter().any(bears) {
            breach = Some(Property::Release);
        }
        Some((at, what, breach.or_else(|| self.judge(state))))
    }

    /// The cell behind one that is not to be had.
    fn next_cell(&self, state: &mut LettersState, taken: Slot, cell: u8, last: bool) -> At {
        if cell + 1 < self.cells {
            return At::ReadCell(taken, cell + 1, last);
        }
        if !last && self.frees_cells_of_the_dead {
            return At::ReadDead(taken, 0);
        }
        state.lost |= 1 << parts(taken).0;
        At::FreeSlot(taken)
    }

    /// The next cell that a dead one may have been writing, then all of them once more.
    fn next_dead(&self, taken: Slot, cell: u8) -> At {
        if cell + 1 < self.cells {
            At::ReadDead(taken, cell + 1)
        } else {
            At::ReadCell(taken, 0, true)
        }
    }

    fn sweep_on(&self, cell: u8) -> At {
        if cell + 1 < self.cells { At::SweepCell(cell + 1) } else { At::Look }
    }

    /// Of each message that is over there is one letter, or was; or it is counted as lost.
    fn judge(&self, state: &LettersState) -> Option<Property> {
        let is_wrong = |position: u8| {
            let all = state.letters(position) + usize::from(state.discarded[usize::from(position)]);
            let is_over = position < state.lap();
            let is_lost = state.lost & 1 << position != 0;
            all > 1 || is_over && all == 0 && !is_lost || is_lost && self.has_room
        };
        (0..self.messages).any(is_wrong).then_some(Property::OneLetter)
    }

    /// What the world may do: look at a letter and discard it, and wear out the next message.
    fn world(&self, state: &LettersState, out: &mut Vec<Successor<LettersState>>) {
        let note = |what| Note { who: WORLD as u8, what };
        for (at, cell) in state.cells.iter().enumerate() {
            let is_over = cell.position < state.lap() || !self.waits_for_slot;
            let Word::Ready { lap, .. } = cell.word else { continue };
            if is_over {
                let mut next = *state;
                next.cells[at].word = Word::Free { lap: lap + 1 };
                next.discarded[usize::from(cell.position)] += 1;
                let breach = self.judge(&next);
                out.push(Successor { state: next, note: note("discards"), fault: true, breach });
            }
        }
        if let Slot::Free { lap } = state.slot
            && lap < self.messages
        {
            let state = LettersState { slot: Slot::Dead { lap, attempts: 0 }, ..*state };
            let note = note("wears out the next message");
            out.push(Successor { state, note, fault: false, breach: None });
        }
    }
}

impl Machine for Letters {
    type State = LettersState;

    fn first(&self) -> LettersState {
        assert!(self.messages <= 2 && usize::from(self.cells) <= CELLS);
        let mut at = [At::Dead; CONSUMERS];
        at[..usize::from(self.consumers)].fill(At::Look);
        LettersState {
            slot: Slot::Dead { lap: 0, attempts: 0 },
            cells: [Cell { word: Word::Free { lap: 0 }, position: u8::MAX }; CELLS],
            at,
            stopped: [false; CONSUMERS],
            crashes: self.crashes,
            restarts: self.restarts,
            stops: self.stops,
            lost: 0,
            discarded: [0; 2],
        }
    }

    fn fingerprint(&self, state: &LettersState) -> u64 {
        let mut mixer = Mixer(0);
        state.hash(&mut mixer);
        mixer.finish()
    }

    fn successors(&self, state: &LettersState, out: &mut Vec<Successor<LettersState>>) {
        for who in 0..usize::from(self.consumers) {
            let note = |what| Note { who: who as u8, what };
            let mut fault = |state: LettersState, what| {
                out.push(Successor { state, note: note(what), fault: true, breach: None });
            };
            if state.at[who] == At::Dead {
                if state.restarts > 0 {
                    let mut next = LettersState { restarts: state.restarts - 1, ..*state };
                    next.at[who] = At::SweepSlot;
                    fault(next, "comes again");
                }
                continue;
            }
            if state.crashes > 0 {
                let mut next = LettersState { crashes: state.crashes - 1, ..*state };
                (next.at[who], next.stopped[who]) = (At::Dead, false);
                fault(next, "is killed");
            }
            if state.stopped[who] {
                continue;
            }
            if state.stops > 0 {
                let mut next = LettersState { stops: state.stops - 1, ..*state };
                next.stopped[who] = true;
                fault(next, "is stopped");
            }
            let mut next = *state;
            if let Some((at, what, breach)) = self.step(&mut next, who) {
                next.at[who] = at;
                out.push(Successor { state: next, note: note(what), fault: false, breach });
            }
        }
        self.world(state, out);
    }

    /// All messages are over; or nobody runs; or one who is stopped has the message.
    fn is_done(&self, state: &LettersState) -> bool {
        let runs = |who: usize| state.at[who] != At::Dead && !state.stopped[who];
        let is_held = match state.slot {
            Slot::Taken { owner, .. } => state.stopped[usize::from(owner)],
            _ => false,
        };
        state.lap() == self.messages || !(0..CONSUMERS).any(runs) || is_held
    }

    fn describe(&self, note: Note, state: &LettersState) -> String {
        let who = ["C0", "C1", "C2", "world"][usize::from(note.who)];
        format!("{who} {}; {:?}; {:?}", note.what, state.slot, state.cells)
    }
}
