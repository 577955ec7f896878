//! Trials: traffic that `send --count` makes by itself, and that `recv --check` checks alone.
//!
//! ```text
//!   send --count                                                  recv --check
//!   traffic --> pace --> message --> [ ring ] --> message --> ledger --> summary
//!   how many    when     bytes                    bytes       order      what came of it
//!                                                    \--> histogram: one-way times
//! ```
//! A message carries all that its receiver needs: the run that it belongs to, its number in it,
//! when it was sent, whether it is the last one, and bytes that follow from these. So nothing has
//! to be agreed upon before, and nothing is believed: a wrong byte, a number that does not follow,
//! and whatever is no message of the run end the trial with a sentence.

mod clock;
mod fault;
mod histogram;
mod interrupt;
mod ledger;
mod message;
mod pace;
mod recv;
mod send;
mod summary;
mod traffic;

pub(crate) use fault::Fault;
pub(crate) use recv::{Asked, run as check};
pub(crate) use send::send;
pub(crate) use traffic::{Given, Traffic};
