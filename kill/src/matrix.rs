//! Which kills there are, and what came of them.

use crate::Operation;
use crate::oracle::{self, Fault, Left};
use crate::scene::{Known, PARTICIPANTS, Scene, Start, Trouble};
use crate::spsc::take_over;
use crate::step::{STEPS_MAX, Stand, Victim};
use annulus::Attach;
use annulus::Segment;
use annulus::layout::Header;
use annulus::ring::Role;
use std::collections::HashMap;

/// How many kills.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Kills within one operation, spread over its instructions; every instruction if it has no
    /// more. Those that change a shared byte or a lock are among them in any case.
    pub points: u64,
    /// States from which the take-over is killed too.
    pub states: usize,
}

/// What came of the kills.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Operations in their starts.
    pub operations: u64,
    /// Kills of an operation.
    pub kills: u64,
    /// States of the segment that those left, each counted once.
    pub states: u64,
    /// Kills of a successor in its take-over.
    pub double_kills: u64,
    /// Faults, and where.
    pub faults: Vec<(String, Fault)>,
}

/// A state that a kill left.
struct Crashed {
    bytes: Vec<u8>,
    known: Known,
    left: Left,
    role: Role,
    place: String,
}

/// The states so far, by their bytes without what stands there for people only.
type States = HashMap<(bool, Vec<u8>), Crashed>;

/// What an operation does when it is let through.
struct Course {
    instructions: u64,
    /// After how many instructions it has changed what a kill leaves.
    changes: Vec<u64>,
    moved: u64,
}

/// Kills each operation in each start as often as `extent` says, and then the take-overs.
/// Reports each operation to `done`.
pub fn run(
    operations: &[Operation],
    starts: &[Start],
    extent: Extent,
    mut done: impl FnMut(&str, &Tally),
) -> Result<Tally, Trouble> {
    let mut tally = Tally::default();
    let mut states = States::new();
    let mut begins = Vec::new();
    for start in starts {
        let scene = Scene::set(*start)?;
        begins.push((start.name, scene.bytes()?, scene.known));
    }
    for operation in operations {
        for (start, bytes, known) in &begins {
            let place = format!("{:?} {}, {start}", operation.role, operation.name);
            let begin = || Scene::restored(bytes, *known);
            kill_at_each(operation, begin, extent, &place, &mut tally, &mut states)?;
            tally.operations += 1;
            tally.states = states.len() as u64;
            done(&place, &tally);
        }
    }
    let mut states: Vec<Crashed> = states.into_values().collect();
    states.sort_by(|one, other| (&one.place, &one.bytes).cmp(&(&other.place, &other.bytes)));
    let every = states.len().div_ceil(extent.states.max(1)).max(1);
    for crashed in states.iter().step_by(every) {
        kill_the_successor(crashed, &mut tally)?;
    }
    done("take-overs", &tally);
    Ok(tally)
}

fn kill_at_each(
    operation: &Operation,
    begin: impl Fn() -> Result<Scene, Trouble>,
    extent: Extent,
    place: &str,
    tally: &mut Tally,
    states: &mut States,
) -> Result<(), Trouble> {
    let course = course(operation, &begin()?)?;
    for point in points(&course, extent.points) {
        let scene = begin()?;
        let returned = kill_at(operation, &scene, point)?;
        let left = Left::by(operation, scene.known, course.moved, returned);
        let place = format!("{place}, instruction {point} of {}", course.instructions);
        let bytes = scene.bytes()?;
        tally.kills += 1;
        if let Err(fault) = oracle::check(&scene, operation.role, left) {
            tally.faults.push((place.clone(), fault));
        }
        let seen =
            [&bytes[size_of::<Header>()..PARTICIPANTS.start], &bytes[PARTICIPANTS.end..]].concat();
        let known = scene.known;
        let role = operation.role;
        let crashed = Crashed { bytes, known, left, role, place };
        states.entry((role == Role::Producer, seen)).or_insert(crashed);
    }
    Ok(())
}

/// From a state that a kill left: the successor's take-over is killed wherever that leaves
/// something else, and the next one must still find everything.
fn kill_the_successor(crashed: &Crashed, tally: &mut Tally) -> Result<(), Trouble> {
    let operation = take_over(crashed.role);
    let course = course(&operation, &Scene::restored(&crashed.bytes, crashed.known)?)?;
    for point in course.changes {
        let scene = Scene::restored(&crashed.bytes, crashed.known)?;
        kill_at(&operation, &scene, point)?;
        tally.double_kills += 1;
        if let Err(fault) = oracle::check(&scene, crashed.role, crashed.left) {
            let place = format!("{}, and its successor at {point}", crashed.place);
            tally.faults.push((place, fault));
        }
    }
    Ok(())
}

/// Lets the operation through, one instruction after the other.
fn course(operation: &Operation, scene: &Scene) -> Result<Course, Trouble> {
    let mut victim = victim(operation, scene)?;
    let look = |scene: &Scene| -> Result<(Vec<u8>, bool), Trouble> {
        let survey = scene.segment.survey();
        let held = match operation.role {
            Role::Producer => survey.producer.held,
            Role::Consumer => survey.consumer.held,
        };
        Ok((scene.bytes()?, held))
    };
    let mut before = look(scene)?;
    let mut changes = vec![0];
    for instructions in 1..=STEPS_MAX {
        let stand = victim.step()?;
        let now = look(scene)?;
        if now != before {
            changes.push(instructions);
            before = now;
        }
        if let Stand::Finished(moved) = stand {
            changes.push(instructions);
            changes.dedup();
            return Ok(Course { instructions, changes, moved });
        }
    }
    Err(format!("{} has not returned after {STEPS_MAX} instructions", operation.name).into())
}

/// Kills the operation after `point` instructions. Whether it had returned.
fn kill_at(operation: &Operation, scene: &Scene, point: u64) -> Result<bool, Trouble> {
    let mut victim = victim(operation, scene)?;
    let mut returned = false;
    for _ in 0..point {
        // A course may be shorter by a few instructions than the first was.
        if let Stand::Finished(_) = victim.step()? {
            returned = true;
            break;
        }
    }
    victim.kill()?;
    Ok(returned)
}

fn victim(operation: &Operation, scene: &Scene) -> Result<Victim, Trouble> {
    let shared = scene.segment.share_fd()?;
    let known = scene.known;
    let perform = operation.perform;
    let victim = Victim::start(move || {
        let segment = Segment::from_fd(shared, &Attach::default()).expect("it is a good segment");
        perform(&segment, &known);
    })?;
    Ok(victim)
}

/// Every instruction, or as many as wanted, with those that change something.
fn points(course: &Course, wanted: u64) -> Vec<u64> {
    let every = (course.instructions + 1).div_ceil(wanted.max(1)).max(1);
    let mut points: Vec<u64> = (0..=course.instructions).step_by(every as usize).collect();
    points.extend(&course.changes);
    points.sort_unstable();
    points.dedup();
    points
}
