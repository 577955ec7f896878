//! A child process that cannot be forgotten, cannot run forever and cannot lose what it said.
//!
//! It leads a process group of its own, and its descendants end when it does: the group is killed
//! while the child is still a zombie, so the group's id cannot have passed to anybody else.
//!
//! ```text
//!   running --exits or is killed--> zombie --group killed--> reaped, taken off the janitor's list
//! ```

use crate::capture::{Capture, Text};
use crate::janitor::janitor;
use crate::{role, spawner};
use std::ffi::c_int;
use std::fmt;
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::os::unix::process::ExitStatusExt;
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How long the last output of a killed child may take to arrive.
const GRACE: Duration = Duration::from_secs(2);

/// A running child process. Dropping it kills and reaps it.
pub struct Child {
    owner: u32,
    title: String,
    process: process::Child,
    capture: Arc<Capture>,
    /// Whether it is a role of a test, whose own output begins after a marker.
    role: bool,
    /// How far `line` has read.
    read: usize,
    exit: Option<Exit>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It returned this status.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
}

/// How a process ended and all that it wrote.
#[derive(Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// Its standard output, byte for byte.
    pub stdout: Vec<u8>,
    /// Its standard error, byte for byte.
    pub stderr: Vec<u8>,
}

impl Child {
    /// Starts the command with both outputs captured and nothing to read. The command is used up.
    #[track_caller]
    pub fn spawn(command: &mut Command) -> Child {
        started(Child::try_spawn(command))
    }

    /// As [`Child::spawn`], and gives an error when the command cannot be started.
    pub fn try_spawn(command: &mut Command) -> io::Result<Child> {
        Child::begin(command.stdin(Stdio::null()).stdout(Stdio::piped()))
    }

    /// As [`Child::spawn`], and it reads what [`Child::feed`] writes.
    #[track_caller]
    pub fn spawn_fed(command: &mut Command) -> Child {
        started(Child::begin(command.stdin(Stdio::piped()).stdout(Stdio::piped())))
    }

    /// As [`Child::spawn`], but its input and output are what the command says; only standard error
    /// is captured. For a test that gives it a file, a terminal or a closed pipe.
    #[track_caller]
    pub fn spawn_as_set(command: &mut Command) -> Child {
        started(Child::begin(command))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Writes to its standard input. Blocks while the pipe is full.
    pub fn feed(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stdin = self.process.stdin.as_mut().expect("only a child of spawn_fed can be fed");
        stdin.write_all(bytes)
    }

    /// Closes its standard input.
    pub fn close_stdin(&mut self) {
        self.process.stdin = None;
    }

    /// Waits for a line of standard output that begins with `prefix`, and gives the rest of it.
    ///
    /// Each call goes on after the line that the last one gave. Panics, with all that the child
    /// wrote, when the line does not come in time or cannot come any more.
    #[track_caller]
    pub fn line(&mut self, within: Duration, prefix: &str) -> String {
        let (role, read) = (self.role, self.read);
        let find = |text: &Text| next_line(role::own_output(&text.stdout, role), read, prefix);
        let found = find(&self.capture.wait(Instant::now() + within, |text| find(text).is_some()));
        match found {
            Some((end, rest)) => {
                self.read = end;
                rest
            }
            None => panic!("no line {prefix:?} within {within:?} from {self:?}"),
        }
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.poll().is_none()
    }

    /// Sends it a signal; nothing happens if it has ended.
    pub fn signal(&mut self, signal: c_int) {
        if self.exit.is_none() {
            send(self.id().cast_signed(), signal);
        }
    }

    /// Kills it with SIGKILL, and all that it started, and returns when it is dead: by then the
    /// kernel has closed its descriptors and dropped its locks.
    pub fn kill(&mut self) -> Exit {
        if self.poll().is_none() {
            send(-self.id().cast_signed(), libc::SIGKILL);
            self.reap();
        }
        self.exit.expect("it has just been reaped")
    }

    /// Waits for its end. Panics, after killing it, with all that it wrote if it takes longer.
    #[track_caller]
    pub fn wait_within(&mut self, limit: Duration) -> Output {
        let end = Instant::now() + limit;
        while self.poll().is_none() {
            if Instant::now() >= end {
                self.kill();
                panic!("still running after {limit:?}, now killed: {self:?}");
            }
            thread::sleep(Duration::from_millis(1));
        }
        let text = self.capture.wait(Instant::now() + GRACE, Text::complete);
        let whole = text.complete();
        drop(text);
        assert!(whole, "it has ended, but somebody else still holds its output: {self:?}");
        let output = self.output();
        let began = !self.role || role::began(&self.capture.text().stdout);
        assert!(began || output.exit != Exit::Code(0), "the role never began: {output:?}");
        output
    }

    fn begin(command: &mut Command) -> io::Result<Child> {
        let janitor = janitor();
        let title = format!("{command:?}");
        let role = role::is_role(command);
        let mut process = spawner::spawn(command.stderr(Stdio::piped()))?;
        janitor.born(process.id());
        let capture = Capture::of(process.stdout.take(), process.stderr.take());
        let owner = process::id();
        Ok(Child { owner, title, process, capture, role, read: 0, exit: None })
    }

    /// Its exit, once it has ended. Whoever sees that first also ends its descendants.
    fn poll(&mut self) -> Option<Exit> {
        if self.exit.is_none() && has_ended(self.id()) {
            send(-self.id().cast_signed(), libc::SIGKILL);
            self.reap();
        }
        self.exit
    }

    /// Collects its status. The caller has seen or brought about its end.
    fn reap(&mut self) {
        let status = self.process.wait().expect("a child can be waited for");
        janitor().gone(self.id());
        self.exit = Some(Exit::from(status));
        // A killed child's last words are still in the pipes.
        drop(self.capture.wait(Instant::now() + GRACE, Text::complete));
    }

    fn output(&self) -> Output {
        let text = self.capture.text();
        let stdout = role::own_output(&text.stdout, self.role).to_vec();
        let exit = self.exit.expect("it has ended");
        Output { exit, stdout, stderr: text.stderr.clone() }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // A forked copy of the test process has no say.
        if self.owner == process::id() {
            self.kill();
        }
    }
}

impl Output {
    /// Its standard output as text.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Its standard error as text.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Panics with all that it wrote unless it returned 0.
    #[track_caller]
    pub fn assert_success(self) -> Output {
        self.assert_exit(Exit::Code(0))
    }

    /// Panics with all that it wrote unless it ended in this way.
    #[track_caller]
    pub fn assert_exit(self, exit: Exit) -> Output {
        assert!(self.exit == exit, "expected {exit:?}, and not {self:?}");
        self
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Exit {
        match status.code() {
            Some(code) => Exit::Code(code),
            None => Exit::Signal(status.signal().expect("no code, so a signal")),
        }
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.capture.text();
        let exit = self.exit.map_or("running".into(), |exit| format!("{exit:?}"));
        write!(f, "{} ({exit}){}", self.title, streams(&text.stdout, &text.stderr))
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}{}", self.exit, streams(&self.stdout, &self.stderr))
    }
}

fn streams(stdout: &[u8], stderr: &[u8]) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr));
    format!("\n--- its stdout:\n{stdout}\n--- its stderr:\n{stderr}\n---")
}

#[track_caller]
fn started(child: io::Result<Child>) -> Child {
    match child {
        Ok(child) => child,
        Err(error) => panic!("a child could not be started: {error}"),
    }
}

/// The first whole line from `from` on that begins with `prefix`: where it ends, and its rest.
fn next_line(stdout: &[u8], from: usize, prefix: &str) -> Option<(usize, String)> {
    let mut end = from;
    for line in stdout.get(from..)?.split_inclusive(|&byte| byte == b'\n') {
        end += line.len();
        let whole = line.strip_suffix(b"\n")?;
        if let Some(rest) = whole.strip_prefix(prefix.as_bytes()) {
            return Some((end, String::from_utf8_lossy(rest).into_owned()));
        }
    }
    None
}

/// Whether our child `id` is a zombie. It stays one.
fn has_ended(id: u32) -> bool {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `info` is writable and of the type that waitid fills.
    let failed = unsafe { libc::waitid(libc::P_PID, id, info.as_mut_ptr(), flags) };
    assert_eq!(failed, 0, "child {id} was reaped by somebody else");
    // SAFETY: it is made of integers and a union of such, for which zero is a value.
    let info = unsafe { info.assume_init() };
    info.si_signo == libc::SIGCHLD
}

/// Sends a signal to a process, or to a group if `target` is negative, that we have not reaped.
fn send(target: libc::pid_t, signal: c_int) {
    // SAFETY: takes no pointer. The id is not anybody else's: its holder has not been reaped.
    unsafe { libc::kill(target, signal) };
}
