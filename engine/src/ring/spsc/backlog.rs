//! What nobody has received yet, as somebody sees it who is neither of the two sides.
//!
//! There is no shared tail, so the records are walked from `head` on by their words, as a
//! successor of the producer would (rule 7). But here the ring may be in use, or hold anything:
//! a walker that the consumer overtakes begins anew where `head` is then, a few times at most, and
//! each walk ends a ring's length after its start. Nothing is stored. What a walk reads it takes
//! from the other sides' caches for a moment, so it is for people who look, and not for loops.

use crate::error::{Corruption, What};
use crate::layout::CELL;
use crate::ring::area::Area;
use crate::ring::word::{self, Framed};
use crate::ring::{Geometry, POSITION_MAX, Position};
use crate::sync::{Memory, Ordering};

/// Walks that are begun before a moving ring is taken as it looked last.
const WALKS_MAX: u32 = 8;

/// The records between `head` and `tail`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// How far the consumer had released when the walk began.
    pub head: Position,
    /// Where the walk found no more records: where the producer stood.
    pub tail: Position,
    /// Messages in between.
    pub messages: u64,
    /// Payload bytes of these.
    pub bytes: u64,
    /// Whether the ring stood still enough to tell. If not, this is what a part of it looked like.
    pub exact: bool,
    /// What no correct peer writes, if some of it was found: then the walk ended there.
    pub corruption: Option<Corruption>,
}

impl Backlog {
    /// Walks the records of the ring in `memory`. Does not wait and stores nothing; looks at each
    /// record's word, 8 times over at most.
    ///
    /// # Safety
    ///
    /// `memory` has at least `geometry.segment_bytes()` bytes.
    pub unsafe fn of<M: Memory>(memory: M, geometry: Geometry) -> Backlog {
        // SAFETY: the caller's promise.
        let area = unsafe { Area::new(memory, geometry) };
        let mut seen = walk(&area);
        for _ in 1..WALKS_MAX {
            if seen.exact {
                break;
            }
            seen = walk(&area);
        }
        seen
    }

    /// Nothing yet, from `head` on.
    pub(crate) const fn at(head: Position) -> Backlog {
        Backlog { head, tail: head, messages: 0, bytes: 0, exact: true, corruption: None }
    }
}

/// One walk from `head` to where no record is.
fn walk<M: Memory>(area: &Area<M>) -> Backlog {
    // ORDERING: Acquire: the words behind it are not older than it.
    let head = area.head(Ordering::Acquire);
    let mut seen = Backlog::at(head);
    if !head.is_multiple_of(CELL) || head > POSITION_MAX {
        seen.corruption = Some(Corruption { what: What::Head, at: head });
        return seen;
    }
    let longest = area.longest_message() as u64;
    let end = head + area.capacity();
    // Ends: each turn moves on by a cell at least, and not past a ring's length.
    while seen.tail < end {
        let at = seen.tail;
        // ORDERING: Acquire: `head` is read again after it.
        let word = area.word(at, Ordering::Acquire);
        if !area.tag(at).accepts(word) {
            break;
        }
        let step = match word::framed(word) {
            Framed::Message(len) if len <= longest => word::record_bytes(len),
            Framed::Padding(bytes) if bytes == area.to_end(at) => bytes,
            _ => 0,
        };
        if step == 0 || step > area.to_end(at) || at + step > end {
            seen.corruption = Some(Corruption { what: What::Word, at });
            break;
        }
        if let Framed::Message(len) = word::framed(word) {
            seen.messages += 1;
            seen.bytes += len;
        }
        seen.tail += step;
    }
    // What was released meanwhile may have been overwritten, by whatever: one who is overtaken has
    // seen nothing, and a word that is really wrong is wrong in the next walk, too.
    // ORDERING: Relaxed: read after the words, by their Acquire.
    let now = area.head(Ordering::Relaxed);
    seen.exact = now == head || (now <= seen.tail && seen.corruption.is_none());
    if !seen.exact {
        seen.corruption = None;
    }
    seen
}
