//! What must hold after a kill, as the survivor and a successor see it.

use crate::Receipt;
use crate::scene::{Known, Scene, Trouble, message, receive, send};
use crate::stage::Killed;
use annulus::ring::{Role, Standing};
use annulus::segment::JoinError;
use annulus::{Consumer, Deadline, Producer, RecvError, SendError};
use std::error::Error;
use std::fmt::{self, Display};
use std::time::Duration;

/// Messages that a successor may see again.
const BATCH: u64 = 8;

/// Messages that go through the ring afterwards: a few laps, over whatever was left in it.
const AFTERWARDS: u64 = 80;

/// How long anything may take that nobody has to wait for.
const AT_ONCE: Duration = Duration::from_secs(2);

/// How long a survivor looks before it says that nothing is wrong.
const LOOK: Duration = Duration::from_millis(2);

/// What a kill must not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A message that was sent did not come, or came broken.
    Lost(String),
    /// A message came again that was released, or twice.
    Doubled(String),
    /// Somebody waited for the dead, or was refused.
    Wedged(String),
}

impl Fault {
    /// What went wrong while it was looked at what must hold.
    pub(crate) fn of(trouble: Trouble) -> Fault {
        match trouble.downcast::<Fault>() {
            Ok(fault) => *fault,
            Err(trouble) => Fault::Wedged(trouble.to_string()),
        }
    }
}

impl Error for Fault {}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Fault::Lost(what) | Fault::Doubled(what) | Fault::Wedged(what)) = self;
        let kind = match self {
            Fault::Lost(_) => "LOST",
            Fault::Doubled(_) => "DOUBLED",
            Fault::Wedged(_) => "WEDGED",
        };
        write!(f, "{kind}: {what}")
    }
}

/// What may be in the ring after a kill.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left {
    /// So many messages are in it at least, and at most.
    pub(crate) sent: [u64; 2],
    /// The first that a successor receives is this one at the earliest, and at the latest.
    pub(crate) first: [u64; 2],
    /// The stamp of lap 0.
    pub(crate) stamp: u32,
}

impl Left {
    /// After a kill.
    pub(crate) fn by(killed: &Killed, known: Known) -> Left {
        let Killed { operation, returned, .. } = *killed;
        let moved = killed.course.moved;
        let mut left =
            Left { sent: [known.sent; 2], first: [known.received; 2], stamp: known.stamp };
        match operation.role {
            Role::Producer => {
                left.sent[1] += moved;
                if returned {
                    left.sent[0] += moved;
                }
            }
            Role::Consumer => {
                let received = (known.received + operation.before).min(known.sent);
                left.first[0] = received.saturating_sub(BATCH).max(known.received);
                left.first[1] = received;
                if returned || operation.receipt == Receipt::Shown {
                    left.first[1] += moved;
                }
            }
        }
        left
    }

    /// The same, when the other side, of `role`, may have moved one message more.
    pub(crate) fn and_moved(mut self, role: Role, moved: bool) -> Left {
        match role {
            Role::Producer => self.sent = self.sent.map(|sent| sent + u64::from(moved)),
            Role::Consumer => self.first[1] += u64::from(moved),
        }
        self
    }
}

/// Checks the ring that a killed process of `role` left.
pub(crate) fn check(scene: &Scene, role: Role, left: Left) -> Result<(), Fault> {
    let segment = &scene.segment;
    let survey = segment.survey();
    let held = match role {
        Role::Producer => survey.producer.held,
        Role::Consumer => survey.consumer.held,
    };
    if held {
        return Err(Fault::Wedged("the kernel has not given the role back".to_owned()));
    }
    let mut consumer = segment.consumer().map_err(|error| refused("a consumer", &error))?;
    let mut known = Known { sent: left.sent[1], received: 0, stamp: left.stamp };
    known.received = first_message(&mut consumer, left, role)?;
    drain(&mut consumer, &mut known, left, survey.producer.standing)?;
    let mut producer = segment.producer().map_err(|error| refused("a producer", &error))?;
    go_on(&mut producer, &mut consumer, &mut known)
}

/// The number of the first message that comes, or of the next to be sent if none does.
pub(crate) fn first_message(consumer: &mut Consumer, left: Left, role: Role) -> Result<u64, Fault> {
    let [earliest, latest] = left.first;
    let mut buffer = [0; 128];
    let came = match consumer.try_peek() {
        Ok(view) => {
            let len = view.record().len();
            view.record().read(0, &mut buffer[..len]);
            &buffer[..len]
        }
        Err(RecvError::Empty | RecvError::Closed) if latest >= left.sent[0] => {
            // Whatever else was sent, all of it was received.
            return Ok(left.sent[if role == Role::Consumer { 1 } else { 0 }].min(latest));
        }
        Err(RecvError::Empty | RecvError::Closed) => {
            return Err(Fault::Lost(format!("nothing is left, messages {latest} and on are gone")));
        }
        Err(error) => return Err(Fault::Wedged(format!("peek says {error:?}"))),
    };
    if let Some(first) = (earliest..=latest).find(|&number| came == message(number, left.stamp)) {
        return Ok(first);
    }
    let again = (0..earliest).rev().find(|&number| came == message(number, left.stamp));
    Err(match again {
        Some(number) => Fault::Doubled(format!("message {number} came again, not {earliest}")),
        None => Fault::Lost(format!("what comes first is none of {earliest} to {latest}")),
    })
}

/// Everything that is left comes, in order and whole, and then the end is told at once.
fn drain(
    consumer: &mut Consumer,
    known: &mut Known,
    left: Left,
    standing: Standing,
) -> Result<(), Fault> {
    while known.received < left.sent[0] {
        receive(consumer, known).map_err(|error| lost(known, &error))?;
    }
    // What was on its way is there, or not at all.
    while known.received < left.sent[1] && consumer.try_peek().is_ok() {
        receive(consumer, known).map_err(|error| lost(known, &error))?;
    }
    known.sent = known.received;
    // The gate says what the end is; one that died before it opened its gate was never there.
    let wanted = match standing {
        Standing::Joined(_) => RecvError::ProducerDied,
        Standing::Closed(_) => RecvError::Closed,
        _ => RecvError::Timeout,
    };
    let mut receive = |patience| consumer.recv(&mut [0; 128], Deadline::after(patience));
    let end = match receive(LOOK) {
        // One who sleeps is told at its deadline, if that is still ahead when it lies down.
        Err(RecvError::Timeout) if wanted != RecvError::Timeout => receive(AT_ONCE),
        end => end,
    };
    match end {
        Err(end) if end == wanted => Ok(()),
        Ok(_) => Err(Fault::Doubled("a message more than was sent".to_owned())),
        Err(end) => Err(Fault::Wedged(format!("the end is {end:?}, not {wanted:?}"))),
    }
}

/// The ring goes on as if nothing had been.
fn go_on(producer: &mut Producer, consumer: &mut Consumer, known: &mut Known) -> Result<(), Fault> {
    let end = known.sent + AFTERWARDS;
    while known.received < end {
        while known.sent < end {
            match send(producer, known) {
                Ok(()) => {}
                Err(SendError::Full) => break,
                Err(error) => return Err(Fault::Wedged(format!("a successor's send: {error:?}"))),
            }
        }
        if known.received == known.sent {
            return Err(Fault::Wedged("an empty ring is full".to_owned()));
        }
        while known.received < known.sent {
            receive(consumer, known).map_err(|error| lost(known, &error))?;
        }
        let more = consumer.try_recv(&mut [0; 128]);
        if more != Err(RecvError::Empty) {
            return Err(Fault::Doubled(format!("where nothing was sent: {more:?}")));
        }
    }
    let last = message(known.sent, known.stamp);
    producer
        .send(&last, Deadline::after(AT_ONCE))
        .map_err(|error| Fault::Wedged(format!("a blocking send: {error:?}")))?;
    Ok(())
}

fn lost(known: &Known, error: &Trouble) -> Fault {
    Fault::Lost(format!("message {}: {error}", known.received))
}

fn refused(who: &str, error: &JoinError) -> Fault {
    Fault::Wedged(format!("{who} may not join: {error:?}"))
}
