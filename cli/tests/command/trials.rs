//! Trials: what `send --count` makes arrives and is told of, and whatever is spoiled is found.

use crate::tools::{LONG, annulus, assert_failed, assert_refused, run, run_fed, sent, start};
use annulus_testkit::{Child, Exit, Output, Scratch, ScratchDir, eventually};
use serde_json::Value;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

/// Where the records begin in a segment's file.
const RING: u64 = annulus::layout::DATA as u64;

/// The object that a check wrote.
#[track_caller]
fn told(output: &Output) -> Value {
    serde_json::from_str(output.stdout().trim()).expect("one JSON object")
}

/// That a check wrote what came before it ended with `status` and a sentence.
#[track_caller]
fn assert_found(output: Output, status: i32, messages: u64, parts: &[&str]) {
    let summary = told(&output);
    assert_eq!(summary["messages"], messages, "{summary}");
    let sentence = summary["failure"].as_str().expect("the failure is told");
    assert!(output.stderr().contains(sentence), "{output:?}");
    assert_failed(output, status, parts);
}

fn check(address: &str) -> Output {
    run(&["recv", "--check", "--json", address])
}

#[test]
fn a_trial_of_any_size_arrives_and_is_told_of() {
    for (size, bytes) in [("8", 8), ("39", 39), ("40", 40), ("64", 64), ("1784", 1_784)] {
        let ring = Scratch::new();
        let address = format!("{}?capacity=4KiB", ring.name());
        let mut send = start(&["send", "--count", "20000", "--size", size, &address]);
        let output = check(ring.name()).assert_success();
        send.wait_within(LONG).assert_success();
        let summary = told(&output);
        assert_eq!(summary["schema"], "annulus.check/1");
        for (key, value) in [("messages", 20_000), ("bytes", 20_000 * bytes), ("last", 19_999)] {
            assert_eq!(summary[key], value, "{summary}");
        }
        for key in ["repeated", "gaps", "first"] {
            assert_eq!(summary[key], 0, "{summary}");
        }
        assert!(summary["messages_per_second"].as_f64().unwrap() > 0.0);
        assert_eq!(summary["latency_ns"], Value::Null, "not paced");
        assert_eq!(output.stderr(), "");
        assert!(!ring.path().exists(), "closed and drained");
    }
}

#[test]
fn lengths_of_a_range_mix_and_the_summary_is_for_people_unless_told_otherwise() {
    let ring = Scratch::new();
    let mut send = start(&["send", "--count", "30000", "--size", "8..1KiB", ring.name()]);
    let output = run(&["recv", "--check", ring.name()]).assert_success();
    send.wait_within(LONG).assert_success();
    let text = output.stdout();
    assert!(text.starts_with("messages     30000 (number 0 to 29999)\n"), "{text}");
    assert!(text.ends_with("repeated     0\ngaps         0\n"), "{text}");
}

#[test]
fn a_paced_trial_takes_its_time_and_tells_how_long_messages_took() {
    let ring = Scratch::new();
    let begun = Instant::now();
    let mut send = start(&["send", "--count", "501", "--rate", "1000", ring.name()]);
    let summary = told(&check(ring.name()).assert_success());
    let took = begun.elapsed();
    send.wait_within(LONG).assert_success();
    assert!(took >= Duration::from_millis(500), "{took:?}");
    // A busy machine may be late; nothing lets it be early.
    let seconds = summary["seconds"].as_f64().unwrap();
    assert!(seconds <= took.as_secs_f64());
    let times = &summary["latency_ns"];
    assert_eq!(times["samples"], 501);
    let [p50, p99, p999, max] =
        ["p50", "p99", "p999", "max"].map(|key| times[key].as_u64().unwrap());
    assert!(0 < p50 && p50 <= p99 && p99 <= p999 && p999 <= max, "{times}");
    assert!(u128::from(max) < took.as_nanos(), "{times}");
}

/// A trial of `size` bytes that lies in a file, with its first byte of the message `number`.
fn lying(dir: &ScratchDir, size: u64, number: u64) -> (String, File, u64) {
    let path = dir.file("ring");
    let address = format!("file:{}", path.display());
    run(&["send", "--count", "100", "--size", &size.to_string(), &address]).assert_success();
    let file = File::options().read(true).write(true).open(&path).unwrap();
    let record = 8 + size.next_multiple_of(8);
    (address, file, RING + number * record + 8)
}

#[test]
fn a_byte_that_is_spoiled_on_the_way_is_named() {
    for (size, at, parts) in [
        (64, 63, &["number 37", "its byte 63 is 0x", "was sent"][..]),
        (64, 40, &["number 37", "its byte 40 is 0x"]),
        (64, 20, &["number 37 had to come", "a wrong byte before its payload"]),
        (20, 19, &["number 37", "its byte 19 is 0x"]),
        (20, 1, &["number 37 had to come", "has 20 bytes and was sent with"]),
        (8, 4, &["number"]),
    ] {
        let dir = ScratchDir::new();
        let (address, file, message) = lying(&dir, size, 37);
        let mut byte = [0];
        file.read_exact_at(&mut byte, message + at).unwrap();
        file.write_all_at(&[byte[0] ^ 0x40], message + at).unwrap();
        let position = format!("position {}", message - 8 - RING);
        assert_found(check(&address), 5, 37, &[parts, &[&position, "send anew"]].concat());
        // It stays in the ring, and is as wrong to the next one; but where a message is all
        // header, that one may take the number for where it begins.
        if size > 8 {
            assert_found(check(&address), 5, 0, &[&position]);
        }
    }
}

#[test]
fn what_is_wrong_is_said_also_where_the_summary_cannot_be_written() {
    let dir = ScratchDir::new();
    let (address, file, message) = lying(&dir, 64, 5);
    file.write_all_at(&[0xee; 8], message + 48).unwrap();
    let mut check = annulus(&["recv", "--check", &address]);
    check.stdout(File::options().write(true).open("/dev/full").unwrap());
    let output = check.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("number 5") && said.lines().count() == 1, "{said}");
}

#[test]
fn a_message_that_is_gone_or_comes_again_is_named() {
    for (from, to, parts) in [
        (41, 37, &["number 37 is missing", "comes number 41"][..]),
        (36, 37, &["number 36 comes again", "where number 37 had to come"]),
    ] {
        for size in [64, 20] {
            let dir = ScratchDir::new();
            let (address, file, message) = lying(&dir, size, to);
            let record = 8 + size.next_multiple_of(8);
            let mut other = vec![0; size as usize];
            file.read_exact_at(&mut other, message - to * record + from * record).unwrap();
            file.write_all_at(&other, message).unwrap();
            let output = check(&address);
            assert_eq!(told(&output)["gaps"], u64::from(from > to));
            let position = format!("position {}", to * record);
            assert_found(output, 5, 37, &[parts, &[&position]].concat());
        }
    }
}

#[test]
fn the_first_receiver_misses_what_was_lost_before_it_came() {
    let dir = ScratchDir::new();
    let (address, file, message) = lying(&dir, 64, 3);
    // The released position, as if somebody had received three messages.
    let released = message - 8 - RING;
    file.write_all_at(&released.to_ne_bytes(), annulus::layout::HEAD as u64).unwrap();
    assert_found(check(&address), 5, 0, &["number 0 is missing", "comes number 3"]);
}

#[test]
fn what_is_no_trial_is_refused_and_what_is_none_at_all_too() {
    let ring = Scratch::new();
    sent(&ring, b"a line\n");
    assert_found(
        check(ring.name()),
        1,
        0,
        &["position 0", "the first one", "'annulus send --count"],
    );
    // It is still there for whom it was meant.
    assert_eq!(run(&["recv", ring.name()]).assert_success().stdout(), "a line\n");

    let ring = Scratch::new();
    sent(&ring, b"");
    assert_found(check(ring.name()), 1, 0, &["sent nothing to check"]);

    let ring = Scratch::new();
    run(&["send", "--count", "5", ring.name()]).assert_success();
    sent(&ring, b"a line\n");
    assert_found(check(ring.name()), 1, 5, &["none of a trial"]);
}

#[test]
fn one_run_may_follow_another_in_one_ring() {
    let ring = Scratch::new();
    for count in ["5", "7"] {
        run(&["send", "--count", count, ring.name()]).assert_success();
    }
    let summary = told(&check(ring.name()).assert_success());
    assert_eq!((&summary["runs"], &summary["messages"]), (&2.into(), &12.into()));
}

#[test]
fn a_trial_may_be_received_in_parts() {
    let ring = Scratch::new();
    run(&["send", "--count", "100", ring.name()]).assert_success();
    let part = ["recv", "--check", "--json", "--count", "30", ring.name()];
    assert_eq!(told(&run(&part).assert_success())["last"], 29);
    let summary = told(&check(ring.name()).assert_success());
    assert_eq!((&summary["first"], &summary["messages"]), (&30.into(), &70.into()));
    assert_eq!(summary["repeated"], 0, "the one before left in good order");
}

#[test]
fn a_killed_receivers_successor_counts_what_may_have_come_before() {
    // A receiver that has just found the ring empty holds nothing back: then nothing is repeated.
    let counted = (0..5).any(|_| {
        let ring = Scratch::new();
        let args = ["send", "--count", "1000000", "--persist", ring.name()];
        let mut send = start(&args);
        let mut recv = start(&["recv", "--check", ring.name()]);
        eventually(LONG, || released(&ring) > 0);
        recv.kill();
        // It may be done already where nobody else runs; then there is nothing to count.
        let summary = told(&check(ring.name()).assert_success());
        send.wait_within(LONG).assert_success();
        let repeated = summary["repeated"].as_u64().unwrap();
        assert!(repeated <= 8, "{summary}");
        assert!(summary["first"].as_u64().unwrap() > 0, "{summary}");
        assert_eq!(summary["last"], 999_999);
        repeated > 0
    });
    assert!(counted, "five receivers were killed, and none of them held anything back");
}

/// The ring's released position.
fn released(ring: &Scratch) -> u64 {
    let mut bytes = [0; 8];
    let file = File::open(ring.path());
    let _ = file.and_then(|file| file.read_exact_at(&mut bytes, annulus::layout::HEAD as u64));
    u64::from_ne_bytes(bytes)
}

#[test]
fn a_killed_sender_is_status_3_after_all_that_it_had_sent() {
    let ring = Scratch::new();
    let mut send = start(&["send", "--count", "forever", "--rate", "1000", ring.name()]);
    let mut recv = start(&["recv", "--check", "--json", ring.name()]);
    eventually(LONG, || released(&ring) > 0);
    send.kill();
    let output = recv.wait_within(LONG);
    assert!(told(&output)["messages"].as_u64().unwrap() > 0);
    assert_failed(output, 3, &["the sender ended without closing"]);
    // The next one has nothing to check, and ends.
    let args = ["recv", "--check", "--json", "--wait-for", "50ms", ring.name()];
    assert_failed(run(&args), 4, &["nothing to receive came"]);
}

#[test]
fn a_signal_ends_a_check_with_what_came_so_far() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let ring = Scratch::new();
        let mut send = start(&["send", "--count", "forever", "--rate", "1000", ring.name()]);
        let mut recv = start(&["recv", "--check", "--json", ring.name()]);
        eventually(LONG, || released(&ring) > 0);
        recv.signal(signal);
        let output = recv.wait_within(LONG).assert_exit(Exit::Signal(signal));
        let summary = told(&output);
        assert!(summary["messages"].as_u64().unwrap() > 0, "{summary}");
        assert_eq!((&summary["failure"], output.stderr().as_str()), (&Value::Null, ""));
        assert_eq!(summary["interrupted"], true);
        send.kill();
    }
    // Also while there is nothing yet.
    let ring = Scratch::new();
    let mut recv = start(&["recv", "--check", "--json", ring.name()]);
    eventually(LONG, || handles_signals(&recv));
    recv.signal(libc::SIGINT);
    let output = recv.wait_within(LONG).assert_exit(Exit::Signal(libc::SIGINT));
    assert_eq!(told(&output)["messages"], 0);
}

/// Whether the process has a handler for SIGINT.
fn handles_signals(child: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & 1 << (libc::SIGINT - 1) != 0
}

#[test]
fn deadlines_hold_on_both_sides_whatever_they_wait_for() {
    let (soon, ms) = ("250ms", Duration::from_millis(250));
    // The sender: for room, for a time, and while there is always room.
    let full = Scratch::new();
    let small = format!("{}?capacity=4KiB", full.name());
    let begun = Instant::now();
    let args = ["send", "--count", "1000", "--deadline", soon, &small];
    assert_refused(run(&args), 4, &["while the ring was full"]);
    let slow = Scratch::new();
    let args = ["send", "--count", "2", "--rate", "1", "--deadline", soon, slow.name()];
    assert_refused(run(&args), 4, &["waiting for message 2 of the trial"]);
    assert!(begun.elapsed() >= 2 * ms);

    // The receiver: for a ring, for a message, and while messages come all the time.
    let none = Scratch::new();
    let check =
        |ring: &Scratch| run(&["recv", "--check", "--json", "--deadline", soon, ring.name()]);
    assert_found(check(&none), 4, 0, &["nothing to receive came in time"]);
    let slow = Scratch::new();
    let mut send = start(&["send", "--count", "2", "--rate", "1", slow.name()]);
    eventually(LONG, || slow.path().exists());
    assert_found(check(&slow), 4, 1, &["deadline passed while the ring was empty"]);
    send.kill();
    let fast = Scratch::new();
    run(&["send", "--count", "1000", fast.name()]).assert_success();
    let output = run(&["recv", "--check", "--json", "--deadline", "0s", fast.name()]);
    assert_found(output, 4, 256, &["deadline passed", "the end of the trial"]);
}

#[test]
fn a_trial_that_cannot_be_meant_is_status_2_and_makes_no_ring() {
    let ring = Scratch::new();
    let name = ring.name();
    let small = format!("{name}?capacity=4KiB");
    for (args, part) in [
        (&["send", "--count", "0", name][..], "--count is 0"),
        (&["send", "--count", "many", name], "a count has digits only, or is `forever`"),
        (&["send", "--count", "1", "--rate", "0", name], "--rate is 0"),
        (&["send", "--count", "1", "--size", "7", name], "has 8 bytes or more"),
        (&["send", "--count", "1", "--size", "9..8", name], "begins with the smaller size"),
        (&["send", "--count", "1", "--chunk", "9", name], "--count and --chunk exclude"),
        (&["send", "--count", "1", name, "file"], "--count and FILE exclude"),
        (&["send", "--rate", "1", name], "--count, which --rate goes with, is missing"),
        (&["send", "--size", "9", name], "--count, which --size goes with, is missing"),
        (&["send", "--count", "1", "--size", "8..2000", &small], "--size 2000 is too long"),
        (&["send", "--count", "1", "--size", "1GiB", name], "--size 1GiB is too long"),
        (&["recv", "--check", "--raw", name], "--check and --raw exclude"),
        (&["recv", "--check", "--meta", name], "--check and --meta exclude"),
        (&["recv", "--check", "--follow", name], "--check and --follow exclude"),
        (&["recv", "--json", name], "--check, which --json goes with, is missing"),
    ] {
        assert_refused(run(args), 2, &[part]);
        assert!(!ring.path().exists());
    }
    let output = run_fed(&["send", "--count", "1", "--size", "1784", &small], b"");
    output.assert_success();
}

#[test]
fn a_ring_cut_short_in_a_message_is_told_as_such_and_not_as_a_wrong_byte() {
    let dir = ScratchDir::new();
    let path = dir.file("ring");
    let address = format!("file:{}", path.display());
    let args = ["send", "--count", "forever", "--rate", "1", "--size", "100000", &address];
    let mut send = start(&args);
    let mut recv = start(&["recv", "--check", "--json", &address]);
    // It has received the first message, and sleeps while the second one comes and is cut.
    let number_at = |at: u64| {
        let mut bytes = [0; 8];
        let file = File::open(&path);
        let _ = file.and_then(|file| file.read_exact_at(&mut bytes, at));
        u64::from_ne_bytes(bytes)
    };
    let record = 100_008;
    eventually(LONG, || number_at(annulus::layout::HEAD as u64) == record);
    recv.signal(libc::SIGSTOP);
    eventually(LONG, || number_at(RING + record) != 0);
    let file = File::options().write(true).open(&path).unwrap();
    file.set_len(RING + record + 50_000).unwrap();
    recv.signal(libc::SIGCONT);
    assert_found(recv.wait_within(LONG), 5, 1, &["was truncated"]);
    send.wait_within(LONG).assert_exit(Exit::Code(5));
}
