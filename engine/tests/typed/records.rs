//! Records by value: sent and received every way, within one process.

use super::{Quote, ring};
use crate::common::{named, soon};
use annulus::layout::Header;
use annulus::typed::{Plain, TypedConsumer, TypedProducer};
use annulus::{Attach, Backing, Config, Deadline, RecvError, Segment, SendError};
use annulus_testkit::Scratch;
use std::fs::File;
use std::mem::offset_of;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn records_come_out_as_they_went_in_by_every_way() {
    let (mut producer, mut consumer) = pair(64 << 10);
    let mut next = 0;
    for lap in 0..100 {
        let batch: Vec<Quote> = (lap * 40..lap * 40 + 37).map(Quote::number).collect();
        producer.send_batch(&batch, soon()).unwrap();
        producer.try_send(&Quote::number(lap * 40 + 37)).unwrap();
        producer.send(&Quote::number(lap * 40 + 38), soon()).unwrap();
        let mut claim = producer.try_claim().unwrap();
        claim.write(&Quote::number(lap * 40 + 39));
        let position = claim.position();
        assert_eq!(claim.commit(), position);

        let mut expect = |quote: Quote| {
            assert_eq!(quote, Quote::number(next));
            next += 1;
        };
        expect(consumer.recv(soon()).unwrap());
        expect(consumer.try_recv().unwrap());
        let view = consumer.peek(soon()).unwrap();
        expect(view.get());
        view.release();
        assert_eq!(consumer.drain(30, &mut expect), Ok(30));
        // Not released, it is still the next one.
        assert_eq!(consumer.try_peek().unwrap().get(), Quote::number(lap * 40 + 33));
        assert_eq!(consumer.drain(1000, expect), Ok(7));
    }
    assert_eq!(consumer.try_recv(), Err(RecvError::Empty));
    assert_eq!(consumer.drain(1, drop), Err(RecvError::Empty));
    producer.close();
    assert_eq!(consumer.recv(soon()), Err(RecvError::Closed));
}

#[test]
fn records_of_all_sizes_and_alignments_arrive() {
    fn carry<T: Plain + PartialEq + std::fmt::Debug>(make: impl Fn(u64) -> T) {
        let config = Config::spsc_of::<T>(8192);
        let segment = Segment::create(&Backing::Memfd, &config).unwrap().typed::<T>().unwrap();
        let mut producer = segment.producer().unwrap();
        let mut consumer = segment.consumer().unwrap();
        for number in 0..1000 {
            producer.send(&make(number), soon()).unwrap();
            assert_eq!(consumer.recv(soon()).unwrap(), make(number));
        }
        for start in (1000..2000).step_by(3) {
            let three = [start, start + 1, start + 2].map(&make);
            producer.send_batch(&three, soon()).unwrap();
            let mut got = Vec::new();
            consumer.drain(8, |value| got.push(value)).unwrap();
            assert_eq!(got, three);
        }
    }
    carry(|number| number as u8);
    carry(|number| number as u16);
    carry(|number| number as f32);
    carry(|number| number);
    carry(|number| [number as u8; 3]);
    carry(|number| [number as u32; 3]);
    carry(|number| [number as u8; 131]);
    carry(|number| [number; 16]);
    carry(|number| [number; 17]);
    carry(|number| [number; 200]);
    carry(Quote::number);
}

#[test]
fn a_full_ring_says_so_and_a_deadline_holds() {
    let (mut producer, _consumer) = pair(256);
    for number in 0..4 {
        producer.try_send(&Quote::number(number)).unwrap();
    }
    assert_eq!(producer.try_send(&Quote::number(4)), Err(SendError::Full));
    assert_eq!(producer.send(&Quote::number(4), Deadline::PASSED), Err(SendError::Timeout));
    assert_eq!(producer.try_claim().map(drop), Err(SendError::Full));
    let refused = producer.send_batch(&[Quote::number(4)], Deadline::PASSED);
    assert_eq!(refused, Err((0, SendError::Timeout)));
}

#[test]
fn drained_records_are_held_back_eight_at_most() {
    fn drain<T: Plain>(record: T, record_bytes: u64) {
        let config = Config::spsc_of::<T>(64 << 10);
        let segment = Segment::create(&Backing::Memfd, &config).unwrap().typed::<T>().unwrap();
        let mut producer = segment.producer().unwrap();
        let mut consumer = segment.consumer().unwrap();
        producer.send_batch(&[record; 30], soon()).unwrap();
        assert_eq!(consumer.drain(30, |_| {}), Ok(30));
        assert_eq!(consumer.position(), 30 * record_bytes);
        let held = consumer.position() - segment.segment().survey().head;
        assert!(held <= 8 * record_bytes, "{held} bytes of records of {record_bytes}");
    }
    drain(Quote::number(1), 64);
    drain([1_u64; 17], 144);
}

#[test]
fn a_panic_while_draining_leaves_the_record_in_the_ring() {
    let (mut producer, mut consumer) = pair(4096);
    for number in 0..3 {
        producer.try_send(&Quote::number(number)).unwrap();
    }
    let drained = catch_unwind(AssertUnwindSafe(|| {
        let _ = consumer.drain(3, |quote: Quote| assert_ne!(quote.sequence, 1, "on purpose"));
    }));
    drained.unwrap_err();
    assert_eq!(consumer.try_recv(), Ok(Quote::number(1)));
}

#[test]
fn a_record_of_another_length_is_an_error_and_stays() {
    let scratch = Scratch::new();
    let made = Segment::create(&named(&scratch), &Config::spsc_of::<Quote>(4096)).unwrap();
    // A peer that breaks the rules: to it the segment has no type.
    let file = File::options().write(true).open(scratch.path()).unwrap();
    file.write_all_at(&[0; 16], offset_of!(Header, record_bytes) as u64).unwrap();
    let outlaw = Segment::attach(&named(&scratch), &Attach::default()).unwrap();
    let mut outlaw = outlaw.producer().unwrap();
    let mut consumer = made.typed::<Quote>().unwrap().consumer().unwrap();

    for len in [0, 8, 48, 55, 57, 64, 200] {
        let honest = [7; 56];
        outlaw.try_send(&honest).unwrap();
        outlaw.try_send(&vec![1; len]).unwrap();
        let other = Err(RecvError::OtherLength { len: len as u32 });
        let mut count = 0;
        assert_eq!(consumer.drain(5, |_| count += 1), Ok(1));
        assert_eq!(count, 1);
        assert_eq!(consumer.try_recv(), other);
        assert_eq!(consumer.recv(soon()), other);
        assert_eq!(consumer.peek(soon()).map(drop), other.map(drop));
        assert_eq!(consumer.try_peek().map(drop), other.map(drop));
        assert_eq!(consumer.drain(5, drop), other.map(|_| 0));
        // Whoever takes bytes can take it out of the way.
        drop(consumer);
        let segment = Segment::attach(&named(&scratch), &Attach::default()).unwrap();
        let mut bytes = segment.consumer().unwrap();
        bytes.try_recv(&mut [0; 200]).unwrap();
        drop(bytes);
        drop(outlaw);
        outlaw = segment.producer().unwrap();
        file.write_all_at(&56_u64.to_ne_bytes(), offset_of!(Header, record_bytes) as u64).unwrap();
        let hash = Quote::LAYOUT_HASH.to_ne_bytes();
        file.write_all_at(&hash, offset_of!(Header, type_hash) as u64).unwrap();
        let again = Segment::attach(&named(&scratch), &Attach::default()).unwrap();
        consumer = again.typed::<Quote>().unwrap().consumer().unwrap();
        file.write_all_at(&[0; 16], offset_of!(Header, record_bytes) as u64).unwrap();
    }
}

fn pair(capacity: u64) -> (TypedProducer<Quote>, TypedConsumer<Quote>) {
    let segment = ring(capacity).typed::<Quote>().unwrap();
    (segment.producer().unwrap(), segment.consumer().unwrap())
}
