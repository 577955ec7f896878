//! Which kills there are, and what came of them.

use super::Operation;
use super::operations::RECOVER;
use super::oracle::{self, Killed};
use super::scene::{Origin, STARTS, Scene, without_names};
use super::stopped::Others;
use crate::matrix::{Extent, Tally};
use crate::oracle::Fault;
use crate::scene::Trouble;
use crate::step::{STEPS_MAX, Stand, Strayed, Victim};
use crate::track::Track;
use annulus::{Attach, Segment};
use std::collections::HashMap;

/// What an operation does when it is let through.
struct Course {
    track: Track,
    instructions: u64,
    /// After how many instructions it has changed what a kill leaves.
    changes: Vec<u64>,
    moved: u64,
}

/// A state that a kill left.
struct Crashed {
    place: String,
    begin: Origin,
    killed: Killed,
    bytes: Vec<u8>,
}

/// Kills each operation in each start as often as `extent` says, and then those who recover.
/// Reports each operation to `done`.
pub fn run(
    operations: &[Operation],
    extent: Extent,
    mut done: impl FnMut(&str, &Tally),
) -> Result<Tally, Trouble> {
    let mut tally = Tally::default();
    let mut states: HashMap<Vec<u8>, Crashed> = HashMap::new();
    let starts = STARTS.map(|start| (start.name, Origin::new(start)));
    for (name, origin) in starts {
        let origin = origin?;
        for operation in operations {
            let place = format!("{}, {name}", operation.name);
            for crashed in kill_at_each(operation, &origin, extent, &place, &mut tally)? {
                states.entry(without_names(crashed.bytes.clone())).or_insert(crashed);
            }
            if origin.single {
                refuse_at_each(operation, &origin, extent, &place, &mut tally)?;
            } else {
                stop_at_each(operation, &origin, extent, &place, &mut tally)?;
            }
            tally.operations += 1;
            tally.states = states.len() as u64;
            done(&place, &tally);
        }
    }
    let mut states: Vec<Crashed> = states.into_values().collect();
    states.sort_by(|one, other| (&one.place, &one.bytes).cmp(&(&other.place, &other.bytes)));
    let every = states.len().div_ceil(extent.states.max(1)).max(1);
    for crashed in states.iter().step_by(every) {
        kill_who_recovers(crashed, extent, &mut tally)?;
    }
    done("recoveries", &tally);
    Ok(tally)
}

/// Returns the states that were left.
fn kill_at_each(
    operation: &Operation,
    origin: &Origin,
    extent: Extent,
    place: &str,
    tally: &mut Tally,
) -> Result<Vec<Crashed>, Trouble> {
    let mut left = Vec::new();
    let Some(course) = tally.note(place, course(operation, origin, |_| Ok(())))? else {
        return Ok(left);
    };
    for steps in course.points(extent.points) {
        let place = format!("{place}, instruction {steps} of {}", course.instructions);
        tally.kills += 1;
        let (scene, returned) = kill(operation, origin, &course.track, steps)?;
        let bytes = scene.bytes()?;
        let killed = Killed { operation: *operation, moved: course.moved, returned, twice: false };
        let checked = oracle::check(scene, origin, killed);
        tally.note(&place, checked.map_err(Trouble::from))?;
        left.push(Crashed { place, begin: origin.clone(), killed, bytes });
    }
    Ok(left)
}

/// Where it is the only one of its role, stops it where it would be killed: as long as it does not
/// move, another one is refused, and the other role may be joined.
fn refuse_at_each(
    operation: &Operation,
    origin: &Origin,
    extent: Extent,
    place: &str,
    tally: &mut Tally,
) -> Result<(), Trouble> {
    let Some(role) = operation.effect.role() else { return Ok(()) };
    // Who leaves is gone at some point of it.
    if operation.name.starts_with("leave") {
        return Ok(());
    }
    let Some(course) = tally.note(place, course(operation, origin, |_| Ok(())))? else {
        return Ok(());
    };
    for steps in
        course.stops(extent.points).into_iter().filter(|steps| *steps < course.instructions)
    {
        let place = format!("{place}, stopped at {steps} of {}", course.instructions);
        tally.stops += 1;
        let at = bring(operation, origin, &course.track, steps, |_| Ok(()))?;
        let Stopped { scene, victim, .. } = at;
        let checked = oracle::is_refused(&scene, role);
        victim.kill()?;
        tally.note(&place, checked.map_err(Trouble::from))?;
    }
    Ok(())
}

/// Stops it where the others are killed, and lets it go on when others have, which are there from
/// its begin.
fn stop_at_each(
    operation: &Operation,
    origin: &Origin,
    extent: Extent,
    place: &str,
    tally: &mut Tally,
) -> Result<(), Trouble> {
    let beside = |scene: &Scene| Others::join(scene, origin);
    let Some(course) = tally.note(place, course(operation, origin, beside))? else {
        return Ok(());
    };
    for steps in course.stops(extent.points) {
        let place = format!("{place}, stopped at {steps} of {}", course.instructions);
        tally.stops += 1;
        let at = bring(operation, origin, &course.track, steps, beside)?;
        let Stopped { scene, company: mut others, mut victim, mut stand } = at;
        let went_on = tally.note(&place, others.go_on())?;
        if stand == Stand::Inside {
            stand = victim.finish()?;
        }
        victim.kill()?;
        let Stand::Finished(moved) = stand else {
            let fault = Fault::Wedged("the victim has not come to its end".to_owned());
            tally.faults.push((place, fault));
            continue;
        };
        if went_on.is_some() {
            tally.note(&place, others.check(scene, origin, operation, moved))?;
        }
    }
    Ok(())
}

/// From a state that a kill left: one who joins, looks at all slots, repairs and takes is killed
/// wherever that leaves something else, and the next one must still find everything.
fn kill_who_recovers(crashed: &Crashed, extent: Extent, tally: &mut Tally) -> Result<(), Trouble> {
    let origin = Origin { bytes: crashed.bytes.clone(), ..crashed.begin.clone() };
    let Some(course) = tally.note(&crashed.place, course(&RECOVER, &origin, |_| Ok(())))? else {
        return Ok(());
    };
    for steps in course.points(extent.points.min(course.changes.len() as u64)) {
        let place = format!("{}, and who recovers at {steps}", crashed.place);
        tally.double_kills += 1;
        let (scene, _) = kill(&RECOVER, &origin, &course.track, steps)?;
        let killed = Killed { twice: true, ..crashed.killed };
        let checked = oracle::check(scene, &crashed.begin, killed);
        tally.note(&place, checked.map_err(Trouble::from))?;
    }
    Ok(())
}

/// The victim, where the operation begins.
fn start(operation: &Operation, origin: &Origin, scene: &Scene) -> Result<Victim, Trouble> {
    let (fd, perform, next) = (scene.segment.share_fd()?, operation.perform, origin.next);
    let live = || {
        let segment = Segment::from_fd(fd, &Attach::default()).expect("it is a segment");
        perform(&segment, next);
    };
    Ok(Victim::start(live)?)
}

/// Lets the operation through, one instruction after the other, beside whoever is there first.
fn course<T>(
    operation: &Operation,
    origin: &Origin,
    first: impl FnOnce(&Scene) -> Result<T, Trouble>,
) -> Result<Course, Trouble> {
    let scene = origin.scene()?;
    let _company = first(&scene)?;
    let mut victim = start(operation, origin, &scene)?;
    let mut track = Track::new(victim.at()?);
    let mut before = (scene.bytes()?, scene.locks()?);
    let mut changes = vec![0];
    for instructions in 1..=STEPS_MAX {
        // Nothing else changes a lock.
        let may_lock = victim.is_at_system_call()?;
        let stand = victim.step()?;
        track.push(victim.at()?);
        let has_changed = !scene.stands_as(&before.0) || may_lock && scene.locks()? != before.1;
        if has_changed {
            changes.push(instructions);
            before = (scene.bytes()?, scene.locks()?);
        }
        if let Stand::Finished(moved) = stand {
            changes.push(instructions);
            changes.dedup();
            return Ok(Course { track, instructions, changes, moved });
        }
    }
    Err(format!("{} has not returned after {STEPS_MAX} instructions", operation.name).into())
}

/// An operation after so many instructions, and what it did them over, beside whom.
struct Stopped<T> {
    scene: Scene,
    company: T,
    victim: Victim,
    stand: Stand,
}

/// Brings the operation to where it is after so many instructions of its track, beside whoever is
/// there first. One that strays is tried again, and steps.
fn bring<T>(
    operation: &Operation,
    origin: &Origin,
    track: &Track,
    steps: u64,
    first: impl Fn(&Scene) -> Result<T, Trouble>,
) -> Result<Stopped<T>, Trouble> {
    let attempt = |follows: bool| -> Result<Stopped<T>, Trouble> {
        let scene = origin.scene()?;
        let company = first(&scene)?;
        let mut victim = start(operation, origin, &scene)?;
        let stand = if follows { victim.follow(track, steps) } else { victim.steps(steps) }?;
        Ok(Stopped { scene, company, victim, stand })
    };
    match attempt(true) {
        Err(error) if Strayed::is(&*error) => attempt(false),
        done => done,
    }
}

/// Kills the operation there. What it left, and whether it had returned.
fn kill(
    operation: &Operation,
    origin: &Origin,
    track: &Track,
    steps: u64,
) -> Result<(Scene, bool), Trouble> {
    let Stopped { scene, victim, stand, .. } = bring(operation, origin, track, steps, |_| Ok(()))?;
    victim.kill()?;
    Ok((scene, stand != Stand::Inside))
}

impl Course {
    /// The same, and where it is about to change something: that is when what it knows is oldest.
    fn stops(&self, wanted: u64) -> Vec<u64> {
        let mut stops = self.points(wanted);
        stops.extend(self.changes.iter().map(|change| change.saturating_sub(1)));
        stops.sort_unstable();
        stops.dedup();
        stops
    }

    /// Every instruction, or as many as wanted, with those that change something.
    fn points(&self, wanted: u64) -> Vec<u64> {
        let every = (self.instructions + 1).div_ceil(wanted.max(1)).max(1);
        let mut points: Vec<u64> = (0..=self.instructions).step_by(every as usize).collect();
        points.extend(&self.changes);
        points.sort_unstable();
        points.dedup();
        points
    }
}
