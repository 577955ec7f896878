//! One producer, one consumer, records of any length: the lap-stamped ring.
//!
//! The ring's bytes are divided into *cells* of [`CELL`](crate::layout::CELL) bytes. A record
//! starts on a cell, is contiguous, and opens with a word (`ring::word`) that is framing and
//! commit flag at once. The producer writes the payload and then release-stores the word; the
//! consumer looks at the word of its own position, and nobody reads an index.
//!
//! ```text
//!            head (consumer)                    tail (producer)
//!              |                                  |
//!   ...........[word|payload    ][word|payload]...[ no record of this lap ]..........
//!   free       |<-------- committed ------------->|  bytes of the lap before
//! ```
//!
//! **Nothing is cleared ahead.** Until the producer comes round, a cell holds bytes of the lap
//! before: an old word, which has another stamp, or payload. Only payload could imitate the next
//! lap's word. So before a record is shown the producer looks at the word that the consumer will
//! look at next, as it stands in memory, and zeroes it in the rare case that it would be taken
//! for a record. That is exact, whatever the payload and whoever wrote it, and costs one load from
//! a line that was asked for long before (`ahead.rs`).
//!
//! | file | what |
//! |---|---|
//! | `producer.rs`, `room.rs`, `write.rs` | the sending handle; where a record goes; its stores |
//! | `send_batch.rs` | several messages that are shown together |
//! | `consumer.rs`, `recv.rs` | the receiving handle; copying out |
//! | `find.rs` | where the next record is |
//! | `claim.rs`, `record.rs`, `view.rs`, `in_place.rs` | messages in place; as references |
//! | `value.rs` | messages that are values of one type |
//! | `ahead.rs` | asking for lines before they are wanted |
//! | `backlog.rs` | what is unread, as somebody else sees it |
//! | `side.rs` | either side, for those who sleep in its place |
//! | `tally.rs` | counting what was moved, for people to read |
//!
//! # The rules
//!
//! They came out of a brute-force search; each was taken out in turn, and the search failed.
//! `search/` beside this file runs it against these very lines, `ci/mutants` takes them out.
//! As first found, rules 2 to 7 spoke of remembering what payloads had imitated, and for how long;
//! looking at the one word that matters has taken the place of all that.
//!
//! 1. *Word*: accepted iff the lap's stamp and the record bit match.
//! 2. *Look*: before a record is shown, the word that comes next is looked at; if it would be
//!    accepted there, it is zeroed.
//! 3. *Extent*: at every record, for as long as the ring lives. Nothing is remembered.
//! 4. *Order*: it is zeroed before the release store; not at a lap's start, which is always a
//!    word and never payload.
//! 5. *High water*: the look comes after the last store into a claim, which may be longer than
//!    what is committed of it and may imitate this lap, too.
//! 6. *Padding* is not looked behind, and the cells that it skips are looked at when they come
//!    next, like all others.
//! 7. *Every attach is a take-over*: walk from `head`.
//! 8. *Room*: a record fits if it ends where `head` + ring ends, or before. What comes next is
//!    then the oldest record's word, which is of the lap before and never zeroed.
//! 9. *Reuse*: go on where `head` stands; positions never start over.
//! 10. *Never* store outside the record's own cells and the next word.
//! 11. *Release*: `head` never passes a record that is still looked at; it is moved on after 8
//!     records or 1/8 of the ring, whichever is first, and whenever the ring is found empty. A
//!     record that is copied out is looked at until the next call: one whose process is killed
//!     before the call returned was not received.
//! 12. *Patience is for blocking sends*: they wait until a quarter is free; a try takes what fits.
//!
//! # Edges
//!
//! | edge | release side | acquire side |
//! |---|---|---|
//! | W | the producer stores a record's word | the consumer looks at that word |
//! | H | the consumer stores `head` | the producer reads `head` when it finds no room |
//! | G | the producer stores its closed gate | the consumer reads it when it finds no record |
//! | J | one who joins, counted, stores its gate | a waiting peer asks whether that one died |

mod ahead;
mod backlog;
mod claim;
mod consumer;
mod find;
mod in_place;
mod producer;
mod record;
mod recv;
mod room;
mod send_batch;
mod side;
mod tally;
#[cfg(feature = "typed")]
mod value;
mod view;
mod write;

#[cfg(test)]
mod heap;
#[cfg(test)]
mod search;

pub use backlog::Backlog;
pub use claim::Claim;
pub use consumer::Consumer;
pub use producer::Producer;
pub use record::Record;
pub use recv::Received;
pub use side::Room;
pub use view::{Batch, View};
