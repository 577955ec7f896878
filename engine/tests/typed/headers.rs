//! What a header may say of records, and what it may not.

use super::{Quote, ring};
use crate::common::{named, refusal};
use annulus::layout::Header;
use annulus::segment::{Field, JoinError, SegmentError, Shape};
use annulus::typed::Plain;
use annulus::{Attach, Backing, Config, Deadline, RecvError, Segment};
use annulus_testkit::Scratch;
use std::fs::File;
use std::mem::offset_of;
use std::os::unix::fs::FileExt;

#[test]
fn the_header_of_a_typed_segment_names_size_and_hash() {
    let scratch = Scratch::new();
    let made = create(&scratch);
    let bytes = std::fs::read(scratch.path()).unwrap();
    assert_eq!(bytes[64..72], 56_u64.to_le_bytes());
    assert_eq!(bytes[72..80], Quote::LAYOUT_HASH.to_le_bytes());
    assert_eq!(bytes[88..256], [0; 168]);
    let shape = Some(Shape { bytes: 56, hash: Quote::LAYOUT_HASH });
    assert_eq!((made.shape(), attach(&scratch).unwrap().shape()), (shape, shape));
}

#[test]
fn a_size_without_a_type_and_a_type_without_a_size_are_refused() {
    // The hash is gone, the size is gone.
    let hash = |value| SegmentError::Header { field: Field::TypeHash, value };
    assert_eq!(refusal_of([56, 0]), hash(0));
    assert_eq!(refusal_of([0, 0x77]), hash(0x77));
}

#[test]
fn records_that_the_ring_does_not_take_are_refused() {
    let longest = 1784;
    for bytes in [longest + 1, longest + 8, 4096, 1 << 32 | 56, u64::MAX] {
        let error = refusal_of([bytes, 1]);
        assert_eq!(error, SegmentError::Header { field: Field::RecordBytes, value: bytes });
    }
    let scratch = Scratch::new();
    create(&scratch);
    patch(&scratch, [longest, 1]);
    attach(&scratch).unwrap();
}

#[test]
fn every_single_flipped_bit_of_size_and_hash_is_refused_to_the_type() {
    let scratch = Scratch::new();
    create(&scratch);
    for word in 0..2 {
        for bit in 0..64 {
            let mut words = [56, Quote::LAYOUT_HASH];
            words[word] ^= 1 << bit;
            patch(&scratch, words);
            let result = attach(&scratch).and_then(Segment::typed::<Quote>).map(drop);
            result.expect_err("another header, another type");
        }
    }
}

#[test]
fn a_ring_too_small_for_its_records_is_not_made() {
    let error = refusal(Segment::create(&Backing::Memfd, &Config::spsc_of::<Quote>(128)));
    assert_eq!(error, SegmentError::LongRecords { bytes: 56, limit: 48 });
    assert!(error.to_string().contains("at most 48"), "{error}");
    // And one that just takes them carries them.
    let segment = ring(256).typed::<Quote>().unwrap();
    let (mut producer, mut consumer) = (segment.producer().unwrap(), segment.consumer().unwrap());
    for number in 0..100 {
        producer.send(&Quote::number(number), Deadline::NEVER).unwrap();
        assert_eq!(consumer.recv(Deadline::NEVER), Ok(Quote::number(number)));
    }
}

#[test]
fn a_producer_of_any_bytes_is_refused_by_a_typed_segment() {
    let segment = ring(4096);
    let shape = segment.shape().unwrap();
    let error = segment.producer().map(drop).unwrap_err();
    assert_eq!(error, JoinError::Typed { shape });
    assert_eq!(error.code(), 50);
    assert!(error.to_string().contains("56 bytes"), "{error}");
    // SAFETY: nobody else has this memfd.
    let trusting = unsafe { segment.clone().trusting_peers() };
    assert_eq!(trusting.producer().map(drop).unwrap_err(), error);
    // It took no role.
    segment.typed::<Quote>().unwrap().producer().unwrap();
}

#[test]
fn a_consumer_of_any_bytes_receives_the_records_as_bytes() {
    let segment = ring(4096);
    let mut producer = segment.clone().typed::<Quote>().unwrap().producer().unwrap();
    producer.send(&Quote::number(5), Deadline::NEVER).unwrap();
    producer.close();
    let mut buffer = [0; 100];
    let mut consumer = segment.consumer().unwrap();
    let received = consumer.recv(&mut buffer, Deadline::NEVER).unwrap();
    assert_eq!(received.len, 56);
    assert_eq!(buffer[..8], 1.25_f64.to_le_bytes());
    assert_eq!(consumer.try_recv(&mut buffer), Err(RecvError::Closed));
}

fn create(scratch: &Scratch) -> Segment {
    Segment::create(&named(scratch), &Config::spsc_of::<Quote>(4096)).unwrap()
}

fn attach(scratch: &Scratch) -> Result<Segment, SegmentError> {
    Segment::attach(&named(scratch), &Attach::default())
}

/// Sets size and hash in the header.
fn patch(scratch: &Scratch, words: [u64; 2]) {
    let file = File::options().write(true).open(scratch.path()).unwrap();
    let at = offset_of!(Header, record_bytes) as u64;
    file.write_all_at(&words[0].to_ne_bytes(), at).unwrap();
    file.write_all_at(&words[1].to_ne_bytes(), at + 8).unwrap();
}

#[track_caller]
fn refusal_of(words: [u64; 2]) -> SegmentError {
    let scratch = Scratch::new();
    create(&scratch);
    patch(&scratch, words);
    refusal(attach(&scratch))
}
