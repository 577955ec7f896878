//! Every call of both handles, and what each may answer whatever the memory says.

mod any;

use crate::world::{Meddling, Reach, World};
use annulus::ring::Position;
use annulus::ring::spsc::{Consumer, Producer};
use annulus::ring::watch::{Armed, arm};
use annulus::{Corruption, Deadline, RecvError, SendError};

/// How long a call waits that may.
const WAIT_NS: u64 = 400_000;

/// Steps that a call may take, beside looking once at every cell of the ring: a wait has a few
/// hundred pauses, and each goes with some looks.
const STEPS: u64 = 5_000;

/// One call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Takes the producer's role; a producer that was there was killed.
    JoinProducer,
    /// Takes the consumer's role; a consumer that was there was killed.
    JoinConsumer,
    /// Drops the producer, which closes.
    CloseProducer,
    /// Drops the consumer, which closes.
    CloseConsumer,
    /// `try_send`, or `send`, of so many bytes.
    Send(bool, usize),
    /// `try_claim`, or `claim`, of so many bytes, and a commit of some of them, or none.
    Claim(bool, usize, Option<usize>),
    /// `send_batch` of so many messages, one at least, of so many bytes.
    Batch(usize, usize),
    /// `try_recv`, or `recv`, into so many bytes.
    Recv(bool, usize),
    /// `try_recv_array`, or `recv_array`, of 56 bytes.
    RecvArray(bool),
    /// `try_peek`, or `peek`, with release or without.
    Peek(bool, bool),
    /// `drain` of at most so many, one at least.
    Drain(usize),
    /// `batch`, which gathers so many and releases so many of them.
    Gather(usize, usize),
    /// `flush`.
    Flush,
    /// `release_each`.
    ReleaseEach,
    /// Lies down to be told of a message, and tries if there is one.
    Arm,
    /// The same for room for so many bytes.
    ArmForRoom(usize),
    /// `wait_any`, for a message alone, and a try if there is one.
    Any,
    /// The same for room for so many bytes.
    AnyRoom(usize),
}

/// The length that [`Call::RecvArray`] asks for.
pub const ARRAY: usize = 56;

/// Both handles of a world.
pub struct Sides<'w> {
    world: &'w World,
    producer: Option<Producer<Reach<'w>>>,
    consumer: Option<Consumer<Reach<'w>>>,
    /// The error that a handle has to give from now on.
    send_poison: Option<SendError>,
    recv_poison: Option<RecvError>,
    /// How far the consumer has come.
    received: Position,
    /// Corruptions that were found.
    corruptions: u64,
}

/// What may be answered to a call that did not go well.
fn is_known(may_wait: bool, error: SendError, len: usize, longest: usize) -> bool {
    match error {
        SendError::Full => !may_wait,
        SendError::TooLarge { limit } => limit as usize == longest && len > longest,
        SendError::Timeout | SendError::PeerDead => may_wait,
        SendError::PeerClosed | SendError::Severed(_) | SendError::Corrupted(_) => true,
    }
}

impl<'w> Sides<'w> {
    /// Nobody has joined yet.
    pub fn new(world: &'w World) -> Sides<'w> {
        Sides {
            world,
            producer: None,
            consumer: None,
            send_poison: None,
            recv_poison: None,
            received: 0,
            corruptions: 0,
        }
    }

    /// How many corruptions were found so far.
    pub fn corruptions(&self) -> u64 {
        self.corruptions
    }

    /// How far the producer has come, or else the consumer.
    pub fn positions(&self) -> [Position; 2] {
        let producer = self.producer.as_ref().map_or(0, |producer| producer.position());
        [producer, self.consumer.as_ref().map_or(0, |consumer| consumer.position())]
    }

    /// Makes a call, during which somebody may meddle, and says how many steps it took.
    ///
    /// # Panics
    ///
    /// If it answers what it must not, leaves the segment, or does not end.
    pub fn make(&mut self, call: Call, meddling: Option<Meddling>) -> u64 {
        self.world.begin(STEPS + 4 * self.world.geometry().capacity() / 8, meddling);
        self.answer(call);
        let steps = self.world.steps();
        self.world.begin(u64::MAX, None);
        steps
    }

    fn answer(&mut self, call: Call) {
        match call {
            Call::JoinProducer => self.join_producer(),
            Call::JoinConsumer => self.join_consumer(),
            Call::CloseProducer => {
                (self.producer, self.send_poison) = (None, None);
            }
            Call::CloseConsumer => {
                (self.consumer, self.recv_poison) = (None, None);
            }
            Call::Send(waits, len) => {
                let deadline = self.deadline();
                self.send(waits, len, |producer| match waits {
                    false => producer.try_send(&vec![0x5a; len]).map(drop),
                    true => producer.send(&vec![0x5a; len], deadline).map(drop),
                });
            }
            Call::Claim(waits, len, commit) => {
                let (world, deadline) = (self.world, self.deadline());
                self.send(waits, len, |producer| {
                    let claim = match waits {
                        false => producer.try_claim(len),
                        true => producer.claim(len, deadline),
                    };
                    claim.map(|mut claim| {
                        assert!(world.holds(claim.as_mut_ptr(), len), "a claim outside the ring");
                        claim.write(0, &vec![0xa5; len]);
                        if let Some(commit) = commit {
                            claim.commit(commit.min(len));
                        }
                    })
                });
            }
            Call::Batch(count, len) => {
                let deadline = self.deadline();
                let messages = vec![vec![0x33; len]; count];
                self.send(true, len, |producer| {
                    let done = producer.send_batch(&messages, deadline);
                    done.map_err(|(sent, error)| {
                        assert!(sent < count, "{sent} of {count} sent, and {error}");
                        error
                    })
                });
            }
            Call::Recv(waits, len) => self.recv(waits, len),
            Call::RecvArray(waits) => {
                let deadline = self.deadline();
                self.receive(waits, |consumer| match waits {
                    false => consumer.try_recv_array::<ARRAY>().map(drop),
                    true => consumer.recv_array::<ARRAY>(deadline).map(drop),
                });
            }
            Call::Peek(waits, release) => self.peek(waits, release),
            Call::Drain(limit) => {
                let world = self.world;
                self.receive(false, |consumer| {
                    let longest = world.geometry().longest_message();
                    let mut seen = 0;
                    let drained = consumer.drain(limit, |record| {
                        seen += 1;
                        assert!(
                            record.len() <= longest && world.holds(record.as_ptr(), record.len())
                        );
                        record.read(0, &mut vec![0; record.len()]);
                    })?;
                    assert!(drained == seen && drained <= limit, "{drained} of {limit}");
                    Ok(())
                });
            }
            Call::Gather(count, release) => self.gather(count, release),
            Call::Flush => {
                if let Some(consumer) = &mut self.consumer {
                    consumer.flush();
                }
            }
            Call::ReleaseEach => {
                if let Some(consumer) = &mut self.consumer {
                    consumer.release_each();
                }
            }
            Call::Arm => self.receive(false, |consumer| match arm(consumer, None, drop) {
                Armed::Pending => Err(RecvError::Empty),
                Armed::Ready => consumer.try_recv(&mut [0; 256]).map(drop),
                Armed::PeerDied => unreachable!("nobody was told to ask"),
            }),
            Call::ArmForRoom(len) => self.send(false, len, |producer| {
                match arm(&mut producer.room_for(len)?, None, drop) {
                    Armed::Pending => Err(SendError::Full),
                    Armed::Ready => producer.try_send(&vec![0x5a; len]).map(drop),
                    Armed::PeerDied => unreachable!("nobody was told to ask"),
                }
            }),
            Call::Any => self.wait_for_message(),
            Call::AnyRoom(len) => self.wait_for_room(len),
        }
    }

    fn deadline(&self) -> Deadline {
        Deadline::at(self.world.time() + WAIT_NS)
    }

    fn join_producer(&mut self) {
        // Killed: the handle's end is never seen.
        std::mem::forget(self.producer.take());
        self.send_poison = None;
        // SAFETY: the world has the geometry's size. What it holds is what this is about; the
        // other producer is gone.
        match unsafe { Producer::attach(Reach(self.world), self.world.geometry()) } {
            Ok(producer) => self.producer = Some(producer),
            Err(Corruption { .. }) => self.corruptions += 1,
        }
    }

    fn join_consumer(&mut self) {
        std::mem::forget(self.consumer.take());
        self.recv_poison = None;
        // SAFETY: as for the producer.
        match unsafe { Consumer::attach(Reach(self.world), self.world.geometry()) } {
            Ok(consumer) => {
                self.received = consumer.position();
                self.consumer = Some(consumer);
            }
            Err(Corruption { .. }) => self.corruptions += 1,
        }
    }

    fn send(
        &mut self,
        may_wait: bool,
        len: usize,
        send: impl FnOnce(&mut Producer<Reach<'w>>) -> Result<(), SendError>,
    ) {
        let Some(producer) = &mut self.producer else { return };
        let longest = producer.longest_message();
        assert_eq!(longest, self.world.geometry().longest_message());
        let before = producer.position();
        let done = send(producer);
        assert!(producer.position() >= before, "the producer went back");
        assert!(producer.position().is_multiple_of(8));
        if let Err(error) = done {
            assert!(is_known(may_wait, error, len, longest), "{error:?} for {len} bytes");
        }
        if let Some(poison) = self.send_poison {
            // A message that is too long is so in any ring.
            let fits = len <= longest;
            assert!(!fits || done == Err(poison), "{done:?} after {poison:?}");
        }
        if let Err(error @ (SendError::Corrupted(_) | SendError::Severed(_))) = done {
            let says = producer.corruption().is_some();
            assert_eq!(
                says,
                matches!(error, SendError::Corrupted(_)),
                "what {error:?} was is said"
            );
            self.corruptions += u64::from(says && self.send_poison.is_none());
            self.send_poison = Some(error);
        }
    }

    fn receive(
        &mut self,
        may_wait: bool,
        receive: impl FnOnce(&mut Consumer<Reach<'w>>) -> Result<(), RecvError>,
    ) {
        let Some(consumer) = &mut self.consumer else { return };
        let longest = self.world.geometry().longest_message();
        let done = receive(consumer);
        let now = consumer.position();
        assert!(now >= self.received, "the consumer went back from {} to {now}", self.received);
        assert!(now.is_multiple_of(8));
        self.received = now;
        match done {
            Ok(()) | Err(RecvError::Closed | RecvError::Severed(_) | RecvError::Corrupted(_)) => {}
            Err(RecvError::Empty) => assert!(!may_wait, "Empty from a call that waits"),
            Err(error @ (RecvError::Timeout | RecvError::ProducerDied)) => {
                assert!(may_wait, "{error:?} from a call that does not wait");
            }
            Err(RecvError::TooSmall { needed: len } | RecvError::OtherLength { len }) => {
                assert!(len as usize <= longest, "a message of {len} bytes");
            }
        }
        if let Some(poison) = self.recv_poison {
            assert_eq!(done, Err(poison), "after that error");
        }
        if let Err(error @ (RecvError::Corrupted(_) | RecvError::Severed(_))) = done {
            let says = consumer.corruption().is_some();
            assert_eq!(
                says,
                matches!(error, RecvError::Corrupted(_)),
                "what {error:?} was is said"
            );
            self.corruptions += u64::from(says && self.recv_poison.is_none());
            self.recv_poison = Some(error);
        }
    }

    fn recv(&mut self, waits: bool, len: usize) {
        const UNTOUCHED: u8 = 0xc3;
        let deadline = self.deadline();
        self.receive(waits, |consumer| {
            let mut buffer = vec![UNTOUCHED; len];
            let received = match waits {
                false => consumer.try_recv(&mut buffer),
                true => consumer.recv(&mut buffer, deadline),
            };
            if let Err(RecvError::TooSmall { needed }) = received {
                assert!(needed as usize > len, "{len} bytes are too few for {needed}");
            }
            let received = received?;
            assert!(received.len <= len && received.position.is_multiple_of(8));
            assert!(buffer[received.len..].iter().all(|&byte| byte == UNTOUCHED));
            Ok(())
        });
    }

    fn peek(&mut self, waits: bool, release: bool) {
        let (world, deadline) = (self.world, self.deadline());
        self.receive(waits, |consumer| {
            let view = match waits {
                false => consumer.try_peek()?,
                true => consumer.peek(deadline)?,
            };
            let record = view.record();
            assert!(record.len() <= world.geometry().longest_message());
            assert!(world.holds(record.as_ptr(), record.len()), "a message outside the ring");
            record.read(0, &mut vec![0; record.len()]);
            if release {
                view.release();
            }
            Ok(())
        });
    }

    fn gather(&mut self, count: usize, release: usize) {
        let (world, deadline) = (self.world, self.deadline());
        self.receive(true, |consumer| {
            let mut batch = consumer.batch(deadline)?;
            for _ in 0..count {
                let Some(record) = batch.gather() else { break };
                assert!(world.holds(record.as_ptr(), record.len()), "a message outside the ring");
                record.read(0, &mut vec![0; record.len()]);
            }
            let gathered = batch.count();
            batch.release(release.min(gathered));
            Ok(())
        });
    }
}
