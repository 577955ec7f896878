//! Who takes part in a ring of many, and what each holds, as somebody sees it who has not joined.
//!
//! Its parts are read one after the other: in a ring that is in use they need not fit together.

use super::onlooker::Onlooker;
use super::plan::Plan;
use super::{Inner, RoleSurvey, Survey};
use crate::ring::mpmc::{Attendant, Occupancy};
use crate::ring::spsc::Backlog;
use crate::ring::{Role, Standing};

/// A participant of a ring of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attendance {
    /// What its seat says, and how many slots bear its index.
    pub attendant: Attendant,
    /// Whether it is there, by the kernel's word. If not, it died, and its seat was not needed yet.
    pub is_alive: bool,
}

/// All participants; none of a ring of two sides.
pub(super) fn attendances(segment: &Inner) -> Vec<Attendance> {
    let alive = |attendant: Attendant| Attendance {
        attendant,
        is_alive: segment.map.severed().is_none() && !segment.is_gone(attendant.participant),
    };
    occupancy(segment).map_or(Vec::new(), |seen| seen.attendants.into_iter().map(alive).collect())
}

/// What the slots and seats show; none in a forked child, whose memory is another's.
pub(super) fn occupancy(segment: &Inner) -> Option<Occupancy> {
    let Plan::Mpmc(geometry) = segment.plan else { return None };
    if segment.map.severed().is_some() {
        return None;
    }
    // SAFETY: the mapping has the size of the geometry, as checked when it was made.
    Some(unsafe { Occupancy::of(Onlooker(segment.map.raw()), geometry) })
}

/// All producers as one side, and all consumers as the other.
pub(super) fn survey(segment: &Inner, seen: &Occupancy) -> Survey {
    let all = attendances(segment);
    let side = |role| {
        let of_role = || all.iter().filter(move |seen| seen.attendant.role == role);
        let is_alive = |seen: &&Attendance| seen.is_alive;
        let shown = of_role().find(is_alive).or_else(|| of_role().next());
        RoleSurvey {
            held: of_role().any(|seen| seen.is_alive),
            standing: match (shown, seen.come(role) > 0) {
                (Some(_), _) => Standing::Joined(0),
                // Of one who died and whose seat was needed since there is nothing else.
                (None, true) if seen.has_died(role) => Standing::Joined(0),
                (None, true) => Standing::Closed(seen.tail),
                (None, false) => Standing::Vacant,
            },
            pid: shown.map_or(0, |seen| seen.attendant.pid),
            since_ns: shown.map_or(0, |seen| seen.attendant.since_ns),
            generation: seen.come(role),
            messages: 0,
            bytes: 0,
            waits: 0,
            backstop: 0,
        }
    };
    let producer = side(Role::Producer);
    let closed_at = match producer.standing {
        Standing::Closed(at) => Some(at),
        _ => None,
    };
    Survey { producer, consumer: side(Role::Consumer), head: seen.head, closed_at }
}

/// What nobody has released yet.
pub(super) fn backlog(seen: &Occupancy) -> Backlog {
    Backlog {
        head: seen.head,
        tail: seen.tail,
        messages: seen.ready + seen.taken,
        bytes: seen.bytes,
        exact: true,
        corruption: seen.corruption,
    }
}
