//! A process that sleeps in the other role, and what must become of it.
//!
//! It makes one call, which waits, and ends by what that answered, as if it had been killed then:
//! what it received it has not released, and its gate stays open.

use super::{Seen, bed_of};
use crate::oracle::{self, Fault, Left};
use crate::scene::{Known, Scene, Trouble, message, receive, send};
use annulus::layout::{Bed, CONSUMER, DATA, HEAD, PRODUCER, Participant};
use annulus::ring::{Role, Standing};
use annulus::{Attach, Deadline, RecvError, Segment, SendError};
use annulus_testkit::{Forked, is_asleep, shared};
use core::mem::offset_of;
use std::io;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What its call is given. Longer than it may take to be told of a death.
const SPAN: Duration = Duration::from_millis(1_200);

/// How late a wait may end after its deadline: the longest slice of a sleep, and what a busy
/// machine takes to go on.
const LATE_MAX: Duration = Duration::from_millis(700);

/// How long it may take until it comes back by itself, though nobody rang: the longest slice of a
/// sleep, and as much again.
const BY_ITSELF: Duration = Duration::from_secs(1);

/// How long anything may take that nobody has to wait for.
const AT_ONCE: Duration = Duration::from_secs(2);

/// How often a process is looked at.
const LOOK_EVERY: Duration = Duration::from_micros(50);

/// How its call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A message was received, or sent.
    Moved,
    /// It was told that its peer died.
    Died,
    /// It was told that its peer closed.
    Closed,
    /// Its deadline passed, which began after the kill.
    TimedOut,
}

/// A process's statuses: the outcomes in turn, and what must not be.
const OUTCOMES: [Outcome; 4] = [Outcome::Moved, Outcome::Died, Outcome::Closed, Outcome::TimedOut];
const BROKEN: i32 = 10;
const LATE: i32 = 11;
const REFUSED: i32 = 12;
const FAILED: i32 = 13;

/// The process.
pub(crate) struct Sleeper {
    role: Role,
    process: Forked,
    /// Its bed, when it had lain down.
    bed: Seen,
    /// What it may have been told rightly, after the kill or after each of two.
    told: Vec<Outcome>,
}

impl Sleeper {
    /// Starts a process that takes `role`, takes or fills what there is, and waits for more.
    /// Returns when it sleeps. Call it from a process of one thread.
    pub(super) fn lie_down(scene: &Scene, role: Role, known: Known) -> Result<Sleeper, Trouble> {
        is_killed().store(false, Ordering::SeqCst);
        let fd = scene.segment.share_fd()?;
        let process = Forked::start(|| match Segment::from_fd(fd, &Attach::default()) {
            Ok(segment) => live(&segment, role, &known),
            Err(_) => REFUSED,
        })?;
        let mut sleeper = Sleeper { role, process, bed: Seen::of(scene, role)?, told: Vec::new() };
        let begun = Instant::now();
        // Ends by the clock.
        loop {
            sleeper.bed = Seen::of(scene, role)?;
            if sleeper.bed.lies() && sleeper.process.id().is_some_and(is_asleep) {
                return Ok(sleeper);
            }
            if let Some(status) = sleeper.process.ended()? {
                let outcome = outcome_of(status)?;
                return Err(wedged(format!("a {role:?} does not sleep: {outcome:?}")));
            }
            if begun.elapsed() > AT_ONCE {
                return Err(wedged(format!("the bed of a {role:?} does not say that it sleeps")));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// The victim, or its successor, is dead.
    pub(super) fn victim_died(&mut self, scene: &Scene) {
        self.told.extend(end_of(standing_of(scene, self.role.peer())));
    }

    /// What it writes itself, in a segment of so many bytes, is no doing of the victim's.
    pub(super) fn writes(&self, segment_bytes: usize) -> [Range<usize>; 3] {
        let bed = bed_of(self.role);
        let (participant, moved) = match self.role {
            Role::Producer => (PRODUCER, DATA..segment_bytes),
            Role::Consumer => (CONSUMER, HEAD..HEAD + 8),
        };
        let participant = participant..participant + size_of::<Participant>();
        [bed..bed + offset_of!(Bed, bell), participant, moved]
    }

    /// The victim is dead, and a successor comes at once: it rings, and what it does then brings
    /// the sleeper back. `rang` says that the victim had returned from what it has to ring for.
    pub(super) fn with_successor(
        mut self,
        scene: &Scene,
        left: Left,
        rang: bool,
    ) -> Result<Left, Trouble> {
        if rang && self.lies_unrung(scene)? {
            return Err(wedged("it has returned, and has rung for nobody".to_owned()));
        }
        let (outcome, left) = match self.role {
            Role::Consumer => self.is_sent_to(scene, left)?,
            Role::Producer => self.is_received_from(scene, left)?,
        };
        // It may have been told of the end before the successor came.
        if outcome != Outcome::Moved && !self.told.contains(&outcome) {
            return Err(wedged(format!("a sleeper to whom a successor came: {outcome:?}")));
        }
        Ok(left)
    }

    /// A producer succeeds the victim, and sends if that has sent nothing.
    fn is_sent_to(&mut self, scene: &Scene, left: Left) -> Result<(Outcome, Left), Trouble> {
        let mut known = scene.known;
        let unread = unread(scene);
        let mut producer = scene.segment.producer()?;
        self.rings(scene)?;
        if unread == 0 {
            send(&mut producer, &mut known)?;
        }
        let outcome = self.comes_back()?;
        if unread > 0 && outcome != Outcome::Moved {
            return Err(Fault::Lost(format!("a message is there: {outcome:?}")).into());
        }
        if unread == 0 && left.sent[0] > scene.known.sent {
            return Err(Fault::Lost("it has returned, and nothing is there".to_owned()).into());
        }
        let sent = if unread == 0 { [known.sent; 2] } else { left.sent };
        let left = Left { sent, ..left };
        Ok((outcome, left.and_moved(self.role, outcome == Outcome::Moved)))
    }

    /// A consumer succeeds the victim, and receives what the sleeper waits for.
    fn is_received_from(&mut self, scene: &Scene, left: Left) -> Result<(Outcome, Left), Trouble> {
        let mut consumer = scene.segment.consumer()?;
        self.rings(scene)?;
        let received = oracle::first_message(&mut consumer, left, Role::Consumer)?;
        let mut known = Known { received, ..scene.known };
        // Ends: it waits for no more than there is.
        while consumer.position() < self.bed.wanted {
            receive(&mut consumer, &mut known)?;
        }
        consumer.flush();
        let outcome = self.comes_back()?;
        let left = Left { first: [known.received; 2], ..left };
        Ok((outcome, left.and_moved(self.role, outcome == Outcome::Moved)))
    }

    /// Somebody has joined.
    fn rings(&self, scene: &Scene) -> Result<(), Trouble> {
        if self.lies_unrung(scene)? {
            return Err(wedged("a successor has joined, and has rung for nobody".to_owned()));
        }
        Ok(())
    }

    /// Whether its bell was raised since it lay down.
    pub(super) fn is_rung(&self, scene: &Scene) -> io::Result<bool> {
        Ok(Seen::of(scene, self.role)?.bell != self.bed.bell)
    }

    /// Whether it was not, and it has lain there all the time.
    fn lies_unrung(&self, scene: &Scene) -> io::Result<bool> {
        let now = Seen::of(scene, self.role)?;
        Ok((now.bell, now.asleep) == (self.bed.bell, self.bed.asleep))
    }

    /// The victim is dead, and nobody comes: the sleeper comes back by itself, by the end of a
    /// slice, with what there is, or told that nothing will come. And how long that took.
    pub(super) fn left_alone(
        mut self,
        scene: &Scene,
        left: Left,
    ) -> Result<(Left, Duration), Trouble> {
        let begun = Instant::now();
        let standing = standing_of(scene, self.role.peer());
        // Nobody was ever there: it has nothing but its deadline, which may begin twice.
        let span = if standing == Standing::Vacant { 2 * SPAN + LATE_MAX } else { BY_ITSELF };
        let outcome = self.comes_back_within(span)?;
        // A deadline takes as long as it takes.
        let waited = outcome == Outcome::TimedOut;
        let took = if waited { Duration::ZERO } else { begun.elapsed() };
        let is_there = match (self.role, standing) {
            (Role::Consumer, _) => unread(scene) > 0,
            (Role::Producer, Standing::Joined(_)) if outcome == Outcome::Died => {
                send(&mut scene.segment.producer()?, &mut { scene.known }).is_ok()
            }
            (Role::Producer, _) => outcome == Outcome::Moved,
        };
        let end = end_of(standing).unwrap_or(Outcome::TimedOut);
        let wanted = if is_there { Outcome::Moved } else { end };
        if outcome != wanted {
            return Err(wedged(format!("the sleeper that is left: {outcome:?}, not {wanted:?}")));
        }
        Ok((left.and_moved(self.role, outcome == Outcome::Moved), took))
    }

    /// Waits until its call has ended.
    pub(super) fn comes_back(&mut self) -> Result<Outcome, Trouble> {
        self.comes_back_within(AT_ONCE)
    }

    fn comes_back_within(&mut self, span: Duration) -> Result<Outcome, Trouble> {
        is_killed().store(true, Ordering::SeqCst);
        let begun = Instant::now();
        // Ends by the clock.
        loop {
            let is_last = begun.elapsed() > span;
            if let Some(status) = self.process.ended()? {
                return outcome_of(status);
            }
            if is_last {
                return Err(wedged(format!("the {:?} sleeps on", self.role)));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

/// Whether the victim is dead.
fn is_killed() -> &'static AtomicBool {
    static IS_KILLED: OnceLock<&'static AtomicBool> = OnceLock::new();
    // SAFETY: a zero is `false`, and it is an atomic.
    IS_KILLED.get_or_init(|| unsafe { shared() }.expect("a page for all processes"))
}

fn outcome_of(status: i32) -> Result<Outcome, Trouble> {
    if !libc::WIFEXITED(status) {
        return Err(wedged(format!("a sleeper was ended (wait status {status:#x})")));
    }
    let what = match libc::WEXITSTATUS(status) {
        BROKEN => return Err(Fault::Lost("a sleeper received another message".to_owned()).into()),
        LATE => "a sleeper slept past its deadline and the longest slice",
        REFUSED => "a sleeper may not join",
        FAILED => "a sleeper got an error that no death brings",
        code => match OUTCOMES.get(code as usize) {
            Some(outcome) => return Ok(*outcome),
            None => "a sleeper panicked",
        },
    };
    Err(wedged(what.to_owned()))
}

fn wedged(what: String) -> Trouble {
    Fault::Wedged(what).into()
}

fn unread(scene: &Scene) -> u64 {
    scene.segment.inspect().backlog.messages
}

/// What one is told whose peer is dead, and whose peer's gate says that.
fn end_of(standing: Standing) -> Option<Outcome> {
    match standing {
        Standing::Joined(_) => Some(Outcome::Died),
        Standing::Closed(_) => Some(Outcome::Closed),
        _ => None,
    }
}

fn standing_of(scene: &Scene, role: Role) -> Standing {
    let survey = scene.segment.survey();
    match role {
        Role::Producer => survey.producer.standing,
        Role::Consumer => survey.consumer.standing,
    }
}

/// The process's life; what it returns is its status.
fn live(segment: &Segment, role: Role, known: &Known) -> i32 {
    let message = message(known.sent, known.stamp);
    match role {
        Role::Producer => {
            let Ok(mut producer) = segment.producer() else { return REFUSED };
            while producer.try_send(&message).is_ok() {}
            let status = wait(|deadline| match producer.send(&message, deadline) {
                Ok(_) => Ok(Outcome::Moved),
                Err(SendError::Timeout) => Ok(Outcome::TimedOut),
                Err(SendError::PeerDead) => Ok(Outcome::Died),
                Err(SendError::PeerClosed) => Ok(Outcome::Closed),
                Err(_) => Err(FAILED),
            });
            std::mem::forget(producer);
            status
        }
        Role::Consumer => {
            let Ok(mut consumer) = segment.consumer() else { return REFUSED };
            let mut buffer = [0; 128];
            while consumer.try_recv(&mut buffer).is_ok() {}
            let status = wait(|deadline| match consumer.recv(&mut buffer, deadline) {
                Ok(received) if buffer[..received.len] == message[..] => Ok(Outcome::Moved),
                Ok(_) => Err(BROKEN),
                Err(RecvError::Timeout) => Ok(Outcome::TimedOut),
                Err(RecvError::ProducerDied) => Ok(Outcome::Died),
                Err(RecvError::Closed) => Ok(Outcome::Closed),
                Err(_) => Err(FAILED),
            });
            std::mem::forget(consumer);
            status
        }
    }
}

/// Makes the call until it answers something, with a deadline each time. What times out before the
/// victim is dead means that the machine is slow.
fn wait(mut call: impl FnMut(Deadline) -> Result<Outcome, i32>) -> i32 {
    // Ends by the harness, which says when the victim is dead, and takes us along when it ends.
    loop {
        let is_last = is_killed().load(Ordering::SeqCst);
        let begun = Instant::now();
        let outcome = call(Deadline::after(SPAN));
        if begun.elapsed() > SPAN + LATE_MAX {
            return LATE;
        }
        match outcome {
            Ok(Outcome::TimedOut) if !is_last => {}
            Ok(outcome) => return outcome as i32,
            Err(status) => return status,
        }
    }
}
