//! `inspect`: a ring in use, a ring whose processes are gone, and what is damaged or no ring.

use crate::refusals::nobody;
use crate::tools::{
    LONG, annulus, assert_failed, assert_refused, noise, numbered, received, run, run_fed, sent,
    start, start_fed,
};
use annulus::layout::{CONSUMER_GATE, DATA, HEAD, Header, PRODUCER_GATE};
use annulus_testkit::{Child, Exit, Scratch, ScratchDir, eventually, skip};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::Read;
use std::mem::offset_of;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The object of `annulus inspect --json`.
#[track_caller]
fn object(address: &str) -> Value {
    parsed(&run(&["inspect", "--json", address]).assert_success().stdout())
}

#[track_caller]
fn parsed(text: &str) -> Value {
    assert_eq!(text.lines().count(), 1);
    serde_json::from_str(text).expect("one JSON object")
}

/// The value of a line of the table.
#[track_caller]
fn line(text: &str, name: &str) -> String {
    let found = text.lines().find_map(|line| line.strip_prefix(&format!("{name:10}  ")));
    found.unwrap_or_else(|| panic!("no line {name}: {text}")).to_owned()
}

/// Messages, bytes and waits of a side.
fn counters(side: &Value) -> [u64; 2] {
    ["messages", "bytes"].map(|name| side[name].as_u64().expect("a number"))
}

#[test]
fn a_ring_in_use_shows_both_sides_and_what_they_have_moved() {
    let ring = Scratch::new();
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let begun = now();
    let mut send = start_fed(&["send", &format!("{}?capacity=64KiB", ring.name())]);
    let mut recv = start(&["recv", ring.name()]);
    send.feed(b"a\nbb\nccc\n").unwrap();
    recv.line(LONG, "ccc");
    eventually(LONG, || {
        let seen = object(ring.name());
        [&seen["sender"], &seen["receiver"]].iter().all(|side| counters(side) == [3, 6])
    });
    let seen = object(ring.name());
    assert_eq!(seen["schema"], "annulus.inspect/1");
    assert_eq!(seen["address"], format!("shm:{}", ring.name()));
    assert_eq!(seen["path"], ring.path().to_str().unwrap());
    let metadata = fs::metadata(ring.path()).unwrap();
    assert_eq!((&seen["owner"], &seen["mode"]), (&json!(metadata.uid()), &json!("0600")));
    assert_eq!((&seen["kind"], &seen["wait"]), (&json!("spsc"), &json!("spin-park")));
    assert_eq!(seen["abi"], annulus::layout::ABI_VERSION);
    assert_eq!((&seen["capacity"], &seen["cell"]), (&json!(65_536), &json!(8)));
    assert_eq!(seen["bytes"], metadata.len());
    assert!(seen["page"].as_u64().unwrap() >= 4096);
    assert_eq!(seen["segment"].as_str().unwrap().len(), 32);
    assert_eq!(seen["state"], "open");
    assert_eq!(seen["unread"], json!({ "messages": 0, "bytes": 0, "exact": true }));
    for (side, child) in [(&seen["sender"], &send), (&seen["receiver"], &recv)] {
        assert_eq!((&side["state"], &side["pid"]), (&json!("alive"), &json!(child.id())));
        assert_eq!((&side["generation"], &side["held"]), (&json!(1), &json!(true)));
        assert_eq!(side["position"], 48);
        let since = side["since_ns"].as_u64().unwrap();
        assert!(begun <= since && since <= now());
        let since = side["since"].as_str().unwrap();
        assert!(since.starts_with("20") && since.ends_with('Z') && since.len() == 24, "{since}");
    }
    assert!(seen["receiver"]["waits"].as_u64().unwrap() >= 1, "it waited for the first line");

    let text = run(&["inspect", ring.name()]).assert_success().stdout();
    assert_eq!(line(&text, "ring"), format!("shm:{}", ring.name()));
    assert_eq!(line(&text, "unread"), "0 messages, 0 bytes");
    let alive: Vec<String> = line(&text, "pid").split_whitespace().map(str::to_owned).collect();
    assert_eq!(alive, [send.id().to_string(), recv.id().to_string()]);
    assert_eq!(line(&text, "state"), "open");
    assert!(text.lines().any(|line| line.split_whitespace().eq(["state", "alive", "alive"])));

    // Who is stopped is not dead.
    send.signal(libc::SIGSTOP);
    assert_eq!(object(ring.name())["sender"]["state"], "alive");
    send.signal(libc::SIGCONT);
    send.close_stdin();
    send.wait_within(LONG).assert_success();
    recv.wait_within(LONG).assert_success();
}

#[test]
fn blocks_are_counted_while_the_next_one_is_waited_for() {
    let ring = Scratch::new();
    let mut send = start_fed(&["send", "--chunk", "4", ring.name()]);
    send.feed(b"aaaabbbbcc").unwrap();
    eventually(LONG, || ring.path().exists() && counters(&object(ring.name())["sender"]) == [2, 8]);
    assert_eq!(object(ring.name())["sender"]["state"], "alive");
    send.kill();
}

#[test]
fn what_is_unread_is_told_and_stays_as_it_is() {
    let ring = Scratch::new();
    sent(&ring, b"one\n\nthree\n");
    let before = fs::read(ring.path()).unwrap();
    let seen = object(ring.name());
    assert_eq!(seen["unread"], json!({ "messages": 3, "bytes": 8, "exact": true }));
    assert_eq!((&seen["state"], &seen["closed_at"]), (&json!("closed"), &json!(40)));
    assert_eq!(
        (&seen["sender"]["state"], &seen["sender"]["position"]),
        (&json!("closed"), &json!(40))
    );
    assert_eq!(counters(&seen["sender"]), [3, 8]);
    assert_eq!(seen["receiver"]["state"], "never joined");
    assert_eq!(
        (&seen["receiver"]["pid"], &seen["receiver"]["since"]),
        (&Value::Null, &Value::Null)
    );
    let text = run(&["inspect", ring.name()]).assert_success().stdout();
    assert_eq!(line(&text, "unread"), "3 messages, 8 bytes");
    assert_eq!(line(&text, "closed at"), "40");
    assert_eq!(fs::read(ring.path()).unwrap(), before, "nothing was changed");

    // Counters go on through the next lives of both sides.
    assert_eq!(received(&ring, &["--count", "2"]), b"one\n\n");
    sent(&ring, b"four\n");
    let seen = object(ring.name());
    assert_eq!((counters(&seen["sender"]), counters(&seen["receiver"])), ([4, 12], [2, 3]));
    assert_eq!(seen["sender"]["generation"], 2);
    assert_eq!(seen["receiver"]["state"], "gone", "a sender came after it");
    assert_eq!(seen["unread"], json!({ "messages": 2, "bytes": 9, "exact": true }));
}

#[test]
fn a_file_ring_whose_sender_was_killed_is_a_record_of_it() {
    let dir = ScratchDir::new();
    let address = format!("file:{}", dir.file("ring").display());
    let mut send = start_fed(&["send", &address]);
    // The last line is torn: it was never sent.
    send.feed(&[&numbered(500)[..], b"line 5"].concat()).unwrap();
    eventually(LONG, || {
        fs::metadata(dir.file("ring")).is_ok() && object(&address)["unread"]["messages"] == 500
    });
    let pid = send.id();
    send.kill();
    let bytes = numbered(500).len() as u64 - 500;
    let seen = object(&address);
    assert_eq!(seen["state"], "dead");
    let sender = &seen["sender"];
    assert_eq!((&sender["state"], &sender["held"]), (&json!("dead"), &json!(false)));
    assert_eq!(sender["pid"], pid);
    assert_eq!(seen["unread"], json!({ "messages": 500, "bytes": bytes, "exact": true }));
    assert_eq!(seen["receiver"]["state"], "never joined");
    let text = run(&["inspect", &address]).assert_success().stdout();
    assert_eq!(line(&text, "ring"), address);
    assert!(text.contains("dead                      never joined"), "{text}");

    let output = run(&["recv", &address]);
    assert_eq!(output.stdout, numbered(500));
    assert_failed(output, 3, &["the sender ended without closing", "500 messages"]);
    let seen = object(&address);
    assert_eq!((&seen["sender"]["state"], &seen["sender"]["pid"]), (&json!("dead"), &json!(pid)));
    assert_eq!(seen["receiver"]["state"], "closed");
    assert_eq!(counters(&seen["receiver"]), [500, bytes]);
    assert_eq!(seen["unread"]["messages"], 0);
    assert_eq!(seen["sender"]["position"], seen["receiver"]["position"]);
}

#[test]
fn a_file_ring_whose_two_processes_were_killed_shows_both_and_is_received_to_the_end() {
    let dir = ScratchDir::new();
    let address = format!("file:{}", dir.file("ring").display());
    let lines = dir.file("lines");
    fs::write(&lines, numbered(60_000)).unwrap();
    let small = format!("{address}?capacity=16KiB");
    let mut send = start(&["send", &small, lines.to_str().unwrap()]);
    // The receiver is killed while it waits for this pipe to be read, the sender while the ring
    // is full.
    let (mut reader, writer) = std::io::pipe().unwrap();
    eventually(LONG, || dir.file("ring").exists());
    let mut command = annulus(&["recv", &address]);
    let mut recv = Child::spawn_as_set(command.stdin(Stdio::null()).stdout(writer));
    drop(command);
    let mut first = vec![0; 1];
    reader.read_exact(&mut first).unwrap();
    // Full, and still the same a while later: the receiver is stuck, too.
    let positions = || {
        let seen = object(&address);
        ["sender", "receiver"].map(|side| seen[side]["position"].as_u64().unwrap())
    };
    eventually(LONG, || {
        let before = positions();
        thread::sleep(Duration::from_millis(100));
        before == positions() && before[0] - before[1] > 16_000
    });
    let pids = [send.id(), recv.id()];
    send.kill();
    recv.kill();
    reader.read_to_end(&mut first).unwrap();

    let seen = object(&address);
    for (side, pid) in ["sender", "receiver"].iter().zip(pids) {
        assert_eq!((&seen[side]["state"], &seen[side]["pid"]), (&json!("dead"), &json!(pid)));
        assert_eq!(seen[side]["held"], false);
    }
    let unread = seen["unread"]["messages"].as_u64().unwrap();
    assert!(unread > 16_000 / 24);
    let output = run(&["recv", &address]).assert_exit(Exit::Code(3));
    assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count() as u64, unread);
    // What came before and what comes now are one stream; at most a batch comes twice.
    let whole = first.iter().filter(|byte| **byte == b'\n').count();
    let last = output.stdout().lines().last().unwrap()[5..].parse::<usize>().unwrap();
    assert!(numbered(last).starts_with(&first[..first.len() - first.len().min(12)]));
    assert!(numbered(last).ends_with(&output.stdout));
    assert!((whole..=whole + 8).contains(&(whole + unread as usize - (last - whole))));
    let seen = object(&address);
    assert_eq!(
        (&seen["sender"]["state"], &seen["receiver"]["state"]),
        (&json!("dead"), &json!("closed"))
    );
    assert_eq!(seen["receiver"]["generation"], 2);
}

#[test]
fn what_is_no_ring_is_refused_in_one_sentence() {
    let (ring, dir) = (Scratch::new(), ScratchDir::new());
    assert_refused(run(&["inspect", ring.name()]), 1, &[ring.name(), "no segment has this name"]);
    assert_refused(run(&["inspect", "--json", "file:/no/such"]), 1, &["no segment has this name"]);
    let text = dir.file("text");
    fs::write(&text, noise(9_000, 1)).unwrap();
    let address = format!("file:{}", text.display());
    fs::set_permissions(&text, fs::Permissions::from_mode(0o600)).unwrap();
    for json in [&[][..], &["--json"]] {
        let output = run(&[&["inspect"], json, &[&address]].concat());
        assert_refused(output, 6, &["does not begin as a segment does"]);
    }
    fs::set_permissions(&text, fs::Permissions::from_mode(0o644)).unwrap();
    assert_refused(run(&["inspect", &address]), 6, &["mode 0644"]);
    // A path is shown in one line, whatever is in it.
    let address = format!("file:{}", dir.file("a\nb\x1b[31m").display());
    run_fed(&["send", &address], b"one\n").assert_success();
    let text = run(&["inspect", &address]).assert_success().stdout();
    assert!(line(&text, "ring").ends_with("a\\nb\\u{1b}[31m"), "{text}");
    assert!(!text.contains('\x1b'));
    let folder = format!("file:{}", dir.path().display());
    assert_refused(run(&["inspect", &folder]), 6, &["folder"]);
}

#[test]
fn arguments_that_cannot_be_meant_are_usage() {
    assert_refused(run(&["inspect"]), 2, &["inspect: an address is missing", "--help"]);
    assert_refused(run(&["inspect", "one", "two"]), 2, &["no place for 'two'"]);
    assert_refused(run(&["inspect", "--jsn", "one"]), 2, &["no option --jsn"]);
    assert_refused(run(&["inspect", "--json=1", "one"]), 2, &["--json takes no value"]);
    assert_refused(run(&["inspect", "ftp:one"]), 2, &["no scheme 'ftp:'"]);
    assert_refused(run(&["inspect", "a/b"]), 2, &["a/b"]);
    let ring = Scratch::new();
    run_fed(&["send", &format!("{}?capacity=64KiB", ring.name())], b"").assert_success();
    let other = format!("{}?capacity=1MiB", ring.name());
    assert_refused(run(&["inspect", &other]), 6, &["capacity of 64KiB", "1MiB"]);
}

#[test]
fn damage_is_told_by_the_status_and_what_can_be_read_is_shown() {
    let second = DATA as u64 + 16;
    let cases: [(u64, &[u8], &str, u64); 6] = [
        // A record of the right lap that is longer than the ring; where its word stands is known.
        (second, &[0xff, 0xff, 0xff], "a length that is not possible", 16),
        (HEAD as u64, &[3], "the receiver is at a place", 3),
        (HEAD as u64, &[16], "", 0),
        (PRODUCER_GATE as u64, &[0xff; 8], "a state that is not", PRODUCER_GATE as u64),
        (CONSUMER_GATE as u64, &[0], "a state that is not", CONSUMER_GATE as u64),
        (PRODUCER_GATE as u64, &[0x0c], "closed in the middle", 8),
    ];
    for (at, bytes, said, place) in cases {
        let ring = Scratch::new();
        sent(&ring, b"one\ntwo\nthree\n");
        let file = File::options().write(true).open(ring.path()).unwrap();
        file.write_all_at(bytes, at).unwrap();
        if said.is_empty() {
            // No garbage: the first message is released.
            assert_eq!(object(ring.name())["unread"]["messages"], 2);
            continue;
        }
        let output = run(&["inspect", ring.name()]);
        let text = output.stdout();
        let advice = format!("remove it with 'annulus rm {}'", ring.name());
        assert_failed(output, 5, &["corrupted", said, &advice]);
        assert!(line(&text, "damaged").ends_with(&format!("at {place}")), "{text}");
        assert_eq!(line(&text, "capacity"), "1MiB, messages to 458744 bytes");
        let output = run(&["inspect", "--json", ring.name()]);
        let seen = parsed(&output.stdout());
        assert_failed(output, 5, &[said]);
        assert_eq!(seen["damaged_at"], place);
        assert!(seen["error"]["code"].is_u64() && seen["error"]["text"].is_string());
        assert!(seen["sender"]["pid"].is_u64());
        if at == second {
            assert_eq!(seen["unread"], json!({ "messages": 1, "bytes": 3, "exact": true }));
        }
    }
}

#[test]
fn a_damaged_header_or_size_is_told_and_the_file_is_shown() {
    let ring = Scratch::new();
    sent(&ring, b"one\n");
    let file = File::options().write(true).open(ring.path()).unwrap();
    file.write_all_at(&12_345_u64.to_ne_bytes(), offset_of!(Header, capacity) as u64).unwrap();
    let output = run(&["inspect", ring.name()]);
    let text = output.stdout();
    assert_failed(output, 5, &["header is damaged", "capacity", "0x3039"]);
    assert!(line(&text, "file").contains(ring.path().to_str().unwrap()));
    assert!(!text.contains("SENDER"));
    for bytes in [100, 3, 0] {
        file.set_len(bytes).unwrap();
        let output = run(&["inspect", "--json", ring.name()]);
        let seen = parsed(&output.stdout());
        assert_failed(output, 5, &[&format!("only {bytes} bytes")]);
        assert_eq!((&seen["bytes"], &seen["mode"]), (&json!(bytes), &json!("0600")));
        assert!(seen["error"]["code"].is_u64() && seen["sender"].is_null());
    }
}

#[test]
fn whatever_a_ring_holds_inspect_ends_soon_with_a_status_of_its_own() {
    let ring = Scratch::new();
    sent(&ring, &numbered(1_000));
    let good = fs::read(ring.path()).unwrap();
    let file = File::options().write(true).open(ring.path()).unwrap();
    for seed in 0..60 {
        file.write_all_at(&good, 0).unwrap();
        let random = noise(4096, seed + 1);
        let place = u64::from(random[0]) * 37 + PRODUCER_GATE as u64;
        file.write_all_at(&random[1..][..1 + seed as usize % 400], place & !7).unwrap();
        let mut child = start(&["inspect", ring.name()]);
        let output = child.wait_within(Duration::from_secs(20));
        match output.exit {
            Exit::Code(0) => assert_eq!(output.stderr(), ""),
            _ => assert_failed(output, 5, &["corrupted"]),
        }
    }
}

#[test]
fn root_sees_another_users_ring_and_whose_it_is() {
    let Some(mut command) = nobody(&["--version"]) else { skip!("needs root and setpriv(1)") };
    Child::spawn(&mut command).wait_within(LONG).assert_success();
    let (ring, ours) = (Scratch::new(), Scratch::new());
    let mut command = nobody(&["send", ring.name()]).unwrap();
    Child::spawn(&mut command).wait_within(LONG).assert_success();
    let seen = object(ring.name());
    assert_eq!((&seen["owner"], &seen["sender"]["state"]), (&json!(65_534), &json!("closed")));
    let text = run(&["inspect", ring.name()]).assert_success().stdout();
    assert_eq!(line(&text, "owner"), "user 65534, mode 0600");

    sent(&ours, b"one\n");
    let mut command = nobody(&["inspect", ours.name()]).unwrap();
    assert_refused(Child::spawn(&mut command).wait_within(LONG), 6, &["refuses access"]);
}
