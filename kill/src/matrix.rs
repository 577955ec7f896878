//! Which kills there are, and what came of them.

use crate::oracle::Fault;
use crate::scene::{PARTICIPANTS, Trouble};
use crate::spsc::take_over;
use crate::stage::{Course, Moment, Origin, kill_on};
use crate::{Company, Operation};
use annulus::layout::Header;
use annulus::ring::Role;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

/// How many kills.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Kills within one operation, spread over its instructions; every instruction if it has no
    /// more. Those that change a shared byte or a lock are among them in any case.
    pub points: u64,
    /// States from which the take-over is killed too, and in which a sleeper is left alone.
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
    /// Stops of an operation, from which it went on.
    pub stops: u64,
    /// Sleepers that were left alone.
    pub alone: u64,
    /// The longest time until one of them was back that did not wait for its deadline.
    pub longest_alone: Duration,
    /// Faults, and where.
    pub faults: Vec<(String, Fault)>,
}

/// A state that a kill left.
struct Crashed {
    origin: Origin,
    place: String,
}

/// The states so far: by side, company and ring, and by their bytes without what stands there for
/// people only.
type States = HashMap<(String, Vec<u8>), Crashed>;

/// How often an operation that is to sleep may come to its end without: the machine was busy.
const TRIES: usize = 5;

/// Kills each operation in each start as often as `extent` says, and then the take-overs.
/// Reports each operation to `done`.
pub fn run(
    operations: &[Operation],
    extent: Extent,
    mut done: impl FnMut(&str, &Tally),
) -> Result<Tally, Trouble> {
    let mut tally = Tally::default();
    let mut states = States::new();
    for operation in operations {
        for ring in operation.rings {
            for start in operation.starts {
                let place =
                    format!("{:?} {}, {}{ring}", operation.role, operation.name, start.name);
                let sort = format!("{:?}, {:?}{ring}", operation.role, operation.company);
                let origin = Origin::new(*ring, *start)?;
                for (bytes, crashed) in
                    kill_at_each(operation, &origin, extent, &place, &mut tally)?
                {
                    states.entry((sort.clone(), bytes)).or_insert(crashed);
                }
                tally.operations += 1;
                tally.states = states.len() as u64;
                done(&place, &tally);
            }
        }
    }
    let mut states: Vec<Crashed> = states.into_values().collect();
    states.sort_by(|one, other| {
        (&one.place, &one.origin.bytes).cmp(&(&other.place, &other.origin.bytes))
    });
    let every = states.len().div_ceil(extent.states.max(1)).max(1);
    for crashed in states.iter().step_by(every) {
        let Some(killed) = crashed.origin.killed() else { continue };
        if killed.operation.company == Company::Sleeper {
            leave_alone(crashed, &mut tally)?;
        }
        kill_the_successor(crashed, killed.operation.role, &mut tally)?;
    }
    done("take-overs", &tally);
    Ok(tally)
}

/// Returns the states that were left, each with its bytes, in turn.
fn kill_at_each(
    operation: &Operation,
    begin: &Origin,
    extent: Extent,
    place: &str,
    tally: &mut Tally,
) -> Result<Vec<(Vec<u8>, Crashed)>, Trouble> {
    let mut left = Vec::new();
    let Some(course) = tally.note(place, course(operation, begin))? else { return Ok(left) };
    let course = Rc::new(course);
    if course.rings && !course.wakes {
        let fault = Fault::Wedged("the bell is raised, and nobody is woken".to_owned());
        tally.faults.push((place.to_owned(), fault));
    }
    for moment in moments(&course, extent.points) {
        let place = format!("{place}, {}", moment.of(course.instructions));
        tally.kills += 1;
        let killed = kill_on(|| begin.stage(), operation, moment, &course);
        let Some((stage, killed)) = tally.note(&place, killed)? else { continue };
        let mut bytes = stage.bytes()?;
        let origin = begin.after(killed, &bytes);
        tally.note(&place, stage.with_successor().map_err(Trouble::from))?;
        bytes.drain(PARTICIPANTS);
        bytes.drain(..size_of::<Header>());
        left.push((bytes, Crashed { origin, place }));
    }
    Ok(left)
}

/// Lets the operation through. One that is to sleep has to get so far.
fn course(operation: &Operation, begin: &Origin) -> Result<Course, Trouble> {
    let sleeps = matches!(operation.company, Company::Waker | Company::Idler);
    for _ in 0..TRIES {
        let course = begin.stage()?.course(operation)?;
        if course.sleeps || !sleeps {
            return Ok(course);
        }
    }
    Err(Fault::Wedged(format!("it does not sleep, {TRIES} times")).into())
}

/// From a state that a kill left: a sleeper to whom no successor comes is back by itself.
fn leave_alone(crashed: &Crashed, tally: &mut Tally) -> Result<(), Trouble> {
    let place = format!("{}, left alone", crashed.place);
    let alone = || Ok(crashed.origin.stage()?.left_alone()?);
    tally.alone += 1;
    if let Some(took) = tally.note(&place, alone())? {
        tally.longest_alone = tally.longest_alone.max(took);
    }
    Ok(())
}

/// From a state that a kill left: the take-over of a successor in `role` is killed wherever that
/// leaves something else, and the next one must still find everything.
fn kill_the_successor(crashed: &Crashed, role: Role, tally: &mut Tally) -> Result<(), Trouble> {
    let operation = take_over(role);
    let course = || crashed.origin.stage()?.course(&operation);
    let Some(course) = tally.note(&crashed.place, course())?.map(Rc::new) else { return Ok(()) };
    for &point in &course.changes {
        let place = format!("{}, and its successor at {point}", crashed.place);
        tally.double_kills += 1;
        let kill = || -> Result<(), Trouble> {
            let stage = || crashed.origin.stage();
            let (stage, _) = kill_on(stage, &operation, Moment::After(point), &course)?;
            Ok(stage.with_successor()?)
        };
        tally.note(&place, kill())?;
    }
    Ok(())
}

/// Every instruction, or as many as wanted, with those that change something; and its sleep.
fn moments(course: &Course, wanted: u64) -> Vec<Moment> {
    let every = (course.instructions + 1).div_ceil(wanted.max(1)).max(1);
    let mut points: Vec<u64> = (0..=course.instructions).step_by(every as usize).collect();
    points.extend(&course.changes);
    points.sort_unstable();
    points.dedup();
    let asleep = course.sleeps.then_some(Moment::Asleep);
    points.into_iter().map(Moment::After).chain(asleep).collect()
}

impl Tally {
    /// What came of it, unless that was a fault, which is noted.
    pub(crate) fn note<T>(
        &mut self,
        place: &str,
        done: Result<T, Trouble>,
    ) -> Result<Option<T>, Trouble> {
        match done.map_err(|trouble| trouble.downcast::<Fault>()) {
            Ok(done) => Ok(Some(done)),
            Err(Ok(fault)) => {
                self.faults.push((place.to_owned(), *fault));
                Ok(None)
            }
            Err(Err(trouble)) => Err(trouble),
        }
    }
}
