//! What must hold after a kill.
//!
//! * Every message that was sent comes, but one that its consumer had released.
//! * What comes again says so; nothing comes again that nobody had taken.
//! * A claim that was cut off is one gap at most.
//! * What one holds who lives is left alone, as long as it lives.
//! * What was given to the last one that it is given to is a dead letter, once.
//! * Afterwards the ring is as good as new, over a lap and more.

use super::scene::{Item, Origin, SLOTS, Scene, message, number_of};
use super::{Effect, Operation};
use crate::oracle::Fault;
use crate::scene::Trouble;
use annulus::MpmcConsumer;
use annulus::ring::Role;
use annulus::ring::mpmc::RecvError;
use annulus::segment::JoinError;
use std::collections::BTreeSet;

/// Messages that go through the ring afterwards: two laps, over whatever was left in it.
const AFTERWARDS: u64 = 2 * SLOTS + 2;

/// An operation that was killed.
#[derive(Clone, Copy)]
pub(super) struct Killed {
    pub(super) operation: Operation,
    /// So many messages it moves when it is let through.
    pub(super) moved: u64,
    /// Whether it had returned.
    pub(super) returned: bool,
    /// Whether a successor was killed after it, which may have had something in hand.
    pub(super) twice: bool,
}

/// How often a message may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Expected {
    number: u64,
    must_come: bool,
    may_come: bool,
    /// Whether it may come without saying that it was delivered before, and whether saying so.
    plain: bool,
    flagged: bool,
}

/// What came.
#[derive(Default)]
pub(super) struct Came {
    pub(super) messages: Vec<(u64, u32)>,
    pub(super) gaps: u64,
}

/// Checks the ring that a killed process left.
pub(super) fn check(mut scene: Scene, origin: &Origin, killed: Killed) -> Result<(), Fault> {
    look(&mut scene, origin, killed).map_err(Fault::of)
}

fn look(scene: &mut Scene, origin: &Origin, killed: Killed) -> Result<(), Trouble> {
    let mut consumer = scene.segment.mpmc_consumer()?;
    let mut came = Came::default();
    drain(&mut consumer, &mut came)?;
    if !scene.alive().is_empty() {
        let seen = scene.segment.attendances();
        let of_others =
            seen.iter().filter(|seen| scene.alive().contains(&seen.attendant.participant));
        let untouched = of_others.filter(|seen| seen.is_alive && seen.attendant.holds == 1).count();
        if untouched != scene.alive().len() {
            return Err(Fault::Doubled(format!("what the living hold was taken: {seen:?}")).into());
        }
        scene.others_die()?;
        drain(&mut consumer, &mut came)?;
    }
    compare(&came, origin, killed)?;
    is_known(scene, &came, origin)?;
    letters(scene, origin)?;
    is_as_new(scene, consumer, origin.next + 1_000)
}

/// What is kept of the sends of producer number 1, which had sent all before where it is the single
/// one and else nothing, is what came of them.
fn is_known(scene: &Scene, came: &Came, origin: &Origin) -> Result<(), Trouble> {
    let before = if origin.single { origin.next } else { 0 };
    let new: BTreeSet<u64> = came.messages.iter().map(|(number, _)| *number).collect();
    let new = new.range(origin.next..).count() as u64;
    let sent = scene.segment.mpmc_producer_numbered(1)?.sent();
    // Nothing of it, where another producer sent.
    if sent == Some(before + new) || !origin.single && sent == Some(0) {
        return Ok(());
    }
    Err(Fault::Lost(format!("{new} came, and it is said that {sent:?} were sent")).into())
}

/// There is a dead letter of each message that nobody could be given, and no other one.
pub(super) fn letters(scene: &Scene, origin: &Origin) -> Result<(), Trouble> {
    let letters = scene.segment.dead_letters().map_err(|error| wedged("see letters", &error))?;
    let numbers: Vec<_> = letters.iter().map(|letter| number_of(&letter.bytes)).collect();
    let last = origin.items.iter().filter_map(|item| match *item {
        Item::Last(number) => Some(Some(number)),
        _ => None,
    });
    let last: Vec<_> = last.collect();
    if numbers != last {
        return Err(Fault::Lost(format!("dead letters {numbers:?}, and not {last:?}")).into());
    }
    for letter in letters {
        let is_discarded = scene.segment.discard_dead_letter(letter.position);
        if is_discarded != Ok(true) {
            return Err(Fault::Wedged(format!("a letter stays: {is_discarded:?}")).into());
        }
    }
    Ok(())
}

/// Whether messages from number `first` on go through the ring as they came.
pub(super) fn is_as_new(
    scene: &Scene,
    mut consumer: MpmcConsumer,
    first: u64,
) -> Result<(), Trouble> {
    let mut producer = scene.segment.mpmc_producer()?;
    for number in first..first + AFTERWARDS {
        producer.try_send(&message(number)).map_err(|error| wedged("send", &error))?;
        let mut buffer = [0; 48];
        let received = consumer.try_recv(&mut buffer).map_err(|error| wedged("receive", &error))?;
        if number_of(&buffer[..received.len]) != Some(number) || received.attempt != 0 {
            return Err(Fault::Lost(format!("message {number} afterwards")).into());
        }
        consumer.flush();
    }
    drop((producer, consumer));
    let left = scene.segment.inspect().backlog;
    if left.messages != 0 || left.head != left.tail {
        return Err(Fault::Doubled(format!("something is left over: {left:?}")).into());
    }
    Ok(())
}

/// A second one of that role is refused as long as the first one lives, and nobody else is.
pub(super) fn is_refused(scene: &Scene, role: Role) -> Result<(), Fault> {
    let producer = scene.segment.mpmc_producer().map(drop);
    let consumer = scene.segment.mpmc_consumer().map(drop);
    let (same, other) = match role {
        Role::Producer => (producer, consumer),
        Role::Consumer => (consumer, producer),
    };
    match (same, other) {
        (Err(JoinError::Busy { .. }), Ok(())) => Ok(()),
        joined => Err(Fault::Doubled(format!("beside a {role:?} these joined: {joined:?}"))),
    }
}

fn wedged(what: &str, error: &dyn std::fmt::Display) -> Fault {
    Fault::Wedged(format!("nobody can {what} afterwards: {error}"))
}

/// Takes all that there is.
pub(super) fn drain(consumer: &mut MpmcConsumer, came: &mut Came) -> Result<(), Trouble> {
    let mut buffer = [0; 48];
    // Ends: there is no more than a lap, and each time something comes it is less.
    for _ in 0..3 * SLOTS {
        consumer.repair();
        match consumer.try_recv(&mut buffer) {
            Ok(received) => {
                let number = number_of(&buffer[..received.len]);
                let number = number.ok_or(Fault::Lost("a message came broken".to_owned()))?;
                came.messages.push((number, received.attempt));
            }
            Err(RecvError::Gap { .. }) => came.gaps += 1,
            Err(RecvError::Empty | RecvError::Closed | RecvError::ProducerDied) => {
                consumer.flush();
                return Ok(());
            }
            Err(error) => return Err(Fault::Wedged(format!("nobody can receive: {error}")).into()),
        }
    }
    Err(Fault::Doubled("more comes than was ever there".to_owned()).into())
}

fn compare(came: &Came, origin: &Origin, killed: Killed) -> Result<(), Fault> {
    let expected = expected(origin, killed);
    for Expected { number, must_come, may_come, plain, flagged } in &expected {
        let times = |again: bool| {
            let of_it = came.messages.iter().filter(|(came, _)| came == number);
            of_it.filter(|(_, attempt)| (*attempt > 0) == again).count()
        };
        let what = || format!("message {number}: {expected:?} of {:?}", came.messages);
        if *must_come && times(false) + times(true) == 0 {
            return Err(Fault::Lost(what()));
        }
        let most = usize::from(*may_come);
        if times(false) > usize::from(*plain) || times(true) > usize::from(*flagged) {
            return Err(Fault::Doubled(what()));
        }
        if times(false) + times(true) > most {
            return Err(Fault::Doubled(what()));
        }
    }
    let is_known = |number| expected.iter().any(|expected| expected.number == number);
    if let Some((number, _)) = came.messages.iter().find(|(number, _)| !is_known(*number)) {
        return Err(Fault::Doubled(format!("message {number} was never sent")));
    }
    let plain = came.messages.iter().filter(|(_, attempt)| *attempt == 0);
    if !plain.is_sorted_by_key(|(number, _)| *number) {
        return Err(Fault::Lost(format!("out of order: {:?}", came.messages)));
    }
    // Where there is one consumer at a time, what the dead one had in hand comes first.
    if origin.single && !came.messages.is_sorted() {
        return Err(Fault::Lost(format!("out of order: {:?}", came.messages)));
    }
    let claims = origin.items.iter().filter(|item| **item == Item::Claimed).count() as u64;
    let most = claims + u64::from(matches!(killed.operation.effect, Effect::Sends | Effect::Drops));
    let drops = u64::from(killed.operation.effect == Effect::Drops && killed.returned);
    // Who died after it had passed a gap has not told of it.
    let is_told = killed.operation.effect != Effect::Nothing && killed.twice;
    let least = if is_told { 0 } else { drops * killed.moved };
    if came.gaps > most || came.gaps < least {
        return Err(Fault::Doubled(format!("{} gaps, of {least} to {most}", came.gaps)));
    }
    Ok(())
}

fn expected(origin: &Origin, killed: Killed) -> Vec<Expected> {
    let Killed { operation, moved, returned, twice } = killed;
    let is_alive = !origin.alive.is_empty();
    let (taken, kept) = operation.effect.taken(moved);
    let mut place = 0;
    let mut all = Vec::new();
    for item in &origin.items {
        let (number, in_hand) = match *item {
            Item::Ready(number) => (number, false),
            Item::InHand(number) => (number, true),
            Item::Claimed | Item::Last(_) => continue,
        };
        let mut one = Expected {
            number,
            must_come: true,
            may_come: true,
            plain: !in_hand,
            flagged: in_hand || twice,
        };
        // What one has in hand who lives is for nobody else.
        if !(in_hand && is_alive) {
            if place < taken {
                one.flagged = true;
                if place + kept < taken {
                    // Released, unless it was killed before.
                    one.must_come = false;
                    one.may_come = !returned;
                } else if returned {
                    one.plain = false;
                }
            }
            place += 1;
        }
        all.push(one);
    }
    if operation.effect == Effect::Sends {
        for number in origin.next..origin.next + moved {
            let flagged = twice;
            all.push(Expected {
                number,
                must_come: returned,
                may_come: true,
                plain: true,
                flagged,
            });
        }
    }
    all
}
