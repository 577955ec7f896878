//! What the tests of segments share: messages that can be recomputed, and forks that report.

// Each test binary uses a part of it.
#![allow(dead_code)]

use annulus::segment::{Name, SegmentError};
use annulus::{Backing, Consumer, Deadline, RecvError, Segment};
use annulus_testkit::Scratch;
use std::mem::offset_of;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// More than anything takes on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A user that is neither root nor anybody here.
pub(crate) const STRANGER: u32 = 54_321;

/// A deadline that only a hung test meets.
pub(crate) fn soon() -> Deadline {
    Deadline::after(LONG)
}

/// The segment of that scratch name.
pub(crate) fn named(scratch: &Scratch) -> Backing {
    by_name(scratch.name())
}

/// The segment of that name.
pub(crate) fn by_name(name: &str) -> Backing {
    Backing::Named(Name::new(name).expect("scratch names are names"))
}

/// The error, after a look at its sentence and number.
#[track_caller]
pub(crate) fn refusal(result: Result<Segment, SegmentError>) -> SegmentError {
    let error = result.map(drop).expect_err("it should have been refused");
    let sentence = error.to_string();
    assert!(sentence.len() > 20 && !sentence.contains('\n'), "a sentence: {sentence}");
    assert!((20..=75).contains(&error.code()), "a stable number");
    error
}

/// The messages of a test: each one follows from the seed and its index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Messages {
    pub(crate) seed: u64,
    pub(crate) longest: usize,
}

impl Messages {
    /// Fills `into` with message `index`.
    pub(crate) fn make(self, index: u64, into: &mut Vec<u8>) {
        into.resize(self.len(index), 0);
        let start = self.start(index);
        let (words, rest) = into.as_chunks_mut::<8>();
        for (at, word) in words.iter_mut().enumerate() {
            *word = pattern(start, at).to_le_bytes();
        }
        let last = pattern(start, words.len()).to_le_bytes();
        let len = rest.len();
        rest.copy_from_slice(&last[..len]);
    }

    /// Panics unless `bytes` are message `index`, to the last one.
    pub(crate) fn check(self, index: u64, bytes: &[u8]) {
        assert_eq!(bytes.len(), self.len(index), "the length of message {index}");
        let start = self.start(index);
        let (words, rest) = bytes.as_chunks::<8>();
        for (at, word) in words.iter().enumerate() {
            let wanted = pattern(start, at);
            assert_eq!(u64::from_le_bytes(*word), wanted, "word {at} of message {index}");
        }
        let last = pattern(start, words.len()).to_le_bytes();
        assert_eq!(rest, &last[..rest.len()], "the last bytes of message {index}");
    }

    /// Mostly short, one in 16 up to 2,000 bytes, one in 4,096 within 32 bytes of the longest.
    fn len(self, index: u64) -> usize {
        let random = mix(self.seed ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (kind, random) = (random % 4096, (random >> 32) as usize);
        let len = match kind {
            0 => self.longest - random % 33.min(self.longest),
            1..=255 => random % 2001,
            _ => random % 121,
        };
        len.min(self.longest)
    }

    fn start(self, index: u64) -> u64 {
        mix(self.seed.wrapping_add(index))
    }
}

/// Word `at` of a message: one multiplication, so that checking does not outweigh the ring.
fn pattern(start: u64, at: usize) -> u64 {
    let x = (start ^ at as u64).wrapping_mul(0xd6e8_feb8_6659_fd93);
    x ^ x >> 32
}

/// The finisher of splitmix64.
fn mix(x: u64) -> u64 {
    let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

/// Receives and checks messages from `next` on until something else than a message comes.
pub(crate) fn drain(consumer: &mut Consumer, messages: Messages, next: &mut u64) -> RecvError {
    let mut buffer = vec![0; messages.longest];
    loop {
        match consumer.recv(&mut buffer, soon()) {
            Ok(received) => messages.check(*next, &buffer[..received.len]),
            Err(end) => return end,
        }
        *next += 1;
    }
}

/// Forks, runs `child` there, and panics here unless it came to its end without a panic.
///
/// The child does not return to the test, and its threads are not there: it must not print.
#[track_caller]
pub(crate) fn in_fork(child: impl FnOnce()) {
    let status = wait_for(fork(child));
    let why = "in the forked child (exit status 0x100: a failed assertion)";
    assert_eq!(status, 0, "status {status:#x} {why}");
}

/// Forks and runs `child` there, which then exits: 0, or 1 after a panic.
pub(crate) fn fork(child: impl FnOnce()) -> libc::pid_t {
    // SAFETY: the child uses only what a fork of glibc keeps whole: memory, and the registry.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "no fork");
    if pid == 0 {
        let failed = catch_unwind(AssertUnwindSafe(child)).is_err();
        // SAFETY: ends this process at once, without what the parent's exit handlers would do.
        unsafe { libc::_exit(failed.into()) };
    }
    pid
}

/// The wait status of a child that was forked.
pub(crate) fn wait_for(pid: libc::pid_t) -> i32 {
    let mut status = 0;
    // SAFETY: `status` is there to be filled.
    let waited = unsafe { libc::waitpid(pid, &mut status, 0) };
    assert_eq!(waited, pid);
    status
}

/// Whether we may do what only root may.
pub(crate) fn is_root() -> bool {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// The system call numbered `number` fails with `errno` from now on in this thread.
pub(crate) fn refuse(number: libc::c_long, errno: i32) {
    let statement = |code, k| libc::sock_filter { code, jt: 0, jf: 0, k };
    let (load, ret) = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, libc::BPF_RET | libc::BPF_K);
    let refused = libc::SECCOMP_RET_ERRNO | errno as u32;
    let mut program = [
        statement(load as u16, offset_of!(libc::seccomp_data, nr) as u32),
        libc::sock_filter {
            code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
            jt: 0,
            jf: 1,
            k: number as u32,
        },
        statement(ret as u16, refused),
        statement(ret as u16, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: takes no pointer.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    // SAFETY: a program of so many statements, valid for the call to read.
    let set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &filter) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}

/// Processor time that this process has used so far.
pub(crate) fn processor_time() -> Duration {
    // SAFETY: a `rusage` is integers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is there to be filled.
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) }, 0);
    let span = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
    };
    span(usage.ru_utime) + span(usage.ru_stime)
}
