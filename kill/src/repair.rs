//! Repair times: from a SIGKILL to what others notice of it.
//!
//! | what | from the kill to |
//! |---|---|
//! | kernel | the lock byte of the one who died is seen free by somebody who only looks |
//! | receiver told | the surviving receiver's `ProducerDied`, while it spins |
//! | sender told | the surviving sender's `PeerDead`, while it spins at a full ring |
//! | next sender | the first message of a sender that stood by, as the surviving receiver gets it |
//! | next receiver | the first message that a receiver which stood by gets |
//!
//! One who stands by asks for the role every 20 us. The victim is at work, at full speed, when it
//! is killed. The clock is read before the kill, so all of the kernel's part is in there: ending
//! the process, closing its descriptors, giving its locks back.

use crate::scene::Trouble;
use annulus::ring::Role;
use annulus::segment::JoinError;
use annulus::{Backing, Config, Consumer, Deadline, Producer, RecvError, Segment, SendError, Wait};
use annulus_testkit::{Forked, shared};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Bytes of ring.
const CAPACITY: u64 = 4096;

/// How often one who stands by asks for the role.
const ASK_EVERY: Duration = Duration::from_micros(20);

/// When whoever has noticed nothing gives up.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// The lock byte is free.
    Kernel,
    /// The survivor of that role has its error.
    Told(Role),
    /// The successor in that role has moved its first message.
    Next(Role),
}

impl Repair {
    /// All of them.
    pub const ALL: [Repair; 5] = [
        Repair::Kernel,
        Repair::Told(Role::Consumer),
        Repair::Told(Role::Producer),
        Repair::Next(Role::Producer),
        Repair::Next(Role::Consumer),
    ];

    /// What it is called in the report.
    pub fn name(self) -> &'static str {
        match self {
            Repair::Kernel => "kernel: lock free",
            Repair::Told(Role::Consumer) => "receiver told",
            Repair::Told(Role::Producer) => "sender told",
            Repair::Next(Role::Producer) => "next sender's first message",
            Repair::Next(Role::Consumer) => "next receiver's first message",
        }
    }

    /// Who is killed.
    fn victim(self) -> Role {
        match self {
            Repair::Kernel => Role::Producer,
            Repair::Told(survivor) => survivor.peer(),
            Repair::Next(role) => role,
        }
    }
}

/// What the processes tell each other.
#[derive(Default)]
struct Board {
    /// Those that have their role, and one who stands by.
    ready: AtomicU64,
    /// When it was noticed; 0 before.
    noticed_ns: AtomicU64,
}

/// The message of one who stood by.
const SUCCESSOR: u64 = u64::MAX;

/// Kills `times` victims, and returns the times to what `repair` says, sorted.
pub fn measure(repair: Repair, times: usize) -> Result<Vec<Duration>, Trouble> {
    // SAFETY: zeros are valid counters, and nothing else is in there.
    let board: &Board = unsafe { shared()? };
    let clock = Instant::now();
    let mut spans = Vec::with_capacity(times);
    for time in 0..times {
        board.ready.store(0, Ordering::SeqCst);
        board.noticed_ns.store(0, Ordering::SeqCst);
        let segment = Segment::create(&Backing::Memfd, &Config::spsc(CAPACITY).wait(Wait::Spin))?;
        spans.push(once(repair, &segment, board, clock, time)?);
    }
    spans.sort_unstable();
    Ok(spans)
}

/// One kill.
fn once(
    repair: Repair,
    segment: &Segment,
    board: &'static Board,
    clock: Instant,
    time: usize,
) -> Result<Duration, Trouble> {
    let role = repair.victim();
    let mut others = Vec::new();
    // The survivor first: a sender that nobody reads would be told of nobody.
    if repair != Repair::Kernel {
        let is_told = matches!(repair, Repair::Told(_));
        others
            .push(start(segment, |segment| survive(segment, role.peer(), is_told, board, clock))?);
        wait_until(board, 1)?;
    }
    let mut victim = start(segment, |segment| work(segment, role, board))?;
    let joined = 1 + others.len() as u64;
    wait_until(board, joined)?;
    if let Repair::Next(_) = repair {
        others.push(start(segment, |segment| stand_by(segment, role, board, clock))?);
        wait_until(board, joined + 1)?;
    }
    std::thread::sleep(Duration::from_micros(300 + 37 * (time as u64 % 23)));
    let killed = clock.elapsed();
    victim.signal(libc::SIGKILL)?;
    if repair == Repair::Kernel {
        while segment.survey().producer.held {
            give_up_after(killed, clock)?;
        }
        let span = clock.elapsed() - killed;
        victim.wait()?;
        return Ok(span);
    }
    victim.wait()?;
    loop {
        let noticed = Duration::from_nanos(board.noticed_ns.load(Ordering::SeqCst));
        if !noticed.is_zero() {
            return Ok(noticed.saturating_sub(killed));
        }
        give_up_after(killed, clock)?;
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn give_up_after(begun: Duration, clock: Instant) -> Result<(), Trouble> {
    if clock.elapsed() - begun > PATIENCE {
        return Err("WEDGED: nobody noticed a death".into());
    }
    Ok(())
}

fn wait_until(board: &Board, ready: u64) -> Result<(), Trouble> {
    let begun = Instant::now();
    while board.ready.load(Ordering::SeqCst) < ready {
        give_up_after(Duration::ZERO, begun)?;
        std::thread::sleep(Duration::from_micros(50));
    }
    Ok(())
}

/// A process that attaches like a stranger.
fn start(segment: &Segment, life: impl FnOnce(&Segment)) -> Result<Forked, Trouble> {
    let fd = segment.share_fd()?;
    let life = || match Segment::from_fd(fd, &annulus::Attach::default()) {
        Ok(segment) => {
            life(&segment);
            0
        }
        Err(_) => 1,
    };
    Ok(Forked::start(life)?)
}

fn notice(board: &Board, clock: Instant) {
    let now = clock.elapsed().as_nanos() as u64;
    let _ = board.noticed_ns.compare_exchange(0, now, Ordering::SeqCst, Ordering::SeqCst);
}

/// The victim's life: full speed, until it is killed.
fn work(segment: &Segment, role: Role, board: &Board) {
    match role {
        Role::Producer => {
            let Ok(mut producer) = segment.producer() else { return };
            board.ready.fetch_add(1, Ordering::SeqCst);
            let mut number = 0_u64;
            while send(&mut producer, number).is_ok() {
                number += 1;
            }
        }
        Role::Consumer => {
            let Ok(mut consumer) = segment.consumer() else { return };
            board.ready.fetch_add(1, Ordering::SeqCst);
            while receive(&mut consumer).is_ok() {}
        }
    }
}

/// The survivor's life: goes on after a death, and notes when it was told, or when it gets a
/// successor's message.
fn survive(segment: &Segment, role: Role, is_told: bool, board: &Board, clock: Instant) {
    match role {
        Role::Consumer => {
            let Ok(mut consumer) = segment.consumer() else { return };
            board.ready.fetch_add(1, Ordering::SeqCst);
            loop {
                match receive(&mut consumer) {
                    Ok(SUCCESSOR) if !is_told => notice(board, clock),
                    Err(RecvError::ProducerDied) if is_told => notice(board, clock),
                    Ok(_) | Err(RecvError::ProducerDied) => {}
                    Err(_) => return,
                }
            }
        }
        Role::Producer => {
            let Ok(mut producer) = segment.producer() else { return };
            board.ready.fetch_add(1, Ordering::SeqCst);
            loop {
                match send(&mut producer, 0) {
                    Err(SendError::PeerDead) if is_told => notice(board, clock),
                    Ok(()) | Err(SendError::PeerDead) => {}
                    Err(_) => return,
                }
            }
        }
    }
}

/// The successor's life: asks for the role until it has it, and moves one message.
fn stand_by(segment: &Segment, role: Role, board: &Board, clock: Instant) {
    // SAFETY: a plain request: a sleep of 20 us is to take no 70.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1) };
    let mut is_first = true;
    loop {
        let is_busy = match role {
            Role::Producer => match segment.producer() {
                Ok(mut producer) => {
                    // The survivor notes it.
                    let _ = send(&mut producer, SUCCESSOR);
                    return;
                }
                Err(error) => matches!(error, JoinError::Busy { .. }),
            },
            Role::Consumer => match segment.consumer() {
                Ok(mut consumer) => {
                    if receive(&mut consumer).is_ok() {
                        notice(board, clock);
                    }
                    return;
                }
                Err(error) => matches!(error, JoinError::Busy { .. }),
            },
        };
        if !is_busy {
            return;
        }
        if std::mem::take(&mut is_first) {
            board.ready.fetch_add(1, Ordering::SeqCst);
        }
        std::thread::sleep(ASK_EVERY);
    }
}

fn send(producer: &mut Producer, number: u64) -> Result<(), SendError> {
    producer.send(&number.to_le_bytes(), Deadline::NEVER).map(drop)
}

fn receive(consumer: &mut Consumer) -> Result<u64, RecvError> {
    let message = consumer.recv_array::<8>(Deadline::NEVER)?;
    Ok(u64::from_le_bytes(message.0))
}
