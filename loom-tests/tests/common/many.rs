//! What the models of the ring of many share: a few slots, numbers as messages.

use super::model;
use annulus::Deadline;
use annulus::ring::mpmc::{
    Consumer, DeadLetter, Geometry, JoinError, Producer, RecvError, SendError,
};
use annulus::ring::{Barrier, Role, Waiting, Wake};
use annulus_loom_tests::{Hall, Lifeline, Seated, crash_point, survived};
use loom::thread;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// So many slots of 8 bytes, for so many participants.
fn geometry(slots: u64, seats: u16) -> Geometry {
    let geometry = Geometry::new(slots, 8).expect("a small ring is a ring").of_one_length();
    geometry.with_seats(seats).expect("so many there may be")
}

/// A ring, and what it is made of.
#[derive(Clone)]
pub(crate) struct Room {
    pub(crate) hall: Arc<Hall>,
    geometry: Geometry,
}

impl Room {
    /// Of two slots.
    pub(crate) fn of(seats: u16) -> Room {
        Room::with(2, seats)
    }

    pub(crate) fn with(slots: u64, seats: u16) -> Room {
        Room::waiting_by(slots, seats, Waiting::Spin)
    }

    /// Of two slots, whose participants sleep at once.
    pub(crate) fn parking(seats: u16, barrier: Barrier) -> Room {
        Room::waiting_by(2, seats, Waiting::Park { spins: false, barrier, wake: Wake::Futex })
    }

    /// Of two slots, with one participant of each of these roles at a time.
    pub(crate) fn single(seats: u16, roles: &[Role]) -> Room {
        let geometry =
            roles.iter().fold(geometry(2, seats), |geometry, role| geometry.with_single(*role));
        Room { hall: Hall::fresh(geometry), geometry }
    }

    /// Of two slots, with one numbered producer.
    pub(crate) fn numbered(seats: u16) -> Room {
        let geometry = geometry(2, seats).with_numbered(1);
        Room { hall: Hall::fresh(geometry), geometry }
    }

    /// Of two slots, with room for so many dead letters.
    pub(crate) fn with_letters(seats: u16, letters: u16) -> Room {
        let geometry = geometry(2, seats).with_letters(letters);
        Room { hall: Hall::fresh(geometry), geometry }
    }

    /// The dead letters there, each by its position and number.
    pub(crate) fn letters(&self) -> Vec<(u64, u64)> {
        // SAFETY: the hall was made for that geometry.
        let letters = unsafe { DeadLetter::all(Seated::over(&self.hall), self.geometry) };
        let number =
            |letter: &DeadLetter| u64::from_le_bytes(letter.bytes[..].try_into().expect("8 bytes"));
        letters.iter().map(|letter| (letter.position, number(letter))).collect()
    }

    /// Discards the one of that position: whether it was there.
    pub(crate) fn discard(&self, position: u64) -> bool {
        // SAFETY: as above.
        unsafe { DeadLetter::discard(Seated::over(&self.hall), self.geometry, position) }
    }

    /// Producer number 1, as one whose end can be said.
    pub(crate) fn number_one(&self) -> (Producer<Seated>, Rc<Lifeline>) {
        let way = Seated::over(&self.hall);
        let life = way.life();
        // SAFETY: as above.
        let joined = unsafe { Producer::join_numbered(way, self.geometry, 1) };
        (joined.expect("nobody has the number"), life)
    }

    fn waiting_by(slots: u64, seats: u16, waiting: Waiting) -> Room {
        let geometry = geometry(slots, seats).waiting_by(waiting);
        Room { hall: Hall::fresh(geometry), geometry }
    }

    /// The way of a new participant.
    fn way(&self) -> Seated {
        let way = Seated::over(&self.hall);
        match self.geometry.waiting().barrier() {
            Some(Barrier::Membarrier) => way.registered(),
            _ => way,
        }
    }

    pub(crate) fn producer(&self) -> Producer<Seated> {
        self.producer_by(self.way())
    }

    /// One whose end can be said.
    pub(crate) fn mortal_producer(&self) -> (Producer<Seated>, Rc<Lifeline>) {
        let way = Seated::over(&self.hall);
        let life = way.life();
        (self.producer_by(way), life)
    }

    pub(crate) fn producer_by(&self, way: Seated) -> Producer<Seated> {
        // SAFETY: the hall was made for that geometry.
        unsafe { Producer::join(way, self.geometry) }.expect("there is a seat")
    }

    pub(crate) fn consumer(&self) -> Consumer<Seated> {
        self.consumer_by(self.way())
    }

    /// One whose end can be said.
    pub(crate) fn mortal_consumer(&self) -> (Consumer<Seated>, Rc<Lifeline>) {
        let way = Seated::over(&self.hall);
        let life = way.life();
        (self.consumer_by(way), life)
    }

    pub(crate) fn consumer_by(&self, way: Seated) -> Consumer<Seated> {
        // SAFETY: as above.
        unsafe { Consumer::join(way, self.geometry) }.expect("there is a seat")
    }

    /// A producer, as soon as there is a seat.
    pub(crate) fn producer_soon(&self) -> Producer<Seated> {
        // SAFETY: as above.
        soon(|| unsafe { Producer::join(Seated::over(&self.hall), self.geometry) })
    }

    /// A consumer, as soon as there is a seat.
    pub(crate) fn consumer_soon(&self) -> Consumer<Seated> {
        // SAFETY: as above.
        soon(|| unsafe { Consumer::join(Seated::over(&self.hall), self.geometry) })
    }
}

/// Joins as soon as there is a seat: who is just joining may hold one up.
fn soon<H>(mut join: impl FnMut() -> Result<H, JoinError>) -> H {
    loop {
        match join() {
            Ok(handle) => return handle,
            Err(error) => {
                assert!(matches!(error, JoinError::Full { .. } | JoinError::Busy { .. }));
            }
        }
        thread::yield_now();
    }
}

/// Sends `number` as soon as there is room.
pub(crate) fn send(producer: &mut Producer<Seated>, number: u64) {
    // Ends: consumers go on.
    while let Err(error) = producer.try_send(&number.to_le_bytes()) {
        assert_eq!(error, SendError::Full);
        producer.repair();
        thread::yield_now();
    }
}

/// What came: a number and whether it was delivered before, or a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Came {
    Number(u64, bool),
    Gap(u64),
}

/// What there is now, if anything.
pub(crate) fn try_recv(consumer: &mut Consumer<Seated>) -> Option<Came> {
    let mut buffer = [0; 8];
    match consumer.try_recv(&mut buffer) {
        Ok(received) => Some(Came::Number(u64::from_le_bytes(buffer), received.attempt > 0)),
        Err(RecvError::Gap { position, .. }) => Some(Came::Gap(position)),
        Err(RecvError::Empty) => None,
        Err(error) => panic!("{error}"),
    }
}

/// What comes next.
pub(crate) fn recv(consumer: &mut Consumer<Seated>) -> Came {
    loop {
        if let Some(came) = try_recv(consumer) {
            return came;
        }
        consumer.repair();
        thread::yield_now();
    }
}

/// What comes next, for which it sleeps.
pub(crate) fn recv_asleep(consumer: &mut Consumer<Seated>) -> Came {
    let mut buffer = [0; 8];
    match consumer.recv(&mut buffer, Deadline::NEVER) {
        Ok(received) => Came::Number(u64::from_le_bytes(buffer), received.attempt > 0),
        Err(RecvError::Gap { position, .. }) => Came::Gap(position),
        Err(error) => panic!("{error}"),
    }
}

/// Leaves the model as a process that goes on elsewhere: without another access.
pub(crate) fn away<H>(handle: H) {
    std::mem::forget(handle);
}

/// Takes all that there is now, behind what others hold as well.
pub(crate) fn drain(consumer: &mut Consumer<Seated>) -> Vec<Came> {
    let all = || {
        consumer.repair();
        try_recv(consumer)
    };
    std::iter::from_fn(all).collect()
}

/// What it does until it dies before its access number `accesses`, or is done; says whether it
/// died. Either way its process is gone then, wherever it was.
pub(crate) fn dies_in<H>(
    room: &Room,
    participant: u16,
    (mut handle, life): (H, Rc<Lifeline>),
    accesses: u32,
    live: impl FnOnce(&mut H),
) -> bool {
    life.ends_before(accesses);
    let died = survived(|| live(&mut handle)).is_none();
    away(handle);
    room.hall.bury(participant);
    died
}

/// Runs a model for every crash point; `run` says whether the victim died in it.
pub(crate) fn at_every_access(run: impl Fn(u32) -> bool + Clone + Send + Sync + 'static) {
    let points = crash_point(|accesses| {
        let died = Arc::new(AtomicBool::new(false));
        let (run, seen) = (run.clone(), died.clone());
        model(move || {
            if run(accesses) {
                seen.store(true, Ordering::Relaxed);
            }
        });
        died.load(Ordering::Relaxed)
    });
    assert!(points > 0, "the victim has died nowhere");
}
