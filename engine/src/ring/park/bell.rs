//! Who publishes, and the bell of the side that may sleep.

use super::super::area::Area;
use super::super::waiting::{Barrier, Waiting};
use super::super::{Position, Role};
use crate::layout::Bed;
use crate::sync::{Memory, Ordering};
use core::marker::PhantomData;
use core::mem::offset_of;

/// A side that sleeps, known to the compiler: its bed is then at a fixed offset.
pub(in crate::ring) trait Sleeps {
    const ROLE: Role;
}

/// The consumer, where nothing is there.
pub(in crate::ring) struct ConsumerSleeps;

/// The producer, where there is no room.
pub(in crate::ring) struct ProducerSleeps;

impl Sleeps for ConsumerSleeps {
    const ROLE: Role = Role::Consumer;
}

impl Sleeps for ProducerSleeps {
    const ROLE: Role = Role::Producer;
}

/// How one who publishes keeps P3 behind P1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ring) enum Mode {
    /// Nobody ever sleeps.
    Silent,
    /// Who sleeps pays for it.
    Light,
    /// By a fence of its own.
    Fenced,
}

impl Mode {
    /// For a ring whose sides wait so.
    pub(in crate::ring) fn of<M: Memory>(memory: &M, waiting: Waiting) -> Mode {
        match waiting.barrier() {
            None => Mode::Silent,
            Some(Barrier::Membarrier) if memory.is_registered() => Mode::Light,
            Some(_) => Mode::Fenced,
        }
    }
}

/// The bell of `S`, as the side sees it that publishes.
///
/// The look at who sleeps is the same where nobody ever does: it costs less than to ask first
/// whether to look, and a ring whose sides may sleep is then as fast as one whose sides spin.
pub(in crate::ring) struct Bell<S> {
    mode: Mode,
    /// `asleep`, as last looked at and done with.
    seen: u64,
    sleeps: PhantomData<S>,
}

impl<S: Sleeps> Bell<S> {
    /// The bell of `S`, rung once if it sleeps: a predecessor may have died before it could.
    pub(in crate::ring) fn of<M: Memory>(area: &Area<M>, waiting: Waiting) -> Bell<S> {
        let mode = Mode::of(area.memory(), waiting);
        let mut bell = Bell { mode, seen: 0, sleeps: PhantomData };
        bell.ring_anyway(area);
        bell
    }

    /// Whether P2 is a fence.
    pub(in crate::ring) fn is_fenced(&self) -> bool {
        self.mode == Mode::Fenced
    }

    /// P2 to P4: something was published, by which `reached` is reached.
    #[inline(always)]
    pub(in crate::ring) fn published<M: Memory>(&mut self, area: &Area<M>, reached: Position) {
        if self.is_fenced() {
            self.published_behind_a_fence(area, reached);
        } else {
            self.published_unfenced(area, reached);
        }
    }

    /// The same, for who knows that P2 is no fence.
    #[inline(always)]
    pub(in crate::ring) fn published_unfenced<M: Memory>(
        &mut self,
        area: &Area<M>,
        reached: Position,
    ) {
        area.memory().compiler_fence();
        self.look(area, reached);
    }

    /// The same, for who knows that it is one. A call of its own, since a fence costs more than
    /// that: a part of every send it would cost rings without one.
    #[inline(never)]
    pub(in crate::ring) fn published_behind_a_fence<M: Memory>(
        &mut self,
        area: &Area<M>,
        reached: Position,
    ) {
        area.memory().fence();
        self.look(area, reached);
    }

    #[inline(always)]
    fn look<M: Memory>(&mut self, area: &Area<M>, reached: Position) {
        // ORDERING: Relaxed: behind the barrier. Looked at properly if it changed.
        if area.bed(S::ROLE, offset_of!(Bed, asleep), Ordering::Relaxed) != self.seen {
            self.answer(area, reached);
        }
    }

    #[cold]
    #[inline(never)]
    fn answer<M: Memory>(&mut self, area: &Area<M>, reached: Position) {
        // ORDERING: Acquire, edge A: `wanted` was written before it.
        let asleep = area.bed(S::ROLE, offset_of!(Bed, asleep), Ordering::Acquire);
        if asleep & 1 != 0 && self.mode != Mode::Silent {
            // ORDERING: Relaxed: as above.
            if reached < area.bed(S::ROLE, offset_of!(Bed, wanted), Ordering::Relaxed) {
                return;
            }
            area.ring(S::ROLE);
        }
        self.seen = asleep;
    }

    /// The ring was joined or closed here: who sleeps is to look, whatever it waits for.
    pub(in crate::ring) fn ring_anyway<M: Memory>(&mut self, area: &Area<M>) {
        if self.mode != Mode::Silent {
            area.memory().fence();
            self.answer(area, Position::MAX);
        }
    }
}
