//! Waiting for any of several sides, by one sleep at all of their bells.
//!
//! The steps are those of `park`: S1 and S2 for each side, one barrier of each form for all of
//! them, S4 for each; S5 is one sleep that begins only if each bell is what it was, and that a ring
//! at any of them ends. How to sleep so is the caller's affair. Where it cannot be done, sides do
//! not lie down at all: [`poll_any`] looks from time to time.
//!
//! Who is looked at first: the one behind the one that was served last. So one that always has
//! something keeps nobody else from being served.

use super::Barrier;
use super::side::{AsSide, Fate, Side};
use crate::sync::Deadline;

/// How a sleep at several bells ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slept {
    /// One was rung, or for no reason.
    Woken,
    /// The time was up.
    Out,
    /// It cannot be done: nobody slept.
    Refused,
}

/// Why none of several sides is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoneReady {
    /// The deadline passed.
    Timeout,
    /// The peer of that one died, and left nothing.
    PeerDied(usize),
    /// See [`Slept::Refused`].
    Refused,
}

/// Between two times that sides are looked at: it grows from the one to the other while nothing
/// comes.
const NAP_NS: u64 = 50_000;
const NAP_MAX_NS: u64 = 1_000_000;

/// Forms of a barrier, by their numbers.
const FORMS: usize = Barrier::Membarrier as usize + 1;

/// Pauses of one that was woken for nothing: some microseconds.
const PAUSES_FOR_NOTHING: u32 = 64;

/// Quick looks at each side between two readings of the clock.
const LOOKS_PER_CLOCK: u32 = 16;

/// Waits until one of `sides`, of which there is one at least, is ready, and says which: a try
/// there finds something, be it an error. `sleep` sleeps at their bells until a point in time.
pub fn wait_any<T: AsSide + ?Sized>(
    sides: &mut [&mut T],
    after: usize,
    deadline: Deadline,
    sleep: impl FnMut(&mut [&mut T], u64) -> Slept,
) -> Result<usize, NoneReady> {
    if sides.is_empty() {
        return Err(NoneReady::Timeout);
    }
    let mut several = Several { sides, after };
    let ready = several.wait(deadline, sleep);
    several.rise();
    ready
}

/// The same, by looking from time to time: `nap` sleeps for so long, which is up to a millisecond.
pub fn poll_any<T: AsSide + ?Sized>(
    sides: &mut [&mut T],
    after: usize,
    deadline: Deadline,
    mut nap: impl FnMut(u64),
) -> Result<usize, NoneReady> {
    if sides.is_empty() {
        return Err(NoneReady::Timeout);
    }
    let mut several = Several { sides, after };
    if let Some(ready) = several.ready() {
        return Ok(ready);
    }
    let mut now = several.now();
    if deadline.has_passed(now) {
        return Err(NoneReady::Timeout);
    }
    let mut nap_ns = NAP_NS;
    // Ends by the clock.
    loop {
        nap(deadline.earlier_than(now.saturating_add(nap_ns)) - now);
        nap_ns = (2 * nap_ns).min(NAP_MAX_NS);
        now = several.now();
        let is_over = deadline.has_passed(now);
        if is_over {
            several.ask()?;
        } else {
            several.ask_in_time(now)?;
        }
        match several.ready() {
            Some(ready) => return Ok(ready),
            None if is_over => return Err(NoneReady::Timeout),
            None => {}
        }
    }
}

/// The bell of `side` when it lay down: while it is that, one may sleep in its place.
pub fn bell<T: AsSide + ?Sized>(side: &mut T) -> u64 {
    side.side().bell()
}

/// One side at least.
struct Several<'s, 'h, T: ?Sized> {
    sides: &'s mut [&'h mut T],
    /// Which was served last.
    after: usize,
}

impl<T: AsSide + ?Sized> Several<'_, '_, T> {
    fn wait(
        &mut self,
        deadline: Deadline,
        mut sleep: impl FnMut(&mut [&mut T], u64) -> Slept,
    ) -> Result<usize, NoneReady> {
        if let Some(ready) = self.ready() {
            return Ok(ready);
        }
        if deadline.has_passed(self.now()) {
            return Err(NoneReady::Timeout);
        }
        if self.look_for_a_while(deadline)
            && let Some(ready) = self.ready()
        {
            self.sides[ready].side().has_looked(true);
            return Ok(ready);
        }
        // Ends by the clock, whoever rings for nothing.
        loop {
            let mut now = self.now();
            if deadline.has_passed(now) {
                // Asks as a sleep does that its deadline ends: nobody with short deadlines would be
                // told otherwise.
                self.ask()?;
                return self.ready().ok_or(NoneReady::Timeout);
            }
            self.ask_in_time(now)?;
            if let Some(ready) = self.ready() {
                return Ok(ready);
            }
            self.lie_down();
            let slice_end = now.saturating_add(self.slice_ns());
            let sleep_end = deadline.earlier_than(slice_end);
            // S4.
            let mut has_come = self.has_reason(false);
            while !has_come && now < sleep_end {
                // S5.
                let slept = sleep(self.sides, sleep_end);
                if slept == Slept::Refused {
                    return Err(NoneReady::Refused);
                }
                has_come = self.has_reason(slept == Slept::Out);
                now = self.now();
            }
            if !has_come && now >= slice_end {
                self.ask()?;
                self.sides.iter_mut().for_each(|side| side.side().slept_in_vain());
            }
            if let Some(ready) = self.ready() {
                return Ok(ready);
            }
            if has_come {
                // For nothing: not at once again, since somebody may go on like that.
                self.pause(PAUSES_FOR_NOTHING);
            }
        }
    }

    /// Which side comes when, for so many sides.
    fn turns(&self) -> impl Iterator<Item = usize> + use<T> {
        let (count, after) = (self.sides.len(), self.after);
        (1..=count).map(move |turn| (after % count + turn) % count)
    }

    /// The first in turn where a try would find something.
    fn ready(&mut self) -> Option<usize> {
        self.turns().find(|turn| self.sides[*turn].side().is_ready())
    }

    /// Asks about all peers. A side of which that makes something known is ready.
    fn ask(&mut self) -> Result<(), NoneReady> {
        self.ask_about(|_| true)
    }

    /// Asks about those peers that were not asked about lately, however short the waits are.
    fn ask_in_time(&mut self, now: u64) -> Result<(), NoneReady> {
        self.ask_about(|side| side.takes_time_to_ask(now))
    }

    fn ask_about(&mut self, whom: impl Fn(&mut dyn Side) -> bool) -> Result<(), NoneReady> {
        for turn in self.turns() {
            let side = self.sides[turn].side();
            if whom(side) && side.ask() == Fate::Died {
                return Err(NoneReady::PeerDied(turn));
            }
        }
        Ok(())
    }

    /// Looks as long as the side does that looks longest, before it is worth to sleep. True if
    /// something seems to have come.
    fn look_for_a_while(&mut self, deadline: Deadline) -> bool {
        let budgets = self.sides.iter_mut().map(|side| side.side().budget_ns());
        let longest = budgets.max().unwrap_or(0);
        if longest == 0 {
            return false;
        }
        let end = deadline.earlier_than(self.now().saturating_add(longest));
        while self.now() < end {
            for _ in 0..LOOKS_PER_CLOCK {
                if self.sides.iter_mut().any(|side| side.side().has_come()) {
                    return true;
                }
                self.pause(1);
            }
        }
        self.sides.iter_mut().for_each(|side| side.side().has_looked(false));
        false
    }

    /// S1 to S3. Those that lie already lie on, and cost no barrier.
    fn lie_down(&mut self) {
        let mut is_due = [false; FORMS];
        for side in &mut *self.sides {
            let side = side.side();
            side.watch();
            is_due[side.barrier() as usize] |= side.lie_down();
        }
        let mut worked = [None; FORMS];
        for side in &mut *self.sides {
            let side = side.side();
            let form = side.barrier() as usize;
            if is_due[form] {
                let is_sure = *worked[form].get_or_insert_with(|| side.execute_barrier());
                side.brace(is_sure);
            }
        }
    }

    /// Whether one of them has a reason to look. It takes note of it, and gets up.
    fn has_reason(&mut self, has_slept_out: bool) -> bool {
        let mut has_reason = false;
        for side in &mut *self.sides {
            let side = side.side();
            if let Some(told) = side.reason(has_slept_out) {
                side.told(told);
                side.rise();
                has_reason = true;
            }
        }
        has_reason
    }

    /// The shortest of their slices.
    fn slice_ns(&mut self) -> u64 {
        self.sides.iter_mut().map(|side| side.side().slice_ns()).min().unwrap_or(0)
    }

    /// Pauses as between so many quick looks.
    fn pause(&mut self, looks: u32) {
        if let Some(first) = self.sides.first_mut() {
            (0..looks).for_each(|_| first.side().pause());
        }
    }

    fn rise(&mut self) {
        self.sides.iter_mut().for_each(|side| side.side().rise());
    }

    fn now(&mut self) -> u64 {
        self.sides.first_mut().map_or(u64::MAX, |side| side.side().now())
    }
}
