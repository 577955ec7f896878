//! Two processes: both sides run, and no death or silence of one hangs the other.

use std::time::{Duration, Instant};

use annulus_benches::block::Block;
use annulus_benches::fault::{Fault, Side, SideFault};
use annulus_benches::machine::Machine;
use annulus_benches::pair::{self, Terms};

const TERMS: Terms = Terms { cores: None, limit: Duration::from_secs(10) };

/// Waits for a partner that never comes.
fn wait_for_ever() -> Result<(), SideFault> {
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

#[test]
fn the_sides_are_two_processes_that_share_the_block() {
    let block = Block::map(64, 0).unwrap();
    let word = block.word(0).unwrap();
    let meet = |side: Side| {
        block.meet(side, 1);
        word.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        block.meet(side, 2);
        Ok(())
    };
    let pids = pair::processes(&TERMS, &block, || meet(Side::Lead), || meet(Side::Peer)).unwrap();
    assert_ne!(pids[0], pids[1]);
    assert!(!pids.contains(&std::process::id()));
    assert_eq!(word.load(std::sync::atomic::Ordering::Relaxed), 2);
}

#[test]
fn a_side_that_gives_up_ends_the_other_and_says_why() {
    let block = Block::map(0, 0).unwrap();
    let fault = SideFault::Mismatch { position: 77 };
    let started = Instant::now();
    let result = pair::processes(&TERMS, &block, wait_for_ever, || Err(fault));
    assert_eq!(result, Err(Fault::Side { side: Side::Peer, fault }));
    assert!(started.elapsed() < TERMS.limit);
}

#[test]
fn a_panic_is_a_fault_and_no_hang() {
    let block = Block::map(0, 0).unwrap();
    let result = pair::processes(&TERMS, &block, || panic!("on purpose"), wait_for_ever);
    assert_eq!(result, Err(Fault::Side { side: Side::Lead, fault: SideFault::Panicked }));
}

#[test]
fn a_killed_side_is_a_fault_and_no_hang() {
    let block = Block::map(0, 0).unwrap();
    let die = || {
        // SAFETY: ends the child that calls it.
        unsafe { libc::raise(libc::SIGKILL) };
        Ok(())
    };
    let result = pair::processes(&TERMS, &block, wait_for_ever, die);
    assert_eq!(result, Err(Fault::Died { side: Side::Peer, signal: libc::SIGKILL }));
}

#[test]
fn a_round_that_does_not_end_is_ended() {
    let block = Block::map(0, 0).unwrap();
    let terms = Terms { limit: Duration::from_millis(50), ..TERMS };
    let result = pair::processes(&terms, &block, wait_for_ever, || Ok(()));
    assert_eq!(result, Err(Fault::TimedOut { seconds: 0 }));
}

#[test]
fn threads_are_one_process_and_either_may_fail() {
    let block = Block::map(0, 0).unwrap();
    let open = || ((), ());
    let pids = pair::threads(&TERMS, &block, open, |()| Ok(()), |()| Ok(())).unwrap();
    assert_eq!(pids[0], pids[1]);
    let fault = SideFault::Mismatch { position: 1 };
    let result = pair::threads(&TERMS, &block, open, |()| wait_for_ever(), |()| Err(fault));
    assert_eq!(result, Err(Fault::Side { side: Side::Peer, fault }));
}

#[test]
fn a_side_fault_crosses_as_two_integers() {
    use annulus_benches::fault::Step;
    let faults = [
        SideFault::Mismatch { position: u64::MAX },
        SideFault::Unpinned,
        SideFault::Panicked,
        SideFault::Refused(Step::Open),
        SideFault::Refused(Step::Send),
        SideFault::Refused(Step::Receive),
        SideFault::Os { errno: 28 },
        SideFault::NoRoom,
    ];
    for fault in faults {
        let (kind, detail) = fault.encode();
        assert_ne!(kind, 0);
        assert_eq!(SideFault::decode(kind, detail), Some(fault));
    }
    assert_eq!(SideFault::decode(0, 0), None);
}

#[test]
fn one_core_twice_is_refused() {
    let refused = Machine::look_with([0, 0]).unwrap_err();
    assert!(matches!(refused, Fault::CoreRefused { .. } | Fault::OneCore { .. }));
}
