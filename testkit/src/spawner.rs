//! The one thread that starts all children, so that they die with the process and not before.
//!
//! PR_SET_PDEATHSIG sends its signal when the *thread* that forked ends. libtest runs each test on
//! a thread of its own; a child that outlives its test in a static, or that was started by a helper
//! thread, would be killed out of the blue. This thread ends only with the process.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{self, Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;

type Order = (Command, Sender<io::Result<Child>>);

/// Starts `command` as the leader of its own process group, killed when this process ends.
///
/// The command is used up: an empty one is left in its place.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<Sender<Order>> = OnceLock::new();
    let orders = SPAWNER.get_or_init(|| {
        let (orders, queue) = channel::<Order>();
        let run = move || {
            for (command, answer) in queue {
                // Nobody listens when the one who asked has panicked: the child is dropped, and
                // runs on until this process ends.
                let _ = answer.send(start(command));
            }
        };
        thread::Builder::new().name("spawner".into()).spawn(run).expect("a thread can be started");
        orders
    });
    let (answer, child) = channel();
    let command = std::mem::replace(command, Command::new("true"));
    orders.send((command, answer)).expect("the spawner never ends");
    child.recv().expect("the spawner answers")
}

fn start(mut command: Command) -> io::Result<Child> {
    let parent = process::id();
    command.process_group(0);
    // SAFETY: `hear_signals` and `die_with` make system calls and nothing else, as a forked child
    // may.
    unsafe { command.pre_exec(move || hear_signals().and_then(|()| die_with(parent))) };
    command.spawn()
}

/// As a command that somebody types hears them, also where these tests run in the background of a
/// shell that lets nobody be interrupted.
fn hear_signals() -> io::Result<()> {
    for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM] {
        // SAFETY: the default action takes no code of ours.
        if unsafe { libc::signal(signal, libc::SIG_DFL) } == libc::SIG_ERR {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

fn die_with(parent: u32) -> io::Result<()> {
    // SAFETY: with this option prctl takes one integer and no pointer.
    let refused = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    if refused < 0 {
        return Err(io::Error::last_os_error());
    }
    // The parent may have died before the call above: then no signal will ever come.
    // SAFETY: takes nothing and cannot fail.
    let now = unsafe { libc::getppid() };
    if now.cast_unsigned() == parent { Ok(()) } else { Err(io::ErrorKind::NotConnected.into()) }
}
