//! Two real processes and a type.

use super::Quote;
use crate::common::{LONG, by_name, named, soon};
use annulus::segment::SegmentError;
use annulus::{Attach, Config, RecvError, Segment};
use annulus_testkit::{Scratch, this_test};

const RECORDS: u64 = if cfg!(debug_assertions) { 300_000 } else { 5_000_000 };

#[test]
fn records_arrive_in_another_process_in_order_with_every_field() {
    let test = this_test!();
    test.role("sender", |args| {
        let segment = Segment::attach(&by_name(&args[0]), &Attach::default()).unwrap();
        let mut producer = segment.typed::<Quote>().unwrap().producer().unwrap();
        for number in 0..RECORDS {
            producer.send(&Quote::number(number), soon()).unwrap();
        }
    });
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &Config::spsc_of::<Quote>(64 << 10)).unwrap();
    let mut consumer = segment.typed::<Quote>().unwrap().consumer().unwrap();
    let mut sender = test.spawn("sender", &[scratch.name()]);
    for number in 0..RECORDS {
        assert_eq!(consumer.recv(soon()).unwrap(), Quote::number(number));
    }
    assert_eq!(consumer.recv(soon()), Err(RecvError::Closed));
    sender.wait_within(LONG).assert_success();
}

#[test]
fn records_written_in_place_are_seen_in_place_by_another_process() {
    let test = this_test!();
    test.role("sender", |args| {
        let segment = Segment::attach(&by_name(&args[0]), &Attach::default()).unwrap();
        // SAFETY: the two processes of this test alone have it, and nobody truncates it.
        let segment = unsafe { segment.typed::<Quote>().unwrap().trusting_peers() };
        let mut producer = segment.producer().unwrap();
        for number in 0..RECORDS {
            let mut claim = producer.claim(soon()).unwrap();
            *claim = Quote::number(number);
            claim.commit();
        }
    });
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &Config::spsc_of::<Quote>(4096)).unwrap();
    // SAFETY: as in the sender.
    let segment = unsafe { segment.typed::<Quote>().unwrap().trusting_peers() };
    let mut consumer = segment.consumer().unwrap();
    let mut sender = test.spawn("sender", &[scratch.name()]);
    for number in 0..RECORDS {
        let view = consumer.peek(soon()).unwrap();
        assert_eq!(*view, Quote::number(number));
        view.release();
    }
    assert_eq!(consumer.peek(soon()).map(drop), Err(RecvError::Closed));
    sender.wait_within(LONG).assert_success();
}

#[test]
fn a_process_with_another_definition_of_the_type_is_refused() {
    let test = this_test!();
    test.role("stranger", |args| {
        mod elsewhere {
            annulus::record! {
                pub struct Quote { pub ask: f64, pub bid: f64, pub rest: [u64; 5] }
            }
        }
        let segment = Segment::attach(&by_name(&args[0]), &Attach::default()).unwrap();
        let error = segment.typed::<elsewhere::Quote>().map(drop).unwrap_err();
        assert!(matches!(error, SegmentError::OtherType { name: "Quote", .. }), "{error}");
    });
    let scratch = Scratch::new();
    let _segment = Segment::create(&named(&scratch), &Config::spsc_of::<Quote>(4096)).unwrap();
    test.spawn("stranger", &[scratch.name()]).wait_within(LONG).assert_success();
}
