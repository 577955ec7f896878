//! A victim that is stopped where others of its kind are killed, lives on and is let go at last.
//!
//! Nobody may take from it what it holds, however long it does not move, and nobody may wait for it
//! past a deadline. A sender and a receiver go on beside it, over a lap if it lets them; then it
//! takes its next step with what it had read before. What came to all of them together must be
//! what was sent, once.

use super::oracle::{Came, drain, is_as_new, letters};
use super::scene::{Item, Origin, SLOTS, Scene, message, number_of};
use super::{Effect, Operation};
use crate::oracle::Fault;
use crate::patience::Patience;
use crate::scene::Trouble;
use annulus::ring::mpmc::{RecvError, SendError};
use annulus::{Deadline, MpmcConsumer, MpmcProducer};
use std::time::Duration;

/// Messages that the sender beside the victim has to send: two laps, and more.
const BESIDE: u64 = 2 * SLOTS + 9;

/// What a wait is given, and what it may take.
const SHORTLY: Duration = Duration::from_micros(50);
const MUCH_TOO_LONG: Duration = Duration::from_secs(2);

/// A sender and a receiver who are there before the victim comes.
pub(super) struct Others {
    producer: MpmcProducer,
    consumer: MpmcConsumer,
    /// The number of their first message, and of the one that they send next.
    first: u64,
    next: u64,
    came: Came,
}

impl Others {
    pub(super) fn join(scene: &Scene, origin: &Origin) -> Result<Others, Trouble> {
        let (producer, consumer) = (scene.segment.mpmc_producer()?, scene.segment.mpmc_consumer()?);
        let first = origin.next + 100;
        Ok(Others { producer, consumer, first, next: first, came: Came::default() })
    }

    /// Send and receive by turns, as long as the victim, which does not move, lets them.
    pub(super) fn go_on(&mut self) -> Result<(), Trouble> {
        for round in 0..BESIDE {
            // One in a while is a real wait: it has to end by its deadline.
            let patience = (round % 40 == 39).then(|| Patience::with(std::process::id()));
            let deadline = || match patience {
                Some(_) => Deadline::after(SHORTLY),
                None => Deadline::PASSED,
            };
            match self.producer.send(&message(self.next), deadline()) {
                Ok(_) => self.next += 1,
                Err(SendError::Full | SendError::Timeout | SendError::PeerStalled(_)) => {}
                Err(error) => return Err(wedged("send", &error).into()),
            }
            let mut buffer = [0; 48];
            match self.consumer.recv(&mut buffer, deadline()) {
                Ok(received) => {
                    let number = number_of(&buffer[..received.len]);
                    let number = number.ok_or(Fault::Lost("a message came broken".to_owned()))?;
                    self.came.messages.push((number, received.attempt));
                }
                Err(RecvError::Gap { .. }) => self.came.gaps += 1,
                Err(RecvError::Empty | RecvError::Timeout | RecvError::PeerStalled(_)) => {}
                Err(error) => return Err(wedged("receive", &error).into()),
            }
            if patience.is_some_and(|patience| patience.is_over(MUCH_TOO_LONG)) {
                let late = format!("they waited for more than {MUCH_TOO_LONG:?}");
                return Err(Fault::Wedged(late).into());
            }
        }
        Ok(())
    }

    /// The victim has come to its end, after `moved` messages, and was killed there.
    pub(super) fn check(
        mut self,
        mut scene: Scene,
        origin: &Origin,
        operation: &Operation,
        moved: u64,
    ) -> Result<(), Trouble> {
        drain(&mut self.consumer, &mut self.came)?;
        scene.others_die()?;
        drain(&mut self.consumer, &mut self.came)?;
        self.compare(origin, operation.effect, moved)?;
        letters(&scene, origin)?;
        drop((self.producer, self.consumer));
        is_as_new(&scene, scene.segment.mpmc_consumer()?, origin.next + 1_000)
    }

    fn compare(&self, origin: &Origin, effect: Effect, moved: u64) -> Result<(), Fault> {
        let (taken, kept) = effect.taken(moved);
        let sent = if effect == Effect::Sends { moved } else { 0 };
        let dropped = if effect == Effect::Drops { moved } else { 0 };
        let came = &self.came.messages;
        let (mut numbers, mut in_hand) = (Vec::new(), Vec::new());
        for item in &origin.items {
            match *item {
                Item::Ready(number) => numbers.push(number),
                Item::InHand(number) => in_hand.push(number),
                Item::Claimed | Item::Last(_) => {}
            }
        }
        numbers.extend(&in_hand);
        numbers.extend(origin.next..origin.next + sent);
        numbers.extend(self.first..self.next);
        let times = |number: u64| came.iter().filter(|(one, _)| *one == number).count();
        let said = || format!("the victim moved {moved}, and here came {came:?}");
        if let Some(number) = numbers.iter().find(|number| times(**number) > 1) {
            return Err(Fault::Doubled(format!("message {number}: {}", said())));
        }
        if let Some((number, _)) = came.iter().find(|(number, _)| !numbers.contains(number)) {
            return Err(Fault::Doubled(format!("{number} was never sent: {}", said())));
        }
        // What the victim has released, and nothing else: the rest of what it took says that it
        // comes again, and so does what others had in hand before.
        let missing = numbers.iter().filter(|number| times(**number) == 0).count() as u64;
        if missing > taken {
            return Err(Fault::Lost(format!("{missing} did not come: {}", said())));
        }
        let again = came.iter().filter(|(_, attempt)| *attempt > 0);
        let other = again.filter(|(number, _)| !in_hand.contains(number)).count() as u64;
        let given_back = taken - missing;
        if given_back != kept || other > given_back {
            return Err(Fault::Doubled(format!("{missing} did not come: {}", said())));
        }
        if other + (in_hand.len() as u64) < given_back {
            return Err(Fault::Lost(format!("it is not said what came again: {}", said())));
        }
        for of_one in [0..self.first, self.first..self.next] {
            let plain =
                came.iter().filter(|(number, attempt)| *attempt == 0 && of_one.contains(number));
            if !plain.is_sorted_by_key(|(number, _)| *number) {
                return Err(Fault::Lost(format!("out of order: {}", said())));
            }
        }
        let claims = origin.items.iter().filter(|item| **item == Item::Claimed).count() as u64;
        if self.came.gaps > claims + dropped {
            let gaps = self.came.gaps;
            return Err(Fault::Lost(format!("{gaps} gaps, of {claims} and {dropped}")));
        }
        Ok(())
    }
}

fn wedged(what: &str, error: &dyn std::fmt::Display) -> Fault {
    Fault::Wedged(format!("nobody can {what} while the victim does not move: {error}"))
}
