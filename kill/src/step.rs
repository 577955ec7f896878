//! A victim: a forked process under ptrace, stepped instruction by instruction.

use annulus_testkit::is_asleep;
use core::mem::offset_of;
use libc::{c_long, c_void, pid_t, user_regs_struct};
use std::io;

/// Steps after which an operation that has not returned counts as wedged.
pub(crate) const STEPS_MAX: u64 = 400_000;

/// A stopped process that was forked from this one. Dropped, it is killed.
pub(crate) struct Victim {
    pid: pid_t,
    ended: bool,
}

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
                let mut victim = Victim { pid, ended: false };
                victim.has_stopped(0)?;
                Ok(victim)
            }
        }
    }

    /// The first bytes of the instruction that comes next.
    pub(crate) fn instruction(&self) -> io::Result<[u8; 8]> {
        let at = self.register(offset_of!(user_regs_struct, rip))?;
        // Eight bytes of -1 would be taken for an error, and are no code.
        Ok(self.ask(libc::PTRACE_PEEKTEXT, at as usize)?.to_le_bytes())
    }

    /// What the instruction that comes next does to a futex, if it is a system call that does.
    pub(crate) fn futex(&self) -> io::Result<Option<Futex>> {
        const SYSCALL: [u8; 2] = [0x0f, 0x05];
        if self.instruction()?[..2] != SYSCALL
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
        let finished = crate::finished as extern "C" fn(u64) as usize;
        if self.register(offset_of!(user_regs_struct, rip))? as usize == finished {
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
        let none: *mut c_void = core::ptr::null_mut();
        // SAFETY: the child is stopped and traced by us; neither request writes here.
        match unsafe { libc::ptrace(request, self.pid, address as *mut c_void, none) } {
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
