//! Rings of many: when they end, for whom, and what is told of it.

use crate::housekeeping::in_own_shm;
use crate::many::{attached, many, object, rows, sent_to_many, stuck_receiver};
use crate::tools::{LONG, assert_failed, assert_refused, noise, numbered, received, run, run_fed};
use crate::tools::{held_role, start, start_fed};
use annulus_testkit::{Scratch, ScratchDir, eventually, skip, small_shm_refused};
use serde_json::Value;
use std::fs;
use std::io::Read;
use std::thread::sleep;
use std::time::Duration;

#[test]
fn the_same_name_serves_one_stream_after_another() {
    let ring = Scratch::new();
    for round in 1..30 {
        let mut receivers = [(); 2].map(|()| start(&["recv", "--wait-for", "1s", ring.name()]));
        sent_to_many(&ring, &numbered(round * 10));
        let mut lines = Vec::new();
        let mut statuses = Vec::new();
        for receiver in &mut receivers {
            let output = receiver.wait_within(LONG);
            lines.extend(output.stdout().lines().map(str::to_owned).collect::<Vec<_>>());
            statuses.push(format!("{:?}", output.exit));
        }
        // One may have come when all was over.
        assert!(statuses.iter().any(|status| status == "Code(0)"), "{statuses:?}");
        assert_eq!(lines.len(), round * 10, "round {round}");
        assert!(!ring.path().exists(), "round {round}");
    }
}

#[test]
fn who_is_just_leaving_is_waited_for_before_a_ring_is_removed() {
    let ring = Scratch::new();
    sent_to_many(&ring, b"one\n");
    // The lock of a participant whose seat is given up already.
    let leaving = held_role(&ring, 60);
    let mut recv = start(&["recv", ring.name()]);
    recv.line(LONG, "one");
    sleep(Duration::from_millis(100));
    assert!(recv.is_running() && ring.path().exists());
    drop(leaving);
    recv.wait_within(LONG).assert_success();
    assert!(!ring.path().exists());
}

#[test]
fn blocks_and_empty_messages_go_as_they_are() {
    let (ring, dir) = (Scratch::new(), ScratchDir::new());
    let bytes = noise(1_000_003, 5);
    let path = dir.file("noise");
    fs::write(&path, &bytes).unwrap();
    let address = format!("{}&payload=1000&slots=64", many(&ring));
    let mut send = start(&["send", "--chunk", "1000", &address, path.to_str().unwrap()]);
    assert!(received(&ring, &["--raw"]) == bytes);
    send.wait_within(LONG).assert_success();
    sent_to_many(&ring, b"\n\nthree\n");
    assert_eq!(received(&ring, &["--meta"]), b"0\t0\t\n1\t0\t\n2\t0\tthree\n");
}

#[test]
fn a_block_that_is_slow_in_coming_holds_nobody_back_and_leaves_no_gap() {
    let ring = Scratch::new();
    let mut slow = start_fed(&["send", "--chunk", "4", &many(&ring)]);
    slow.feed(b"aaaabb").unwrap();
    let mut recv = start(&["recv", ring.name()]);
    recv.line(LONG, "aaaa");
    run_fed(&["send", ring.name()], b"quick\n").assert_success();
    recv.line(LONG, "quick");
    slow.close_stdin();
    slow.wait_within(LONG).assert_success();
    let output = recv.wait_within(LONG).assert_success();
    assert_eq!((output.stdout().as_str(), output.stderr().as_str()), ("aaaa\nquick\nbb\n", ""));
}

#[test]
fn messages_of_another_length_than_the_ring_has_are_refused() {
    let ring = Scratch::new();
    let fixed = format!("{}&payload=4&fixed=yes", many(&ring));
    let refused = run_fed(&["send", &fixed], b"four\nsix\n");
    assert_refused(refused, 1, &["have 4 bytes each", "1 message sent before"]);
    let refused = run_fed(&["send", &fixed], b"seven\n");
    assert_refused(refused, 1, &["it has 5 bytes", "at most 4 bytes", "?ring=mpmc&payload=5"]);
    let output = run(&["recv", ring.name()]);
    assert_eq!(output.stdout(), "four\n");
    assert_failed(output, 3, &["there may have been more to come", "1 message received"]);
}

#[test]
fn so_many_senders_are_waited_for() {
    let ring = Scratch::new();
    sent_to_many(&ring, b"one\n");
    let few = run(&["recv", "--producers", "2", "--wait-for", "50ms", ring.name()]);
    assert_refused(few, 4, &["1 of 2 senders came in time"]);
    let mut recv = start(&["recv", "--producers", "2", ring.name()]);
    sleep(Duration::from_millis(50));
    // All that the first one sent is there, and it has left; still it is not the end.
    assert!(recv.is_running());
    sent_to_many(&ring, b"two\n");
    assert_eq!(recv.wait_within(LONG).assert_success().stdout(), "one\ntwo\n");
    assert!(!ring.path().exists());
}

#[test]
fn a_follower_outlives_all_senders() {
    let ring = Scratch::new();
    sent_to_many(&ring, b"one\n");
    let mut recv = start(&["recv", "--follow", "--count", "3", ring.name()]);
    recv.line(LONG, "one");
    sleep(Duration::from_millis(50));
    sent_to_many(&ring, b"two\n");
    recv.line(LONG, "two");
    // Whoever sends now would not find the ring that it waits at.
    fs::remove_file(ring.path()).unwrap();
    sent_to_many(&ring, b"three\n");
    let output = recv.wait_within(LONG).assert_success();
    assert_eq!((output.stdout().as_str(), output.stderr().as_str()), ("one\ntwo\nthree\n", ""));
    let late = run(&["recv", "--follow", "--deadline", "50ms", ring.name()]);
    assert_refused(late, 4, &["nothing to receive"]);
}

#[test]
fn a_killed_sender_is_told_of_when_all_is_written_and_the_next_ring_is_another_one() {
    let ring = Scratch::new();
    let mut killed = start_fed(&["send", &many(&ring)]);
    let mut recv = start(&["recv", ring.name()]);
    killed.feed(b"one\ntwo\n").unwrap();
    recv.line(LONG, "two");
    sent_to_many(&ring, b"three\n");
    recv.line(LONG, "three");
    killed.kill();
    let output = recv.wait_within(LONG);
    assert_eq!(output.stdout(), "one\ntwo\nthree\n");
    assert_failed(output, 3, &["a sender ended without closing", "3 messages", "more to come"]);
    assert!(!ring.path().exists(), "it would say so at each end");
    sent_to_many(&ring, b"four\n");
    assert_eq!(received(&ring, &[]), b"four\n");
}

#[test]
fn a_ring_that_is_to_be_kept_is_kept_and_is_not_there_until_somebody_sends() {
    let ring = Scratch::new();
    sent_to_many(&ring, b"one\n");
    let keep = format!("{}?keep=yes", ring.name());
    run(&["recv", &keep]).assert_success();
    assert_eq!(object(&ring)["state"], "spent");
    let refused = run(&["recv", "--wait-for", "50ms", ring.name()]);
    assert_refused(refused, 4, &["nothing to receive came in time"]);
    sent_to_many(&ring, b"two\n");
    assert_eq!(received(&ring, &["--meta"]), b"1\t0\ttwo\n");
    assert!(!ring.path().exists());
}

#[test]
fn gc_removes_a_ring_that_nobody_holds_whatever_is_left_in_it() {
    // In a place of its own: all rings there are meant.
    if let Some(why) = small_shm_refused() {
        skip!("{why}");
    }
    let output = in_own_shm(
        "set -e
        echo one | \"$0\" send 'left?ring=mpmc&slots=64'
        mkfifo /dev/shm/fifo
        \"$0\" send 'held?ring=mpmc&slots=64' </dev/shm/fifo & sender=$!
        exec 3>/dev/shm/fifo
        until \"$0\" ls | grep -q 'held .* open'; do :; done
        \"$0\" gc
        exec 3>&-
        wait $sender
        ls /dev/shm",
    );
    let said = output.assert_success().stdout();
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("removed shm:left, "), "{said}");
    assert_eq!(lines[1..], ["annulus.held", "fifo"]);
}

#[test]
fn an_empty_stream_ends_once() {
    let ring = Scratch::new();
    sent_to_many(&ring, b"");
    assert_eq!(received(&ring, &[]), b"");
    assert!(!ring.path().exists());
}

#[test]
fn a_gap_is_told_in_a_line_and_passed() {
    let ring = Scratch::new();
    sent_to_many(&ring, b"one\n");
    let segment = attached(&ring);
    let mut producer = segment.mpmc_producer().unwrap();
    drop(producer.try_claim(4).unwrap());
    producer.try_send(b"two").unwrap();
    drop(producer);
    let output = run(&["recv", "--meta", ring.name()]);
    assert_eq!(output.stdout(), "0\t0\tone\n2\t0\ttwo\n");
    assert_failed(output, 0, &["no message at position 1", "goes on", "1 message received"]);
}

#[test]
fn who_holds_the_next_message_is_named_when_the_deadline_passes() {
    let ring = Scratch::new();
    sent_to_many(&ring, b"one\n");
    let segment = attached(&ring);
    let mut producer = segment.mpmc_producer().unwrap();
    let own = format!("process {}, which lives", std::process::id());
    let late = run(&["recv", "--deadline", "100ms", ring.name()]);
    assert_eq!(late.stdout(), "one\n");
    assert_failed(late, 4, &["while the ring was empty", "1 message received"]);
    let claim = producer.try_claim(4).unwrap();
    let late = run(&["recv", "--deadline", "100ms", ring.name()]);
    assert_refused(late, 4, &["participant 1", &own, "held the next message"]);
    drop(claim);
    // The same for a sender: the whole ring, and its first slot in somebody's hand.
    let full = Scratch::new();
    run_fed(&["send", &format!("{}&slots=64", many(&full))], &numbered(64)).assert_success();
    let late = run_fed(&["send", "--deadline", "100ms", full.name()], b"more\n");
    assert_refused(late, 4, &["while the ring was full", "0 messages sent"]);
    let segment = attached(&full);
    let mut consumer = segment.mpmc_consumer().unwrap();
    let taken = consumer.try_take().unwrap();
    let late = run_fed(&["send", "--deadline", "100ms", full.name()], b"more\n");
    assert_refused(late, 4, &[&own, "held the next slot"]);
    taken.release();
}

#[test]
fn a_sender_ends_when_the_receivers_of_its_messages_have_left_a_full_ring() {
    let ring = Scratch::new();
    let small = format!("{}&slots=64", many(&ring));
    let mut send = start_fed(&["send", &small]);
    // In parts: it may end before it has read all.
    send.feed(&numbered(10)).unwrap();
    run(&["recv", "--count", "1", ring.name()]).assert_success();
    let _ = send.feed(&numbered(1_000));
    send.close_stdin();
    assert_refused(send.wait_within(LONG), 1, &["full and its receivers have left"]);
    fs::remove_file(ring.path()).unwrap();

    let mut send = start_fed(&["send", &small]);
    send.feed(b"one\n").unwrap();
    let mut recv = start(&["recv", ring.name()]);
    recv.line(LONG, "one");
    recv.kill();
    let _ = send.feed(&numbered(1_000));
    send.close_stdin();
    assert_refused(send.wait_within(LONG), 3, &["full and its receivers died"]);
}

#[test]
fn receivers_of_the_past_end_no_sender_and_none_does_with_persist() {
    let ring = Scratch::new();
    let small = format!("{}&slots=64", many(&ring));
    run_fed(&["send", &small], b"past\n").assert_success();
    run(&["recv", &format!("{}?keep=yes", ring.name())]).assert_success();
    let mut send = start_fed(&["send", "--persist", &small]);
    send.feed(b"first\n").unwrap();
    let mut recv = start(&["recv", ring.name()]);
    recv.line(LONG, "first");
    recv.kill();
    let _ = send.feed(&numbered(200));
    sleep(Duration::from_millis(50));
    assert!(send.is_running());
    // Another one comes later than all that, and nobody has received from it.
    let mut other = start_fed(&["send", ring.name()]);
    other.feed(b"other\n").unwrap();
    other.close_stdin();
    sleep(Duration::from_millis(50));
    assert!(other.is_running());
    send.close_stdin();
    let text = String::from_utf8(received(&ring, &["--meta", "--producers", "3"])).unwrap();
    // The one that was killed may have died before it had released what it wrote.
    let lines: Vec<&str> = text.lines().filter(|line| !line.ends_with("\t1\tfirst")).collect();
    assert_eq!(lines.len(), 201, "{text}");
    send.wait_within(LONG).assert_success();
    other.wait_within(LONG).assert_success();
}

#[test]
fn what_nobody_reads_stays_for_another_one() {
    let ring = Scratch::new();
    let lines: String = (0..4_000).map(|number| format!("{number:060}\n")).collect();
    sent_to_many(&ring, lines.as_bytes());
    let (mut recv, mut reader) = stuck_receiver(&ring);
    let mut first = vec![0; 1];
    reader.read_exact(&mut first).unwrap();
    drop(reader);
    recv.wait_within(LONG).assert_success();
    let seen = object(&ring);
    assert_eq!((&seen["taken"], &seen["participants"]), (&0.into(), &serde_json::json!([])));
    let text = String::from_utf8(received(&ring, &["--meta"])).unwrap();
    let second = rows(&text);
    assert_eq!(second[0].1, 1, "it may have been written in part");
    assert_eq!(second.last().unwrap().2, 3_999);
    assert_eq!(second.len() as u64, seen["waiting"].as_u64().unwrap());
}

#[test]
fn at_most_once_gives_up_what_a_killed_receiver_had() {
    let ring = Scratch::new();
    let lines: String = (0..4_000).map(|number| format!("{number:060}\n")).collect();
    let once = format!("{}&delivery=at-most-once", many(&ring));
    run_fed(&["send", &once], lines.as_bytes()).assert_success();
    let (mut recv, reader) = stuck_receiver(&ring);
    let oldest = object(&ring)["participants"][0]["oldest"].as_u64().unwrap();
    recv.kill();
    drop(reader);
    let output = run(&["recv", "--meta", ring.name()]);
    let second = rows(&output.stdout());
    assert_eq!((second[0].0, second[0].1), (oldest + 1, 0));
    assert_eq!(second.len() as u64, 3_999 - oldest);
    assert_failed(output, 0, &["1 message given up"]);
}

#[test]
fn a_ring_taken_by_force_is_told_to_all() {
    let ring = Scratch::new();
    let mut send = start_fed(&["send", &many(&ring)]);
    let mut receivers = [(); 2].map(|()| start(&["recv", ring.name()]));
    send.feed(b"one\n").unwrap();
    eventually(LONG, || {
        let seen = ring.path().exists().then(|| object(&ring));
        seen.is_some_and(|seen| seen["participants"].as_array().unwrap().len() == 3)
    });
    run(&["rm", "--force", ring.name()]).assert_success();
    for receiver in &mut receivers {
        let output = receiver.wait_within(LONG);
        assert_failed(output, 6, &["removed by `rm --force`", "received before"]);
    }
    send.kill();
}

/// Also when its seat was needed since, and nothing but the ring remembers it.
#[test]
fn a_ring_that_a_sender_died_in_is_called_dead_until_it_is_removed() {
    let ring = Scratch::new();
    let mut send = start_fed(&["send", &format!("{}&slots=64", many(&ring))]);
    send.feed(&b"line\n".repeat(10)).unwrap();
    eventually(LONG, || ring.path().exists() && object(&ring)["waiting"] == 10);
    send.kill();
    send.wait_within(LONG);
    let states = || {
        let listed = run(&["ls", "--json"]).assert_success().stdout();
        let own = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let listed = own.into_iter().find(|seen| seen["name"] == ring.name()).unwrap();
        let seen = object(&ring);
        [listed["state"].clone(), seen["state"].clone(), seen["sender"]["state"].clone()]
    };
    assert_eq!(states(), ["dead"; 3]);
    run(&["recv", "--count", "3", ring.name()]).assert_success();
    assert_eq!(states(), ["dead"; 3]);
    assert_eq!(object(&ring)["receiver"]["state"], "closed");
    let output = run(&["recv", ring.name()]);
    assert_failed(output, 3, &["a sender ended without closing"]);
    assert!(!ring.path().exists());
}
