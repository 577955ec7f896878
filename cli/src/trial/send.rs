//! `annulus send --count`: makes the messages of a run and sends them.

use super::clock::now_ns;
use super::message::{Stamp, fill, seal};
use super::pace::Pace;
use super::traffic::Traffic;
use crate::exit::Failure;
use crate::send::Outlet;
use std::hash::{BuildHasher, Hasher, RandomState};

/// Messages between two looks at the limit, where nothing else waits.
const LOOK: u64 = 256;

/// Sends all of `traffic`, within the limit of `outlet`.
pub(crate) fn send(outlet: &mut impl Outlet, traffic: &Traffic) -> Result<(), Failure> {
    let limit = outlet.limit();
    // The standard library's hasher begins with random keys: another run, another seed.
    let seed = RandomState::new().build_hasher().finish();
    let pace = traffic.rate.map(Pace::from_now);
    let mut buffer = vec![0; traffic.longest()];
    // Ends after `count` messages, with an error, or at the limit; for ever if that was asked for.
    for number in 0..traffic.count.unwrap_or(u64::MAX) {
        if pace.is_some() {
            // Whoever looks at a slow run would see nothing of it for a ring's length.
            outlet.publish_counters();
        }
        let message = &mut buffer[..traffic.len(seed, number)];
        fill(message, seed, number);
        let in_time = match pace {
            Some(pace) => pace.wait(number, limit),
            None => !number.is_multiple_of(LOOK) || !limit.has_passed(),
        };
        if !in_time {
            return Err(Failure::Slow { what: format!("message {} of the trial", number + 1) });
        }
        let last = traffic.count == Some(number + 1);
        let sent_ns = pace.map(|_| now_ns());
        seal(message, &Stamp { seed, number, sent_ns, last });
        outlet.send(message)?;
    }
    Ok(())
}
