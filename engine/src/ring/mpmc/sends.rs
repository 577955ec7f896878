//! What became of a numbered producer's sends: how many took effect, whoever was cut off when.
//!
//! Its seat keeps its last two sends, each in the place of its number modulo two. Plain stores, in
//! the order of the program, which is what a kill leaves:
//!
//! ```text
//!   a  stage of n = not sent     until b the number there is that of n - 2
//!   b  number of n
//!   c  stage of n = claiming t   before each try to claim position t
//!   d  stage of n = writing t    after it
//!   e  the commit
//!   f  stage of n = done t
//! ```
//!
//! So the greater of the two numbers is the last send that was begun, and the one before it took
//! effect. If the last one's producer is gone and its claims are repaired, it took effect at the
//! stages writing and done, and else it did not: for *every* repairer of a claim leaves that
//! verdict first. When it has found the owner gone it reads the word once more, since that one may
//! have committed before it died; if it is still that claim, it swaps the stage from claiming or
//! writing at that position to not sent, and only then the word. (A verdict of the joiner alone
//! would come too late: a consumer may have repaired the word before. Found by a search, see
//! `model`.)
//!
//! A single producer writes no claim: at the stage writing t, its successor looks whether the slot
//! of t is still free.

use super::slots::Slots;
use super::table::Participant;
use super::word::Word;
use crate::layout::{Seat, Send};
use crate::ring::Position;
use crate::sync::{Crowd, Ordering};
use core::mem::offset_of;

/// How far a send has come. The lowest bits of its word; above them stands its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    NotSent = 0,
    Claiming = 1,
    Writing = 2,
    Done = 3,
}

const STAGE_BITS: u32 = 2;

impl Stage {
    #[inline(always)]
    const fn at(self, position: Position) -> u64 {
        position << STAGE_BITS | self as u64
    }

    const fn of(word: u64) -> Stage {
        match word & 3 {
            0 => Stage::NotSent,
            1 => Stage::Claiming,
            2 => Stage::Writing,
            _ => Stage::Done,
        }
    }
}

/// A numbered producer's own account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sends {
    /// Sends that took effect, over all lives of the number.
    sent: u64,
    /// Whether the next one was begun.
    is_begun: bool,
}

impl<M: Crowd> Participant<M> {
    /// What became of the sends of whoever had our seat before, whose claims are repaired. `None`
    /// where that is not kept.
    pub(super) fn remember(&self) -> Option<Sends> {
        let (slots, index) = (self.slots(), self.index());
        if !slots.geometry().is_numbered(index) {
            return None;
        }
        // ORDERING: Acquire, here and below: whose seat it was has given its lock back, and who has
        // repaired its claims has swapped their words since.
        let number = |place| slots.seat(index, number_at(place), Ordering::Acquire);
        let [even, odd] = [number(0), number(1)];
        let (last, begun) = if odd > even { (1, odd) } else { (0, even) };
        let stage = slots.seat(index, stage_at(last), Ordering::Acquire);
        let took_effect = match Stage::of(stage) {
            Stage::Done => true,
            // A repairer would have said otherwise, but in a ring where there is nothing to repair.
            Stage::Writing => !(self.is_single() && is_free(slots, stage >> STAGE_BITS)),
            Stage::Claiming | Stage::NotSent => false,
        };
        let sent = if took_effect { begun } else { begun.saturating_sub(1) };
        Some(Sends { sent, is_begun: false })
    }

    /// Sends that took effect, if that is kept.
    pub(super) fn sent(&self) -> Option<u64> {
        self.sends.map(|sends| sends.sent)
    }

    /// a, b and c: we are about to try to claim `position`.
    #[inline(always)]
    pub(super) fn is_claiming(&mut self, position: Position) {
        if let Some(Sends { sent, is_begun }) = self.sends {
            let number = sent.wrapping_add(1);
            if !is_begun {
                self.set_stage(number, Stage::NotSent.at(0));
                // ORDERING: Release, as `set_stage`.
                self.slots().set_seat(self.index(), number_at(number), number, Ordering::Release);
                self.sends = Some(Sends { sent, is_begun: true });
            }
            self.set_stage(number, Stage::Claiming.at(position));
        }
    }

    /// d: it is ours.
    #[inline(always)]
    pub(super) fn has_claimed(&self, position: Position) {
        if let Some(Sends { sent, .. }) = self.sends {
            self.set_stage(sent.wrapping_add(1), Stage::Writing.at(position));
        }
    }

    /// f: it is committed.
    #[inline(always)]
    pub(super) fn has_sent(&mut self, position: Position) {
        if let Some(Sends { sent, .. }) = self.sends {
            self.set_stage(sent.wrapping_add(1), Stage::Done.at(position));
            self.sends = Some(Sends { sent: sent.wrapping_add(1), is_begun: false });
        }
    }

    /// The claim is about to be given up: before its word says so.
    pub(super) fn gives_up(&self) {
        if let Some(Sends { sent, .. }) = self.sends {
            self.set_stage(sent.wrapping_add(1), Stage::NotSent.at(0));
        }
    }

    #[inline(always)]
    fn set_stage(&self, number: u64, stage: u64) {
        // ORDERING: Release: it is the order of these stores that says what became of a send. A
        // kill takes them in the program's; whoever asks then has seen our lock given back.
        self.slots().set_seat(self.index(), stage_at(number), stage, Ordering::Release);
    }

    /// Leaves the verdict on the claim `seen` at `position`, whose owner is gone. Whether the claim
    /// stands.
    pub(super) fn judge(&self, position: Position, seen: Word) -> bool {
        let (slots, owner) = (self.slots(), seen.owner());
        if !slots.geometry().is_numbered(owner) {
            return true;
        }
        // ORDERING: Acquire: after the lock was found free.
        if slots.word(position, Ordering::Acquire) != seen {
            return false;
        }
        let position = slots.position(position, seen.lap());
        for place in [0, 1] {
            // ORDERING: Acquire: as above. What the dead one wrote stands, or another verdict.
            let stage = slots.seat(owner, stage_at(place), Ordering::Acquire);
            if stage == Stage::Claiming.at(position) || stage == Stage::Writing.at(position) {
                // Who fails has been forestalled by one with the same verdict.
                let _ = slots.swap_seat(owner, stage_at(place), stage, Stage::NotSent.at(0));
            }
        }
        true
    }
}

/// Whether the slot of `position` is free in that position's lap.
fn is_free<M: Crowd>(slots: &Slots<M>, position: Position) -> bool {
    // ORDERING: Acquire: nobody writes it but a producer, which is gone.
    slots.word(position, Ordering::Acquire) == Word::free(slots.lap(position))
}

const fn send_at(number: u64) -> usize {
    offset_of!(Seat, sends) + (number % 2) as usize * size_of::<Send>()
}

const fn number_at(number: u64) -> usize {
    send_at(number) + offset_of!(Send, number)
}

const fn stage_at(number: u64) -> usize {
    send_at(number) + offset_of!(Send, stage)
}
