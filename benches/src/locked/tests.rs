//! What the ring under a lock promises, and that nobody is left behind in its lock.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::ring::{End, Ring};
use crate::block::Block;
use crate::fault::{Fault, Side, SideFault, Step};
use crate::pair::{self, Terms};

const TERMS: Terms = Terms { cores: None, limit: Duration::from_secs(10) };

/// Sends the numbers from 0 to before `count`; `rests` says after which ones it sleeps a moment.
fn send_all(end: &mut End<'_, 8>, count: u64, rests: fn(u64) -> bool) -> Result<(), SideFault> {
    for number in 0..count {
        end.send(&number.to_le_bytes())?;
        rest(rests(number));
    }
    Ok(())
}

/// Receives the same numbers in the same order.
fn receive_all(end: &mut End<'_, 8>, count: u64, rests: fn(u64) -> bool) -> Result<(), SideFault> {
    for position in 0..count {
        let mut message = [0; 8];
        end.receive(&mut message)?;
        if u64::from_le_bytes(message) != position {
            return Err(SideFault::Mismatch { position });
        }
        rest(rests(position));
    }
    Ok(())
}

fn rest(now: bool) {
    if now {
        sleep(Duration::from_micros(100));
    }
}

/// Every message comes, once and in order, also where a side has to wait each time.
fn every_message_comes(slots: usize, count: u64, rests: [fn(u64) -> bool; 2]) {
    let ring = Ring::<8>::create(slots * 8).unwrap();
    let block = Block::map(0, 0).unwrap();
    let lead = || send_all(&mut ring.open()?, count, rests[0]);
    let peer = || receive_all(&mut ring.open()?, count, rests[1]);
    let pids = pair::processes(&TERMS, &block, lead, peer);
    assert!(pids.is_ok(), "{slots} slots: {pids:?}");
}

#[test]
fn no_wake_is_lost_in_a_ring_that_is_always_full_or_empty() {
    let never = |_| false;
    let at_times = |number| number % 16 == 3;
    for slots in [1, 2, 3, 64] {
        every_message_comes(slots, 5_000, [never, never]);
        every_message_comes(slots, 500, [at_times, never]);
        every_message_comes(slots, 500, [never, at_times]);
    }
}

#[test]
fn a_ring_holds_as_many_messages_as_its_bytes_and_at_least_one() {
    for (bytes, slots) in [(0, 1), (55, 1), (56, 1), (560, 10), (600, 10)] {
        let ring = Ring::<56>::create(bytes).unwrap();
        let mut end = ring.open().unwrap();
        for _ in 0..slots {
            end.send(&[7; 56]).unwrap();
        }
        let mut message = [0; 56];
        for _ in 0..slots {
            end.receive(&mut message).unwrap();
            assert_eq!(message, [7; 56]);
        }
    }
}

#[test]
fn a_side_that_dies_with_the_lock_in_hand_is_a_fault_and_nobody_is_left_in_it() {
    let ring = Ring::<8>::create(64).unwrap();
    let block = Block::map(0, 0).unwrap();
    let dies = || {
        let end = ring.open()?;
        let _held = end.lock.hold(Step::Send)?;
        block.meet(Side::Lead, 1);
        eventually(|| state_of(block.pid(Side::Peer)) == Some('S'));
        // SAFETY: ends the child that calls it.
        unsafe { libc::raise(libc::SIGKILL) };
        Ok(())
    };
    let hangs = || {
        let mut end = ring.open()?;
        block.meet(Side::Peer, 1);
        end.receive(&mut [0; 8])
    };
    let result = pair::processes(&TERMS, &block, dies, hangs);
    assert_eq!(result, Err(Fault::Died { side: Side::Lead, signal: libc::SIGKILL }));
    assert_eq!(state_of(block.pid(Side::Peer)), None);
}

#[test]
fn a_bench_that_is_killed_leaves_nobody_in_the_lock() {
    let ring = Ring::<8>::create(64).unwrap();
    let block = Block::map(0, 0).unwrap();
    let hangs = |side| {
        let end = ring.open()?;
        let _held = (side == Side::Lead).then(|| end.lock.hold(Step::Send));
        block.meet(side, 1);
        end.lock.hold(Step::Receive).map(drop)
    };
    let left = Left(&block);
    // SAFETY: the child does what every bench does, and ends by a signal or after its own limit.
    let bench = unsafe { libc::fork() };
    assert!(bench >= 0);
    if bench == 0 {
        let _ = pair::processes(&TERMS, &block, || hangs(Side::Lead), || hangs(Side::Peer));
        // SAFETY: ends this process at once; nothing of the tests' happens twice.
        unsafe { libc::_exit(0) };
    }
    eventually(|| left.states() == [Some('S'); 2]);
    // SAFETY: our own child, not reaped yet.
    unsafe { libc::kill(bench, libc::SIGKILL) };
    let mut status = 0;
    // SAFETY: the same child, and an int of our own.
    unsafe { libc::waitpid(bench, &mut status, 0) };
    assert!(libc::WIFSIGNALED(status));
    // Their new parent may take its time to reap them.
    eventually(|| left.states().iter().all(|state| matches!(state, None | Some('Z' | 'X'))));
}

/// The sides of a pair whose parent is to be killed. What is left of them goes with this.
struct Left<'a>(&'a Block);

impl Left<'_> {
    fn states(&self) -> [Option<char>; 2] {
        [Side::Lead, Side::Peer].map(|side| state_of(self.0.pid(side)))
    }
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        for side in [Side::Lead, Side::Peer] {
            let pid = self.0.pid(side) as libc::pid_t;
            if pid > 0 && matches!(state_of(pid as u32), Some('R' | 'S')) {
                // SAFETY: a number that a moment ago was a process's of this test.
                unsafe { libc::kill(pid, libc::SIGKILL) };
            }
        }
    }
}

/// How a process is, by the kernel's letter; none if there is no such process.
fn state_of(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Waits for what is to come soon, half as long as a pair is given.
fn eventually(mut has_come: impl FnMut() -> bool) {
    let started = Instant::now();
    while !has_come() {
        assert!(started.elapsed() < TERMS.limit / 2, "it did not come");
        sleep(Duration::from_millis(1));
    }
}
