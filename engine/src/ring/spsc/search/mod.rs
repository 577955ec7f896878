//! The ring's rules by search: the real producer and consumer over memory that watches every
//! store, against an executable model.
//!
//! | file | what |
//! |---|---|
//! | `traced.rs` | memory that shows each store to the model, and crashes at the k-th |
//! | `model.rs` | the executable model: what a reader must see after every single store |
//! | `exhaustive.rs` | every state of the smallest ring, every operation, every crash |
//! | `random.rs` | rings of all small sizes, bytes and partial words, long histories |
//! | `rules.rs` | one named test for each of the twelve rules |
//!
//! After *every* store a reader that knows nothing but the memory walks from `head` and must see
//! exactly the committed records. Payloads are made of words that imitate this lap's, the
//! next's and the one after's at every cell.

mod exhaustive;
mod model;
mod random;
mod rules;
mod traced;

use crate::ring::Geometry;
use crate::ring::spsc::Producer;
use traced::Traced;

/// A fresh ring over traced memory.
fn fresh(capacity: u64, first_stamp: u32) -> (Traced, Geometry) {
    let geometry = Geometry::new(capacity, first_stamp).expect("a test's geometry is a good one");
    (Traced::fresh(geometry), geometry)
}

/// The end of a handle that neither closes nor says anything, as by a crash.
fn retire(producer: Producer<Traced>) {
    producer.area.memory().die();
    drop(producer);
}

/// The word of an empty message in the lap stamped `stamp`: what a payload imitates. Written
/// from the layout's drawing and not with `ring::word`, which it is to check.
const fn lookalike(stamp: u32) -> u64 {
    (stamp as u64) << 32 | 1 << 31
}
