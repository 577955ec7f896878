//! Where the output goes, and when nobody wants it.

use crate::tools::{
    LONG, annulus, assert_failed, assert_refused, noise, numbered, received, run, sent, start,
    start_fed,
};
use annulus_testkit::{Child, Scratch, ScratchDir};
use std::fs::{self, File};
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

/// `annulus` with its output going there.
#[track_caller]
fn start_into(args: &[&str], stdout: impl Into<Stdio>) -> Child {
    Child::spawn_as_set(annulus(args).stdin(Stdio::null()).stdout(stdout))
}

#[test]
fn output_closed_early_is_no_error_and_the_rest_stays_in_the_ring() {
    let ring = Scratch::new();
    sent(&ring, &numbered(30_000));
    let (mut reader, writer) = io::pipe().unwrap();
    let mut recv = start_into(&["recv", ring.name()], writer);
    reader.read_exact(&mut [0; 10]).unwrap();
    drop(reader);
    let output = recv.wait_within(LONG).assert_success();
    assert_eq!(output.stderr(), "");

    // What the pipe had taken is gone with it: 64 KiB, and not one line more.
    let rest = received(&ring, &[]);
    assert!(numbered(30_000).ends_with(&rest));
    let gone = numbered(30_000).len() - rest.len();
    assert!(gone <= 64 << 10, "{gone} bytes were released");
}

/// A pipe that takes some bytes more would keep who writes many until it took them all.
#[test]
fn a_message_longer_than_the_output_takes_is_not_waited_for_beyond_the_deadline() {
    let (ring, dir) = (Scratch::new(), ScratchDir::new());
    fs::write(dir.file("long"), vec![b'x'; 300_000]).unwrap();
    run(&["send", ring.name(), dir.file("long").to_str().unwrap()]).assert_success();
    let (reader, writer) = io::pipe().unwrap();
    let mut recv =
        start_into(&["recv", "--deadline", "300ms", ring.name()], writer.try_clone().unwrap());
    assert_failed(recv.wait_within(LONG), 4, &["the reader of the output"]);
    // Nor does anybody else who writes there find it otherwise than before.
    // SAFETY: takes no pointer.
    let flags = unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_GETFL) };
    assert_eq!(flags & libc::O_NONBLOCK, 0);
    drop((reader, writer));
    // So a socket, which is not opened anew.
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut recv = start_into(&["recv", "--deadline", "300ms", ring.name()], OwnedFd::from(theirs));
    assert_failed(recv.wait_within(LONG), 4, &["the reader of the output"]);
    drop(ours);
    assert_eq!(received(&ring, &[]).len(), 300_001);
}

#[test]
fn a_receiver_notices_that_nobody_reads_although_nothing_comes() {
    let ring = Scratch::new();
    let mut send = start_fed(&["send", ring.name()]);
    send.feed(b"one\n").unwrap();
    let (mut reader, writer) = io::pipe().unwrap();
    let mut recv = start_into(&["recv", ring.name()], writer);
    reader.read_exact(&mut [0; 4]).unwrap();
    drop(reader);
    recv.wait_within(LONG).assert_success();

    // Its sender learns by its next message that nobody receives any more.
    send.feed(b"two\n").unwrap();
    assert_refused(send.wait_within(LONG), 1, &["the receiver has closed", "1 message sent"]);
}

#[test]
fn a_full_disk_is_an_error_and_releases_nothing() {
    let ring = Scratch::new();
    sent(&ring, &numbered(100));
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let output = start_into(&["recv", ring.name()], full()).wait_within(LONG);
    assert_refused(output, 1, &["cannot write the output", "No space left", "stays in the ring"]);
    assert_eq!(received(&ring, &[]), numbered(100));

    let output = start_into(&["--help"], full()).wait_within(LONG);
    assert_refused(output, 1, &["cannot write the output"]);
}

#[test]
fn a_file_takes_everything() {
    let (ring, dir) = (Scratch::new(), ScratchDir::new());
    sent(&ring, &numbered(10_000));
    let file = File::create(dir.file("out")).unwrap();
    start_into(&["recv", ring.name()], file).wait_within(LONG).assert_success();
    assert!(fs::read(dir.file("out")).unwrap() == numbered(10_000));
}

#[test]
fn a_non_blocking_output_with_a_slow_reader_gets_everything() {
    let (ring, dir) = (Scratch::new(), ScratchDir::new());
    let bytes = noise(2_000_000, 3);
    fs::write(dir.file("noise"), &bytes).unwrap();
    let path = dir.file("noise");
    let mut send = start(&["send", "--chunk", "60000", ring.name(), path.to_str().unwrap()]);
    let (mut reader, writer) = non_blocking_pipe();
    let mut recv = start_into(&["recv", "--raw", ring.name()], writer);
    let mut got: Vec<u8> = Vec::new();
    let mut piece = [0; 40_000];
    // Ends when the receiver does.
    loop {
        std::thread::sleep(Duration::from_millis(1));
        match reader.read(&mut piece).unwrap() {
            0 => break,
            count => got.extend(&piece[..count]),
        }
    }
    recv.wait_within(LONG).assert_success();
    send.wait_within(LONG).assert_success();
    assert!(got == bytes);
}

#[test]
fn a_reader_that_stops_is_waited_for_until_the_deadline_and_loses_nothing() {
    let (ring, dir) = (Scratch::new(), ScratchDir::new());
    fs::write(dir.file("lines"), numbered(30_000)).unwrap();
    let path = dir.file("lines");
    run(&["send", ring.name(), path.to_str().unwrap()]).assert_success();
    let (mut reader, writer) = non_blocking_pipe();
    let mut recv = start_into(&["recv", "--deadline", "300ms", ring.name()], writer);
    let output = recv.wait_within(LONG);
    assert_failed(output, 4, &["deadline passed", "reader of the output"]);
    let mut first = Vec::new();
    reader.read_to_end(&mut first).unwrap();

    // The line that the pipe took half of comes again, whole.
    let whole = first.iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    assert!([&first[..whole], &received(&ring, &[])].concat() == numbered(30_000));
}

/// A pipe whose writing end never blocks.
fn non_blocking_pipe() -> (PipeReader, OwnedFd) {
    let (reader, writer) = io::pipe().unwrap();
    let writer = OwnedFd::from(writer);
    // SAFETY: takes no pointer.
    let done = unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    assert_eq!(done, 0);
    (reader, writer)
}
