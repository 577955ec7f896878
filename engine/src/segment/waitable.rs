//! What can be waited for beside other things, and whose bells it takes.

use super::wait_errors::NoBell;
use super::{Inner, Mapping, Peers};
use crate::ring::spsc::{Consumer, Producer, Room};
use crate::ring::{AsSide, Role, Wake};
use crate::wake::Berth;
use std::sync::Arc;

/// A handle that can be waited for together with others by [`wait_any`](super::wait_any): a
/// consumer for its next message, or a producer's [`Room`] for a message.
pub trait Waitable: AsSide + sealed::Placed {}

/// A handle of a segment: what [`Pollable`](super::Pollable) takes.
pub trait Handle: sealed::Placed + sealed::Rises {}

pub(crate) mod sealed {
    use super::Place;

    /// Stands in a segment.
    pub trait Placed {
        /// Where.
        #[doc(hidden)]
        fn place(&self) -> Place<'_>;
    }

    /// May lie in its bed.
    pub trait Rises {
        /// Gets up, if it does.
        #[doc(hidden)]
        fn rise(&mut self);
    }
}

/// A side of a segment.
#[derive(Clone, Copy, Debug)]
pub struct Place<'s> {
    pub(super) segment: &'s Arc<Inner>,
    pub(super) role: Role,
}

impl Place<'_> {
    /// The futex that whoever rings for this side raises and wakes.
    pub(super) fn bell(self) -> *const u32 {
        Berth::new(self.segment.map.raw(), self.role).bell()
    }

    /// That a side that sleeps elsewhere can be woken: by the kernel's queue for its bell, which is
    /// all that a watcher and [`wait_any`](super::wait_any) sleep in.
    pub(super) fn check_bell(self) -> Result<(), NoBell> {
        match self.segment.plan.waiting().wake() {
            None => Err(NoBell::Spins),
            Some(Wake::Futex) => Ok(()),
            Some(wake) => Err(NoBell::OtherWake { wake }),
        }
    }
}

impl<P: Peers> sealed::Placed for Consumer<Mapping<P>> {
    fn place(&self) -> Place<'_> {
        let (segment, role) = self.memory().place();
        Place { segment, role }
    }
}

impl<P: Peers> sealed::Placed for Producer<Mapping<P>> {
    fn place(&self) -> Place<'_> {
        let (segment, role) = self.memory().place();
        Place { segment, role }
    }
}

impl<P: Peers> sealed::Placed for Room<'_, Mapping<P>> {
    fn place(&self) -> Place<'_> {
        self.producer.place()
    }
}

impl<P: Peers> sealed::Rises for Consumer<Mapping<P>> {
    fn rise(&mut self) {
        self.get_up();
    }
}

impl<P: Peers> sealed::Rises for Producer<Mapping<P>> {
    fn rise(&mut self) {
        self.get_up();
    }
}

impl<P: Peers> Waitable for Consumer<Mapping<P>> {}
impl<P: Peers> Waitable for Room<'_, Mapping<P>> {}
impl<P: Peers> Handle for Consumer<Mapping<P>> {}
impl<P: Peers> Handle for Producer<Mapping<P>> {}
