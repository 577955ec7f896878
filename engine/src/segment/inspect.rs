//! Looking at all there is to see of a segment: for people, before and after its processes' end.

use super::onlooker::Onlooker;
use super::plan::Plan;
use super::remove::is_removed;
use super::{Inner, Survey, attendance, survey};
use crate::error::{Corruption, Severed, What};
use crate::layout::{CONSUMER_GATE, PRODUCER_GATE};
use crate::ring::spsc::Backlog;
use crate::ring::{Geometry, Standing};

/// Both sides, and what is in the ring between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Both sides, as they were after the walk.
    pub survey: Survey,
    /// What nobody has received yet.
    pub backlog: Backlog,
    /// What no correct peer writes, if some of it was found. Who joins is told so, too.
    pub corruption: Option<Corruption>,
    /// Why the mapping no longer shows the segment, if so; then the rest means nothing.
    pub severed: Option<Severed>,
}

/// Looks that are made until nobody joins or leaves in between.
const LOOKS_MAX: u32 = 4;

pub(super) fn inspect(segment: &Inner) -> Inspection {
    let Plan::Spsc(geometry) = segment.plan else { return of_many(segment) };
    let mut before = survey::survey(segment);
    let mut seen = look(segment, geometry);
    for _ in 1..LOOKS_MAX {
        if sides(&seen.survey) == sides(&before) {
            break;
        }
        before = seen.survey;
        seen = look(segment, geometry);
    }
    let settled = sides(&seen.survey) == sides(&before);
    Inspection { corruption: seen.corruption.or_else(|| damage(&seen, settled)), ..seen }
}

/// A ring of many has no gates, and is looked at slot by slot.
fn of_many(segment: &Inner) -> Inspection {
    let seen = attendance::occupancy(segment);
    let survey = survey::survey(segment);
    let backlog = seen.as_ref().map_or(Backlog::at(survey.head), attendance::backlog);
    Inspection { survey, backlog, corruption: backlog.corruption, severed: severed(segment) }
}

fn look(segment: &Inner, geometry: Geometry) -> Inspection {
    // SAFETY: the mapping has the size of the geometry, as checked when it was made.
    let backlog = unsafe { Backlog::of(Onlooker(segment.map.raw()), geometry) };
    Inspection {
        survey: survey::survey(segment),
        backlog,
        corruption: backlog.corruption,
        severed: severed(segment),
    }
}

fn severed(segment: &Inner) -> Option<Severed> {
    let is_taken = || is_removed(segment.map.raw()).then_some(Severed::Removed);
    segment.map.severed().or_else(is_taken)
}

/// What changes when somebody joins or leaves.
fn sides(survey: &Survey) -> [(Standing, u64, bool); 2] {
    [survey.producer, survey.consumer].map(|side| (side.standing, side.generation, side.held))
}

/// What is wrong with the gates, and with what they say of the records.
fn damage(seen: &Inspection, settled: bool) -> Option<Corruption> {
    let Inspection { survey, backlog, .. } = seen;
    if seen.severed.is_some() {
        return None;
    }
    for (side, at) in [(survey.producer, PRODUCER_GATE), (survey.consumer, CONSUMER_GATE)] {
        if side.standing == Standing::Invalid {
            return Some(Corruption { what: What::Gate, at: at as u64 });
        }
    }
    match survey.closed_at {
        Some(at) if settled && backlog.exact && at != backlog.tail => {
            Some(Corruption { what: What::ClosedPosition, at })
        }
        _ => None,
    }
}
