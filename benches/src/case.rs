//! A case: one named figure, what produces a round of it, and what it is compared with.
//!
//! A case has one or more *variants*, the same thing at different cadences (how long it pauses
//! between two looks, how much it waits for when full). All run in every round, and the best by
//! its median is the case's figure: so a limit is as strong and a rival as fast as this machine,
//! at this hour, lets it be. Ours has one variant only, what the engine itself does.

use std::fmt;
use std::time::Duration;

use crate::block::Block;
use crate::clock::Clock;
use crate::drive::Plan;
use crate::fault::Fault;
use crate::pair::Terms;
use crate::payload::Script;
use crate::stats::Latency;

/// What a case's figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Round-trip time.
    Nanoseconds,
    /// Messages of the case's size.
    MessagesPerSecond,
    /// 64-byte lines.
    LinesPerSecond,
    /// Bytes of payload.
    BytesPerSecond,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::Nanoseconds => "ns",
            Unit::MessagesPerSecond => "messages/s",
            Unit::LinesPerSecond => "lines/s",
            Unit::BytesPerSecond => "bytes/s",
        })
    }
}

/// The case that a figure is divided by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Against {
    /// The limit's name: a bare limit's, or another case's where two differ in one thing only.
    pub limit: &'static str,
    /// How many of the limit's units one unit of the case is: 64 for 64-byte messages against
    /// bytes, 1 for a message of one line against lines.
    pub weight: f64,
}

/// Runs one round.
pub type Run = Box<dyn Fn(&Stage) -> Result<Round, Fault>>;

/// One way to run a case.
pub struct Variant {
    /// How it waits, as the report says it: `spin`, `pause:3`.
    pub wait: String,
    /// Runs one round.
    pub run: Run,
}

/// One named figure.
pub struct Case {
    /// Such as `spsc/rtt/56`.
    pub name: String,
    /// What the figure counts.
    pub unit: Unit,
    /// The ring's size, if there is a ring.
    pub ring_bytes: Option<usize>,
    /// What a message's place in the ring is rounded up to, if anything.
    pub cell: Option<usize>,
    /// What it is compared with.
    pub against: Option<Against>,
    /// The cadences; the best is reported.
    pub variants: Vec<Variant>,
}

/// What one round measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measured {
    /// The round trips of the round.
    Latency(Latency),
    /// Units per second.
    Rate(f64),
}

impl Measured {
    /// The number that is compared: the median round trip in ns, or the rate.
    pub fn value(&self) -> f64 {
        match self {
            Measured::Latency(latency) => latency.p50_ns,
            Measured::Rate(rate) => *rate,
        }
    }
}

/// One round of one variant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Round {
    /// The figure.
    pub measured: Measured,
    /// The lead's process and the peer's.
    pub pids: [u32; 2],
}

/// What every round of a run shares.
#[derive(Debug, Clone, Copy)]
pub struct Stage {
    /// Cores and time limit.
    pub terms: Terms,
    /// What times.
    pub clock: Clock,
    /// What the payloads begin with.
    pub seed: u64,
    /// The position of a message to be spoiled by a bit, which must fail the run. For tests; the
    /// limits carry no such messages.
    pub flip: Option<u64>,
    /// Rounds are this many times shorter than they should be: 1 to measure, more to try.
    pub shorten: u64,
}

impl Stage {
    /// A stage with two cores and 20 s for a round.
    pub fn new(cores: Option<[usize; 2]>) -> Stage {
        let clock = Clock::calibrate();
        Stage {
            terms: Terms { cores, limit: Duration::from_secs(20) },
            clock,
            seed: clock.now(),
            flip: None,
            shorten: 1,
        }
    }

    /// The plan of a round with `timed` messages; a tenth more to warm up.
    pub fn plan(&self, timed: u64) -> Plan {
        let timed = (timed / self.shorten).max(1);
        Plan {
            script: Script::new(self.seed, self.flip),
            warmup: (timed / 10).max(1),
            timed,
            clock: self.clock,
        }
    }

    /// A block for `plan`'s samples and nothing else.
    pub fn block_for_samples(&self, plan: &Plan) -> Result<Block, Fault> {
        Block::map(0, plan.timed as usize)
    }

    /// The round trips that were left in the block.
    pub fn latency(&self, block: &Block, pids: [u32; 2]) -> Result<Round, Fault> {
        let (grain, ns_per_tick) = (self.clock.grain(), self.clock.ns(1));
        let latency = Latency::of_round(&mut block.samples(), grain, ns_per_tick);
        Ok(Round { measured: Measured::Latency(latency.ok_or(Fault::Void)?), pids })
    }

    /// The rate of the figures that were left in the block.
    pub fn rate(&self, block: &Block, pids: [u32; 2]) -> Result<Round, Fault> {
        let (units, ticks) = block.figures().ok_or(Fault::Void)?;
        let per_second = units as f64 * 1e9 / self.clock.ns(ticks);
        Ok(Round { measured: Measured::Rate(per_second), pids })
    }
}

impl Variant {
    /// A variant named by how it waits.
    pub fn new(
        wait: impl Into<String>,
        run: impl Fn(&Stage) -> Result<Round, Fault> + 'static,
    ) -> Variant {
        Variant { wait: wait.into(), run: Box::new(run) }
    }
}
