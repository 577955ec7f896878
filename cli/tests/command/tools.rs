//! Starting the command, and what every test expects of its ends.

use annulus_testkit::{Child, Exit, Output, Scratch};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::time::Duration;

/// Longer than anything here takes on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// `annulus` with these arguments.
pub(crate) fn annulus(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_annulus"));
    command.args(args);
    command
}

/// Starts it with nothing to read.
#[track_caller]
pub(crate) fn start(args: &[&str]) -> Child {
    Child::spawn(&mut annulus(args))
}

/// Starts it with something to read.
#[track_caller]
pub(crate) fn start_fed(args: &[&str]) -> Child {
    Child::spawn_fed(&mut annulus(args))
}

/// Runs it to its end.
#[track_caller]
pub(crate) fn run(args: &[&str]) -> Output {
    start(args).wait_within(LONG)
}

/// Runs it to its end with `input` to read.
#[track_caller]
pub(crate) fn run_fed(args: &[&str], input: &[u8]) -> Output {
    let mut child = start_fed(args);
    // One that refuses at once does not read.
    let _ = child.feed(input);
    child.close_stdin();
    child.wait_within(LONG)
}

/// Sends `input` as lines into a ring that holds them all, and returns.
#[track_caller]
pub(crate) fn sent(ring: &Scratch, input: &[u8]) {
    run_fed(&["send", ring.name()], input).assert_success();
}

/// Receives all that is in the ring.
#[track_caller]
pub(crate) fn received(ring: &Scratch, options: &[&str]) -> Vec<u8> {
    let output = run(&[&["recv"], options, &[ring.name()]].concat()).assert_success();
    assert_eq!(output.stderr(), "");
    output.stdout
}

/// That it ended with `status`, wrote nothing, and said in one sentence what is wrong.
#[track_caller]
pub(crate) fn assert_refused(output: Output, status: i32, parts: &[&str]) {
    assert_eq!(output.stdout(), "");
    assert_failed(output, status, parts);
}

/// The same, whatever it wrote before.
#[track_caller]
pub(crate) fn assert_failed(output: Output, status: i32, parts: &[&str]) {
    let output = output.assert_exit(Exit::Code(status));
    let said = output.stderr();
    let sentence = said.strip_prefix("annulus: ").and_then(|rest| rest.strip_suffix('\n'));
    assert!(sentence.is_some_and(|text| !text.contains('\n')), "not one sentence: {said}");
    for dump in ["panicked", "Some(", "Err(", "Os {", "os error", "\"", " { "] {
        assert!(!said.contains(dump), "{dump:?} is nothing for users: {said}");
    }
    for part in parts {
        assert!(said.contains(part), "{part:?} is not said: {said}");
    }
}

/// A description that has the lock of a role as if its holder had not left: the sender's is byte
/// 0, the receiver's byte 1.
#[track_caller]
pub(crate) fn held_role(ring: &Scratch, byte: i64) -> File {
    let file = File::options().read(true).write(true).open(ring.path()).unwrap();
    // SAFETY: it is made of integers, for which zero is a value.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    (lock.l_type, lock.l_start, lock.l_len) = (libc::F_WRLCK as i16, byte, 1);
    // SAFETY: `lock` is a flock for the call to read.
    let done = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &lock) };
    assert_eq!(done, 0, "the last holder has gone");
    file
}

/// Bytes without pattern, the same ones for the same seed.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend(state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// `line 1` to `line N`, with newlines.
pub(crate) fn numbered(count: usize) -> Vec<u8> {
    (1..=count).flat_map(|number| format!("line {number}\n").into_bytes()).collect()
}
