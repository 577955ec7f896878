//! A segment's file that is cut short under a running pair.

mod common;

use annulus::error::Severed;
use annulus::segment::{JoinError, guard_truncation};
use annulus::{Attach, Config, Deadline, RecvError, Segment, SendError};
use annulus_testkit::{Exit, Scratch, ScratchDir, Test, this_test};
use common::{LONG, by_name, named, soon};
use std::fs::{File, OpenOptions};
use std::thread;
use std::time::Duration;

const RING: Config = Config::spsc(64 << 10);
const TRUNCATED: Severed = Severed::Truncated;

/// Sends until it cannot any more.
fn send_on(args: &[String]) {
    if args[1] == "guarded" {
        guard_truncation().unwrap();
        guard_truncation().unwrap();
    }
    let segment = Segment::attach(&by_name(&args[0]), &Attach::default()).unwrap();
    let mut producer = segment.producer().unwrap();
    println!("joined");
    let end = loop {
        if let Err(end) = producer.send(&[7; 100], soon()) {
            break end;
        }
    };
    assert_eq!(end, SendError::Severed(TRUNCATED));
    assert_eq!(producer.try_send(b"x"), Err(SendError::Severed(TRUNCATED)));
}

/// Receives until it cannot any more.
fn receive_on(args: &[String]) {
    if args[1] == "guarded" {
        guard_truncation().unwrap();
    }
    let segment = Segment::attach(&by_name(&args[0]), &Attach::default()).unwrap();
    let mut consumer = segment.consumer().unwrap();
    println!("joined");
    let mut buffer = [0; 200];
    let end = loop {
        if let Err(end) = consumer.recv(&mut buffer, soon()) {
            break end;
        }
    };
    assert_eq!(end, RecvError::Severed(TRUNCATED));
    assert_eq!(consumer.try_recv(&mut buffer), Err(RecvError::Severed(TRUNCATED)));
}

#[test]
fn with_the_guard_both_sides_of_a_running_pair_are_told() {
    let test = this_test!();
    test.role("sender", send_on);
    test.role("receiver", receive_on);
    for len in [0, 4096, 4096 + 8192] {
        let scratch = Scratch::new();
        let segment = Segment::create(&named(&scratch), &RING).unwrap();
        let mut pair = ["sender", "receiver"].map(|role| start(&test, role, &scratch, "guarded"));
        thread::sleep(Duration::from_millis(10));
        truncate(&scratch, len);
        for side in &mut pair {
            side.wait_within(LONG).assert_success();
        }
        drop(segment);
    }
}

#[test]
fn with_the_guard_a_waiting_side_is_told() {
    let test = this_test!();
    test.role("receiver", receive_on);
    test.role("sender", send_on);
    for role in ["receiver", "sender"] {
        let scratch = Scratch::new();
        Segment::create(&named(&scratch), &RING).unwrap();
        let mut side = start(&test, role, &scratch, "guarded");
        thread::sleep(Duration::from_millis(50));
        truncate(&scratch, 0);
        side.wait_within(LONG).assert_success();
    }
}

#[test]
fn without_the_guard_a_waiting_side_whose_pages_are_there_is_told() {
    let test = this_test!();
    test.role("receiver", receive_on);
    test.role("sender", send_on);
    for role in ["receiver", "sender"] {
        let scratch = Scratch::new();
        Segment::create(&named(&scratch), &RING).unwrap();
        let mut side = start(&test, role, &scratch, "unguarded");
        thread::sleep(Duration::from_millis(50));
        truncate(&scratch, 4096 + 32768);
        side.wait_within(LONG).assert_success();
    }
}

#[test]
fn without_the_guard_a_side_that_touches_what_is_gone_ends_by_sigbus() {
    let test = this_test!();
    test.role("receiver", receive_on);
    let scratch = Scratch::new();
    Segment::create(&named(&scratch), &RING).unwrap();
    let mut side = start(&test, "receiver", &scratch, "unguarded");
    truncate(&scratch, 0);
    side.wait_within(LONG).assert_exit(Exit::Signal(libc::SIGBUS));
}

#[test]
fn a_truncated_segment_is_not_joined_and_other_segments_are_not_touched() {
    guard_truncation().unwrap();
    let (cut, whole) = (Scratch::new(), Scratch::new());
    let cut_segment = Segment::create(&named(&cut), &RING).unwrap();
    let mut producer = cut_segment.producer().unwrap();
    let whole_segment = Segment::create(&named(&whole), &RING).unwrap();
    truncate(&cut, 100);
    let error = cut_segment.consumer().map(drop).unwrap_err();
    assert_eq!(error, JoinError::Severed(TRUNCATED));
    assert_eq!(producer.try_send(b"x"), Err(SendError::Severed(TRUNCATED)));
    assert!(!cut_segment.is_spent());
    let mut consumer = whole_segment.consumer().unwrap();
    whole_segment.producer().unwrap().try_send(b"x").unwrap();
    consumer.recv(&mut [0; 8], soon()).unwrap();
}

#[test]
fn a_handle_that_was_told_is_dropped_without_touching_what_is_gone() {
    let test = this_test!();
    test.role("unguarded", |args| {
        let segment = Segment::create(&by_name(&args[0]), &RING).unwrap();
        let mut consumer = segment.consumer().unwrap();
        let file = OpenOptions::new().write(true).open(&args[1]).unwrap();
        file.set_len(4096 + 4096).unwrap();
        let end = consumer.recv(&mut [0; 8], soon()).unwrap_err();
        assert_eq!(end, RecvError::Severed(TRUNCATED));
        file.set_len(0).unwrap();
        drop(consumer);
        segment.survey();
    });
    let scratch = Scratch::new();
    let args = [scratch.name(), scratch.path().to_str().unwrap()];
    test.spawn("unguarded", &args).wait_within(LONG).assert_success();
}

#[test]
fn a_foreign_sigbus_goes_to_the_handler_that_was_there_before() {
    extern "C" fn previous(signal: libc::c_int) {
        // SAFETY: ends the process at once.
        unsafe { libc::_exit(40 + signal) };
    }
    let test = this_test!();
    test.role("handled", |_| {
        let handler: extern "C" fn(libc::c_int) = previous;
        // SAFETY: the handler does what a handler may.
        unsafe { libc::signal(libc::SIGBUS, handler as libc::sighandler_t) };
        guard_truncation().unwrap();
        touch_a_truncated_file();
    });
    let mut child = test.spawn("handled", &[]);
    child.wait_within(LONG).assert_exit(Exit::Code(40 + libc::SIGBUS));
}

#[test]
fn a_foreign_sigbus_without_a_handler_ends_the_process_as_ever() {
    let test = this_test!();
    test.role("default", |_| {
        // SAFETY: takes no pointer. Instead of the handler that std has.
        unsafe { libc::signal(libc::SIGBUS, libc::SIG_DFL) };
        guard_truncation().unwrap();
        touch_a_truncated_file();
    });
    test.role("std", |_| {
        guard_truncation().unwrap();
        touch_a_truncated_file();
    });
    test.role("sent", |_| {
        // SAFETY: takes no pointer.
        unsafe { libc::signal(libc::SIGBUS, libc::SIG_DFL) };
        guard_truncation().unwrap();
        // SAFETY: takes no pointer.
        unsafe { libc::raise(libc::SIGBUS) };
    });
    for role in ["default", "std", "sent"] {
        let mut child = test.spawn(role, &[]);
        child.wait_within(LONG).assert_exit(Exit::Signal(libc::SIGBUS));
    }
}

fn touch_a_truncated_file() {
    let dir = ScratchDir::new();
    let path = dir.file("foreign");
    std::fs::write(&path, [1; 8192]).unwrap();
    let file = File::options().read(true).write(true).open(path).unwrap();
    // SAFETY: a new mapping, of which nothing else knows.
    let address = unsafe {
        let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
        libc::mmap(std::ptr::null_mut(), 8192, libc::PROT_READ, libc::MAP_SHARED, fd, 0)
    };
    assert_ne!(address, libc::MAP_FAILED);
    file.set_len(0).unwrap();
    // Ends up in a handler, so the folder has to go before.
    drop((file, dir));
    // SAFETY: mapped, although the page is gone: SIGBUS is what this is about.
    let byte = unsafe { address.cast::<u8>().read_volatile() };
    panic!("read {byte}");
}

fn start(test: &Test, role: &str, scratch: &Scratch, guard: &str) -> annulus_testkit::Child {
    let mut child = test.spawn(role, &[scratch.name(), guard]);
    child.line(LONG, "joined");
    child
}

fn truncate(scratch: &Scratch, len: u64) {
    OpenOptions::new().write(true).open(scratch.path()).unwrap().set_len(len).unwrap();
}

#[test]
fn a_segment_that_was_whole_at_the_deadline_only_times_out() {
    let segment = Segment::create(&annulus::Backing::Memfd, &RING).unwrap();
    let mut consumer = segment.consumer().unwrap();
    let end = consumer.recv(&mut [0; 8], Deadline::after(Duration::from_millis(20)));
    assert_eq!(end, Err(RecvError::Timeout));
}
