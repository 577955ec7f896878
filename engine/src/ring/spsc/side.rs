//! The sides of an spsc ring, for those who sleep in their place.

use super::ahead::Ahead;
use super::{Consumer, Producer};
use crate::error::{RecvError, SendError};
use crate::ring::Role;
use crate::ring::area::Area;
use crate::ring::park::Sleeper;
use crate::ring::park::steps::Sought;
use crate::ring::side::{AsSide, Fate, Parts, Side};
use crate::ring::waiting::Budget;
use crate::sync::Memory;

/// A producer's wait for room: for a message of so many bytes. Made by [`Producer::room_for`].
pub struct Room<'p, M: Memory> {
    pub(crate) producer: &'p mut Producer<M>,
    record: u64,
}

impl<M: Memory> Producer<M> {
    /// Room for a message of `len` bytes, to be waited for together with other things. Who waits
    /// for it is told when it is there together with a quarter of the ring, or after a while
    /// when it is there at all.
    pub fn room_for(&mut self, len: usize) -> Result<Room<'_, M>, SendError> {
        let record = self.record_for(len)?;
        Ok(Room { producer: self, record })
    }
}

impl<M: Memory> Producer<M> {
    pub(crate) fn memory(&self) -> &M {
        self.area.memory()
    }

    /// Gets up, if it lies.
    pub(crate) fn get_up(&mut self) {
        self.sleeper.rise(&self.area);
    }
}

impl<M: Memory> Consumer<M> {
    pub(crate) fn memory(&self) -> &M {
        self.area.memory()
    }

    /// Gets up, if it lies.
    pub(crate) fn get_up(&mut self) {
        self.sleeper.rise(&self.area);
    }
}

impl<M: Memory> Parts for Consumer<M> {
    type Memory = M;

    fn area(&self) -> &Area<M> {
        &self.area
    }

    fn sleeper(&self) -> &Sleeper {
        &self.sleeper
    }

    fn bed(&mut self) -> (&Area<M>, &mut Sleeper) {
        (&self.area, &mut self.sleeper)
    }

    fn budget(&mut self) -> &mut Budget {
        &mut self.budget
    }

    fn pauses(&self) -> u32 {
        self.cadence.empty_pauses
    }

    fn sought(&self) -> Sought {
        Sought::Message { position: self.position, tag: self.tag }
    }

    fn begin_wait(&mut self) {
        self.asks = Ahead::NOT;
        (self.burst_start, self.stream_start) = (self.position, self.position);
        self.tally.begin_wait(&self.area, Role::Consumer);
    }

    fn is_ready(&mut self) -> bool {
        !matches!(self.find_or_show(), Err(RecvError::Empty))
    }

    fn ask(&mut self) -> Fate {
        match self.ask_outside().map(|end| self.find_before(end)) {
            None => Fate::Open,
            Some(Err(RecvError::ProducerDied)) => Fate::Died,
            Some(_) => Fate::Ready,
        }
    }
}

impl<M: Memory> Parts for Room<'_, M> {
    type Memory = M;

    fn area(&self) -> &Area<M> {
        &self.producer.area
    }

    fn sleeper(&self) -> &Sleeper {
        &self.producer.sleeper
    }

    fn bed(&mut self) -> (&Area<M>, &mut Sleeper) {
        (&self.producer.area, &mut self.producer.sleeper)
    }

    fn budget(&mut self) -> &mut Budget {
        &mut self.producer.budget
    }

    fn pauses(&self) -> u32 {
        self.producer.cadence.apart_pauses
    }

    fn sought(&self) -> Sought {
        let (enough, wanted) = self.producer.heads_for(self.record);
        Sought::Room { enough, wanted }
    }

    fn begin_wait(&mut self) {
        self.producer.tally.begin_wait(&self.producer.area, Role::Producer);
    }

    fn is_ready(&mut self) -> bool {
        !matches!(self.producer.look_for_room(self.record), Ok(None))
    }

    fn ask(&mut self) -> Fate {
        let Some(end) = self.producer.ask_outside() else { return Fate::Open };
        match (Parts::is_ready(self), end) {
            (false, SendError::PeerDead) => Fate::Died,
            _ => Fate::Ready,
        }
    }
}

impl<M: Memory> AsSide for Consumer<M> {
    fn side(&mut self) -> &mut (dyn Side + '_) {
        self
    }
}

impl<M: Memory> AsSide for Room<'_, M> {
    fn side(&mut self) -> &mut (dyn Side + '_) {
        self
    }
}
