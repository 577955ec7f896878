//! Two real processes and millions of messages, every byte of which is recomputed.

mod common;

use annulus::{Attach, Backing, Config, RecvError, Segment};
use annulus_testkit::{Scratch, ScratchDir, this_test};
use common::{LONG, Messages, drain, named, soon};
use std::path::PathBuf;
use std::time::Duration;

/// Ten million in a release build; in a debug build, where making and checking them takes most
/// of the time, a few hundred thousand.
const MESSAGES: u64 = if cfg!(debug_assertions) { 300_000 } else { 10_000_000 };

/// What such a number of messages may take.
const VERY_LONG: Duration = Duration::from_secs(300);

#[test]
fn ten_million_messages_of_mixed_sizes_arrive_in_order_with_every_byte() {
    let test = this_test!();
    test.role("sender", |args| {
        let segment = Segment::attach(&common::by_name(&args[0]), &Attach::default()).unwrap();
        send_all(&segment, MESSAGES);
    });
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &Config::spsc(64 << 10)).unwrap();
    let mut consumer = segment.consumer().unwrap();
    let mut sender = test.spawn("sender", &[scratch.name()]);

    let mut next = 0;
    // The sender may not have come yet.
    let end = drain(&mut consumer, messages(&segment), &mut next);
    assert_eq!((end, next), (RecvError::Closed, MESSAGES));
    sender.wait_within(VERY_LONG).assert_success();
}

#[test]
fn the_smallest_ring_and_a_file_carry_as_well() {
    let test = this_test!();
    test.role("sender", |args| {
        let file = Backing::File(PathBuf::from(&args[0]));
        let segment = Segment::attach(&file, &Attach::default()).unwrap();
        send_all(&segment, MESSAGES / 100);
    });
    for capacity in [64, 256, 1 << 20] {
        let dir = ScratchDir::new();
        let path = dir.file("ring");
        let file = Backing::File(path.clone());
        let segment = Segment::create(&file, &Config::spsc(capacity)).unwrap();
        let mut consumer = segment.consumer().unwrap();
        let mut sender = test.spawn("sender", &[path.to_str().unwrap()]);
        let mut next = 0;
        let end = drain(&mut consumer, messages(&segment), &mut next);
        assert_eq!((end, next), (RecvError::Closed, MESSAGES / 100));
        sender.wait_within(LONG).assert_success();
    }
}

#[test]
fn messages_are_seen_in_place_as_they_were_claimed() {
    let test = this_test!();
    test.role("sender", |args| {
        let segment = Segment::attach(&common::by_name(&args[0]), &Attach::default()).unwrap();
        let mut producer = segment.producer().unwrap();
        let mut message = Vec::new();
        for index in 0..MESSAGES / 10 {
            messages(&segment).make(index, &mut message);
            // Claimed longer than it is, and shortened.
            let room = (message.len() + index as usize % 7).min(segment.longest_message());
            let mut claim = producer.claim(room, soon()).unwrap();
            claim.write(0, &message);
            claim.commit(message.len());
        }
    });
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &Config::spsc(64 << 10)).unwrap();
    let mut consumer = segment.consumer().unwrap();
    let mut sender = test.spawn("sender", &[scratch.name()]);
    let mut copy = vec![0; segment.longest_message()];
    let mut next = 0;
    loop {
        let view = match consumer.peek(soon()) {
            Ok(view) => view,
            Err(end) => {
                assert_eq!((end, next), (RecvError::Closed, MESSAGES / 10));
                break;
            }
        };
        let len = view.record().len();
        view.record().read(0, &mut copy[..len]);
        messages(&segment).check(next, &copy[..len]);
        view.release();
        next += 1;
    }
    sender.wait_within(LONG).assert_success();
}

fn messages(segment: &Segment) -> Messages {
    Messages { seed: segment.header().segment_id[0], longest: segment.longest_message() }
}

fn send_all(segment: &Segment, count: u64) {
    let messages = messages(segment);
    let mut producer = segment.producer().unwrap();
    let mut message = Vec::new();
    for index in 0..count {
        messages.make(index, &mut message);
        producer.send(&message, soon()).unwrap();
    }
}
