//! Ours, where a side that has nothing to do sleeps: rings made with [`Wait::Park`] and
//! [`Wait::SpinThenPark`], through the courses of [`spsc`].
//!
//! | case | asks | compared with |
//! |---|---|---|
//! | `spsc-park/rtt/56/MEANS` | what sleep and wake cost | `limit/futex-rtt`, by a futex |
//! | `spsc-parkable/stream/8/1MiB` | what it costs to be able to | `spsc/stream/8/1MiB` |
//! | `spsc-sleepy/rtt/56` | how soon one answers who slept | |
//!
//! In the first both sides sleep for each message. In the second the receiver has nearly always
//! something to do; where it has not, it sleeps, since the policy is the strictest, `Park`. That
//! case is compared with another case, not with a bare limit: the two differ in their policy only.
//! A round's ratio is best where the two follow each other: `compare spsc-parkable`. In the
//! third the lead sleeps by the clock before each message, its peer in the ring; a sample reaches
//! from the send to the answer, and the lead's own sleep is no part of it.
//!
//! *Two forms.* The cases without `fence` in their names have whatever barrier the engine chooses,
//! which is membarrier(2) where the system has it. Where it has not, both forms are the
//! fence's; `wait` in the report says which it was.

use std::time::Duration;

use annulus::{Backing, Barrier, Config, Segment, Wait, Wake};

use crate::case::{Case, Round, Stage, Unit, Variant};
use crate::drive;
use crate::fault::Fault;
use crate::spsc::{self, KIB, MIB, STREAM_8_MESSAGES};

/// Round trips of one round in which each side is woken, at 10 to 100 microseconds each.
const ROUND_TRIPS: u64 = 2_000;

/// Paced round trips of one round: about 1.5 s with those that warm up.
const SLEEPY_ROUND_TRIPS: u64 = 1_300;
/// How long the lead sleeps before each of them.
const PAUSE: Duration = Duration::from_millis(1);

/// All cases of the ring whose sides may sleep.
pub fn cases() -> Vec<Case> {
    let chosen = chosen_barrier();
    vec![
        round_trip("spsc-park/rtt/56/futex", chosen, Wake::Futex),
        round_trip("spsc-park/rtt/56/futex-fence", Barrier::Fence, Wake::Futex),
        round_trip("spsc-park/rtt/56/posix-sem", chosen, Wake::PosixSem),
        round_trip("spsc-park/rtt/56/sysv-sem", chosen, Wake::SysvSem),
        round_trip("spsc-park/rtt/56/event", chosen, Wake::Event),
        stream("spsc-parkable/stream/8/1MiB", chosen),
        stream("spsc-parkable/stream/8/1MiB/fence", Barrier::Fence),
        sleepy("spsc-sleepy/rtt/56", Wait::SpinThenPark, chosen),
        sleepy("spsc-sleepy/rtt/56/park", Wait::Park, chosen),
    ]
}

fn round_trip(name: &str, barrier: Barrier, wake: Wake) -> Case {
    let config = ring(64 * KIB, Wait::Park, barrier).wake(wake);
    let run =
        move |stage: &Stage| spsc::round_trips::<56>(stage, &config, ROUND_TRIPS, spsc::ping::<56>);
    // Others than the futex may well be below a bare one.
    let against = (wake == Wake::Futex).then_some(("limit/futex-rtt", 1.0));
    spsc::case(name, Unit::Nanoseconds, 64 * KIB, against, variant(Wait::Park, barrier, run))
}

fn stream(name: &str, barrier: Barrier) -> Case {
    let config = ring(MIB, Wait::Park, barrier);
    let run = move |stage: &Stage| spsc::copied::<8>(stage, &config, STREAM_8_MESSAGES);
    let against = Some(("spsc/stream/8/1MiB", 1.0));
    spsc::case(name, Unit::MessagesPerSecond, MIB, against, variant(Wait::Park, barrier, run))
}

fn sleepy(name: &str, wait: Wait, barrier: Barrier) -> Case {
    let config = ring(64 * KIB, wait, barrier);
    let run = move |stage: &Stage| {
        spsc::round_trips::<56>(stage, &config, SLEEPY_ROUND_TRIPS, |mut end, plan, block| {
            drive::ping_paced::<56, _>(&mut end, plan, block, PAUSE)
        })
    };
    spsc::case(name, Unit::Nanoseconds, 64 * KIB, None, variant(wait, barrier, run))
}

fn ring(bytes: usize, wait: Wait, barrier: Barrier) -> Config {
    Config::spsc(bytes as u64).wait(wait).barrier(barrier)
}

fn variant(
    wait: Wait,
    barrier: Barrier,
    run: impl Fn(&Stage) -> Result<Round, Fault> + 'static,
) -> Variant {
    Variant::new(format!("{wait}:{barrier}"), run)
}

/// The barrier of a ring whose creator chose none: asked once, of a small ring, so that the report
/// can say it.
fn chosen_barrier() -> Barrier {
    let config = Config::spsc(4 * KIB as u64).wait(Wait::Park);
    let segment = Segment::create(&Backing::Memfd, &config).ok();
    // Without a ring there is nothing to choose, and the cases will say why.
    segment.and_then(|segment| segment.waiting().barrier()).unwrap_or(Barrier::Fence)
}
