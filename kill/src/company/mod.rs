//! The other side of the ring while a victim is at an operation.
//!
//! | company | who has the other role | what must hold after the kill |
//! |---|---|---|
//! | nobody | the victim is alone | |
//! | sleeper | a process that sleeps there | a successor rings for it; without one it comes back |
//! | waker | the harness, which wakes the victim | a successor that sleeps there is rung |
//! | idler | the harness, which does nothing | the same |

mod host;
mod sleeper;

use crate::Operation;
use crate::oracle::Left;
use crate::scene::{Known, Scene, Trouble};
use crate::stage::{Killed, Moment};
use annulus::layout::{Bed, CONSUMER_BED, PRODUCER_BED};
use annulus::ring::Role;
use core::mem::offset_of;
use host::Host;
use sleeper::Sleeper;
use std::io;
use std::time::Duration;

/// Who has the other role while a victim is at an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    /// Nobody: the ring stands as its start says.
    Nobody,
    /// A process that sleeps there, because the ring is empty or full.
    Sleeper,
    /// The harness, which wakes the victim whenever that sleeps.
    Waker,
    /// The harness, which leaves the victim to its deadline.
    Idler,
}

/// The same, being there.
pub(crate) enum Other {
    Nobody,
    Sleeper(Sleeper),
    Host(Box<Host>),
}

impl Other {
    /// Takes its place, once the victim of `operation` has the role that it begins with.
    pub(crate) fn join(operation: &Operation, scene: &Scene) -> Result<Other, Trouble> {
        let role = operation.role.peer();
        Ok(match operation.company {
            Company::Nobody => Other::Nobody,
            Company::Sleeper => Other::Sleeper(Sleeper::lie_down(scene, role, scene.known)?),
            Company::Waker => Other::Host(Box::new(Host::join(scene, role, true)?)),
            Company::Idler => Other::Host(Box::new(Host::join(scene, role, false)?)),
        })
    }

    /// The victim sleeps.
    pub(crate) fn victim_sleeps(&mut self, scene: &Scene) -> Result<(), Trouble> {
        match self {
            Other::Host(host) if host.wakes => host.publish(scene),
            _ => Ok(()),
        }
    }

    /// The victim, or its successor, is dead.
    pub(crate) fn victim_died(&mut self, scene: &Scene) {
        if let Other::Sleeper(sleeper) = self {
            sleeper.victim_died(scene);
        }
    }

    /// Whether the victim's sleep is waited for.
    pub(crate) fn is_awake(&self) -> bool {
        matches!(self, Other::Host(_))
    }

    /// Whether it sleeps there, and its bell was raised.
    pub(crate) fn is_rung(&self, scene: &Scene) -> io::Result<bool> {
        match self {
            Other::Sleeper(sleeper) => sleeper.is_rung(scene),
            _ => Ok(false),
        }
    }

    /// Makes zeros of what it may write while the victim runs.
    pub(crate) fn blank(&self, bytes: &mut [u8]) {
        if let Other::Sleeper(sleeper) = self {
            for range in sleeper.writes(bytes.len()) {
                bytes[range].fill(0);
            }
        }
    }

    /// What is known of the messages now, after what it has done itself.
    pub(crate) fn known(&self, scene: &Scene) -> Known {
        match self {
            Other::Host(host) => host.known,
            _ => scene.known,
        }
    }

    /// After the kill: what must hold where a successor comes at once. Returns what may be in the
    /// ring then.
    pub(crate) fn with_successor(
        self,
        scene: &Scene,
        left: Left,
        killed: &Killed,
    ) -> Result<Left, Trouble> {
        match self {
            Other::Nobody => Ok(left),
            Other::Sleeper(sleeper) => sleeper.with_successor(scene, left, killed.returned),
            // Either way comes about at every second instruction.
            Other::Host(host) => {
                let is_odd = matches!(killed.moment, Moment::After(steps) if steps % 2 == 1);
                host.with_successor(scene, is_odd).map(|()| left)
            }
        }
    }

    /// After the kill, where nobody comes: what may be in the ring then, and how long it took until
    /// a sleeper was back.
    pub(crate) fn left_alone(self, scene: &Scene, left: Left) -> Result<(Left, Duration), Trouble> {
        match self {
            Other::Sleeper(sleeper) => sleeper.left_alone(scene, left),
            _ => Ok((left, Duration::ZERO)),
        }
    }
}

/// Where the bed of `role` stands.
fn bed_of(role: Role) -> usize {
    match role {
        Role::Producer => PRODUCER_BED,
        Role::Consumer => CONSUMER_BED,
    }
}

/// A bed, as it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    /// Odd where somebody lies.
    asleep: u64,
    bell: u64,
    /// What a sender waits for.
    wanted: u64,
}

impl Seen {
    fn of(scene: &Scene, role: Role) -> io::Result<Seen> {
        let word = |field| scene.word(bed_of(role) + field);
        // The bell first: whoever lies there by the same number was not rung before that.
        let bell = word(offset_of!(Bed, bell))?;
        let asleep = word(offset_of!(Bed, asleep))?;
        Ok(Seen { asleep, bell, wanted: word(offset_of!(Bed, wanted))? })
    }

    fn lies(self) -> bool {
        self.asleep & 1 == 1
    }
}
