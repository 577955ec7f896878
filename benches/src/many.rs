//! What the rings of many are put through, ours and the rivals': the shapes, and the course in
//! which two sides each send and receive.
//!
//! *Pairs*: each side sends a message and takes one, whoever's that is, over and over, so both
//! contend for the same slots. A message says by its bytes whose and the how manieth it is, and is
//! recomputed from that. The figure is pairs of both sides a second, each side timed by itself.

use crate::block::Block;
use crate::case::{Measured, Round, Stage};
use crate::drive::{Plan, Port, mismatch};
use crate::fault::{Fault, Side, SideFault};

/// Messages of one round trip, and of pairs on each side.
pub(crate) const ROUND_TRIPS: u64 = 50_000;
pub(crate) const PAIRS: u64 = 1_000_000;

/// The streams: payload, slots, messages of a round.
pub(crate) const STREAMS: [(usize, usize, u64); 3] =
    [(8, 1024, 4_000_000), (56, 1024, 2_000_000), (56, 16_384, 4_000_000)];

/// Slots of round trips and pairs.
pub(crate) const SLOTS: usize = 1024;

/// Bytes of a block for pairs: each side's ticks.
pub(crate) const PAIRS_BYTES: usize = 128;

const READY: u32 = 2_000;
const FINISHED: u32 = 2_001;

/// Whose message it is: the upper half of its position.
const SIDE_SHIFT: u32 = 40;

/// One side's pairs.
pub(crate) fn pairs<P: Port<8>>(
    port: &mut P,
    side: Side,
    plan: &Plan,
    block: &Block,
) -> Result<(), SideFault> {
    let script = &plan.script;
    let own = (side.index() as u64) << SIDE_SHIFT;
    let mut message = [0; 8];
    block.meet(side, READY);
    let mut begun = plan.clock.now();
    for i in 0..plan.total() {
        if i == plan.warmup {
            begun = plan.clock.now();
        }
        port.send(&script.message::<8>(own | i))?;
        port.receive(&mut message)?;
        let position = script.position(message);
        let (of, number) = (position >> SIDE_SHIFT, position & ((1 << SIDE_SHIFT) - 1));
        if of > 1 || number >= plan.total() {
            return Err(mismatch(i));
        }
    }
    let ticks = plan.clock.now() - begun;
    if let Some(word) = block.word(64 * side.index()) {
        word.store(ticks, std::sync::atomic::Ordering::Relaxed);
    }
    block.meet(side, FINISHED);
    Ok(())
}

/// Pairs a second of both sides, or twice those of the slower one.
pub(crate) fn rate_of_pairs(
    stage: &Stage,
    plan: &Plan,
    block: &Block,
    pids: [u32; 2],
    slower: bool,
) -> Result<Round, Fault> {
    let rate = |side: Side| {
        let word = block.word(64 * side.index()).ok_or(Fault::Void)?;
        let ticks = word.load(std::sync::atomic::Ordering::Relaxed);
        Ok(plan.timed as f64 * 1e9 / stage.clock.ns(ticks))
    };
    let (lead, peer): (f64, f64) = (rate(Side::Lead)?, rate(Side::Peer)?);
    let value = if slower { 2.0 * lead.min(peer) } else { lead + peer };
    Ok(Round { measured: Measured::Rate(value), pids })
}
