//! Runs the two sides of a case as two processes, and ends them whatever happens.
//!
//! ```text
//! parent ──fork──> lead   pinned to core 0 ─┐ meet and leave figures
//!    │                                      ├──> Block
//!    └────fork──> peer   pinned to core 1 ─┘
//!    poll(pidfd, pidfd) until both have left, one gave up, or time is over
//! ```
//! The parent forks two children and sleeps: it takes no core from them, is never pinned, and can
//! end both, so nothing inside a side has to look at a clock. A side that waits for a dead peer
//! is ended by the parent as soon as the kernel reports the death; a side whose parent is killed
//! gets SIGKILL by `PR_SET_PDEATHSIG`. Children leave by `_exit`: nothing of the parent's (buffers,
//! exit handlers) happens twice.
//!
//! A rival that cannot cross processes runs as two pinned threads of one such child.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::block::Block;
use crate::fault::{Fault, Side, SideFault};
use crate::machine;

/// Where and how long a pair may run.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// The cores of the lead and the peer; none leaves both unpinned (tests on one core).
    pub cores: Option<[usize; 2]>,
    /// When both sides are ended.
    pub limit: Duration,
}

/// Exit status of a child that did its work; any other means that it left a fault.
const DONE: i32 = 0;
const GAVE_UP: i32 = 1;

/// Runs each side in its own process and gives their pids. Blocks until both have left.
///
/// Any thread of the caller's but this one is not there in the children: call it from a process
/// that has only one, or whose others hold no lock that a side needs.
pub fn processes(
    terms: &Terms,
    block: &Block,
    lead: impl FnOnce() -> Result<(), SideFault>,
    peer: impl FnOnce() -> Result<(), SideFault>,
) -> Result<[u32; 2], Fault> {
    with_others(terms, block, lead, peer, [])
}

/// What a process does besides.
pub type Body<'b> = Box<dyn FnOnce() -> Result<(), SideFault> + 'b>;

/// As [`processes`], with others beside them, each on the core of a side; the pid of a side is that
/// of one of those on its core.
pub fn with_others<const N: usize>(
    terms: &Terms,
    block: &Block,
    lead: impl FnOnce() -> Result<(), SideFault>,
    peer: impl FnOnce() -> Result<(), SideFault>,
    others: [(Side, Body<'_>); N],
) -> Result<[u32; 2], Fault> {
    let mut children = Vec::new();
    for (side, body) in others {
        children.push(fork(side, terms, block, body)?);
    }
    children.push(fork(Side::Lead, terms, block, lead)?);
    children.push(fork(Side::Peer, terms, block, peer)?);
    wait_for_all(children, block, terms.limit)?;
    let pids = [block.pid(Side::Lead), block.pid(Side::Peer)];
    // "Two processes" is what the report claims, so it is asserted, not assumed.
    if pids[0] == pids[1] || pids.contains(&0) || pids.contains(&std::process::id()) {
        return Err(Fault::Void);
    }
    Ok(pids)
}

/// Runs both sides as threads of one process, for what cannot cross processes: `lead` on that
/// process's main thread, `peer` on another. Gives the pid twice.
pub fn threads<L, P, S>(
    terms: &Terms,
    block: &Block,
    open: impl FnOnce() -> S,
    lead: L,
    peer: P,
) -> Result<[u32; 2], Fault>
where
    S: Split,
    L: FnOnce(S::Lead) -> Result<(), SideFault>,
    P: FnOnce(S::Peer) -> Result<(), SideFault> + Send,
{
    let peer_core = terms.cores.map(|cores| cores[1]);
    let child = fork(Side::Lead, terms, block, || {
        let (lead_end, peer_end) = open().split();
        std::thread::scope(|scope| {
            let peer_thread = scope.spawn(move || {
                if !peer_core.is_none_or(machine::pin) {
                    return Err(SideFault::Unpinned);
                }
                let result = peer(peer_end);
                if let Err(fault) = result {
                    // The lead may wait for this thread for ever: end both, now.
                    block.set_fault(Side::Peer, fault);
                    leave(GAVE_UP);
                }
                result
            });
            let result = lead(lead_end);
            if let Err(fault) = result {
                block.set_fault(Side::Lead, fault);
                leave(GAVE_UP);
            }
            peer_thread.join().unwrap_or(Err(SideFault::Panicked))
        })
    })?;
    wait_for_all(vec![child], block, terms.limit)?;
    Ok([block.pid(Side::Lead); 2])
}

/// Something with two ends that go to two threads.
pub trait Split {
    /// The end of the lead.
    type Lead;
    /// The end of the peer.
    type Peer: Send;
    /// Takes it apart.
    fn split(self) -> (Self::Lead, Self::Peer);
}

impl<L, P: Send> Split for (L, P) {
    type Lead = L;
    type Peer = P;
    fn split(self) -> (L, P) {
        self
    }
}

/// A forked side. Dropped before it has left, it is killed.
struct Child {
    side: Side,
    pid: libc::pid_t,
    /// Becomes readable when the process has ended.
    ended: OwnedFd,
    left: bool,
}

fn fork(
    side: Side,
    terms: &Terms,
    block: &Block,
    body: impl FnOnce() -> Result<(), SideFault>,
) -> Result<Child, Fault> {
    let parent = std::process::id();
    // SAFETY: the child runs on as a copy of this thread alone, as `processes` says.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => Err(Fault::last_os()),
        0 => run_child(parent, side, terms, block, body),
        _ => match open_pidfd(pid) {
            Ok(ended) => Ok(Child { side, pid, ended, left: false }),
            Err(fault) => {
                end(pid);
                Err(fault)
            }
        },
    }
}

/// The life of a child: never returns into the parent's code.
fn run_child(
    parent: u32,
    side: Side,
    terms: &Terms,
    block: &Block,
    body: impl FnOnce() -> Result<(), SideFault>,
) -> ! {
    // SAFETY: a plain prctl without pointers.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // A parent that died before the prctl sends no signal any more.
    if std::os::unix::process::parent_id() != parent {
        leave(GAVE_UP);
    }
    block.set_pid(side, std::process::id());
    let pinned = terms.cores.is_none_or(|cores| machine::pin(cores[side.index()]));
    let result = if pinned {
        catch_unwind(AssertUnwindSafe(body)).unwrap_or(Err(SideFault::Panicked))
    } else {
        Err(SideFault::Unpinned)
    };
    if let Err(fault) = result {
        block.set_fault(side, fault);
        leave(GAVE_UP);
    }
    leave(DONE)
}

fn leave(status: i32) -> ! {
    // SAFETY: ends this process at once; nothing of it is used any more.
    unsafe { libc::_exit(status) }
}

fn open_pidfd(pid: libc::pid_t) -> Result<OwnedFd, Fault> {
    // SAFETY: pidfd_open takes two integers and gives a new descriptor or -1.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if fd < 0 {
        return Err(Fault::last_os());
    }
    // SAFETY: the kernel just made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Waits until all children are done. The first that is not ends the rest: dropping kills them.
fn wait_for_all(mut children: Vec<Child>, block: &Block, limit: Duration) -> Result<(), Fault> {
    let started = Instant::now();
    while !children.is_empty() {
        let left_ms = limit.saturating_sub(started.elapsed()).as_millis().min(1 << 20) as i32;
        let mut polls: Vec<libc::pollfd> = children
            .iter()
            .map(|child| libc::pollfd {
                fd: child.ended.as_raw_fd(),
                events: libc::POLLIN,
                revents: 0,
            })
            .collect();
        // SAFETY: as many pollfds of our own as we say.
        let ready = unsafe { libc::poll(polls.as_mut_ptr(), polls.len() as libc::nfds_t, left_ms) };
        if ready == 0 {
            return Err(Fault::TimedOut { seconds: limit.as_secs() });
        }
        if ready < 0 {
            match std::io::Error::last_os_error().raw_os_error() {
                Some(libc::EINTR) => continue,
                _ => return Err(Fault::last_os()),
            }
        }
        for (child, poll) in children.iter_mut().zip(&polls) {
            if poll.revents != 0 {
                child.reap(block)?;
            }
        }
        children.retain(|child| !child.left);
    }
    Ok(())
}

impl Child {
    fn reap(&mut self, block: &Block) -> Result<(), Fault> {
        let mut status = 0;
        // SAFETY: our own child, not yet reaped, and an int of our own.
        if unsafe { libc::waitpid(self.pid, &mut status, 0) } < 0 {
            return Err(Fault::last_os());
        }
        self.left = true;
        if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == DONE {
            return Ok(());
        }
        if libc::WIFSIGNALED(status) {
            return Err(Fault::Died { side: self.side, signal: libc::WTERMSIG(status) });
        }
        // A child with two threads speaks for both sides.
        let left = |side| block.fault(side).map(|fault| Fault::Side { side, fault });
        let faults = [self.side, Side::Peer, Side::Lead].into_iter().filter_map(left);
        // A refusal may only say that the other side has gone, for a reason of its own.
        let refusal =
            |fault: &Fault| matches!(fault, Fault::Side { fault: SideFault::Refused(_), .. });
        let first = faults.min_by_key(refusal);
        Err(first.unwrap_or(Fault::Died { side: self.side, signal: 0 }))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.left {
            end(self.pid);
        }
    }
}

/// Kills one of our children and reaps it.
fn end(pid: libc::pid_t) {
    // SAFETY: our own child that was not reaped, so the pid is still its.
    unsafe { libc::kill(pid, libc::SIGKILL) };
    // SAFETY: the same child; null asks for no status.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
}
