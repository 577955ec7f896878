//! Ours, where a side that has nothing to do does not sleep in the call: it waits for a descriptor,
//! or for several rings at once.
//!
//! | case | how the lead waits for its answer |
//! |---|---|
//! | `spsc-park/rtt/56/futex` | in the call ([`spsc_park`](crate::spsc_park)) |
//! | `spsc-elsewhere/rtt/56/descriptor` | in poll(2), for the descriptor of a [`Pollable`] |
//! | `spsc-elsewhere/rtt/56/any2` | in [`wait_any`], beside one ring in which nothing comes |
//! | `spsc-elsewhere/rtt/56/any128` | the same, beside 127 |
//!
//! Its peer sleeps in the call in all of them, so what differs is one wake of two.

use std::fmt::Debug;
use std::os::fd::AsRawFd;

use annulus::segment::{Pollable, Readiness, Waitable, wait_any};
use annulus::{Backing, Config, Consumer, Deadline, Producer, RecvError, Segment, Wait};

use crate::case::{Case, Round, Stage, Unit, Variant};
use crate::drive::{self, Port};
use crate::fault::{Fault, SideFault, Step};
use crate::spsc::{self, End, KIB, refused, send};

/// Round trips of one round.
const ROUND_TRIPS: u64 = 2_000;

/// All of these cases.
pub fn cases() -> Vec<Case> {
    vec![
        case("spsc-elsewhere/rtt/56/descriptor", by_descriptor),
        case("spsc-elsewhere/rtt/56/any2", |stage| beside_others(stage, 1)),
        case("spsc-elsewhere/rtt/56/any128", |stage| beside_others(stage, 127)),
    ]
}

fn case(name: &str, run: impl Fn(&Stage) -> Result<Round, Fault> + 'static) -> Case {
    let variant = Variant::new(Wait::Park.to_string(), run);
    spsc::case(name, Unit::Nanoseconds, 64 * KIB, Some(("limit/futex-rtt", 1.0)), variant)
}

fn parking(bytes: usize) -> Config {
    Config::spsc(bytes as u64).wait(Wait::Park)
}

fn by_descriptor(stage: &Stage) -> Result<Round, Fault> {
    spsc::round_trips::<56>(stage, &parking(64 * KIB), ROUND_TRIPS, |end, plan, block| {
        let End { producer, consumer } = end;
        let consumer = Pollable::new(consumer).map_err(|error| refused(Step::Open, &error))?;
        drive::ping::<56, _>(&mut ByDescriptor { producer, consumer }, plan, block)
    })
}

fn beside_others(stage: &Stage, others: usize) -> Result<Round, Fault> {
    spsc::round_trips::<56>(stage, &parking(64 * KIB), ROUND_TRIPS, |end, plan, block| {
        let failed = |error: &dyn Debug| refused(Step::Open, error);
        let idle = (0..others).map(|_| {
            let segment = Segment::create(&Backing::Memfd, &parking(4 * KIB));
            segment.map_err(|error| failed(&error))?.consumer().map_err(|error| failed(&error))
        });
        let idle = idle.collect::<Result<Vec<_>, SideFault>>()?;
        let End { producer, consumer } = end;
        drive::ping::<56, _>(&mut BesideOthers { producer, consumer, idle }, plan, block)
    })
}

/// An end that waits for a descriptor.
struct ByDescriptor {
    producer: Producer,
    consumer: Pollable<Consumer>,
}

/// An end that waits for other rings as well.
struct BesideOthers {
    producer: Producer,
    consumer: Consumer,
    idle: Vec<Consumer>,
}

impl<const N: usize> Port<N> for ByDescriptor {
    fn send(&mut self, message: &[u8; N]) -> Result<(), SideFault> {
        send(&mut self.producer, message)
    }

    fn receive(&mut self, message: &mut [u8; N]) -> Result<(), SideFault> {
        let failed = |error: &dyn Debug| refused(Step::Receive, error);
        loop {
            if self.consumer.arm().map_err(|error| failed(&error))? == Readiness::Pending {
                let fd = self.consumer.as_raw_fd();
                let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
                // SAFETY: one entry, which the call may read and write.
                unsafe { libc::poll(&mut entry, 1, -1) };
            }
            match self.consumer.try_recv(message) {
                Ok(_) => return Ok(()),
                Err(RecvError::Empty) => {}
                Err(error) => return Err(failed(&error)),
            }
        }
    }
}

impl<const N: usize> Port<N> for BesideOthers {
    fn send(&mut self, message: &[u8; N]) -> Result<(), SideFault> {
        send(&mut self.producer, message)
    }

    fn receive(&mut self, message: &mut [u8; N]) -> Result<(), SideFault> {
        let failed = |error: &dyn Debug| refused(Step::Receive, error);
        let mut rings: Vec<&mut dyn Waitable> = vec![&mut self.consumer];
        for ring in &mut self.idle {
            rings.push(ring);
        }
        wait_any(&mut rings, 0, Deadline::NEVER).map_err(|error| failed(&error))?;
        self.consumer.try_recv(message).map_err(|error| failed(&error))?;
        Ok(())
    }
}
