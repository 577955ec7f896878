//! What a sample of a paced round trip holds.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use annulus_benches::block::Block;
use annulus_benches::drive::{self, Plan, Port};
use annulus_benches::fault::{SideFault, Step};

use crate::small_stage;

/// One end of two channels between threads.
struct End(Sender<[u8; 8]>, Receiver<[u8; 8]>);

impl Port<8> for End {
    fn send(&mut self, message: &[u8; 8]) -> Result<(), SideFault> {
        self.0.send(*message).map_err(|_| SideFault::Refused(Step::Send))
    }

    fn receive(&mut self, message: &mut [u8; 8]) -> Result<(), SideFault> {
        *message = self.1.recv().map_err(|_| SideFault::Refused(Step::Receive))?;
        Ok(())
    }
}

#[test]
fn a_paced_lead_sleeps_before_each_message_and_no_sample_holds_its_sleep() {
    const PAUSE: Duration = Duration::from_millis(5);
    let plan = Plan { warmup: 2, timed: 10, ..small_stage(None).plan(1) };
    let block = Block::map(0, plan.timed as usize).unwrap();
    let (there, back) = (channel(), channel());
    let (mut lead, mut peer) = (End(there.0, back.1), End(back.0, there.1));
    let started = plan.clock.now();
    std::thread::scope(|scope| {
        scope.spawn(|| drive::echo(&mut peer, &plan, &block).unwrap());
        drive::ping_paced(&mut lead, &plan, &block, PAUSE).unwrap();
    });
    let elapsed_ns = plan.clock.ns(plan.clock.now() - started);
    let asleep_ns = PAUSE.as_nanos() as f64 * plan.total() as f64;
    let samples_ns = plan.clock.ns(block.samples().iter().sum());
    assert!(block.samples().iter().all(|&ticks| ticks > 0));
    // Sleeps and samples do not overlap; with a sleep in each sample they would.
    assert!(asleep_ns + samples_ns <= 1.01 * elapsed_ns, "{asleep_ns} {samples_ns} {elapsed_ns}");
}
