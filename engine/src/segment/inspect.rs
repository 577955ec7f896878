//! Looking at all there is to see of a segment: for people, before and after its processes' end.

use super::onlooker::Onlooker;
use super::remove::is_removed;
use super::{Inner, Survey, survey};
use crate::error::{Corruption, Severed, What};
use crate::layout::{CONSUMER_GATE, PRODUCER_GATE};
use crate::ring::Standing;
use crate::ring::spsc::Backlog;

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
    let mut before = survey::survey(segment);
    let mut seen = look(segment);
    for _ in 1..LOOKS_MAX {
        if sides(&seen.survey) == sides(&before) {
            break;
        }
        before = seen.survey;
        seen = look(segment);
    }
    let settled = sides(&seen.survey) == sides(&before);
    Inspection { corruption: seen.corruption.or_else(|| damage(&seen, settled)), ..seen }
}

fn look(segment: &Inner) -> Inspection {
    // SAFETY: the mapping has the size of the geometry, as checked when it was made.
    let backlog = unsafe { Backlog::of(Onlooker(segment.map.raw()), segment.geometry) };
    Inspection {
        survey: survey::survey(segment),
        backlog,
        corruption: backlog.corruption,
        severed: segment
            .map
            .severed()
            .or_else(|| is_removed(segment.map.raw()).then_some(Severed::Removed)),
    }
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
