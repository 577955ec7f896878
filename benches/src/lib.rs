//! Measures rings between two pinned processes, beside what the machine itself allows.
//!
//! Absolute numbers of a shared machine drift by a third within an hour. So every run measures
//! the *limit* too (the bare cache-line ping-pong, the bare hand-off of lines) and what is quoted
//! is the ratio. All cases of a run take turns: round 1 of each, round 2 of each, and so on;
//! the medians of the rounds are reported.
//!
//! What makes a figure of this crate worth believing:
//! - each side is its own process on its own core, and its pid is in the report ([`pair`]);
//! - the payload is made from (seed, position) and every byte of it is recomputed and compared
//!   where it arrives ([`payload`]); one flipped bit fails the run;
//! - a latency sample is one round trip, not an average over several ([`drive`]);
//! - a limit or a rival is shown at its best cadence, found in the same run ([`suite`]).
//!
//! The rooms: [`machine`] and [`clock`] say where and with what is measured; [`block`] and
//! [`pair`] run two processes; [`payload`] and [`drive`] move checked messages over whatever
//! implements [`drive::Port`], [`drive::Sink`] and [`drive::Source`]; [`limit`], [`kernel`],
//! [`locked`] and `rivals` implement it; [`case`](mod@case) and [`suite`] put the run together;
//! [`stats`] and [`report`] say what came out.

pub mod block;
pub mod case;
pub mod clock;
pub mod drive;
pub mod fault;
pub mod kernel;
pub mod limit;
pub mod locked;
pub mod machine;
mod many;
pub mod mpmc;
mod mpmc_crowd;
pub mod pair;
pub mod payload;
pub mod ratios;
pub mod report;
#[cfg(feature = "rivals")]
pub mod rivals;
pub mod spsc;
pub mod spsc_elsewhere;
pub mod spsc_park;
pub mod spsc_typed;
pub mod stats;
pub mod suite;
