//! A ring, its company, and the victims there: let through, or killed.

use crate::company::Other;
use crate::oracle::{self, Fault, Left};
use crate::scene::{Known, Ring, Scene, Start, Trouble};
use crate::step::{Futex, STEPS_MAX, Stand, Strayed, Victim};
use crate::track::Track;
use crate::{Company, Operation};
use annulus::ring::Role;
use annulus::{Attach, Segment};
use std::rc::Rc;
use std::time::Duration;

/// When a victim is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// After so many instructions.
    After(u64),
    /// In its sleep.
    Asleep,
}

impl Moment {
    /// As the report says it, of a course of so many instructions.
    pub(crate) fn of(self, instructions: u64) -> String {
        match self {
            Moment::After(steps) => format!("instruction {steps} of {instructions}"),
            Moment::Asleep => "asleep".to_owned(),
        }
    }
}

/// What an operation does when it is let through.
pub(crate) struct Course {
    track: Track,
    pub(crate) instructions: u64,
    /// After how many instructions it has changed what a kill leaves.
    pub(crate) changes: Vec<u64>,
    pub(crate) moved: u64,
    /// Whether it slept.
    pub(crate) sleeps: bool,
    /// Whether it rang for the one who sleeps there, and whether it woke others.
    pub(crate) rings: bool,
    pub(crate) wakes: bool,
}

/// An operation that was killed.
#[derive(Clone)]
pub(crate) struct Killed {
    pub(crate) operation: Operation,
    pub(crate) moment: Moment,
    /// What it does when it is let through.
    pub(crate) course: Rc<Course>,
    /// Whether it had returned.
    pub(crate) returned: bool,
}

/// What a stage is set up from, as often as needed.
pub(crate) struct Origin {
    pub(crate) bytes: Vec<u8>,
    known: Known,
    before: Before,
}

/// What was killed there before.
#[derive(Clone)]
enum Before {
    Nothing,
    /// This, which left the bytes.
    Left(Killed),
    /// This is to be, each time anew: company cannot be had from bytes.
    Again(Killed),
}

/// A ring, and whoever has the other role there.
pub(crate) struct Stage {
    scene: Scene,
    other: Option<Other>,
    /// What was killed first.
    killed: Option<Killed>,
}

impl Origin {
    pub(crate) fn new(ring: Ring, start: Start) -> Result<Origin, Trouble> {
        let scene = Scene::set(ring, start)?;
        Ok(Origin { bytes: scene.bytes()?, known: scene.known, before: Before::Nothing })
    }

    /// Where it stands when something was killed there that left `bytes`.
    pub(crate) fn after(&self, killed: Killed, bytes: &[u8]) -> Origin {
        let (bytes, before) = match killed.operation.company {
            Company::Nobody => (bytes, Before::Left(killed)),
            _ => (&self.bytes[..], Before::Again(killed)),
        };
        Origin { bytes: bytes.to_vec(), known: self.known, before }
    }

    pub(crate) fn killed(&self) -> Option<&Killed> {
        match &self.before {
            Before::Nothing => None,
            Before::Left(killed) | Before::Again(killed) => Some(killed),
        }
    }

    pub(crate) fn stage(&self) -> Result<Stage, Trouble> {
        let scene = Scene::restored(&self.bytes, self.known)?;
        let mut stage = Stage { scene, other: None, killed: None };
        match &self.before {
            Before::Nothing => {}
            Before::Left(killed) => stage.killed = Some(killed.clone()),
            Before::Again(Killed { operation, moment, course, .. }) => {
                let fresh = || {
                    let scene = Scene::restored(&self.bytes, self.known)?;
                    Ok(Stage { scene, other: None, killed: None })
                };
                return Ok(kill_on(fresh, operation, *moment, course)?.0);
            }
        }
        Ok(stage)
    }
}

/// Kills the operation on a new stage. One that strays is tried again on another one, and steps.
pub(crate) fn kill_on(
    stage: impl Fn() -> Result<Stage, Trouble>,
    operation: &Operation,
    moment: Moment,
    course: &Rc<Course>,
) -> Result<(Stage, Killed), Trouble> {
    let mut on = stage()?;
    match on.kill(operation, moment, course, true) {
        Err(error) if Strayed::is(&*error) => {
            let mut on = stage()?;
            let killed = on.kill(operation, moment, course, false)?;
            Ok((on, killed))
        }
        killed => Ok((on, killed?)),
    }
}

impl Stage {
    /// Lets the operation through, one instruction after the other.
    pub(crate) fn course(&mut self, operation: &Operation) -> Result<Course, Trouble> {
        let mut victim = self.start(operation)?;
        let mut before = (self.bytes()?, self.is_held(operation.role));
        let mut course = Course {
            track: Track::new(victim.at()?),
            instructions: 0,
            changes: vec![0],
            moved: 0,
            sleeps: false,
            rings: false,
            wakes: false,
        };
        for instructions in 1..=STEPS_MAX {
            // Nothing else changes a lock, sleeps or wakes.
            let may_lock = victim.is_at_system_call()?;
            if may_lock {
                let futex = victim.futex()?;
                course.sleeps |= futex == Some(Futex::Wait);
                course.wakes |= futex == Some(Futex::Wake);
            }
            let stand = self.step(&mut victim)?;
            course.track.push(victim.at()?);
            let is_held = if may_lock { self.is_held(operation.role) } else { before.1 };
            let now = (self.bytes()?, is_held);
            if now != before {
                course.changes.push(instructions);
                before = now;
            }
            if let Stand::Finished(moved) = stand {
                course.changes.push(instructions);
                course.changes.dedup();
                let other = self.other.as_ref();
                let rings = other.map_or(Ok(false), |other| other.is_rung(&self.scene))?;
                return Ok(Course { instructions, moved, rings, ..course });
            }
        }
        Err(format!("{} has not returned after {STEPS_MAX} instructions", operation.name).into())
    }

    /// Kills the operation, which takes this course when it is let through, at that moment. It
    /// `follows` the course's track where it can, or steps.
    pub(crate) fn kill(
        &mut self,
        operation: &Operation,
        moment: Moment,
        course: &Rc<Course>,
        follows: bool,
    ) -> Result<Killed, Trouble> {
        let mut victim = self.start(operation)?;
        let stand = match moment {
            Moment::After(steps)
                if follows && !self.other.as_ref().is_some_and(Other::is_awake) =>
            {
                victim.follow(&course.track, steps)?
            }
            Moment::After(steps) => self.steps(&mut victim, steps, false)?,
            Moment::Asleep => self.steps(&mut victim, STEPS_MAX, true)?,
        };
        victim.kill()?;
        if let Some(other) = &mut self.other {
            other.victim_died(&self.scene);
        }
        let returned = stand != Stand::Inside;
        let course = Rc::clone(course);
        let killed = Killed { operation: *operation, moment, course, returned };
        Ok(self.killed.get_or_insert(killed).clone())
    }

    /// So many instructions, or until it sleeps.
    fn steps(
        &mut self,
        victim: &mut Victim,
        steps: u64,
        until_asleep: bool,
    ) -> Result<Stand, Trouble> {
        let mut stand = Stand::Inside;
        for _ in 0..steps {
            if until_asleep && victim.futex()? == Some(Futex::Wait) {
                victim.fall_asleep()?;
                break;
            }
            stand = self.step(victim)?;
            // A course may be shorter by a few instructions than the first was.
            if stand != Stand::Inside {
                break;
            }
        }
        Ok(stand)
    }

    /// What a kill leaves, but for what the company writes at the same time.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, Trouble> {
        let mut bytes = self.scene.bytes()?;
        if let Some(other) = &self.other {
            other.blank(&mut bytes);
        }
        Ok(bytes)
    }

    /// After the kill, and perhaps that of a successor: what must hold where the next one comes.
    pub(crate) fn with_successor(self) -> Result<(), Fault> {
        let look = |scene: Scene, other: Other, killed: Killed| -> Result<(), Trouble> {
            let left = Left::by(&killed, other.known(&scene));
            if other.is_awake() {
                // What it holds is not free, and it lives on: messages are looked at in a copy.
                let copy = Scene::restored(&scene.bytes()?, scene.known)?;
                oracle::check(&copy, killed.operation.role, left)?;
                return other.with_successor(&scene, left, &killed).map(drop);
            }
            let left = other.with_successor(&scene, left, &killed)?;
            Ok(oracle::check(&scene, killed.operation.role, left)?)
        };
        self.end(look)
    }

    /// The same where nobody comes. How long it took until a sleeper was back.
    pub(crate) fn left_alone(self) -> Result<Duration, Fault> {
        self.end(|scene, other, killed| {
            let left = Left::by(&killed, other.known(&scene));
            let (left, took) = other.left_alone(&scene, left)?;
            oracle::check(&scene, killed.operation.role, left)?;
            Ok(took)
        })
    }

    /// The last look, in which whatever goes wrong is a fault.
    fn end<T>(
        self,
        look: impl FnOnce(Scene, Other, Killed) -> Result<T, Trouble>,
    ) -> Result<T, Fault> {
        let Some(killed) = self.killed else {
            return Err(Fault::Wedged("nobody was killed here".to_owned()));
        };
        look(self.scene, self.other.unwrap_or(Other::Nobody), killed).map_err(Fault::of)
    }

    /// The victim, where the operation begins; then its company comes, if it is not there yet.
    fn start(&mut self, operation: &Operation) -> Result<Victim, Trouble> {
        let shared = self.scene.segment.share_fd()?;
        let known = self.scene.known;
        let perform = operation.perform;
        let victim = Victim::start(move || {
            let segment = Segment::from_fd(shared, &Attach::default()).expect("a good segment");
            perform(&segment, &known);
        })?;
        if self.other.is_none() {
            self.other = Some(Other::join(operation, &self.scene)?);
        }
        Ok(victim)
    }

    /// One instruction. Where that is a sleep from which the company wakes, it does.
    fn step(&mut self, victim: &mut Victim) -> Result<Stand, Trouble> {
        let Some(other) = self.other.as_mut().filter(|other| other.is_awake()) else {
            return Ok(victim.step()?);
        };
        if victim.futex()? != Some(Futex::Wait) {
            return Ok(victim.step()?);
        }
        if let Some(stand) = victim.fall_asleep()? {
            return Ok(stand);
        }
        other.victim_sleeps(&self.scene)?;
        Ok(victim.come_back()?)
    }

    fn is_held(&self, role: Role) -> bool {
        let survey = self.scene.segment.survey();
        match role {
            Role::Producer => survey.producer.held,
            Role::Consumer => survey.consumer.held,
        }
    }
}
