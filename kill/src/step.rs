//! A victim: a forked process under ptrace, stepped instruction by instruction, or run to one.

use crate::track::Track;
use annulus_testkit::is_asleep;
use core::mem::offset_of;
use libc::{c_long, c_void, pid_t, user, user_regs_struct};
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

/// Steps after which an operation that has not returned counts as wedged.
pub(crate) const STEPS_MAX: u64 = 400_000;

/// A stopped process that was forked from this one. Dropped, it is killed.
pub(crate) struct Victim {
    pid: pid_t,
    ended: bool,
    has_breakpoints: bool,
}

/// For an operation that never waits: so long that it is of no matter how busy the machine is.
const FINISH_WITHIN: Duration = Duration::from_secs(30);

const SYSCALL: [u8; 2] = [0x0f, 0x05];

/// Where a victim stands after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// In the operation.
    Inside,
    /// The operation has returned; so many messages were moved.
    Finished(u64),
}

/// What a system call does to a futex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Futex {
    /// It sleeps there.
    Wait,
    /// It wakes those who do.
    Wake,
}

/// A victim is elsewhere than one of its kind was after so many instructions: who joins reads of
/// itself under `/proc`, and a clock, which is not the same way each time. Then it is tried again,
/// and steps.
#[derive(Debug)]
pub(crate) struct Strayed;

impl fmt::Display for Strayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the victim has left its track")
    }
}

impl std::error::Error for Strayed {}

impl Strayed {
    /// Whether that is what went wrong.
    pub(crate) fn is(error: &(dyn std::error::Error + 'static)) -> bool {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inner.is_some_and(|inner| inner.is::<Strayed>())
    }
}

impl Victim {
    /// Forks a victim that runs `life` up to its [`crate::begin`]. Call it from a process of one
    /// thread.
    pub(crate) fn start(life: impl FnOnce()) -> io::Result<Victim> {
        let parent = std::process::id();
        // SAFETY: this process has one thread, so its copy is whole.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => live(parent, life),
            pid => {
                let mut victim = Victim { pid, ended: false, has_breakpoints: false };
                victim.has_stopped(0)?;
                Ok(victim)
            }
        }
    }

    /// The first bytes of the instruction that comes next.
    pub(crate) fn instruction(&self) -> io::Result<[u8; 8]> {
        // Eight bytes of -1 would be taken for an error, and are no code.
        Ok(self.ask(libc::PTRACE_PEEKTEXT, self.at()?)?.to_le_bytes())
    }

    /// The address of the instruction that comes next.
    pub(crate) fn at(&self) -> io::Result<usize> {
        Ok(self.register(offset_of!(user_regs_struct, rip))? as usize)
    }

    /// Whether the instruction that comes next is a system call.
    pub(crate) fn is_at_system_call(&self) -> io::Result<bool> {
        Ok(self.instruction()?[..2] == SYSCALL)
    }

    /// What the instruction that comes next does to a futex, if it is a system call that does.
    pub(crate) fn futex(&self) -> io::Result<Option<Futex>> {
        if !self.is_at_system_call()?
            || self.register(offset_of!(user_regs_struct, rax))? != libc::SYS_futex as u64
        {
            return Ok(None);
        }
        let operation = self.register(offset_of!(user_regs_struct, rsi))? as libc::c_int;
        Ok(match operation & libc::FUTEX_CMD_MASK {
            libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET => Some(Futex::Wait),
            libc::FUTEX_WAKE | libc::FUTEX_WAKE_BITSET => Some(Futex::Wake),
            _ => None,
        })
    }

    /// Executes one instruction.
    pub(crate) fn step(&mut self) -> io::Result<Stand> {
        self.ask(libc::PTRACE_SINGLESTEP, 0)?;
        self.come_back()
    }

    /// From its begin, goes as far as `track` went in `steps` instructions: where it can, it runs
    /// to a breakpoint, and else it steps.
    pub(crate) fn follow(&mut self, track: &Track, steps: u64) -> io::Result<Stand> {
        let mut done = 0;
        let mut stand = Stand::Inside;
        // One that is done sooner than it was on the track stands there.
        while done < steps as usize && stand == Stand::Inside {
            let next = track.reach(done, steps as usize);
            stand = if next == done + 1 { self.step()? } else { self.run_to(track.at(next))? };
            if stand == Stand::Inside && self.at()? != track.at(next) {
                return Err(io::Error::other(Strayed));
            }
            done = next;
        }
        Ok(stand)
    }

    /// As [`Victim::follow`], but steps all the way, wherever that leads.
    pub(crate) fn steps(&mut self, steps: u64) -> io::Result<Stand> {
        let mut stand = Stand::Inside;
        for _ in 0..steps {
            stand = self.step()?;
            if stand != Stand::Inside {
                break;
            }
        }
        Ok(stand)
    }

    /// Runs to the end of the operation. Where it stands after a while, if it has not come there.
    pub(crate) fn finish(&mut self) -> io::Result<Stand> {
        self.set_breakpoint(crate::finished as extern "C" fn(u64) as usize)?;
        self.ask(libc::PTRACE_CONT, 0)?;
        let clock = Instant::now();
        while clock.elapsed() < FINISH_WITHIN {
            if self.has_stopped(libc::WNOHANG)? {
                return self.stand();
            }
            std::thread::yield_now();
        }
        Ok(Stand::Inside)
    }

    /// Runs to the instruction at that address, or to the end of the operation. One that comes to
    /// neither hangs: `ci/kill` ends it. (To look again and again takes four times as long.)
    fn run_to(&mut self, address: usize) -> io::Result<Stand> {
        self.set_breakpoint(address)?;
        self.ask(libc::PTRACE_CONT, 0)?;
        self.come_back()
    }

    /// Stops before the instruction at that address, and at the end of the operation.
    fn set_breakpoint(&mut self, address: usize) -> io::Result<()> {
        const REGISTERS: usize = offset_of!(user, u_debugreg);
        let set = |register: usize, value: usize| {
            self.request(libc::PTRACE_POKEUSER, REGISTERS + register * size_of::<u64>(), value)
        };
        set(0, address)?;
        if !self.has_breakpoints {
            set(1, crate::finished as extern "C" fn(u64) as usize)?;
            // Both are on, for the execution of one instruction.
            set(7, 0b0101)?;
            self.has_breakpoints = true;
        }
        Ok(())
    }

    /// Begins the instruction that comes next, a system call that may sleep, and returns as soon
    /// as it does. Then [`Victim::come_back`] waits for its end. If it does not sleep, where it
    /// stands.
    pub(crate) fn fall_asleep(&mut self) -> io::Result<Option<Stand>> {
        self.ask(libc::PTRACE_SINGLESTEP, 0)?;
        // Ends: it sleeps, or the call is over.
        loop {
            if self.has_stopped(libc::WNOHANG)? {
                return self.stand().map(Some);
            }
            if is_asleep(self.pid.cast_unsigned()) {
                return Ok(None);
            }
        }
    }

    /// Waits until the instruction that it is at is done.
    pub(crate) fn come_back(&mut self) -> io::Result<Stand> {
        self.has_stopped(0)?;
        self.stand()
    }

    fn stand(&self) -> io::Result<Stand> {
        if self.at()? == crate::finished as extern "C" fn(u64) as usize {
            let messages = self.register(offset_of!(user_regs_struct, rdi))?;
            return Ok(Stand::Finished(messages));
        }
        Ok(Stand::Inside)
    }

    /// Kills it, and waits until the kernel has taken everything back.
    pub(crate) fn kill(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        if self.ended {
            return Ok(());
        }
        self.ended = true;
        // SAFETY: our own child, which nobody else waits for.
        if unsafe { libc::kill(self.pid, libc::SIGKILL) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let mut status = 0;
        // Ends: a killed process stops no more, and ends.
        loop {
            // SAFETY: as above.
            if unsafe { libc::waitpid(self.pid, &mut status, 0) } < 0 {
                return Err(io::Error::last_os_error());
            }
            if libc::WIFSIGNALED(status) || libc::WIFEXITED(status) {
                return Ok(());
            }
        }
    }

    /// Whether it has stopped at our trap; with no `options`, waits until it has.
    fn has_stopped(&mut self, options: libc::c_int) -> io::Result<bool> {
        let mut status = 0;
        // SAFETY: our own child, which nobody else waits for.
        match unsafe { libc::waitpid(self.pid, &mut status, options) } {
            -1 => return Err(io::Error::last_os_error()),
            0 => return Ok(false),
            _ => {}
        }
        if libc::WIFSTOPPED(status) && libc::WSTOPSIG(status) == libc::SIGTRAP {
            return Ok(true);
        }
        self.ended = !libc::WIFSTOPPED(status);
        Err(io::Error::other(format!("the victim ended by itself (wait status {status:#x})")))
    }

    /// A register's value. None that is asked for can be -1, which would be an error here.
    fn register(&self, offset: usize) -> io::Result<u64> {
        Ok(self.ask(libc::PTRACE_PEEKUSER, offset)? as u64)
    }

    fn ask(&self, request: libc::c_uint, address: usize) -> io::Result<c_long> {
        self.request(request, address, 0)
    }

    fn request(&self, request: libc::c_uint, address: usize, data: usize) -> io::Result<c_long> {
        let (address, data) = (address as *mut c_void, data as *mut c_void);
        // SAFETY: the child is stopped and traced by us; no request that is made writes here.
        match unsafe { libc::ptrace(request, self.pid, address, data) } {
            -1 => Err(io::Error::last_os_error()),
            value => Ok(value),
        }
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// The life of a victim: never returns into the harness.
fn live(parent: u32, life: impl FnOnce()) -> ! {
    // SAFETY: a plain request; the victim goes with its harness.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // SAFETY: a plain question. A harness that is gone already sends no signal.
    if unsafe { libc::getppid() } as u32 == parent {
        let none: *mut c_void = core::ptr::null_mut();
        // SAFETY: from here on our parent traces us.
        unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, none, none) };
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(life));
    }
    // SAFETY: ends this process at once; nothing of the harness's happens twice.
    unsafe { libc::_exit(1) }
}

#[cfg(test)]
mod tests {
    use super::{Stand, Victim};
    use crate::track::Track;
    use annulus_testkit::shared;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Rounds within rounds, which are counted.
    fn start(rounds: &AtomicU64) -> Victim {
        let life = || {
            crate::begin();
            for outer in 0..4 {
                for _ in 0..outer {
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
                rounds.fetch_add(100, Ordering::Relaxed);
            }
            crate::finished(7);
        };
        Victim::start(life).unwrap()
    }

    #[test]
    fn who_follows_a_track_stands_where_stepping_leads() {
        // SAFETY: zero is one, and it is an atomic.
        let rounds: &AtomicU64 = unsafe { shared() }.unwrap();
        let mut stepped = start(rounds);
        let mut track = Track::new(stepped.at().unwrap());
        let mut counts = vec![0];
        let mut stand = Stand::Inside;
        while stand == Stand::Inside {
            stand = stepped.step().unwrap();
            track.push(stepped.at().unwrap());
            counts.push(rounds.load(Ordering::Relaxed));
        }
        assert_eq!((stand, counts[counts.len() - 1]), (Stand::Finished(7), 406));
        for (steps, count) in counts.iter().enumerate() {
            rounds.store(0, Ordering::Relaxed);
            let mut victim = start(rounds);
            let stand = victim.follow(&track, steps as u64).unwrap();
            assert_eq!(victim.at().unwrap(), track.at(steps), "after {steps} instructions");
            victim.kill().unwrap();
            assert_eq!(rounds.load(Ordering::Relaxed), *count, "after {steps} instructions");
            assert_eq!(stand != Stand::Inside, steps == counts.len() - 1);
        }
    }
}
