//! The ring of many under shuttle: more participants, messages and deaths than loom can try all
//! orders of, in orders that are drawn.
//!
//! Each access to shared memory and each system call is a place where another thread may go on.
//! Loom's models (`loom-tests`) try every order of two or three threads and every stale value; here
//! memory is sequentially consistent, and what is looked for takes many threads in a rare order.
//! Of two ways to draw one, each finds what the other does not: a coin at each access, and
//! priorities that change a few times only (PCT: Burckhardt, Kothari, Musuvathi and Nagarakatte,
//! 2010).
//!
//! The models are in `tests/`, one claim each. A failure prints the schedule that led to it, which
//! `shuttle::replay` takes.

mod hall;
mod lifeline;

pub use hall::{Hall, Seated};
pub use lifeline::{Lifeline, survived};

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, MaxSteps, Runner};

/// Orders tried by each model unless `ANNULUS_SHUTTLE_ORDERS` says how many: few where nothing is
/// optimised, since `ci/shuttle` has them all.
const ORDERS: usize = if cfg!(debug_assertions) { 200 } else { 6_000 };

/// How often priorities change in an order, by PCT.
const CHANGES: usize = 3;

/// Runs a model in as many orders as asked: half of them drawn at each access, half by PCT.
///
/// # Panics
///
/// If one fails, or the number of orders is none.
pub fn model(run: impl Fn() + Clone + Send + Sync + 'static) {
    let orders = std::env::var("ANNULUS_SHUTTLE_ORDERS").map_or(Ok(ORDERS), |said| said.parse());
    let half = orders.expect("ANNULUS_SHUTTLE_ORDERS is a number of orders").div_ceil(2);
    let config = || {
        let mut config = Config::new();
        // Of a fair order; one that takes so many is of a thread that waits for ever.
        config.max_steps = MaxSteps::FailAfter(200_000);
        config.stack_size = 256 << 10;
        config
    };
    Runner::new(RandomScheduler::new(half), config()).run(run.clone());
    Runner::new(PctScheduler::new(CHANGES, half), config()).run(run);
}
