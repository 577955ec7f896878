//! What a side lies down for, and its steps one by one: for those who sleep in its place.

use super::super::area::Area;
use super::super::gate::Standing;
use super::super::word::Tag;
use super::super::{Position, Role};
use super::watch::{Told, Watch};
use super::{SLICE_MAX_NS, SLICE_NS, Sleeper};
use crate::layout::Bed;
use crate::ring::Barrier;
use crate::sync::{Memory, Ordering, Outside};
use core::mem::offset_of;

/// What is waited for, by the words that show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ring) enum Sought {
    /// A record's word.
    Message { position: Position, tag: Tag },
    /// A `head` that makes room enough, and the one that is rung for.
    Room { enough: Position, wanted: Position },
}

impl Sought {
    /// The position to write into the bed.
    fn wanted(self) -> Position {
        match self {
            Sought::Message { .. } => 0,
            Sought::Room { wanted, .. } => wanted,
        }
    }

    fn peer(self) -> Role {
        match self {
            Sought::Message { .. } => Role::Producer,
            Sought::Room { .. } => Role::Consumer,
        }
    }

    /// Whether nothing is there, and it may come.
    pub(in crate::ring) fn is_idle<M: Memory>(self, area: &Area<M>) -> bool {
        // ORDERING: Relaxed: only whether to look properly.
        self.is_idle_by(area, |position| area.word(position, Ordering::Relaxed))
    }

    /// The same as somebody else sees it, for whom the message may be of an order that stands too
    /// long: then its place may be written as payload. (Where a glimpse sees nothing, what is left
    /// is to be rung, and the peer's death.)
    pub(super) fn seems_idle<M: Memory>(self, area: &Area<M>) -> bool {
        self.is_idle_by(area, |position| area.glimpse(position))
    }

    fn is_idle_by<M: Memory>(self, area: &Area<M>, word: impl Fn(Position) -> u64) -> bool {
        let is_there = match self {
            Sought::Message { position, tag } => tag.accepts(word(position)),
            // ORDERING: Relaxed: only whether to look properly.
            Sought::Room { enough, .. } => area.head(Ordering::Relaxed) >= enough,
        };
        !is_there && area.is_worth_waiting_for(self.peer())
    }

    /// What work it is that the end of a slice found and nobody rang for.
    pub(super) fn unrung<M: Memory>(self, area: &Area<M>) -> Told {
        // Room that is no quarter of the ring is taken when it is found: nobody rings for it.
        let is_rung_for = match self {
            Sought::Message { .. } => true,
            // ORDERING: Relaxed: as above.
            Sought::Room { wanted, .. } => {
                area.head(Ordering::Relaxed) >= wanted || !area.is_worth_waiting_for(self.peer())
            }
        };
        if is_rung_for { Told::WorkUnrung } else { Told::Work }
    }

    /// Whether the peer may be dead, or the segment gone: the side itself finds that out.
    pub(super) fn may_be_over<M: Memory>(
        self,
        area: &Area<M>,
        outside: impl FnOnce() -> Outside,
    ) -> bool {
        let before = area.participant(self.peer());
        match outside() {
            Outside::PeerAlive => false,
            Outside::Severed(_) => true,
            // One who was there before the probe and is after it, as when a side asks itself.
            Outside::PeerGone => {
                let after = area.participant(self.peer());
                after == before && matches!(after.0.standing(), Standing::Joined(_))
            }
        }
    }
}

impl Sleeper {
    /// S1. One that lies already lies on, unless it was rung, or wants to be rung for other things.
    pub(in crate::ring) fn watch<M: Memory>(&mut self, area: &Area<M>, sought: Sought) -> Watch {
        // ORDERING: Relaxed: only we write it.
        let wanted = area.bed(self.role, offset_of!(Bed, wanted), Ordering::Relaxed);
        if self.is_rung(area) || wanted != sought.wanted() {
            self.rise(area);
        }
        if !self.is_lying() {
            self.note_bell(area);
        }
        Watch::new(self.bell, sought, self.slice_max_ns == SLICE_MAX_NS)
    }

    /// S2. False if it lies already: then S3 lies behind it, too.
    pub(in crate::ring) fn lie<M: Memory>(&mut self, area: &Area<M>, sought: Sought) -> bool {
        let gets_down = !self.is_lying();
        if gets_down {
            self.announce(area, sought.wanted());
        }
        gets_down
    }

    /// The form of S3.
    pub(in crate::ring) fn barrier(&self) -> Barrier {
        self.barrier
    }

    /// Why to look, if there is a reason: after a sleep, which lasted its slice or did not, or
    /// at S4.
    pub(in crate::ring) fn reason<M: Memory>(
        &self,
        area: &Area<M>,
        sought: Sought,
        has_slept_out: bool,
    ) -> Option<Told> {
        if self.is_rung(area) {
            return Some(if has_slept_out { Told::RungUnheard } else { Told::Rung });
        }
        if sought.is_idle(area) {
            return None;
        }
        Some(if has_slept_out { sought.unrung(area) } else { Told::Work })
    }

    /// Takes note of why it is to look. One that got up meanwhile knows better.
    pub(in crate::ring) fn told<M: Memory>(&mut self, area: &Area<M>, told: Told) {
        if !self.is_lying() {
            return;
        }
        match told {
            Told::RungUnheard => self.count_backstop(area),
            Told::WorkUnrung if !self.is_rung(area) => self.suspect = Some(self.bell),
            _ => {}
        }
        self.slice_ns = SLICE_NS;
    }

    /// Whether it is time to ask whether the peer lives: one slice after the last time. Who waits
    /// often and shortly would never come to a slice's end.
    pub(in crate::ring) fn takes_time_to_ask(&mut self, now: u64) -> bool {
        let is_time = now.saturating_sub(self.asked_ns) >= SLICE_NS;
        if is_time {
            self.asked_ns = now;
        }
        is_time
    }

    /// The bell before it lay down.
    pub(in crate::ring) fn bell(&self) -> u64 {
        self.bell
    }

    pub(in crate::ring) fn slice_ns(&self) -> u64 {
        self.slice_ns
    }
}
