//! Detectable send, by itself: what became of a dead producer's last message.
//!
//! Each producer has a shared line, plain stores: CLAIMING t before the claim of position t,
//! WRITING t after it, DONE t after the commit. Who asks, once the producer is dead and its claims
//! are repaired: WRITING or DONE means sent, all else not sent.
//!
//! That is true only if *every* repairer of W(k,x) leaves the verdict first: x found dead, it reads
//! the word again; still W(k,x): swaps the line {CLAIMING or WRITING, t} to {NOTSENT, t}; then W to
//! T. Without that read x may have committed before it died, and between the first look and the
//! test.
//!
//! The ring is the rest of the model's: two slots, producers that die, one consumer that repairs
//! while it waits, producers that repair when they come round, and one who asks, and sweeps first.
//! The one who asks plays the joiner, too: the verdict is read before the name is given out again.

use crate::canonical::Mixer;
use crate::check::{Machine, Note, Successor};
use crate::properties::Property;
use crate::word::Word;
use std::hash::{Hash, Hasher};

const SLOTS: u8 = 2;
const PRODUCERS: usize = 2;
const CONSUMER: usize = PRODUCERS;
const ASKER: usize = PRODUCERS + 1;

/// Two producers, a consumer, and one who asks about the dead: what is searched.
#[derive(Clone, Copy, Debug)]
pub struct Detectable {
    /// How many messages each producer sends.
    pub messages: u8,
    /// Deaths of producers.
    pub crashes: u8,
    /// Whether every repairer leaves a verdict. Without: only who asks looks at the word.
    pub repairers_leave_verdicts: bool,
    /// Whether a repairer reads the word again when it has found the owner dead.
    pub reads_again: bool,
}

/// A producer's line: what it was doing, and at which position.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Line {
    Idle,
    Claiming(u8),
    Writing(u8),
    Done(u8),
    NotSent(u8),
}

/// A claim under repair: the slot and the word observed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Claim {
    slot: u8,
    word: Word,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum At {
    Dead,
    Rest,
    Look,
    // A producer.
    StoreClaiming,
    Claim,
    StoreWriting,
    Commit,
    StoreDone,
    // The consumer.
    Take(Word),
    FreeTombstone(Word),
    // A repair.
    Test(Claim),
    ReadAgain(Claim),
    ReadLine(Claim),
    SwapLine(Claim, Line),
    SwapWord(Claim),
    // Who asks about producer x.
    Ask(u8),
    Sweep(u8, u8),
    ReadVerdict(u8),
    ReadWord(u8, Line),
    Verdict(u8, bool),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Actor {
    at: At,
    cursor: u8,
    left: u8,
    /// Whether its message in hand, or its last one, was committed: seen by the judge only.
    sent: bool,
}

/// A state of the ring and of all who are at it.
#[derive(Clone, Copy, Hash, Debug)]
pub struct DetectableState {
    slots: [Word; SLOTS as usize],
    lines: [Line; PRODUCERS],
    actors: [Actor; PRODUCERS + 2],
    asked: [bool; PRODUCERS],
    /// Where in its sweep the one who asks began to repair.
    sweeping: (u8, u8),
    crashes: u8,
}

impl DetectableState {
    fn is_dead(&self, x: u8) -> bool {
        self.actors[usize::from(x)].at == At::Dead
    }

    fn swap(&mut self, slot: u8, expected: Word, word: Word) -> bool {
        let place = &mut self.slots[usize::from(slot)];
        let same = *place == expected;
        if same {
            *place = word;
        }
        same
    }
}

fn owner(claim: Claim) -> u8 {
    claim.word.claimer().expect("only claims are repaired")
}

impl Detectable {
    /// Goes on after a repair, or after none was needed.
    fn resume(&self, state: &DetectableState, who: usize) -> At {
        match who {
            ASKER => self.sweep_on(state.sweeping.0, state.sweeping.1),
            _ => At::Look,
        }
    }

    fn sweep_on(&self, x: u8, slot: u8) -> At {
        if slot + 1 < SLOTS { At::Sweep(x, slot + 1) } else { At::ReadVerdict(x) }
    }

    /// The step of `who`, on the copy that it was given: to where, by what, and if it is right.
    fn step(&self, state: &mut DetectableState, who: usize) -> Option<(At, &'static str, bool)> {
        let actor = state.actors[who];
        let me = who as u8;
        let (slot, lap) = (actor.cursor % SLOTS, actor.cursor / SLOTS);
        let (at, what) = match actor.at {
            At::Dead | At::Rest => return None,
            At::Look if who == CONSUMER => self.consume(state, slot, lap),
            At::Look => self.produce(state, who, slot, lap),
            At::StoreClaiming => {
                state.lines[who] = Line::Claiming(actor.cursor);
                state.actors[who].sent = false;
                (At::Claim, "stores CLAIMING")
            }
            At::Claim => {
                match state.swap(slot, Word::Free { lap }, Word::Writing { lap, owner: me }) {
                    true => (At::StoreWriting, "claims"),
                    false => (At::Look, "fails to claim"),
                }
            }
            At::StoreWriting => {
                state.lines[who] = Line::Writing(actor.cursor);
                (At::Commit, "stores WRITING")
            }
            At::Commit => {
                state.slots[usize::from(slot)] = Word::Ready { lap, owner: me };
                state.actors[who].sent = true;
                (At::StoreDone, "commits")
            }
            At::StoreDone => {
                state.lines[who] = Line::Done(actor.cursor);
                state.actors[who].left -= 1;
                state.actors[who].cursor += 1;
                (if actor.left == 1 { At::Rest } else { At::Look }, "stores DONE")
            }
            At::Take(seen) | At::FreeTombstone(seen) => {
                let freed = state.swap(slot, seen, Word::Free { lap: lap + 1 });
                state.actors[who].cursor += u8::from(freed);
                (At::Look, "frees a slot")
            }
            At::Test(claim) => match state.is_dead(owner(claim)) {
                true if self.repairers_leave_verdicts && self.reads_again => {
                    (At::ReadAgain(claim), "finds the owner dead")
                }
                true if self.repairers_leave_verdicts => {
                    (At::ReadLine(claim), "finds the owner dead")
                }
                true => (At::SwapWord(claim), "finds the owner dead"),
                false => (self.resume(state, who), "finds the owner alive"),
            },
            At::ReadAgain(claim) => match state.slots[usize::from(claim.slot)] == claim.word {
                true => (At::ReadLine(claim), "reads the same word again"),
                false => (self.resume(state, who), "reads another word"),
            },
            At::ReadLine(claim) => {
                let position = claim.word.lap() * SLOTS + claim.slot;
                match state.lines[usize::from(owner(claim))] {
                    line @ (Line::Claiming(at) | Line::Writing(at)) if at == position => {
                        (At::SwapLine(claim, line), "reads the line")
                    }
                    _ => (At::SwapWord(claim), "reads a line that says all"),
                }
            }
            At::SwapLine(claim, line) => {
                let position = claim.word.lap() * SLOTS + claim.slot;
                let place = &mut state.lines[usize::from(owner(claim))];
                if *place == line {
                    *place = Line::NotSent(position);
                }
                (At::SwapWord(claim), "leaves the verdict")
            }
            At::SwapWord(claim) => {
                let (lap, owner) = (claim.word.lap(), owner(claim));
                state.swap(claim.slot, claim.word, Word::Tombstone { lap, owner });
                (self.resume(state, who), "makes a tombstone")
            }
            At::Ask(_)
            | At::Sweep(..)
            | At::ReadVerdict(_)
            | At::ReadWord(..)
            | At::Verdict(..) => {
                return self.ask(state, actor.at);
            }
        };
        Some((at, what, true))
    }

    fn produce(
        &self,
        state: &mut DetectableState,
        who: usize,
        slot: u8,
        lap: u8,
    ) -> (At, &'static str) {
        let word = state.slots[usize::from(slot)];
        if word == (Word::Free { lap }) {
            return (At::StoreClaiming, "sees a free slot");
        }
        if word.lap() > lap {
            state.actors[who].cursor = (word.lap() - 1) * SLOTS + slot + 1;
            return (At::Look, "jumps");
        }
        if word.lap() == lap {
            state.actors[who].cursor += 1;
            return (At::Look, "advances");
        }
        match word {
            Word::Writing { .. } => (At::Test(Claim { slot, word }), "sees a claim"),
            _ => (At::Look, "sees a full ring"),
        }
    }

    fn consume(&self, state: &DetectableState, slot: u8, lap: u8) -> (At, &'static str) {
        let word = state.slots[usize::from(slot)];
        match word {
            Word::Ready { lap: at, .. } if at == lap => (At::Take(word), "sees a message"),
            Word::Tombstone { lap: at, .. } if at == lap => {
                (At::FreeTombstone(word), "sees a tombstone")
            }
            Word::Writing { lap: at, .. } if at == lap => {
                (At::Test(Claim { slot, word }), "sees a claim")
            }
            _ => (At::Look, "sees an empty ring"),
        }
    }

    /// Who asks about x: sweeps, if repairers leave verdicts; then the line, and without that
    /// rule the word beside it, before it tombstones.
    fn ask(&self, state: &mut DetectableState, at: At) -> Option<(At, &'static str, bool)> {
        let first = match self.repairers_leave_verdicts {
            true => |x| At::Sweep(x, 0),
            false => At::ReadVerdict,
        };
        Some(match at {
            At::Ask(x) => (first(x), "asks", true),
            At::Sweep(x, slot) => {
                let word = state.slots[usize::from(slot)];
                if word.claimer() == Some(x) {
                    state.sweeping = (x, slot);
                    (At::Test(Claim { slot, word }), "sweeps a claim", true)
                } else {
                    (self.sweep_on(x, slot), "sweeps a slot", true)
                }
            }
            At::ReadVerdict(x) => {
                let line = state.lines[usize::from(x)];
                let at = match line {
                    Line::Claiming(_) | Line::Writing(_) if !self.repairers_leave_verdicts => {
                        At::ReadWord(x, line)
                    }
                    Line::Writing(_) | Line::Done(_) => At::Verdict(x, true),
                    _ => At::Verdict(x, false),
                };
                (at, "reads the line", true)
            }
            At::ReadWord(x, line) => {
                let (Line::Claiming(position) | Line::Writing(position)) = line else {
                    unreachable!("only these leave a question");
                };
                let word = state.slots[usize::from(position % SLOTS)];
                let own = word == Word::Writing { lap: position / SLOTS, owner: x };
                let sent = matches!(line, Line::Writing(_)) && !own;
                (At::Verdict(x, sent), "reads the word", true)
            }
            At::Verdict(x, sent) => {
                state.asked[usize::from(x)] = true;
                let actor = state.actors[usize::from(x)];
                let what = if sent { "says that it was sent" } else { "says that it was not sent" };
                (At::Rest, what, actor.sent == sent)
            }
            _ => return None,
        })
    }
}

impl Machine for Detectable {
    type State = DetectableState;

    fn first(&self) -> DetectableState {
        let actor = Actor { at: At::Look, cursor: 0, left: self.messages, sent: false };
        let mut actors = [actor; PRODUCERS + 2];
        actors[CONSUMER].left = 0;
        actors[ASKER] = Actor { at: At::Rest, left: 0, ..actor };
        DetectableState {
            slots: [Word::Free { lap: 0 }; SLOTS as usize],
            lines: [Line::Idle; PRODUCERS],
            actors,
            asked: [false; PRODUCERS],
            sweeping: (0, 0),
            crashes: self.crashes,
        }
    }

    fn fingerprint(&self, state: &DetectableState) -> u64 {
        let mut mixer = Mixer(0);
        state.hash(&mut mixer);
        mixer.finish()
    }

    fn successors(&self, state: &DetectableState, out: &mut Vec<Successor<DetectableState>>) {
        let mut push = |state, who: usize, what, fault, right: bool| {
            let breach = (!right).then_some(Property::Verdict);
            out.push(Successor { state, note: Note { who: who as u8, what }, fault, breach });
        };
        for who in 0..state.actors.len() {
            let mut next = *state;
            if let Some((at, what, right)) = self.step(&mut next, who) {
                next.actors[who].at = at;
                push(next, who, what, false, right);
            }
            if who < PRODUCERS && state.crashes > 0 && state.actors[who].at != At::Dead {
                let mut next = *state;
                next.crashes -= 1;
                next.actors[who] = Actor { at: At::Dead, ..state.actors[who] };
                push(next, who, "is killed", true, true);
            }
            // The one who asks takes up any death, when it likes.
            if who < PRODUCERS
                && state.is_dead(who as u8)
                && !state.asked[who]
                && state.actors[ASKER].at == At::Rest
            {
                let mut next = *state;
                next.actors[ASKER].at = At::Ask(who as u8);
                push(next, ASKER, "learns of a death", false, true);
            }
        }
    }

    /// All who live have sent all, nothing is left in the ring, all the dead were asked about.
    fn is_done(&self, state: &DetectableState) -> bool {
        let free = |word: &Word| matches!(word, Word::Free { .. });
        let told = |x: usize| match state.actors[x].at {
            At::Dead => state.asked[x],
            at => at == At::Rest,
        };
        state.slots.iter().all(free) && (0..PRODUCERS).all(told)
    }

    fn describe(&self, note: Note, state: &DetectableState) -> String {
        let who = ["P0", "P1", "C", "asker"][usize::from(note.who)];
        let [first, second] = state.slots;
        format!("{who} {}; {first} {second}; {:?}", note.what, state.lines)
    }
}
