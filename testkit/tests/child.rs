//! Children: bounded, heard to the last byte, and never left running.

mod common;

use annulus_testkit::{Child, Exit, Scratch, eventually, this_test};
use common::{LONG, children_of, janitor_of, runs};
use std::io;
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{self, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn panic_of(act: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(act)).expect_err("it panics");
    *panic.downcast::<String>().expect("with a formatted text")
}

#[test]
fn an_exit_is_a_code_or_a_signal() {
    assert_eq!(Child::spawn(&mut sh("exit 6")).wait_within(LONG).exit, Exit::Code(6));
    let mut shot = Child::spawn(&mut sh("kill -TERM $$; sleep 1000"));
    assert_eq!(shot.wait_within(LONG).exit, Exit::Signal(libc::SIGTERM));
    assert_eq!(shot.kill(), Exit::Signal(libc::SIGTERM), "the first end counts");
}

#[test]
fn both_outputs_arrive_whole_though_a_pipe_holds_less() {
    let mut big = sh("head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2");
    let output = Child::spawn(&mut big).wait_within(LONG).assert_success();
    assert_eq!((output.stdout.len(), output.stderr.len()), (1_000_000, 1_000_000));
}

#[test]
fn a_child_that_takes_too_long_is_killed_and_its_words_are_shown() {
    let mut child = Child::spawn(&mut sh("echo out; echo err >&2; sleep 1000 & wait"));
    let begun = Instant::now();
    let panic = panic_of(|| drop(child.wait_within(Duration::from_millis(300))));
    assert!(begun.elapsed() < LONG);
    assert!(panic.contains("\nout\n") && panic.contains("\nerr\n"), "{panic}");
    assert!(!runs(&child.id().to_string()));
}

#[test]
fn a_dropped_child_is_dead_and_so_is_what_it_started() {
    let mut child = Child::spawn(&mut sh("sleep 1000 & echo pid $!; wait"));
    let grandchild = child.line(LONG, "pid ");
    let id = child.id().to_string();
    assert!(runs(&id) && runs(&grandchild));
    drop(child);
    assert!(!runs(&id));
    eventually(LONG, || !runs(&grandchild));
}

#[test]
fn what_a_child_started_ends_with_it() {
    let mut child = Child::spawn(&mut sh("sleep 1000 & echo pid $!"));
    let output = child.wait_within(LONG).assert_success();
    let grandchild = output.stdout().trim_start_matches("pid ").trim().to_owned();
    eventually(LONG, || !runs(&grandchild));
}

#[test]
fn lines_are_given_one_after_the_other_and_only_when_whole() {
    let mut child = Child::spawn_fed(&mut sh("echo a 1; echo b; echo a 2; printf 'a '; cat"));
    assert_eq!(child.line(LONG, "a "), "1");
    assert_eq!(child.line(LONG, "a "), "2");
    let panic = panic_of(|| drop(child.line(Duration::from_millis(100), "a ")));
    assert!(panic.contains("no line \"a \""), "{panic}");
    child.feed(b"3\n").unwrap();
    assert_eq!(child.line(LONG, "a "), "3");
    child.close_stdin();
    child.wait_within(LONG).assert_success();
}

#[test]
fn a_line_that_cannot_come_any_more_is_not_waited_for() {
    let mut child = Child::spawn(&mut sh("echo other"));
    let begun = Instant::now();
    panic_of(|| drop(child.line(LONG, "ready")));
    assert!(begun.elapsed() < LONG / 2);
}

#[test]
fn a_stopped_child_runs_on_after_the_signal_to_continue() {
    let mut child = Child::spawn_fed(&mut Command::new("cat"));
    child.signal(libc::SIGSTOP);
    child.feed(b"echo\n").unwrap();
    panic_of(|| drop(child.line(Duration::from_millis(100), "echo")));
    assert!(child.is_running());
    child.signal(libc::SIGCONT);
    child.line(LONG, "echo");
}

#[test]
fn a_child_outlives_the_thread_that_asked_for_it() {
    let start = || Child::spawn(&mut Command::new("cat"));
    let mut sleeper = thread::spawn(|| Child::spawn(&mut sh("sleep 1000"))).join().unwrap();
    let mut reader = thread::spawn(start).join().unwrap();
    assert_eq!(reader.wait_within(LONG).exit, Exit::Code(0), "its input is empty");
    thread::sleep(Duration::from_millis(50));
    assert!(sleeper.is_running());
}

#[test]
fn input_and_output_can_be_what_the_command_says() {
    let mut command = sh("echo lost; cat; echo said >&2");
    let output =
        Child::spawn_as_set(command.stdin(Stdio::null()).stdout(Stdio::null())).wait_within(LONG);
    assert_eq!((output.stdout(), output.stderr()), (String::new(), "said\n".into()));
}

#[test]
fn a_command_that_is_not_there_is_an_error() {
    let error = Child::try_spawn(&mut Command::new("no-such-command")).map(drop).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_child_that_starts_as_its_parent_dies_does_not_stay() {
    let test = this_test!();
    test.role("parent", |_| {
        let mut command = Command::new("sleep");
        let parent = process::id();
        // SAFETY: the closure makes system calls only, as a forked child may.
        unsafe { command.arg("1000").pre_exec(move || outlive(parent)) };
        let _janitor = Scratch::new();
        println!("ready");
        Child::spawn(&mut command);
    });

    let mut parent = test.spawn("parent", &[]);
    parent.line(LONG, "ready");
    let janitor = janitor_of(parent.id()).unwrap();
    let forked = || children_of(parent.id()).into_iter().find(|pid| *pid != janitor);
    eventually(LONG, || forked().is_some());
    let child = forked().unwrap();
    assert!(runs(&child), "it waits, and has not asked for the death signal yet");
    parent.kill();
    eventually(LONG, || !runs(&child));
}

/// Waits until the parent is dead, at most a minute.
fn outlive(parent: u32) -> io::Result<()> {
    for _ in 0..60_000 {
        // SAFETY: takes nothing and cannot fail.
        let now = unsafe { libc::getppid() };
        if now.cast_unsigned() != parent {
            break;
        }
        // SAFETY: takes no pointer.
        unsafe { libc::usleep(1000) };
    }
    Ok(())
}
