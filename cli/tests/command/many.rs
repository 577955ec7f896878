//! Rings of many: several senders and several receivers share the messages, however many are
//! killed; what is refused, and what can be seen.

use crate::tools::{
    LONG, annulus, assert_failed, assert_refused, received, run, run_fed, sent, start, start_fed,
};
use annulus::{Attach, Backing, Segment, segment::Name};
use annulus_testkit::{Child, Exit, Scratch, ScratchDir, eventually};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A ring of many under that name.
pub(crate) fn many(ring: &Scratch) -> String {
    format!("{}?ring=mpmc", ring.name())
}

/// Makes one with those lines in it.
#[track_caller]
pub(crate) fn sent_to_many(ring: &Scratch, input: &[u8]) {
    run_fed(&["send", &many(ring)], input).assert_success();
}

/// The ring as a library has it.
#[track_caller]
pub(crate) fn attached(ring: &Scratch) -> Segment {
    let backing = Backing::Named(Name::new(ring.name()).unwrap());
    Segment::attach(&backing, &Attach::default()).unwrap()
}

#[track_caller]
pub(crate) fn object(ring: &Scratch) -> Value {
    let text = run(&["inspect", "--json", ring.name()]).assert_success().stdout();
    serde_json::from_str(&text).expect("one JSON object")
}

/// Position, attempt and number of each whole line that `--meta` wrote.
pub(crate) fn rows(text: &str) -> Vec<(u64, u32, u64)> {
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    let row = |line: &str| {
        let fields: Vec<u64> = line.split('\t').map(|field| field.parse().unwrap()).collect();
        (fields[0], fields[1] as u32, fields[2])
    };
    whole.lines().map(row).collect()
}

/// A receiver whose output is full: it has taken one message more than it could write.
pub(crate) fn stuck_receiver(ring: &Scratch) -> (Child, std::io::PipeReader) {
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = annulus(&["recv", "--meta", ring.name()]);
    let child = Child::spawn_as_set(command.stdin(Stdio::null()).stdout(writer));
    eventually(LONG, || {
        let before = object(ring)["waiting"].clone();
        std::thread::sleep(Duration::from_millis(50));
        let after = object(ring);
        after["waiting"] == before && after["taken"] == 1
    });
    (child, reader)
}

#[test]
fn the_messages_of_two_senders_are_shared_by_three_receivers() {
    let (ring, dir) = (Scratch::new(), ScratchDir::new());
    let mut receivers =
        [(); 3].map(|()| start(&["recv", "--meta", "--producers", "2", ring.name()]));
    let address = format!("{}&slots=64&payload=16", many(&ring));
    let mut senders = [0, 1].map(|first| {
        let lines: String =
            (first..20_000).step_by(2).map(|number| format!("{number}\n")).collect();
        let path = dir.file(&first.to_string());
        fs::write(&path, lines).unwrap();
        start(&["send", &address, path.to_str().unwrap()])
    });
    senders.iter_mut().for_each(|sender| drop(sender.wait_within(LONG).assert_success()));
    let mut numbers = vec![0; 20_000];
    for receiver in &mut receivers {
        let output = receiver.wait_within(LONG).assert_success();
        assert_eq!(output.stderr(), "");
        let mut before = None;
        for (position, attempt, number) in rows(&output.stdout()) {
            assert!(attempt == 0 && before < Some(position), "{position} after {before:?}");
            before = Some(position);
            numbers[number as usize] += 1;
        }
    }
    assert!(numbers.iter().all(|times| *times == 1), "each once");
    assert!(!ring.path().exists(), "the last one removes it");
}

#[test]
fn killed_receivers_lose_nothing_and_what_comes_again_says_so() {
    let (ring, dir) = (Scratch::new(), ScratchDir::new());
    let address = format!("{}&slots=64&payload=16", many(&ring));
    const MESSAGES: u64 = 40_000;
    let mut senders = [0, 1].map(|first| {
        let lines: String = (first..MESSAGES).step_by(2).map(|n| format!("{n}\n")).collect();
        let path = dir.file(&first.to_string());
        fs::write(&path, lines).unwrap();
        start(&["send", &address, path.to_str().unwrap()])
    });
    // One that comes when all is over finds nothing.
    let worker = || start(&["recv", "--meta", "--producers", "2", "--wait-for", "2s", ring.name()]);
    let mut workers = [(); 3].map(|()| worker());
    let (mut seen, mut kills) = (HashMap::<u64, Vec<(u64, u32)>>::new(), 0);
    let mut collect = |text: String| {
        for (position, attempt, number) in rows(&text) {
            seen.entry(number).or_default().push((position, attempt));
        }
    };
    let begun = Instant::now();
    while kills < 4 || senders.iter_mut().any(|sender| sender.is_running()) {
        assert!(begun.elapsed() < LONG, "both senders end");
        std::thread::sleep(Duration::from_millis(25));
        let victim = &mut workers[kills % 3];
        victim.kill();
        kills += 1;
        collect(std::mem::replace(victim, worker()).wait_within(LONG).stdout());
    }
    senders.iter_mut().for_each(|sender| drop(sender.wait_within(LONG).assert_success()));
    for worker in &mut workers {
        let output = worker.wait_within(LONG);
        let came_late = output.exit == Exit::Code(4) && output.stdout.is_empty();
        assert!(came_late || output.exit == Exit::Code(0), "{output:?}");
        collect(output.stdout());
    }
    for number in 0..MESSAGES {
        let deliveries = seen.get(&number).unwrap_or_else(|| panic!("{number} is lost"));
        let unflagged = deliveries.iter().filter(|(_, attempt)| *attempt == 0).count();
        assert!(unflagged <= 1, "{number} came again and did not say so: {deliveries:?}");
        let position = deliveries[0].0;
        assert!(deliveries.iter().all(|(at, _)| *at == position), "{number}: {deliveries:?}");
    }
}

#[test]
fn what_a_dead_receiver_holds_is_shown_and_comes_to_the_next_one() {
    let ring = Scratch::new();
    let lines: String = (0..4_000).map(|number| format!("{number:060}\n")).collect();
    sent_to_many(&ring, lines.as_bytes());
    let (mut child, mut reader) = stuck_receiver(&ring);
    let id = child.id();
    let held = |state: &str| {
        let seen = object(&ring);
        let all = seen["participants"].as_array().unwrap();
        assert_eq!(all.len(), 1, "the sender has left");
        let (number, pid, role) = (&all[0]["number"], &all[0]["pid"], &all[0]["role"]);
        assert_eq!((&all[0]["state"], pid), (&json!(state), &json!(id)));
        assert_eq!((number, role, &all[0]["holds"]), (&json!(1), &json!("receiver"), &json!(1)));
        assert!(all[0]["since"].as_str().unwrap().ends_with('Z'));
        assert_eq!(seen["waiting"].as_u64().unwrap() + all[0]["oldest"].as_u64().unwrap(), 3_999);
        all[0]["oldest"].as_u64().unwrap()
    };
    held("alive");
    let seen = object(&ring);
    assert_eq!((&seen["schema"], &seen["kind"]), (&json!("annulus.inspect/1"), &json!("mpmc")));
    assert_eq!((&seen["slots"], &seen["payload"]), (&json!(4096), &json!(256)));
    assert_eq!(
        (&seen["taken"], &seen["writing"], &seen["gaps"]),
        (&json!(1), &json!(0), &json!(0))
    );
    assert_eq!((&seen["delivery"], &seen["fixed"]), (&json!("at-least-once"), &json!(false)));
    assert_eq!((&seen["senders_come"], &seen["receivers_come"]), (&json!(1), &json!(1)));
    assert_eq!((&seen["state"], &seen["sender"]["pid"]), (&json!("closed"), &Value::Null));
    assert_eq!(seen["receiver"]["messages"], Value::Null, "nobody counts them");

    let pid = id.to_string();
    child.kill();
    let oldest = held("dead");
    let text = run(&["inspect", ring.name()]).assert_success().stdout();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let row = text.lines().map(words).find(|words| words.get(3) == Some(&pid)).unwrap();
    assert_eq!(row[..3], ["1", "receiver", "dead"]);
    assert_eq!(row[5..], ["1", &oldest.to_string(), "0"]);
    assert!(text.contains("4096, messages to 256 bytes, delivered at-least-once"), "{text}");
    assert!(text.contains(&format!("{} waiting, 1 taken", 3_999 - oldest)), "{text}");

    let mut first = String::new();
    reader.read_to_string(&mut first).unwrap();
    let mut all = rows(&first);
    let second = rows(&String::from_utf8(received(&ring, &["--meta"])).unwrap());
    assert_eq!((second[0].0, second[0].1), (oldest, 1), "what is left over comes first");
    assert!(second[1..].iter().all(|(_, attempt, _)| *attempt == 0));
    all.extend(second);
    assert_eq!(all.iter().map(|row| row.2).collect::<Vec<_>>(), (0..4_000).collect::<Vec<_>>());
}

#[test]
fn a_list_shows_the_slots_and_all_who_live() {
    let ring = Scratch::new();
    let address = format!("{}&slots=128&payload=48&participants=9", many(&ring));
    let mut senders = [(); 2].map(|()| start_fed(&["send", &address]));
    let row = || {
        let text = run(&["ls"]).assert_success().stdout();
        let row = text.lines().find(|line| line.starts_with(ring.name())).unwrap_or("");
        row.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let both = |row: &[String]| row.get(4).is_some_and(|pids| pids.contains(','));
    eventually(LONG, || both(&row()));
    let pids = senders.each_ref().map(|sender| sender.id().to_string());
    let seen = row();
    assert_eq!(seen[2..4], ["128x48", "open"]);
    assert!(pids.iter().all(|pid| seen[4].contains(pid)), "{seen:?}");
    let text = run(&["ls", "--json"]).assert_success().stdout();
    let objects = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let seen = objects.into_iter().find(|object| object["name"] == ring.name()).unwrap();
    assert_eq!((&seen["schema"], &seen["kind"]), (&json!("annulus.ls/1"), &json!("mpmc")));
    assert_eq!((&seen["slots"], &seen["participants_max"]), (&json!(128), &json!(9)));
    assert_eq!(seen["participants"].as_array().unwrap().len(), 2);

    // Of whoever came first.
    let refused = run(&["rm", ring.name()]);
    assert!(pids.iter().any(|pid| refused.stderr().contains(pid)), "{refused:?}");
    assert_refused(refused, 6, &["has a producer"]);
    senders[0].kill();
    assert_eq!(row()[4], pids[1]);
    run(&["rm", "--force", ring.name()]).assert_success();
    let _ = senders[1].feed(b"more\n");
    senders[1].close_stdin();
    assert!(senders[1].wait_within(LONG).exit != Exit::Code(3), "nobody was killed there");
    assert!(!ring.path().exists());
}

#[test]
fn a_command_line_that_makes_no_sense_makes_no_ring() {
    let ring = Scratch::new();
    let name = ring.name();
    for (options, part) in [
        ("ring=many", "write ring= with spsc or mpmc"),
        ("ring=mpmc&ring=mpmc", "'ring' is given twice"),
        ("ring=mpmc&slots=64&slots=64", "'slots' is given twice"),
        ("slots=64", "slots= is for rings of many senders and receivers, write ring=mpmc&slots="),
        ("ring=spsc&payload=8", "write ring=mpmc&payload="),
        ("fixed=yes", "write ring=mpmc&fixed="),
        ("delivery=at-most-once", "write ring=mpmc&delivery="),
        ("participants=2", "write ring=mpmc&participants="),
        ("producers=one", "write ring=mpmc&producers="),
        ("ring=mpmc&consumers=two", "many or one"),
        ("ring=mpmc&capacity=64KiB", "capacity= is for rings of one sender"),
        ("ring=mpmc&slots=63", "a ring of 63 slots is not possible"),
        ("ring=mpmc&slots=0", "the nearest is 64"),
        ("ring=mpmc&slots=many", "a number has digits only"),
        ("ring=mpmc&slots=1048576&payload=1MiB", "are more than 1 GiB"),
        ("ring=mpmc&payload=4GiB", "too large"),
        ("ring=mpmc&participants=0", "take 2 to 1000"),
        ("ring=mpmc&participants=1001", "take 2 to 1000"),
        ("ring=mpmc&participants=65536", "too large"),
        ("ring=mpmc&delivery=once", "at-least-once or at-most-once"),
        ("ring=mpmc&fixed=maybe", "yes or no"),
    ] {
        let address = format!("{name}?{options}");
        assert_refused(run_fed(&["send", &address], b"x\n"), 2, &[part, "is no address"]);
        assert_refused(run(&["recv", &address]), 2, &[part, "is no address"]);
    }
    let semaphore = format!("{}&wake=posix-sem", many(&ring));
    let refused = run_fed(&["send", &semaphore], b"x\n");
    assert_refused(refused, 2, &["posix-sem is not there yet", "ask for futex"]);
    let refused = run_fed(&["send", "--wake", "sysv-sem", &many(&ring)], b"x\n");
    assert_refused(refused, 2, &["sysv-sem is not there yet"]);
    let large = format!("{}&payload=1MiB", many(&ring));
    assert_refused(run_fed(&["send", &large], b"x\n"), 2, &["4096 slots", "more than 1 GiB"]);
    for (args, part) in [
        (
            &["send", "--chunk", "257", &many(&ring)][..],
            "at most 256 bytes, give less or make a ring",
        ),
        (&["send", "--count", "1", "--size", "300", &many(&ring)], "?ring=mpmc&payload=300"),
        (&["recv", "--check", &many(&ring)], "--check is for rings of one sender"),
        (&["recv", "--check", "--producers", "2", name], "--check and --producers exclude"),
        (&["recv", "--producers", "0", name], "--producers is 0"),
    ] {
        assert_refused(run(args), 2, &[part]);
    }
    assert!(!ring.path().exists());
}

#[test]
fn a_ring_of_another_kind_or_shape_is_refused_with_both() {
    let (two, several) = (Scratch::new(), Scratch::new());
    sent(&two, b"one\n");
    sent_to_many(&several, b"one\n");
    let with = |ring: &Scratch, options: &str| format!("{}?{options}", ring.name());
    for (address, parts) in [
        (many(&two), ["exists as spsc", "mpmc was asked for"]),
        (with(&several, "ring=spsc"), ["exists as mpmc", "spsc was asked for"]),
        (with(&several, "capacity=1MiB"), ["exists as mpmc", "spsc was asked for"]),
        (with(&several, "ring=mpmc&slots=64"), ["with slots=4096", "slots=64 was asked for"]),
        (with(&several, "ring=mpmc&payload=8"), ["with payload=256", "payload=8 was"]),
        (with(&several, "ring=mpmc&participants=3"), ["participants=128", "participants=3"]),
        (with(&several, "ring=mpmc&fixed=yes"), ["with fixed=no", "fixed=yes was"]),
        (with(&several, "ring=mpmc&delivery=at-most-once"), ["=at-least-once", "=at-most-once"]),
        (with(&several, "ring=mpmc&consumers=one"), ["consumers=many", "consumers=one was"]),
        (with(&several, "ring=mpmc&producers=one"), ["producers=many", "producers=one was"]),
        (with(&several, "wait=park"), ["wait policy spin-park", "park was asked for"]),
    ] {
        assert_refused(run_fed(&["send", &address], b""), 6, &parts);
        assert_refused(run(&["recv", &address]), 6, &parts);
        assert_refused(run(&["inspect", &address]), 6, &parts);
    }
    assert_refused(run(&["recv", "--producers", "2", two.name()]), 6, &["has one sender"]);
    assert_refused(
        run(&["recv", "--check", several.name()]),
        2,
        &["rings of one sender and one receiver"],
    );
    // What is asked for as it is, or not at all, is followed.
    let same = with(&several, "ring=mpmc&slots=4096&payload=256&fixed=no&wait=spin-park");
    run_fed(&["send", &same], b"two\n").assert_success();
    sent(&several, b"three\n");
    assert_eq!(received(&several, &[]), b"one\ntwo\nthree\n");
    assert_eq!(received(&two, &[]), b"one\n");
}

#[test]
fn a_ring_that_was_scribbled_over_is_corruption() {
    let ring = Scratch::new();
    sent_to_many(&ring, b"one\n");
    let file = File::options().write(true).open(ring.path()).unwrap();
    let letters = annulus::layout::MPMC_SEATS + 128 * size_of::<annulus::layout::Seat>();
    let slots = letters + 8 * (annulus::layout::LETTER_PAYLOAD + 256).next_multiple_of(64);
    file.write_all_at(&[0; 8], slots as u64).unwrap();
    let advice = format!("remove it with 'annulus rm {}'", ring.name());
    assert_refused(run(&["recv", ring.name()]), 5, &["corrupted", &advice]);
    assert_failed(run(&["inspect", ring.name()]), 5, &["corrupted"]);
    run(&["rm", ring.name()]).assert_success();
}

#[test]
fn receivers_of_a_ring_share_what_comes_slowly_and_are_told_of_the_end_however_they_wait() {
    for wait in ["park", "spin-park", "spin"] {
        let ring = Scratch::new();
        let address = format!("{}&wait={wait}", many(&ring));
        let mut receivers = [(); 2].map(|()| start(&["recv", "--wait", wait, ring.name()]));
        let mut sender = start_fed(&["send", &address]);
        for number in 0..20 {
            sender.feed(format!("{number}\n").as_bytes()).unwrap();
            std::thread::sleep(Duration::from_millis(3));
        }
        sender.close_stdin();
        sender.wait_within(LONG).assert_success();
        let texts = receivers.each_mut().map(|one| one.wait_within(LONG).assert_success().stdout());
        let mut numbers: Vec<u64> =
            texts.iter().flat_map(|text| text.lines().map(|line| line.parse().unwrap())).collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..20), "{texts:?}");
    }
}
