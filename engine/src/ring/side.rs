//! A side for others who sleep in its place: what it waits for, and the steps of `park` one by one.
//!
//! [`Side`] is sealed, and the same for all: a ring's own handles have [`Parts`].

use super::area::Area;
use super::park::Sleeper;
use super::park::steps::Sought;
use super::park::watch::{Told, Watch};
use super::waiting::{Barrier, Budget};
use crate::sync::Memory;

/// What came of asking whether there is still something to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// There is.
    Open,
    /// A try finds something, be it an error.
    Ready,
    /// The peer died, and a try finds nothing.
    Died,
}

/// The steps of a side that lies down for something.
pub trait Side {
    /// Whether a try would find anything, be it an error: looks as a try does.
    fn is_ready(&mut self) -> bool;

    /// Asks outside: one or two system calls.
    fn ask(&mut self) -> Fate;

    /// S1.
    fn watch(&mut self) -> Watch;

    /// S2. False if it lies already.
    fn lie_down(&mut self) -> bool;

    /// S3, for all that lie and have this form of it. False if it failed.
    fn execute_barrier(&mut self) -> bool;

    /// The form of S3.
    fn barrier(&self) -> Barrier;

    /// After S3.
    fn brace(&mut self, is_sure: bool);

    /// S4, and after a sleep, which lasted its slice or did not: why to look, if there is a reason.
    fn reason(&mut self, has_slept_out: bool) -> Option<Told>;

    /// It is told why to look.
    fn told(&mut self, told: Told);

    /// S6, if it lies.
    fn rise(&mut self);

    /// The bell, as it was at S1.
    fn bell(&self) -> u64;

    /// How long to sleep.
    fn slice_ns(&self) -> u64;

    /// It was so long, and nothing came.
    fn slept_in_vain(&mut self);

    /// Whether it is time to [`Side::ask`] once more, `now`. Then it is for a while not.
    fn takes_time_to_ask(&mut self, now: u64) -> bool;

    /// How long to look before that.
    fn budget_ns(&mut self) -> u64;

    /// What was looked for came in time, or it did not.
    fn has_looked(&mut self, was_enough: bool);

    /// A quick look: whether it is worth a proper one.
    fn has_come(&mut self) -> bool;

    /// Pauses as between two quick looks.
    fn pause(&self);

    /// [`Memory::now`].
    fn now(&self) -> u64;
}

/// Whatever has a side.
pub trait AsSide {
    /// The side.
    fn side(&mut self) -> &mut (dyn Side + '_);
}

/// What a handle has, for all of that.
pub(super) trait Parts {
    type Memory: Memory;

    fn area(&self) -> &Area<Self::Memory>;
    fn sleeper(&self) -> &Sleeper;
    /// Both.
    fn bed(&mut self) -> (&Area<Self::Memory>, &mut Sleeper);
    fn budget(&mut self) -> &mut Budget;
    /// Between two quick looks.
    fn pauses(&self) -> u32;
    fn sought(&self) -> Sought;
    /// Notes that it found nothing and begins to wait.
    fn begin_wait(&mut self);
    /// As [`Side::is_ready`].
    fn is_ready(&mut self) -> bool;
    /// As [`Side::ask`].
    fn ask(&mut self) -> Fate;
}

impl<P: Parts> Side for P {
    fn is_ready(&mut self) -> bool {
        Parts::is_ready(self)
    }

    fn ask(&mut self) -> Fate {
        Parts::ask(self)
    }

    fn watch(&mut self) -> Watch {
        let sought = self.sought();
        let (area, sleeper) = self.bed();
        sleeper.watch(area, sought)
    }

    fn lie_down(&mut self) -> bool {
        let sought = self.sought();
        let (area, sleeper) = self.bed();
        let gets_down = sleeper.lie(area, sought);
        if gets_down {
            self.begin_wait();
        }
        gets_down
    }

    fn execute_barrier(&mut self) -> bool {
        self.area().memory().barrier(self.sleeper().barrier())
    }

    fn barrier(&self) -> Barrier {
        self.sleeper().barrier()
    }

    fn brace(&mut self, is_sure: bool) {
        self.bed().1.braced(is_sure);
    }

    fn reason(&mut self, has_slept_out: bool) -> Option<Told> {
        self.sleeper().reason(self.area(), self.sought(), has_slept_out)
    }

    fn told(&mut self, told: Told) {
        let (area, sleeper) = self.bed();
        sleeper.told(area, told);
    }

    fn rise(&mut self) {
        let (area, sleeper) = self.bed();
        sleeper.rise(area);
    }

    fn bell(&self) -> u64 {
        self.sleeper().bell()
    }

    fn slice_ns(&self) -> u64 {
        self.sleeper().slice_ns()
    }

    fn slept_in_vain(&mut self) {
        self.bed().1.grow_slice();
    }

    fn takes_time_to_ask(&mut self, now: u64) -> bool {
        self.bed().1.takes_time_to_ask(now)
    }

    fn budget_ns(&mut self) -> u64 {
        self.budget().ns()
    }

    fn has_looked(&mut self, was_enough: bool) {
        if was_enough {
            self.budget().was_enough();
        } else {
            self.budget().was_vain();
        }
    }

    fn has_come(&mut self) -> bool {
        !self.sought().is_idle(self.area())
    }

    fn pause(&self) {
        for _ in 0..self.pauses() {
            self.area().memory().pause();
        }
    }

    fn now(&self) -> u64 {
        self.area().memory().now()
    }
}
