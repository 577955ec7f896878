//! The janitor: one process for each test process, that cleans up when the test process cannot.
//!
//! It reads a pipe whose only write end is here. However this process ends, by return, panic,
//! abort or SIGKILL, the kernel closes the write end; the janitor sees the end of file, kills the
//! children that are still registered, unlinks everything that bears this process's id, and exits.
//! It is a short shell script (`janitor.sh`), so no binary has to be found or built first.
//!
//! What keeps it alive: a session of its own, so neither Ctrl-C nor a kill of the group reaches it.
//! What lets others end: it holds no descriptor but the pipe, so `cargo test | tee` does not wait.
//! What lets it end: the write end is close-on-exec, and closed in a child that only forks.

use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

/// The number of the write end, for [`let_go`] only.
static PIPE: AtomicI32 = AtomicI32::new(-1);

pub(crate) struct Janitor {
    owner: u32,
    pipe: ChildStdin,
    temp: PathBuf,
}

/// This process's janitor, started by the first call.
pub(crate) fn janitor() -> &'static Janitor {
    static JANITOR: OnceLock<Janitor> = OnceLock::new();
    let janitor = JANITOR.get_or_init(|| start().expect("a janitor needs /bin/sh and a process"));
    assert_eq!(janitor.owner, process::id(), "a forked process has no testkit of its own");
    janitor
}

impl Janitor {
    /// Where scratch directories go: an absolute path.
    pub(crate) fn temp(&self) -> &Path {
        &self.temp
    }

    /// Registers a child that leads its own process group.
    pub(crate) fn born(&self, child: u32) {
        self.tell("born", child).expect("the janitor has died before its time");
    }

    /// Takes a child off the list, before its id can belong to somebody else.
    pub(crate) fn gone(&self, child: u32) {
        // Called while dropping: a dead janitor is reported by the next `born`.
        let _ = self.tell("gone", child);
    }

    /// One write, shorter than PIPE_BUF: lines of different threads never mix.
    fn tell(&self, verb: &str, child: u32) -> io::Result<()> {
        (&self.pipe).write_all(format!("{verb} {child}\n").as_bytes())
    }
}

/// Nobody waits for it: it outlives this process, and that is its purpose.
fn start() -> io::Result<Janitor> {
    let owner = process::id();
    let temp = std::path::absolute(std::env::temp_dir())?;
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(include_str!("janitor.sh"));
    command.arg("annulus-janitor").arg(owner.to_string()).arg(&temp);
    command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // SAFETY: `stand_apart` makes two system calls and nothing else, as a forked child may.
    unsafe { command.pre_exec(stand_apart) };
    let pipe = command.spawn()?.stdin.take().expect("stdin was asked to be a pipe");

    PIPE.store(pipe.as_raw_fd(), Ordering::Release);
    // SAFETY: `let_go` is a plain function and only closes a descriptor, as a forked child may.
    let refused = unsafe { libc::pthread_atfork(None, None, Some(let_go)) };
    if refused != 0 {
        return Err(io::Error::from_raw_os_error(refused));
    }
    Ok(Janitor { owner, pipe, temp })
}

/// In the janitor before it is one: a session of its own, and no descriptor beyond the first three,
/// not even those that this process inherited without knowing.
fn stand_apart() -> io::Result<()> {
    // SAFETY: takes no pointer; a forked child is never a group leader, so it cannot fail.
    let session = unsafe { libc::setsid() };
    if session < 0 {
        return Err(io::Error::last_os_error());
    }
    let (first, last) = (3_u32, u32::MAX);
    let flags = libc::CLOSE_RANGE_CLOEXEC;
    // SAFETY: takes no pointer; it marks descriptors and closes none before exec.
    let refused = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    if refused < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// In every forked child: without this, one that never calls exec would hold off the end of file.
extern "C" fn let_go() {
    // Taken out, so that a grandchild does not close a descriptor that has the number by then.
    let pipe = PIPE.swap(-1, Ordering::AcqRel);
    // SAFETY: nothing in a forked child uses the pipe: `janitor()` refuses it by process id.
    unsafe { libc::close(pipe) };
}
