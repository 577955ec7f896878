//! Looking at a segment without joining it: for listings and for inspection.

use super::{Inner, attendance, join, locks};
use crate::layout::{CONSUMER_GATE, HEAD, PRODUCER_GATE, Participant};
use crate::ring::gate::Gate;
use crate::ring::{Position, Role, Standing};
use crate::sync::{Ordering, Raw};
use core::mem::offset_of;

/// What a segment showed; of a ring of many all producers are one side here. Its parts were read
/// one after the other, so in a ring that is in use they need not fit together to the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Survey {
    /// The sending side.
    pub producer: RoleSurvey,
    /// The receiving side.
    pub consumer: RoleSurvey,
    /// How far the consumer has released.
    pub head: Position,
    /// Where the producer closed, if it did.
    pub closed_at: Option<Position>,
}

/// What one side showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleSurvey {
    /// Whether somebody holds the role, by the kernel's word, or comes and goes too fast to tell.
    /// `false` with a standing of
    /// `Joined` is a participant that died.
    pub held: bool,
    /// What its gate says.
    pub standing: Standing,
    /// The process that holds the role, or held it last, as it saw itself; 0 for none.
    pub pid: u64,
    /// `CLOCK_REALTIME` in nanoseconds when that one joined.
    pub since_ns: u64,
    /// How many have held the role so far.
    pub generation: u64,
    /// Messages moved in the segment's life, as last published: behind by a ring's length at most
    /// while the side lives, and without what a killed one had not published.
    pub messages: u64,
    /// Payload bytes moved, as last published.
    pub bytes: u64,
    /// Waits begun; of a consumer those that 64 looks did not end.
    pub waits: u64,
    /// Sleeps whose backstop, not a wake, found work.
    pub backstop: u64,
}

pub(super) fn survey(segment: &Inner) -> Survey {
    if let Some(seen) = attendance::occupancy(segment) {
        return attendance::survey(segment, &seen);
    }
    let producer = role(segment, Role::Producer);
    let closed_at = match producer.standing {
        Standing::Closed(at) => Some(at),
        _ => None,
    };
    let consumer = role(segment, Role::Consumer);
    Survey { producer, consumer, head: control(segment.map.raw(), HEAD), closed_at }
}

/// How often a side is looked at until nobody joins or leaves in between.
const LOOKS_MAX: u32 = 8;

/// A gate that was read before somebody left, with a byte that was asked for after, would call
/// that one dead: so what counts was seen twice. One who is counted holds the byte, and who then
/// lets it go in good order has closed its gate before, which the second look sees.
fn role(segment: &Inner, role: Role) -> RoleSurvey {
    let mut seen = look(segment, role);
    for _ in 1..LOOKS_MAX {
        let again = look(segment, role);
        let settled = (again.held, again.standing, again.generation)
            == (seen.held, seen.standing, seen.generation);
        seen = again;
        if settled {
            return seen;
        }
    }
    // Somebody comes and goes all the time.
    RoleSurvey { held: true, ..seen }
}

fn look(segment: &Inner, role: Role) -> RoleSurvey {
    let raw = segment.map.raw();
    let gate = match role {
        Role::Producer => PRODUCER_GATE,
        Role::Consumer => CONSUMER_GATE,
    };
    let gate = Gate::from_bits(control(raw, gate));
    let word = |field| join::word(raw, role, field);
    // After the gate, which is opened by one who is counted, and before the byte.
    let generation = word(offset_of!(Participant, generation));
    // What cannot be found out counts as held, but for a mapping that was cut off.
    let severed = segment.map.severed().is_some();
    let held = !severed && segment.node.is_locked(locks::byte_of(role)).unwrap_or(true);
    RoleSurvey {
        held,
        standing: gate.standing(),
        pid: word(offset_of!(Participant, pid)),
        since_ns: word(offset_of!(Participant, since_ns)),
        generation,
        messages: word(offset_of!(Participant, messages)),
        bytes: word(offset_of!(Participant, bytes)),
        waits: word(offset_of!(Participant, waits)),
        backstop: word(offset_of!(Participant, backstop)),
    }
}

fn control(raw: Raw, at: usize) -> u64 {
    // ORDERING: Acquire: what is read after a gate is not older than it.
    // SAFETY: a control word below `DATA`, aligned by the layout.
    unsafe { raw.load(at, Ordering::Acquire) }
}
