//! Models of the rings under loom: every interleaving and every stale value that the memory
//! model allows, over the engine's own files.
//!
//! Nothing is here without `--cfg loom`; `ci/loom` sets it and fails when no model ran. The
//! models are in `tests/`, one claim each, named as sentences; README.md lists them.

#![cfg(loom)]

mod crowd;
mod explored;
mod memory;

pub use crowd::{Hall, Seated};
pub use memory::{Lifeline, Modelled, Ring, crash_point, survived};
