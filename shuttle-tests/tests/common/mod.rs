//! What the models share: producers and consumers who meet at a small ring, some of whom die, and
//! what must hold when all have gone.

use annulus::Deadline;
use annulus::ring::mpmc::{
    Consumer, Delivery, Geometry, JoinError, Producer, RecvError, SendError,
};
use annulus::ring::{Role, Waiting};
use annulus_shuttle_tests::{Hall, Lifeline, Seated, survived};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard};

/// Producers, consumers, and what each producer sends.
const SIDE: usize = 3;
const MESSAGES: u64 = 4;

/// Slots of the ring.
const SLOTS: u64 = 4;

/// A message is its number, so often: one that was torn is none.
const WORDS: usize = 3;
const BYTES: usize = 8 * WORDS;

/// Who dies does so before one of so many accesses. Some live on: their end is not reached.
const LIFE: u64 = 150;

/// A meeting, as it is planned.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) waiting: Waiting,
    pub(crate) delivery: Delivery,
    pub(crate) dying_producers: usize,
    pub(crate) dying_consumers: usize,
    /// Whether another one comes for each who has died.
    pub(crate) latecomers: bool,
    /// The role that one participant has at a time, if one is so.
    pub(crate) single: Option<Role>,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            waiting: Waiting::Spin,
            delivery: Delivery::AtLeastOnce,
            dying_producers: 0,
            dying_consumers: 0,
            latecomers: false,
            single: None,
        }
    }
}

/// What has happened.
#[derive(Default)]
struct Ledger {
    /// Numbers of sends that have returned, and of those that were cut off.
    sent: Vec<u64>,
    cut_off: Vec<u64>,
    /// By whom, what, and how often it had been delivered before.
    came: Vec<(usize, u64, u32)>,
    gaps: usize,
    /// Consumers that have died.
    dead_consumers: usize,
    dead_producers: usize,
}

/// Those who meet.
pub(crate) struct Party {
    plan: Plan,
    geometry: Geometry,
    hall: Arc<Hall>,
    ledger: Mutex<Ledger>,
}

impl Party {
    pub(crate) fn of(plan: Plan) -> Arc<Party> {
        let geometry = Geometry::new(SLOTS, BYTES as u32).expect("a small ring is a ring");
        // One more of each keeps the ring open until all have come.
        let geometry = geometry.with_seats(2 * SIDE as u16 + 2).expect("so many there may be");
        let geometry = geometry.delivering(plan.delivery).waiting_by(plan.waiting);
        let geometry = plan.single.map_or(geometry, |role| geometry.with_single(role));
        let hall = Hall::fresh(geometry);
        Arc::new(Party { plan, geometry, hall, ledger: Mutex::default() })
    }

    /// They meet, and all that must hold then is looked at.
    pub(crate) fn meet(self: Arc<Party>) {
        // Where one comes after the other, nobody may keep the place.
        let many = |role| self.plan.single != Some(role);
        let keeper = many(Role::Producer).then(|| self.join(Party::producer_by).0);
        let _other_keeper = many(Role::Consumer).then(|| self.join(Party::consumer_by).0);
        let producers = self.start(Role::Producer, self.plan.dying_producers, Party::produce);
        let consumers = self.start(Role::Consumer, self.plan.dying_consumers, Party::consume);
        for producer in producers {
            producer.join().expect("a producer comes to its end");
        }
        drop(keeper);
        for consumer in consumers {
            consumer.join().expect("a consumer comes to its end");
        }
        self.check();
    }

    /// Threads of one role.
    fn start(
        self: &Arc<Party>,
        role: Role,
        dying: usize,
        live: fn(&Party, usize, bool),
    ) -> Vec<thread::JoinHandle<()>> {
        let one = |lane| {
            let party = self.clone();
            thread::spawn(move || live(&party, lane, lane < dying))
        };
        let number = if self.plan.single == Some(role) { 1 } else { SIDE };
        (0..number).map(one).collect()
    }

    /// Sends its numbers; who dies leaves the rest to the one who comes after it, if one does.
    fn produce(&self, lane: usize, dies: bool) {
        let first = 100 * lane as u64;
        let (mut producer, life) = self.join(Party::producer_by);
        let index = producer.participant();
        if dies {
            life.ends_before(thread_rng().gen_range(0..LIFE));
        }
        let next = Cell::new(first);
        let lived = survived(|| {
            self.send_all(&mut producer, &next, first + MESSAGES);
            drop(producer);
        });
        if lived.is_none() {
            assert!(life.is_over());
            self.hall.bury(index);
            let mut ledger = self.ledger();
            ledger.cut_off.push(next.get());
            ledger.dead_producers += 1;
            drop(ledger);
            if self.plan.latecomers {
                let mut producer = self.join(Party::producer_by).0;
                next.set(next.get() + 1);
                self.send_all(&mut producer, &next, first + MESSAGES);
            }
        }
    }

    fn send_all(&self, producer: &mut Producer<Seated>, next: &Cell<u64>, end: u64) {
        while next.get() < end {
            let message: Vec<u8> = [next.get().to_le_bytes(); WORDS].concat();
            match producer.send(&message, self.deadline()) {
                Ok(_) => {
                    self.ledger().sent.push(next.get());
                    next.set(next.get() + 1);
                }
                // The next consumer comes.
                Err(SendError::PeerDead) if self.plan.single == Some(Role::Consumer) => {
                    thread::yield_now();
                }
                Err(SendError::Full) => {
                    producer.repair();
                    thread::yield_now();
                }
                Err(error) => panic!("a send: {error}"),
            }
        }
    }

    /// Receives until the end; another one comes for who dies, if one does.
    fn consume(&self, lane: usize, dies: bool) {
        let (mut consumer, life) = self.join(Party::consumer_by);
        let index = consumer.participant();
        if dies {
            life.ends_before(thread_rng().gen_range(0..LIFE));
        }
        let lived = survived(|| {
            self.receive_all(&mut consumer, lane);
            drop(consumer);
        });
        if lived.is_none() {
            assert!(life.is_over());
            self.hall.bury(index);
            self.ledger().dead_consumers += 1;
            if self.plan.latecomers {
                let mut consumer = self.join(Party::consumer_by).0;
                self.receive_all(&mut consumer, lane + SIDE);
            }
        }
    }

    fn receive_all(&self, consumer: &mut Consumer<Seated>, lane: usize) {
        let mut buffer = [0; BYTES];
        // Ends: all who send leave or die.
        loop {
            match consumer.recv(&mut buffer, self.deadline()) {
                Ok(received) => {
                    let words = buffer.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word));
                    let words: Vec<u64> = words.collect();
                    assert_eq!(received.len, BYTES);
                    assert!(words.iter().all(|word| *word == words[0]), "torn: {words:?}");
                    self.ledger().came.push((lane, words[0], received.attempt));
                }
                Err(RecvError::Gap { .. }) => self.ledger().gaps += 1,
                Err(RecvError::Empty) => {
                    consumer.repair();
                    thread::yield_now();
                }
                Err(RecvError::Closed | RecvError::ProducerDied) => return,
                Err(error) => panic!("a receive: {error}"),
            }
        }
    }

    /// What a wait is given: nothing, and then it is tried again, or all the time that there is.
    fn deadline(&self) -> Deadline {
        match self.plan.waiting {
            Waiting::Spin => Deadline::PASSED,
            Waiting::Park { .. } => Deadline::NEVER,
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("nobody panics there")
    }

    fn check(&self) {
        let ledger = self.ledger();
        let Ledger { sent, cut_off, came, gaps, dead_consumers, dead_producers } = &*ledger;
        let said =
            || format!("{cut_off:?} cut off, {dead_consumers} receivers dead, came {came:?}");
        let times = |number: u64| came.iter().filter(|(_, one, _)| *one == number).count();
        let missing = sent.iter().filter(|number| times(**number) == 0).count();
        let may_miss = if self.plan.delivery == Delivery::AtMostOnce { *dead_consumers } else { 0 };
        assert!(missing <= may_miss, "{missing} were lost: {}", said());
        for (_, number, _) in came {
            assert!(sent.contains(number) || cut_off.contains(number), "{number}: {}", said());
            let of_it = || came.iter().filter(|(_, one, _)| one == number);
            let plain = of_it().filter(|(_, _, attempt)| *attempt == 0).count();
            assert!(plain <= 1, "{number} came {plain} times: {}", said());
        }
        let again = came.iter().filter(|(_, _, attempt)| *attempt > 0).count();
        let may_come = if may_miss > 0 { 0 } else { *dead_consumers };
        assert!(again <= may_come, "{again} came again: {}", said());
        for consumer in 0..2 * SIDE {
            for lane in 0..SIDE as u64 {
                let of_both = came.iter().filter(|(by, number, attempt)| {
                    *by == consumer && *attempt == 0 && number / 100 == lane
                });
                assert!(of_both.is_sorted_by_key(|(_, number, _)| *number), "order: {}", said());
            }
        }
        if self.plan.single == Some(Role::Consumer) {
            // Over its death, too: what it had in hand comes first.
            for lane in 0..SIDE as u64 {
                let of_lane = came.iter().filter(|(_, number, _)| number / 100 == lane);
                assert!(of_lane.is_sorted_by_key(|(_, number, _)| *number), "order: {}", said());
            }
        }
        assert!(*gaps <= *dead_producers, "{gaps} gaps, {}", said());
        drop(ledger);
        self.is_as_new();
    }

    /// Two laps go through the ring, and nothing else is in it.
    fn is_as_new(&self) {
        let mut consumer = self.join(Party::consumer_by).0;
        let mut producer = self.join(Party::producer_by).0;
        let mut buffer = [0; BYTES];
        for number in 1_000..1_000 + 2 * SLOTS {
            let message: Vec<u8> = [number.to_le_bytes(); WORDS].concat();
            producer.try_send(&message).expect("there is room");
            // Gaps of the dead may be told now.
            let came = (0..SLOTS).find_map(|_| consumer.try_recv(&mut buffer).ok());
            assert_eq!(came.map(|came| came.attempt), Some(0));
            assert_eq!(buffer[..], message);
            consumer.flush();
        }
    }

    /// Joins, as soon as there is a seat: who is just joining may hold one up. With its life.
    fn join<H>(&self, join: fn(&Party, Seated) -> Result<H, JoinError>) -> (H, Rc<Lifeline>) {
        // Ends: there are seats for all who live.
        loop {
            let way = Seated::over(&self.hall);
            let life = way.life();
            match join(self, way) {
                Ok(handle) => return (handle, life),
                Err(error) => {
                    let is_soon = matches!(error, JoinError::Full { .. } | JoinError::Busy { .. });
                    assert!(is_soon, "{error}");
                }
            }
            thread::yield_now();
        }
    }

    fn producer_by(&self, way: Seated) -> Result<Producer<Seated>, JoinError> {
        // SAFETY: the hall was made for that geometry.
        unsafe { Producer::join(way, self.geometry) }
    }

    fn consumer_by(&self, way: Seated) -> Result<Consumer<Seated>, JoinError> {
        // SAFETY: as above.
        unsafe { Consumer::join(way, self.geometry) }
    }
}
