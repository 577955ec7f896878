//! The calls of one who waits for any of several things, of which there is one.

use super::Sides;
use crate::world::World;
use annulus::ring::any::{NoneReady, Slept, wait_any};
use annulus::{RecvError, SendError};

/// A sleep that is ended for nothing now and then.
fn nap(world: &World, until: u64) -> Slept {
    world.advance(10_000);
    if world.time() < until { Slept::Woken } else { Slept::Out }
}

impl Sides<'_> {
    pub(super) fn wait_for_message(&mut self) {
        let (world, deadline) = (self.world, self.deadline());
        self.receive(true, |consumer| {
            match wait_any(&mut [&mut *consumer], 7, deadline, |_, until| nap(world, until)) {
                Ok(_) => match consumer.try_recv(&mut [0; 256]).map(drop) {
                    // It was there, and somebody wrote over it.
                    Err(RecvError::Empty) => Err(RecvError::Timeout),
                    tried => tried,
                },
                Err(NoneReady::PeerDied(_)) => Err(RecvError::ProducerDied),
                Err(_) => Err(RecvError::Timeout),
            }
        });
    }

    pub(super) fn wait_for_room(&mut self, len: usize) {
        let (world, deadline) = (self.world, self.deadline());
        self.send(true, len, |producer| {
            let mut room = producer.room_for(len)?;
            match wait_any(&mut [&mut room], 7, deadline, |_, until| nap(world, until)) {
                Ok(_) => match producer.try_send(&vec![0x5a; len]).map(drop) {
                    Err(SendError::Full) => Err(SendError::Timeout),
                    tried => tried,
                },
                Err(NoneReady::PeerDied(_)) => Err(SendError::PeerDead),
                Err(_) => Err(SendError::Timeout),
            }
        });
    }
}
