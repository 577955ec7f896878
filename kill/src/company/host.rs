//! The harness in the other role, while the victim is the one who sleeps.

use super::Seen;
use super::sleeper::{Outcome, Sleeper};
use crate::oracle::Fault;
use crate::scene::{Known, Scene, Trouble, send};
use annulus::ring::Role;
use annulus::{Consumer, Producer};

/// The harness's own handle, which lives on when the victim is killed: what it has seen of the
/// victim's bed it goes on from when a successor lies there.
pub(crate) struct Host {
    hand: Hand,
    /// The victim's role.
    role: Role,
    /// Whether it wakes a victim that sleeps.
    pub(super) wakes: bool,
    /// What it knows of the messages.
    pub(super) known: Known,
}

enum Hand {
    Producer(Producer),
    Consumer(Consumer),
}

impl Host {
    pub(super) fn join(scene: &Scene, role: Role, wakes: bool) -> Result<Host, Trouble> {
        let hand = match role {
            Role::Producer => Hand::Producer(scene.segment.producer()?),
            Role::Consumer => Hand::Consumer(scene.segment.consumer()?),
        };
        Ok(Host { hand, role: role.peer(), wakes, known: scene.known })
    }

    /// A message, or the release that the other side waits for and of one message at least.
    pub(super) fn publish(&mut self, scene: &Scene) -> Result<(), Trouble> {
        match &mut self.hand {
            Hand::Producer(producer) => send(producer, &mut self.known)?,
            Hand::Consumer(consumer) => {
                let wanted = Seen::of(scene, self.role)?.wanted;
                let mut buffer = [0; 128];
                // Ends: so many are there, since the other side waits for room.
                loop {
                    consumer.try_recv(&mut buffer)?;
                    self.known.received += 1;
                    if consumer.position() >= wanted {
                        break;
                    }
                }
                consumer.flush();
            }
        }
        Ok(())
    }

    /// The victim is dead, perhaps in its bed. A successor lies down there and is rung; if so
    /// wanted, after something was published before it came, for which a bed that looks slept in is
    /// rung, too.
    pub(super) fn with_successor(mut self, scene: &Scene, after: bool) -> Result<(), Trouble> {
        if after {
            self.publish(scene)?;
        }
        let mut successor = Sleeper::lie_down(scene, self.role, self.known)?;
        let before = Seen::of(scene, self.role)?;
        self.publish(scene)?;
        if Seen::of(scene, self.role)?.bell == before.bell {
            return Err(Fault::Wedged("a successor lies there, and is not rung".to_owned()).into());
        }
        match successor.comes_back()? {
            Outcome::Moved => Ok(()),
            other => Err(Fault::Wedged(format!("a successor that was rung: {other:?}")).into()),
        }
    }
}
