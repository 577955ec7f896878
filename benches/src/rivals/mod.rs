//! Other people's rings at their best, for `annulus-benches compare`.
//!
//! Each is driven by the same drivers, with the same payloads and checks, as ours. What a rival
//! leaves to its user (how long to pause between two looks, how patient to be when the ring is
//! full or empty, whether to send in batches) is varied, and its best is shown: 0 to 4 pauses for
//! round trips, a few patiences for streams. Batches, where it has them, are cases of their own,
//! named `batch`. Rings are matched in bytes, as each counts its own slots.

mod array_queue;
mod ringfire;
mod rtrb;

use crate::case::{Against, Case};

/// All rivals' cases.
pub fn cases() -> Vec<Case> {
    let mut cases = rtrb::cases();
    cases.extend(ringfire::cases());
    cases.extend(array_queue::cases());
    cases
}

/// Pauses between two looks, for round trips.
const RTT_PAUSES: [u32; 5] = [0, 1, 2, 3, 4];

/// (reader's, writer's) pauses between two looks, for streams.
const STREAM_PAUSES: [(u32, u32); 5] = [(0, 0), (1, 16), (16, 16), (64, 64), (256, 64)];

/// Round trips of one round.
const ROUND_TRIPS: u64 = 50_000;

/// Messages in one batch, at most.
const BATCH: usize = 32;

/// The streams that are compared: payload, ring, its name, messages of a round, limit.
const STREAMS: [Stream; 6] = [
    Stream::new(8, 16 << 10, "16KiB", 4_000_000, None),
    Stream::new(8, 1 << 20, "1MiB", 8_000_000, Some(("limit/handoff/1MiB", 8.0))),
    Stream::new(56, 64 << 10, "64KiB", 2_000_000, Some(("limit/handoff/64KiB", 64.0))),
    Stream::new(56, 1 << 20, "1MiB", 4_000_000, Some(("limit/handoff64/1MiB", 1.0))),
    Stream::new(64, 64 << 10, "64KiB", 2_000_000, Some(("limit/handoff/64KiB", 64.0))),
    Stream::new(64, 1 << 20, "1MiB", 4_000_000, Some(("limit/handoff64/1MiB", 1.0))),
];

/// One stream that every ring here is put through.
#[derive(Debug, Clone, Copy)]
struct Stream {
    payload: usize,
    ring_bytes: usize,
    ring_name: &'static str,
    messages: u64,
    against: Option<Against>,
}

impl Stream {
    const fn new(
        payload: usize,
        ring_bytes: usize,
        ring_name: &'static str,
        messages: u64,
        limit: Option<(&'static str, f64)>,
    ) -> Stream {
        let against = match limit {
            Some((limit, weight)) => Some(Against { limit, weight }),
            None => None,
        };
        Stream { payload, ring_bytes, ring_name, messages, against }
    }

    /// What a batch is compared with: it need not publish every line, nor fill one per message.
    fn batch_against(&self) -> Option<Against> {
        let limit = match self.ring_name {
            "64KiB" => "limit/handoff/64KiB",
            "1MiB" => "limit/handoff/1MiB",
            _ => return None,
        };
        Some(Against { limit, weight: self.payload as f64 })
    }
}

/// What every round trip is compared with.
const RTT_LIMIT: Against = Against { limit: "limit/rtt", weight: 1.0 };
/// The rings of the round trips.
const RTT_RING_BYTES: usize = 64 << 10;
