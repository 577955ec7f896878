//! Sides that sleep: what is asked for and what is found, and that who sleeps is woken, told of a
//! death, and ended by a signal.

use crate::tools::{
    LONG, annulus, assert_failed, assert_refused, numbered, received, run, run_fed, sent, start,
    start_fed,
};
use annulus::layout::{Bed, CONSUMER_BED, PRODUCER_BED};
use annulus_testkit::{Child, Exit, Scratch, ScratchDir, eventually};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io;
use std::mem::offset_of;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// The ways to wait that put somebody to sleep.
const SLEEPING: [&str; 2] = ["spin-park", "park"];

/// Whether the side with that bed sleeps now, or is about to.
fn sleeps(ring: &Scratch, bed: usize) -> bool {
    let mut word = [0; 8];
    let file = File::open(ring.path());
    let at = (bed + offset_of!(Bed, asleep)) as u64;
    file.and_then(|file| file.read_exact_at(&mut word, at)).is_ok() && word[0] & 1 != 0
}

/// Processor time of a process so far, in ticks of 10 ms.
#[track_caller]
fn ticks(child: &Child) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // Behind the name come the fields from the third on; these are the 14th and the 15th.
    fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum()
}

/// A pair whose sender waits for its input, and whose receiver sleeps.
#[track_caller]
fn idle(ring: &Scratch, wait: &str, recv: &[&str]) -> (Child, Child) {
    let send = start_fed(&["send", "--wait", wait, ring.name()]);
    let recv = start(&[&["recv"], recv, &[ring.name()]].concat());
    eventually(LONG, || sleeps(ring, CONSUMER_BED));
    (send, recv)
}

/// The object of `annulus inspect --json`.
#[track_caller]
fn inspected(ring: &Scratch) -> Value {
    let output = run(&["inspect", "--json", ring.name()]).assert_success();
    serde_json::from_str(&output.stdout()).expect("one JSON object")
}

/// What it says of waiting.
#[track_caller]
fn waiting(ring: &Scratch) -> [String; 3] {
    let seen = inspected(ring);
    ["wait", "waking", "barrier"].map(|name| seen[name].as_str().expect(name).to_owned())
}

/// `annulus` in a process to which membarrier(2) is refused, as in some containers.
fn without_membarrier(args: &[&str]) -> Command {
    let op = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let number = libc::SYS_membarrier as u32;
    let refuse = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
    let mut filter = [
        op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number),
        op(libc::BPF_RET | libc::BPF_K, 0, 0, refuse),
        op(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let mut command = annulus(args);
    let seal = move || {
        let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
        // SAFETY: takes no pointer.
        let alone = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
        // SAFETY: the program lives through the call, which copies it.
        let sealed =
            unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) };
        if (alone, sealed) == (0, 0) { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    // SAFETY: two system calls, which a child after fork may make.
    unsafe { command.pre_exec(seal) };
    command
}

#[test]
fn a_pair_that_sleeps_moves_a_file() {
    for wait in SLEEPING {
        for barrier in ["fence", "membarrier"] {
            let (ring, dir) = (Scratch::new(), ScratchDir::new());
            fs::write(dir.file("lines"), numbered(100_000)).unwrap();
            // Smaller than the file, so that the sender sleeps as well.
            let address = format!("{}?capacity=4KiB", ring.name());
            let mut send = start(&[
                "send",
                "--wait",
                wait,
                "--barrier",
                barrier,
                &address,
                dir.file("lines").to_str().unwrap(),
            ]);
            eventually(LONG, || sleeps(&ring, PRODUCER_BED));
            assert_eq!(waiting(&ring), [wait, "futex", barrier]);
            assert!(received(&ring, &["--wait", wait]) == numbered(100_000));
            send.wait_within(LONG).assert_success();
        }
    }
}

#[test]
fn an_idle_receiver_that_sleeps_uses_next_to_no_processor_time() {
    for wait in SLEEPING {
        let ring = Scratch::new();
        let (mut send, recv) = idle(&ring, wait, &[]);
        let begun = (Instant::now(), ticks(&recv));
        thread::sleep(Duration::from_secs(2));
        let used = 10 * (ticks(&recv) - begun.1);
        let most = begun.0.elapsed().as_millis() as u64 / 50;
        assert!(used <= most, "{wait}: {used} ms, and not {most}");
        send.kill();
    }
}

#[test]
fn another_wait_policy_than_asked_is_refused_by_both_sides_and_inspect() {
    for (found, asked) in [("spin", "park"), ("park", "spin"), ("spin-park", "park")] {
        let ring = Scratch::new();
        run_fed(&["send", "--wait", found, ring.name()], b"one\n").assert_success();
        let policy = format!("the wait policy {found} and {asked} was asked for, ask for that");
        let parts = [ring.name(), &policy];
        assert_refused(run_fed(&["send", "--wait", asked, ring.name()], b"no\n"), 6, &parts);
        assert_refused(run(&["recv", "--wait", asked, ring.name()]), 6, &parts);
        let address = format!("{}?wait={asked}", ring.name());
        assert_refused(run_fed(&["send", &address], b"no\n"), 6, &parts);
        assert_refused(run(&["recv", &address]), 6, &parts);
        assert_refused(run(&["inspect", &address]), 6, &parts);

        // What is right, or not asked for, is followed.
        let address = format!("{}?wait={found}", ring.name());
        run_fed(&["send", &address], b"two\n").assert_success();
        sent(&ring, b"three\n");
        assert_eq!(waiting(&ring)[0], found);
        let output = run(&["recv", "--wait", found, ring.name()]).assert_success();
        assert_eq!(output.stdout(), "one\ntwo\nthree\n");
    }
}

#[test]
fn another_barrier_than_asked_is_refused_by_both_sides_and_inspect() {
    for (found, asked) in [("fence", "membarrier"), ("membarrier", "fence")] {
        let ring = Scratch::new();
        let with = |barrier| format!("{}?wait=park&barrier={barrier}", ring.name());
        run_fed(&["send", &with(found)], b"one\n").assert_success();
        let barrier = format!("the barrier {found} and {asked} was asked for, ask for that");
        let parts = [ring.name(), &barrier];
        let options = ["send", "--wait", "park", "--barrier", asked, ring.name()];
        assert_refused(run_fed(&options, b"no\n"), 6, &parts);
        assert_refused(run_fed(&["send", &with(asked)], b"no\n"), 6, &parts);
        assert_refused(run(&["recv", &with(asked)]), 6, &parts);
        assert_refused(run(&["inspect", &with(asked)]), 6, &parts);
        let options = ["send", "--wait", "park", "--barrier", found, ring.name()];
        run_fed(&options, b"two\n").assert_success();
        assert_eq!(run(&["recv", &with(found)]).assert_success().stdout(), "one\ntwo\n");
    }
    let ring = Scratch::new();
    run_fed(&["send", "--wait", "spin", ring.name()], b"one\n").assert_success();
    let address = format!("{}?barrier=fence", ring.name());
    assert_refused(run(&["recv", &address]), 6, &["with no barrier and fence was asked for"]);
}

#[test]
fn waiting_that_cannot_be_meant_is_usage_and_makes_nothing() {
    let ring = Scratch::new();
    let place = ring.name();
    let with = |options| format!("{place}?{options}");
    for (args, part) in [
        (
            &["send", "--wait", "nap", place][..],
            "--wait 'nap' is not understood: write --wait with",
        ),
        (&["send", "--wait", "", place], "with spin, spin-park or park"),
        (&["recv", "--wait", "sleep", place], "with spin, spin-park or park"),
        (&["send", "--wait=park", "--barrier", "no", place], "--barrier with fence or membarrier"),
        (&["send", place, "--wait"], "the value of --wait is missing"),
        (&["recv", "--barrier", "fence", place], "no option --barrier"),
        (&["send", &with("wait=nap")], "write wait= with spin, spin-park or park"),
        (&["recv", &with("barrier=all")], "write barrier= with fence or membarrier"),
        (&["send", &with("wait=spin&barrier=fence")], "nobody sleeps where all spin"),
        (&["send", "--wait", "spin", "--barrier", "fence", place], "which a barrier goes with"),
        (&["recv", "--wait", "spin", &with("barrier=fence")], "which a barrier goes with"),
        (&["send", "--wait", "park", &with("wait=park")], "--wait and ?wait= exclude each other"),
        (
            &["send", "--wait=park", "--barrier=fence", &with("barrier=fence")],
            "--barrier and ?barrier= exclude each other",
        ),
    ] {
        assert_refused(run(args), 2, &[part]);
    }
    assert!(!ring.path().exists());
}

#[test]
fn inspect_and_ls_say_how_a_ring_waits() {
    for (options, [wait, waking, barrier]) in [
        ("wait=spin", ["spin", "none", "none"]),
        ("wait=spin-park&barrier=membarrier", ["spin-park", "futex", "membarrier"]),
        ("wait=park&barrier=fence", ["park", "futex", "fence"]),
    ] {
        let ring = Scratch::new();
        run_fed(&["send", &format!("{}?{options}", ring.name())], b"one\n").assert_success();
        assert_eq!(waiting(&ring), [wait, waking, barrier]);
        let seen = inspected(&ring);
        for side in ["sender", "receiver"] {
            assert_eq!(seen[side]["backstop"], 0);
        }
        let text = run(&["inspect", ring.name()]).assert_success().stdout();
        for (name, value) in [("wait", wait), ("waking", waking), ("barrier", barrier)] {
            let line = format!("{name:10}  {value}\n");
            assert!(text.contains(&line), "{line:?} is not there: {text}");
        }
        let backstop = |line: &str| line.split_whitespace().eq(["backstop", "0", "0"]);
        assert!(text.lines().any(backstop), "{text}");
        let listed = run(&["ls", "--json"]).assert_success().stdout();
        let line = listed.lines().find(|line| line.contains(ring.name())).expect("it is listed");
        let object: Value = serde_json::from_str(line).unwrap();
        assert_eq!(object["wait"], json!(wait));
    }
}

#[test]
fn a_receiver_that_sleeps_is_told_within_a_second_that_its_sender_was_killed() {
    for wait in SLEEPING {
        let ring = Scratch::new();
        let (mut send, mut recv) = idle(&ring, wait, &[]);
        // Long enough that its sleeps are as long as they get.
        thread::sleep(Duration::from_secs(1));
        let begun = Instant::now();
        send.kill();
        let output = recv.wait_within(LONG);
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(1), "{wait}: {took:?}");
        assert_failed(output, 3, &["the sender ended without closing"]);
    }
}

#[test]
fn a_sender_that_sleeps_at_a_full_ring_is_woken() {
    for wait in SLEEPING {
        let ring = Scratch::new();
        let address = format!("{}?capacity=4KiB&keep=yes", ring.name());
        let mut send = start_fed(&["send", "--wait", wait, &address]);
        send.feed(&numbered(2_000)).unwrap();
        send.close_stdin();
        eventually(LONG, || sleeps(&ring, PRODUCER_BED));
        thread::sleep(Duration::from_secs(1));
        assert!(send.is_running() && sleeps(&ring, PRODUCER_BED), "{send:?}");
        let output = run(&["recv", &address]).assert_success();
        assert!(output.stdout == numbered(2_000));
        send.wait_within(LONG).assert_success();
        // And it was a wake that did it, each time.
        assert_eq!(inspected(&ring)["sender"]["backstop"], 0);
    }
}

#[test]
fn a_signal_ends_a_receiver_that_sleeps_as_one_that_spins() {
    for wait in ["park", "spin-park", "spin"] {
        for options in [&[][..], &["--check"]] {
            let ring = Scratch::new();
            let mut send = start_fed(&["send", "--wait", wait, ring.name()]);
            let mut recv = start(&[&["recv"], options, &[ring.name()]].concat());
            eventually(LONG, || {
                ring.path().exists() && inspected(&ring)["receiver"]["held"] == true
            });
            match wait {
                // Long enough that it would sleep.
                "spin" => thread::sleep(Duration::from_millis(100)),
                _ => eventually(LONG, || sleeps(&ring, CONSUMER_BED)),
            }
            assert!(wait != "spin" || !sleeps(&ring, CONSUMER_BED));
            let begun = Instant::now();
            recv.signal(libc::SIGINT);
            let output = recv.wait_within(LONG).assert_exit(Exit::Signal(libc::SIGINT));
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(1), "{wait} {options:?}: {took:?}");
            assert_eq!(output.stderr(), "");
            // The ring is open, and the next receiver takes over.
            send.feed(b"one\n").unwrap();
            send.close_stdin();
            send.wait_within(LONG).assert_success();
            assert_eq!(received(&ring, &[]), b"one\n");
        }
    }
}

#[test]
fn where_membarrier_is_refused_a_new_ring_has_fences_and_asking_for_it_says_what_to_do() {
    let ring = Scratch::new();
    let send = |args: &[&str]| Child::spawn(&mut without_membarrier(args)).wait_within(LONG);
    send(&["send", "--wait", "park", ring.name()]).assert_success();
    assert_eq!(waiting(&ring), ["park", "futex", "fence"]);

    let other = Scratch::new();
    let address = format!("{}?wait=park&barrier=membarrier", other.name());
    let parts = [other.name(), "membarrier(2)", "not permitted", "?barrier=fence"];
    assert_refused(send(&["send", &address]), 1, &parts);
    assert!(!other.path().exists());
    // Nor does it join one that others have made.
    run_fed(&["send", &address], b"one\n").assert_success();
    assert_refused(send(&["recv", other.name()]), 1, &parts);
    assert_eq!(received(&other, &[]), b"one\n");
}
