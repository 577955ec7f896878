//! Rings of many that have one sender, or one receiver, at a time.

use crate::many::{many, object};
use crate::tools::{LONG, assert_failed, assert_refused, run, run_fed, start, start_fed};
use annulus_testkit::{Scratch, eventually};
use serde_json::json;

#[test]
fn a_second_receiver_is_refused_as_long_as_the_first_one_lives() {
    let ring = Scratch::new();
    let address = format!("{}&consumers=one", many(&ring));
    let mut senders = [(); 2].map(|()| start_fed(&["send", &address]));
    let mut first = start(&["recv", "--meta", ring.name()]);
    senders[0].feed(b"a\n").unwrap();
    first.line(LONG, "0\t0\ta");
    assert_refused(run(&["recv", ring.name()]), 6, &["has a consumer", &first.id().to_string()]);
    let seen = object(&ring);
    assert_eq!((&seen["single_receiver"], &seen["single_sender"]), (&json!(true), &json!(false)));
    let text = run(&["inspect", ring.name()]).assert_success().stdout();
    assert!(text.contains("3 of 128, one receiver at a time"), "{text}");

    first.kill();
    senders[1].feed(b"b\n").unwrap();
    let mut second = start(&["recv", "--meta", ring.name()]);
    second.line(LONG, "1\t0\tb");
    senders.iter_mut().for_each(|sender| sender.close_stdin());
    senders.iter_mut().for_each(|sender| drop(sender.wait_within(LONG).assert_success()));
    second.wait_within(LONG).assert_success();
}

#[test]
fn a_second_sender_is_refused_as_long_as_the_first_one_lives() {
    let ring = Scratch::new();
    let address = format!("{}&producers=one", many(&ring));
    let mut first = start_fed(&["send", &address]);
    first.feed(b"a\n").unwrap();
    eventually(LONG, || ring.path().exists() && object(&ring)["waiting"] == json!(1));
    assert_refused(run_fed(&["send", &address], b"x\n"), 6, &["has a producer"]);
    first.kill();
    run_fed(&["send", &address], b"b\n").assert_success();
    let output = run(&["recv", "--meta", ring.name()]);
    assert_eq!(output.stdout(), "0\t0\ta\n1\t0\tb\n");
    assert_failed(output, 3, &["a sender ended without closing the ring"]);
}
