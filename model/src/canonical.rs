//! States that differ only in who is called what are one state.
//!
//! Participants of one role do the same, and an index is as good as another, as a joiner may try
//! any. So the participants of a role are put in order, without a look at names, and indices are
//! named anew in the order in which they are met. Where that leaves a tie, two names of one state
//! may stay apart: that costs time, and hides nothing.

use crate::shape::{ACTORS, INDICES, Shape};
use crate::state::{Actor, At, Errand, State};
use crate::word::{Name, Word};
use std::hash::{Hash, Hasher};

/// The hash of a state, the same whoever is called what.
pub(crate) fn fingerprint(shape: &Shape, state: &State) -> u64 {
    let order = order(shape, state);
    let mut names = Names { of: [None; INDICES], count: 0 };
    for who in order.iter().take(shape.actors()) {
        meet_actor(&mut names, &state.actors[usize::from(*who)]);
    }
    for word in &state.slots[..usize::from(shape.slots)] {
        names.meet(word.name());
    }
    (0..shape.indices).for_each(|index| names.meet(Some(index)));

    let mut places = [0; ACTORS];
    for (place, who) in order.iter().enumerate() {
        places[usize::from(*who)] = place as u8;
    }
    let mut same = *state;
    for (place, who) in order.iter().enumerate() {
        same.actors[place] = rename(&state.actors[usize::from(*who)], |name| names.get(name));
    }
    for word in &mut same.slots {
        *word = word.renamed(|name| names.get(name));
    }
    for index in 0..usize::from(shape.indices) {
        let name = usize::from(names.get(index as Name));
        same.active[name] = state.active[index];
        same.life[name] = state.life[index].map(|who| places[usize::from(who)]);
        same.sweep[name] = state.sweep[index].map(|who| places[usize::from(who)]);
    }
    let mut mixer = Mixer(0);
    same.hash(&mut mixer);
    mixer.finish()
}

/// The participants in the order in which they are called.
fn order(shape: &Shape, state: &State) -> [u8; ACTORS] {
    let mut order: [u8; ACTORS] = std::array::from_fn(|who| who as u8);
    let key = |who: &u8| rename(&state.actors[usize::from(*who)], |_| 0);
    let (producers, others) = order.split_at_mut(usize::from(shape.producers));
    let consumers = &mut others[..usize::from(shape.consumers)];
    for role in [producers, consumers] {
        if role.len() > 1 {
            role.sort_by_key(key);
        }
    }
    order
}

/// The new names of indices.
struct Names {
    of: [Option<Name>; INDICES],
    count: Name,
}

impl Names {
    fn meet(&mut self, name: Option<Name>) {
        let Some(name) = name else { return };
        let of = &mut self.of[usize::from(name)];
        if of.is_none() {
            *of = Some(self.count);
            self.count += 1;
        }
    }

    /// A tombstone of a ring with a rule out may bear a name that stands for nobody.
    fn get(&self, name: Name) -> Name {
        self.of[usize::from(name)].unwrap_or(name)
    }
}

/// Meets all names that a participant knows.
fn meet_actor(names: &mut Names, actor: &Actor) {
    names.meet(actor.index);
    // Renaming visits every name: here to meet it, in the same order.
    let met = std::cell::RefCell::new(names);
    rename(actor, |name| {
        met.borrow_mut().meet(Some(name));
        name
    });
}

/// The participant with all names in what it knows replaced.
fn rename(actor: &Actor, name: impl Fn(Name) -> Name) -> Actor {
    let word = |word: Word| word.renamed(&name);
    let errand = |errand| match errand {
        Errand::Sweep(x) => Errand::Sweep(name(x)),
        other => other,
    };
    let at = match actor.at {
        At::ReadTable(x) => At::ReadTable(name(x)),
        At::TestForSweep(x) => At::TestForSweep(name(x)),
        At::SweepLook(x, slot) => At::SweepLook(name(x), slot),
        At::SweepTest(x, slot, seen) => At::SweepTest(name(x), slot, word(seen)),
        At::SetFree(x) => At::SetFree(name(x)),
        At::LockLife(x) => At::LockLife(name(x)),
        At::Activate(x) => At::Activate(name(x)),
        At::UnlockSweep(x, joined) => At::UnlockSweep(name(x), joined),
        At::OldReadTable(x) => At::OldReadTable(name(x)),
        At::OldUnlock(x) => At::OldUnlock(name(x)),
        At::OldLockSweep(x) => At::OldLockSweep(name(x)),
        At::TestOwner(slot, seen, then) => At::TestOwner(slot, word(seen), errand(then)),
        At::LookAfterTest(slot, x, then) => At::LookAfterTest(slot, name(x), errand(then)),
        At::Repair(slot, seen, then) => At::Repair(slot, word(seen), errand(then)),
        At::CountRewind(then) => At::CountRewind(errand(then)),
        At::Claim(seen) => At::Claim(word(seen)),
        At::Take(slot, seen, then) => At::Take(slot, word(seen), errand(then)),
        At::FreeTombstone(seen) => At::FreeTombstone(word(seen)),
        At::Down
        | At::Rest
        | At::PickIndex
        | At::LeaveTable
        | At::LeaveByte
        | At::ReadHint
        | At::Look
        | At::Write
        | At::ReadRewind
        | At::Scan(_)
        | At::Process
        | At::GiveBack => actor.at,
    };
    let lowest = actor.lowest.map(|(slot, seen)| (slot, word(seen)));
    Actor { at, lowest, index: actor.index.map(&name), ..*actor }
}

/// A hash that is fast for many small words: each is folded in by a multiplication to 128 bits.
pub(crate) struct Mixer(pub(crate) u64);

impl Mixer {
    fn fold(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
        self.0 = (wide as u64) ^ ((wide >> 64) as u64).rotate_left(23);
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.fold(u64::from_le_bytes(word) ^ (chunk.len() as u64) << 59);
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.fold(u64::from(byte));
    }

    fn write_u64(&mut self, word: u64) {
        self.fold(word);
    }

    fn write_usize(&mut self, word: usize) {
        self.fold(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.fold(word as u64);
    }

    fn finish(&self) -> u64 {
        let mut last = Mixer(self.0);
        last.fold(0x5bd1_e995);
        last.0
    }
}
