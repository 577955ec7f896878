//! Repair times: from a SIGKILL to what the survivors of a ring of many have of it, spinning.

use crate::scene::Trouble;
use annulus::ring::mpmc::{Occupancy, RecvError};
use annulus::{Attach, Backing, Config, Deadline, Segment, Slots, Wait};
use annulus_testkit::Forked;
use std::time::{Duration, Instant};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// A producer is killed in its claim: a consumer is told of the gap, and has what is behind.
    Claim,
    /// A consumer is killed with a message in hand: another one has it.
    Hand,
}

/// When whoever waits for the victim to get to work gives up.
const PATIENCE: Duration = Duration::from_secs(10);

impl Repair {
    /// Both.
    pub const ALL: [Repair; 2] = [Repair::Claim, Repair::Hand];

    /// What it is called in the report.
    pub fn name(self) -> &'static str {
        match self {
            Repair::Claim => "of many: past a dead claim",
            Repair::Hand => "of many: a dead one's message",
        }
    }
}

/// Kills `times` victims, and returns the times, sorted.
pub fn measure(repair: Repair, times: usize) -> Result<Vec<Duration>, Trouble> {
    let ring = Config::mpmc(Slots::of(64, 8).of_one_length().participants(4)).wait(Wait::Spin);
    let segment = Segment::create(&Backing::Memfd, &ring)?;
    let mut spans = Vec::with_capacity(times);
    for time in 0..times {
        spans.push(once(repair, &segment, time)?);
    }
    spans.sort_unstable();
    Ok(spans)
}

fn once(repair: Repair, segment: &Segment, time: usize) -> Result<Duration, Trouble> {
    let mut producer = segment.mpmc_producer()?;
    let mut consumer = segment.mpmc_consumer()?;
    let mut buffer = [0; 8];
    if repair == Repair::Hand {
        producer.try_send(&[1; 8])?;
    }
    let fd = segment.share_fd()?;
    let mut victim = Forked::start(|| {
        let segment = Segment::from_fd(fd, &Attach::default()).expect("it is a segment");
        let mut held = (segment.mpmc_producer().ok(), segment.mpmc_consumer().ok());
        match repair {
            Repair::Claim => std::mem::forget(held.0.as_mut().map(|one| one.try_claim(8))),
            Repair::Hand => {
                let taken = held.1.as_mut().map(|one| one.try_take().is_ok());
                assert_eq!(taken, Some(true), "a message is there");
            }
        }
        std::thread::sleep(PATIENCE);
        0
    })?;
    let begun = Instant::now();
    let is_held = |seen: Occupancy| match repair {
        Repair::Claim => seen.writing == 1,
        Repair::Hand => seen.taken == 1,
    };
    // Ends by the clock.
    while !segment.occupancy().is_some_and(is_held) {
        if begun.elapsed() > PATIENCE {
            return Err("the victim does not get to work".into());
        }
        std::thread::yield_now();
    }
    if repair == Repair::Claim {
        producer.try_send(&[2; 8])?;
    }
    // At no fixed point of what else goes on.
    std::thread::sleep(Duration::from_micros(37 * (time as u64 % 23)));
    let killed = Instant::now();
    victim.signal(libc::SIGKILL)?;
    if repair == Repair::Claim {
        match consumer.recv(&mut buffer, Deadline::NEVER) {
            Err(RecvError::Gap { .. }) => {}
            other => return Err(format!("no gap is told, but {other:?}").into()),
        }
    }
    let received = consumer.recv(&mut buffer, Deadline::NEVER)?;
    let span = killed.elapsed();
    if (received.attempt > 0) != (repair == Repair::Hand) {
        return Err(format!("another message came: {received:?}").into());
    }
    victim.wait()?;
    Ok(span)
}
