//! Waiting, by itself: consumers that sleep, and who wakes them.
//!
//! Each consumer has a bit in a shared bitmap and a token of its own. To sleep: set the bit (the
//! announcement), look at the ring again, then sleep until the token is set; the token is cleared
//! before the ring is looked at again. To wake one: publish, load the bitmap, clear one bit, and
//! if it was still set, set that one's token.
//!
//! **Chain rule.** Waking one for each message is not enough where order is kept: a consumer that
//! is woken for position 1 while 0 is still being written goes to sleep again, and the one wake
//! for 0 then stands for two messages. So after a take: if the bitmap shows waiters and the next
//! position is ready, wake one more.
//!
//! **Slices.** Once anybody can die or be stopped, a sleep ends by itself now and then: a wake dies
//! with its waker between bit and token, or goes to one who will not run; and of a dead producer's
//! claim nobody tells. After a repair all are woken.
//!
//! The ring is simpler here than in the rest of the model: positions are used once, so that no
//! producer waits, and to find one's position is a single step. A consumer that works on a message
//! may do so for ever: nobody may count on it.

use crate::canonical::Mixer;
use crate::check::{Machine, Note, Successor};
use std::hash::{Hash, Hasher};

const POSITIONS: usize = 4;
const ACTORS: usize = 4;

/// A ring that is waited at: what is searched.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// How many send.
    pub producers: u8,
    /// How many receive; with the producers at most 4.
    pub consumers: u8,
    /// How many messages each producer sends; all in all at most 4.
    pub messages: u8,
    /// Deaths.
    pub crashes: u8,
    /// Whether death strikes only who has cleared a bit and not yet set the token.
    pub only_wakers_die: bool,
    /// Participants that live and never run again.
    pub stops: u8,
    /// Whether who takes a message wakes one more for the next.
    pub chain: bool,
    /// Whether a sleep ends by itself now and then.
    pub slices: bool,
}

/// What is at a position.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Slot {
    Free,
    Writing(u8),
    Ready,
    /// Taken, or a gap.
    Passed,
}

/// What a participant does when it has woken somebody, or nobody was there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Then {
    Send,
    Work,
    Look,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum At {
    Dead,
    // A producer.
    Claim,
    Commit(u8),
    // A consumer.
    Look,
    Take(u8),
    Announce,
    LookAgain,
    Retract,
    Sleep,
    Work,
    /// After a take of this position: is anybody waiting?
    ChainWaiters(u8),
    /// And is the next one ready?
    ChainNext(u8),
    // Both: waking one, or all.
    LoadWaiters(Then),
    ClearBit(u8, Then),
    SetToken(u8, Then),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Actor {
    at: At,
    stopped: bool,
    left: u8,
}

/// A state of the ring and of all who are at it.
#[derive(Clone, Copy, Hash, Debug)]
pub struct WaitingState {
    slots: [Slot; POSITIONS],
    /// By number of the participant.
    waiters: [bool; ACTORS],
    tokens: [bool; ACTORS],
    actors: [Actor; ACTORS],
    crashes: u8,
    stops: u8,
}

impl WaitingState {
    /// The first position that is not passed, if there is one.
    fn head(&self) -> Option<usize> {
        self.slots.iter().position(|slot| *slot != Slot::Passed)
    }

    fn is_dead(&self, who: u8) -> bool {
        self.actors[usize::from(who)].at == At::Dead
    }
}

impl Waiting {
    fn actors(&self) -> usize {
        usize::from(self.producers + self.consumers)
    }

    /// The steps of `who`: to a new place, by a deed, on the copy that it was given.
    fn step(&self, state: &mut WaitingState, who: usize) -> Option<(At, &'static str)> {
        let me = who as u8;
        let head = state.head();
        Some(match state.actors[who].at {
            At::Dead | At::Work => return None,
            At::Claim => {
                if state.actors[who].left == 0 {
                    return None;
                }
                let free = state.slots.iter().position(|slot| *slot == Slot::Free)?;
                state.actors[who].left -= 1;
                state.slots[free] = Slot::Writing(me);
                (At::Commit(free as u8), "claims")
            }
            At::Commit(position) => {
                state.slots[usize::from(position)] = Slot::Ready;
                (At::LoadWaiters(Then::Send), "commits")
            }
            At::Look | At::LookAgain => return Some(self.look(state, who, head)),
            At::Take(position) => match state.slots[usize::from(position)] {
                Slot::Ready => {
                    state.slots[usize::from(position)] = Slot::Passed;
                    let chain = At::ChainWaiters(position);
                    (if self.chain { chain } else { At::Work }, "takes")
                }
                _ => (At::Look, "fails to take"),
            },
            At::Announce => {
                state.waiters[who] = true;
                (At::LookAgain, "announces that it will sleep")
            }
            At::Retract => {
                state.waiters[who] = false;
                (At::Look, "takes back its announcement")
            }
            At::Sleep => {
                if std::mem::take(&mut state.tokens[who]) {
                    (At::Look, "is woken by its token")
                } else if self.slices {
                    (At::Retract, "wakes at the end of its slice")
                } else {
                    return None;
                }
            }
            At::ChainWaiters(position) => {
                let waiters = state.waiters.contains(&true);
                (if waiters { At::ChainNext(position) } else { At::Work }, "loads the waiters")
            }
            At::ChainNext(position) => {
                let next = state.slots.get(usize::from(position) + 1);
                let ready = next == Some(&Slot::Ready);
                (if ready { At::LoadWaiters(Then::Work) } else { At::Work }, "looks at the next")
            }
            At::LoadWaiters(then) => match state.waiters.iter().position(|waits| *waits) {
                Some(waiter) => (At::ClearBit(waiter as u8, then), "finds a waiter"),
                None => (after(then), "finds no waiter"),
            },
            At::ClearBit(waiter, then) => {
                let was = std::mem::take(&mut state.waiters[usize::from(waiter)]);
                let at = if was { At::SetToken(waiter, then) } else { At::LoadWaiters(then) };
                (at, "clears a waiter's bit")
            }
            At::SetToken(waiter, then) => {
                state.tokens[usize::from(waiter)] = true;
                // Who has repaired wakes all.
                let all = then == Then::Look;
                (if all { At::LoadWaiters(then) } else { after(then) }, "sets a token")
            }
        })
    }

    /// A consumer looks at the first position that is not passed.
    fn look(
        &self,
        state: &mut WaitingState,
        who: usize,
        head: Option<usize>,
    ) -> (At, &'static str) {
        let again = state.actors[who].at == At::LookAgain;
        let position = head.unwrap_or(0);
        match head.map(|head| state.slots[head]) {
            Some(Slot::Ready) if again => (At::Retract, "looks again, sees a message"),
            Some(Slot::Ready) => (At::Take(position as u8), "sees a message"),
            Some(Slot::Writing(owner)) if state.is_dead(owner) => {
                state.slots[position] = Slot::Passed;
                (At::LoadWaiters(Then::Look), "repairs the claim of a dead producer")
            }
            _ if again => (At::Sleep, "looks again, sees nothing, sleeps"),
            _ => (At::Announce, "sees nothing"),
        }
    }
}

fn after(then: Then) -> At {
    match then {
        Then::Send => At::Claim,
        Then::Work => At::Work,
        Then::Look => At::Look,
    }
}

impl Machine for Waiting {
    type State = WaitingState;

    fn first(&self) -> WaitingState {
        let nobody = Actor { at: At::Dead, stopped: false, left: 0 };
        let mut actors = [nobody; ACTORS];
        for (who, actor) in actors.iter_mut().enumerate().take(self.actors()) {
            let sends = who < usize::from(self.producers);
            actor.at = if sends { At::Claim } else { At::Look };
            actor.left = if sends { self.messages } else { 0 };
        }
        WaitingState {
            slots: [Slot::Free; POSITIONS],
            waiters: [false; ACTORS],
            tokens: [false; ACTORS],
            actors,
            crashes: self.crashes,
            stops: self.stops,
        }
    }

    fn fingerprint(&self, state: &WaitingState) -> u64 {
        let mut mixer = Mixer(0);
        state.hash(&mut mixer);
        mixer.finish()
    }

    fn successors(&self, state: &WaitingState, out: &mut Vec<Successor<WaitingState>>) {
        let mut push = |state, who: usize, what, fault| {
            let note = Note { who: who as u8, what };
            out.push(Successor { state, note, fault, breach: None });
        };
        for who in 0..self.actors() {
            let actor = state.actors[who];
            if actor.stopped || actor.at == At::Dead {
                continue;
            }
            let mut next = *state;
            if let Some((at, what)) = self.step(&mut next, who) {
                next.actors[who].at = at;
                push(next, who, what, false);
            }
            if actor.at == At::Work {
                let mut next = *state;
                next.actors[who].at = At::Look;
                push(next, who, "acknowledges", true);
            }
            let wakes = matches!(actor.at, At::SetToken(..));
            if state.crashes > 0 && (wakes || !self.only_wakers_die) {
                let mut next = *state;
                next.crashes -= 1;
                next.actors[who] = Actor { at: At::Dead, stopped: false, left: 0 };
                push(next, who, "is killed", true);
            }
            if state.stops > 0 {
                let mut next = *state;
                next.stops -= 1;
                next.actors[who].stopped = true;
                push(next, who, "is stopped", true);
            }
        }
    }

    /// Nobody waits in vain: all is sent, and what can be taken is taken, or no consumer is free.
    fn is_done(&self, state: &WaitingState) -> bool {
        let actors = &state.actors[..self.actors()];
        let (producers, consumers) = actors.split_at(usize::from(self.producers));
        let sent = |actor: &Actor| {
            actor.stopped || actor.at == At::Dead || (actor.at, actor.left) == (At::Claim, 0)
        };
        let free = |actor: &Actor| !actor.stopped && !matches!(actor.at, At::Dead | At::Work);
        let taken = match state.head().map(|head| state.slots[head]) {
            None | Some(Slot::Free | Slot::Passed) => true,
            Some(Slot::Writing(owner)) => state.actors[usize::from(owner)].stopped,
            Some(Slot::Ready) => false,
        };
        producers.iter().all(sent) && (taken || !consumers.iter().any(free))
    }

    fn describe(&self, note: Note, state: &WaitingState) -> String {
        let role = if note.who < self.producers { "P" } else { "C" };
        let slots: Vec<String> = state.slots.iter().map(|slot| format!("{slot:?}")).collect();
        format!("{role}{} {}; {}", note.who, note.what, slots.join(" "))
    }
}
