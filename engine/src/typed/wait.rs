//! Waiting for several typed rings, and for other things: as for rings of any bytes.

use super::{Plain, TypedConsumer, TypedProducer};
use crate::error::{RecvError, SendError};
use crate::ring::spsc::Room;
use crate::ring::{AsSide, Side};
use crate::segment::waitable::sealed::{Placed, Rises};
use crate::segment::waitable::{Handle, Place, Waitable};
use crate::segment::{Mapping, Peers, Pollable, Readiness, armed};
use crate::sync::Memory;

impl<T: Plain, M: Memory> TypedProducer<T, M> {
    /// Room for a record, to be waited for together with other things: as
    /// [`Producer::room_for`](crate::ring::spsc::Producer::room_for).
    pub fn room(&mut self) -> Result<Room<'_, M>, SendError> {
        self.bytes.room_for(size_of::<T>())
    }
}

impl<T: Plain, P: Peers> Pollable<TypedConsumer<T, Mapping<P>>> {
    /// Arms the descriptor, as for a consumer of any bytes.
    pub fn arm(&mut self) -> Result<Readiness, RecvError> {
        armed(&self.ringer, &mut self.handle).ok_or(RecvError::ProducerDied)
    }
}

impl<T: Plain, P: Peers> Pollable<TypedProducer<T, Mapping<P>>> {
    /// Arms the descriptor, as for a producer of any bytes, for room for a record.
    pub fn arm(&mut self) -> Result<Readiness, SendError> {
        armed(&self.ringer, &mut self.handle.room()?).ok_or(SendError::PeerDead)
    }
}

impl<T, M: Memory> AsSide for TypedConsumer<T, M> {
    fn side(&mut self) -> &mut (dyn Side + '_) {
        self.bytes.side()
    }
}

impl<T, P: Peers> Placed for TypedConsumer<T, Mapping<P>> {
    fn place(&self) -> Place<'_> {
        self.bytes.place()
    }
}

impl<T, P: Peers> Placed for TypedProducer<T, Mapping<P>> {
    fn place(&self) -> Place<'_> {
        self.bytes.place()
    }
}

impl<T, P: Peers> Rises for TypedConsumer<T, Mapping<P>> {
    fn rise(&mut self) {
        self.bytes.get_up();
    }
}

impl<T, P: Peers> Rises for TypedProducer<T, Mapping<P>> {
    fn rise(&mut self) {
        self.bytes.get_up();
    }
}

impl<T, P: Peers> Waitable for TypedConsumer<T, Mapping<P>> {}
impl<T, P: Peers> Handle for TypedConsumer<T, Mapping<P>> {}
impl<T, P: Peers> Handle for TypedProducer<T, Mapping<P>> {}
