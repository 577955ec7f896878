//! The ring of many producers and many consumers, each message to one of them, with exact repair.
//!
//! Fixed slots, each with one word (`word`) that says everything: who holds it, in which lap. A
//! producer claims a slot by a compare-and-swap of that word, and so the claim and the record of
//! who claimed are one instruction: a process that is killed leaves nothing that nobody can
//! attribute. A consumer takes a message in the same way. Each participant has a byte locked for
//! life, which the kernel gives back when its process is really gone; so whoever is blocked by a
//! word reads it, finds its owner's byte free, and swaps exactly the word that it read.
//!
//! ```text
//!   Free(k) ---claim---> Writing(k, x) ---commit---> Ready(k, x)
//!      ^                      |                          |  take
//!      |              x gone, or drops it                v
//!      |                      v                     Taken(k, y, a) <---take--- Orphaned(k, a+1)
//!      |               Tombstone(k, x)                |   |                        ^
//!      |                      | passed by a consumer  |   +--- y gone, or leaves --+
//!      +--- Free(k + 1) <-----+-----------------------+ release
//! ```
//!
//! `k` is the lap: a position is a message's number, its slot the position modulo the slots, its
//! lap what is left above. The rules, each of which was found missing or confirmed by a search
//! through all states of a small ring:
//!
//! 1. A position is claimed only by one who has seen all earlier ones claimed; so there are no
//!    holes. A word of a later lap says the same of all up to it.
//! 2. A consumer passes a slot when its message is taken, and never before: what is free or being
//!    written holds all back, so first deliveries are in the order of positions.
//! 3. The shared head and tail are hints, stored after a claim and now and then; nothing rests on
//!    them.
//! 4. A word is repaired by whoever is blocked by it: it is read, its owner is found gone, and
//!    that very word is swapped. The order matters, and it is a swap also where nobody competes.
//! 5. Who joins takes a participant's byte only under that participant's sweep byte, with no
//!    claim of it standing (`table`): so a byte that is locked means that no dead claim bears it.
//! 6. A consumer that is new, or waits, looks at all slots now and then (`scan`): what was taken
//!    by one who is gone, perhaps far behind, is found by that and by nothing else.
//! 7. A consumer that is new takes what is orphaned first, the lowest position first.
//! 8. A tombstone is full to a producer: a consumer frees it and tells of it.
//! 9. A message over which consumers died, or which they gave back, so often that its attempts
//!    are used up is put by (`letters`), or given up and counted; the attempts never saturate,
//!    which would make a word come again.
//!
//! A ring may be made for one producer, or one consumer, at a time: that one claims by looking, or
//! takes by a store (`single`).
//!
//! Where a newcomer's hint is old it walks: at most a lap, by jumps where words are of later laps.
//! A search by halves was in the first drawing; it saves a microsecond, once, and needed a rule.

mod batch;
mod bells;
mod claim;
mod consumer;
mod error;
mod geometry;
mod letters;
mod occupancy;
mod pace;
mod presence;
mod producer;
mod recv;
mod repair;
mod room;
mod scan;
mod sends;
mod single;
mod sleeper;
mod slots;
mod standing;
mod table;
mod take;
mod wait;
mod word;

#[cfg(test)]
mod heap;

pub use claim::Claim;
pub use consumer::Consumer;
pub use error::{RecvError, SendError, Stalled};
pub use geometry::{Delivery, Geometry};
pub use letters::DeadLetter;
pub use occupancy::{Attendant, Occupancy};
pub use producer::Producer;
pub use recv::Received;
pub(crate) use standing::role_of;
pub use table::JoinError;
pub use take::Taken;

/// Between two stores of a hint: claims or takes.
const HINT_EVERY: u64 = 4;

/// One who waits asks the world outside so often, and one whose waits are shorter at the end of the
/// first after that time.
const ASK_EVERY_NS: u64 = 100_000;

/// Tries in vain of one who never waits, until it asks as one who waits does.
const TRIES_PER_ASK: u32 = 64;
