//! The golden numbers of the shared bytes. A change here is a change of the ABI: raise its version.

use annulus::layout::{self, Alarm, Bed, Header, Participant, Seat};
use annulus::{Attach, Backing, Barrier, Config, Segment, Slots, Wait};
use annulus_testkit::Scratch;
use std::fs;
use std::mem::offset_of;

mod common;
use common::named;

#[test]
fn the_version_and_the_numbers_that_it_names_have_not_changed() {
    assert_eq!(layout::ABI_VERSION, 8);
    assert_eq!(layout::MAGIC.to_le_bytes(), *b"ANNULUS\n");
    assert_eq!(layout::KIND_SPSC, 1);
    assert_eq!((layout::WAIT_SPIN, layout::WAIT_SPIN_THEN_PARK, layout::WAIT_PARK), (1, 2, 3));
    assert_eq!((layout::WAKE_NONE, layout::WAKE_FUTEX, layout::WAKE_POSIX_SEM), (0, 1, 2));
    assert_eq!((layout::WAKE_SYSV_SEM, layout::WAKE_EVENT), (3, 4));
    assert_eq!(
        (layout::BARRIER_NONE, layout::BARRIER_FENCE, layout::BARRIER_MEMBARRIER),
        (0, 1, 2)
    );
    assert_eq!((layout::CELL, layout::CAPACITY_MIN, layout::CAPACITY_MAX), (8, 64, 1 << 30));
}

#[test]
fn the_parts_of_a_segment_stand_where_they_stood() {
    assert_eq!((layout::PRODUCER_GATE, layout::CONSUMER_GATE), (0x100, 0x180));
    assert_eq!((layout::HEAD, layout::PRODUCER, layout::CONSUMER), (0x200, 0x300, 0x380));
    assert_eq!(
        (layout::REMOVAL, layout::PRODUCER_BED, layout::CONSUMER_BED),
        (0x400, 0x480, 0x500)
    );
    assert_eq!((layout::PRODUCER_ALARM, layout::CONSUMER_ALARM), (0x600, 0x700));
    assert_eq!((size_of::<Alarm>(), layout::DATA), (256, 0x1000));
}

#[test]
fn the_fields_of_the_header_stand_where_they_stood() {
    assert_eq!((size_of::<Header>(), align_of::<Header>()), (256, 8));
    let offsets = [
        offset_of!(Header, magic),
        offset_of!(Header, abi_version),
        offset_of!(Header, kind),
        offset_of!(Header, capacity),
        offset_of!(Header, segment_bytes),
        offset_of!(Header, cell_bytes),
        offset_of!(Header, page_bytes),
        offset_of!(Header, wait_policy),
        offset_of!(Header, first_stamp),
        offset_of!(Header, segment_id),
        offset_of!(Header, record_bytes),
        offset_of!(Header, type_hash),
        offset_of!(Header, wake_means),
        offset_of!(Header, barrier),
        offset_of!(Header, wake_key),
        offset_of!(Header, mpmc_flags),
        offset_of!(Header, seats),
        offset_of!(Header, numbered),
        offset_of!(Header, letters),
        offset_of!(Header, reserved),
    ];
    let rest = [48, 64, 72, 80, 84, 88, 92, 96, 104, 112, 120];
    assert_eq!(offsets[..9], [0, 8, 12, 16, 24, 32, 36, 40, 44]);
    assert_eq!(offsets[9..], rest);
}

#[test]
fn the_fields_of_a_bed_stand_where_they_stood() {
    let offsets = [offset_of!(Bed, asleep), offset_of!(Bed, wanted), offset_of!(Bed, bell)];
    assert_eq!((offsets, size_of::<Bed>()), ([0, 8, 64], 72));
}

#[test]
fn the_fields_of_a_seat_stand_where_they_stood() {
    assert_eq!((size_of::<Seat>(), layout::MPMC_SEATS), (128, 0x1000));
    let offsets = [
        offset_of!(Seat, state),
        offset_of!(Seat, pid),
        offset_of!(Seat, started),
        offset_of!(Seat, namespace),
        offset_of!(Seat, since_ns),
        offset_of!(Seat, lost),
        offset_of!(Seat, backstop),
        offset_of!(Seat, sends),
        offset_of!(Seat, reserved),
    ];
    assert_eq!(offsets, [0, 8, 16, 24, 32, 64, 72, 80, 112]);
    let flags = [
        layout::FLAG_ONE_LENGTH,
        layout::FLAG_AT_MOST_ONCE,
        layout::FLAG_SINGLE_PRODUCER,
        layout::FLAG_SINGLE_CONSUMER,
    ];
    assert_eq!(flags, [1, 2, 4, 8]);
    let letter = [layout::LETTER_POSITION, layout::LETTER_LEN, layout::LETTER_PAYLOAD];
    assert_eq!(letter, [8, 16, 32]);
}

#[test]
fn the_fields_of_a_participant_stand_where_they_stood() {
    assert_eq!((size_of::<Participant>(), align_of::<Participant>()), (64, 8));
    let offsets = [
        offset_of!(Participant, pid),
        offset_of!(Participant, since_ns),
        offset_of!(Participant, generation),
        offset_of!(Participant, messages),
        offset_of!(Participant, bytes),
        offset_of!(Participant, waits),
        offset_of!(Participant, backstop),
        offset_of!(Participant, reserved),
    ];
    assert_eq!(offsets, [0, 8, 16, 24, 32, 40, 48, 56]);
}

#[test]
fn a_new_segment_is_these_bytes() {
    let scratch = Scratch::new();
    let config = Config::spsc(64).barrier(Barrier::Fence);
    let segment = Segment::create(&named(&scratch), &config).unwrap();
    let header = segment.header();
    let bytes = fs::read(scratch.path()).unwrap();
    assert_eq!(bytes.len(), 4096 + 64);

    let mut wanted = vec![0; 4096 + 64];
    let mut put = |at: usize, bytes: &[u8]| wanted[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"ANNULUS\n");
    put(8, &8_u32.to_le_bytes());
    put(12, &1_u32.to_le_bytes());
    put(16, &64_u64.to_le_bytes());
    put(24, &4160_u64.to_le_bytes());
    put(32, &8_u32.to_le_bytes());
    put(36, &header.page_bytes.to_le_bytes());
    put(40, &2_u32.to_le_bytes());
    put(44, &header.first_stamp.to_le_bytes());
    put(48, &header.segment_id[0].to_le_bytes());
    put(56, &header.segment_id[1].to_le_bytes());
    put(80, &1_u32.to_le_bytes());
    put(84, &1_u32.to_le_bytes());
    put(0x100, &1_u64.to_le_bytes());
    put(0x180, &1_u64.to_le_bytes());
    let other = (0..wanted.len()).find(|&at| bytes[at] != wanted[at]);
    assert_eq!(other, None, "the first byte that is another one");
}

#[test]
fn a_new_ring_of_many_is_these_bytes_and_each_message_these_words() {
    let scratch = Scratch::new();
    let slots = Slots::of(64, 48).participants(2).dead_letters(1);
    let segment = Segment::create(&named(&scratch), &Config::mpmc(slots).wait(Wait::Spin)).unwrap();
    let header = segment.header();
    let bytes = fs::read(scratch.path()).unwrap();
    let words = |bytes: &[u8]| {
        let words = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
        words.enumerate().filter(|(_, word)| *word != 0).collect::<Vec<_>>()
    };
    // Two seats, a dead letter of 128 bytes, and 64 slots of a line.
    let (letters, slots) = (4096 + 2 * 128, 4096 + 2 * 128 + 128);
    let mut all = vec![(0, u64::from_le_bytes(*b"ANNULUS\n")), (1, 2 << 32 | 8)];
    all.extend([(2, 64 * 64), (3, header.segment_bytes)]);
    all.extend([(4, u64::from(header.page_bytes) << 32 | 64)]);
    all.extend([(5, u64::from(header.first_stamp) << 32 | 1)]);
    all.extend([(6, header.segment_id[0]), (7, header.segment_id[1]), (8, 48), (12, 2), (14, 1)]);
    all.extend([(4096 / 8, 1), (4096 / 8 + 16, 1), (letters / 8, 4)]);
    all.extend((0..64).map(|slot| (slots / 8 + 8 * slot, 4)));
    assert_eq!(words(&bytes), all);

    // Written by participant 1 of the first lap, and read by participant 2.
    let (mut producer, mut consumer) =
        (segment.mpmc_producer().unwrap(), segment.mpmc_consumer().unwrap());
    let slot = |at: usize| {
        let bytes = fs::read(scratch.path()).unwrap();
        u64::from_le_bytes(*bytes[slots + 64 * at..].first_chunk().unwrap())
    };
    let claim = producer.try_claim(1).unwrap();
    assert_eq!(slot(0), 1 << 7 | 5);
    claim.commit(1);
    assert_eq!(slot(0), 1 << 7 | 2);
    drop(producer.try_claim(1).unwrap());
    assert_eq!(slot(1), 1 << 7 | 6);
    consumer.try_take().unwrap();
    assert_eq!(slot(0), 2 << 7 | 3);
    consumer.close();
    assert_eq!(slot(0), 1 << 3 | 1);
    for _ in 1..16 {
        let mut consumer = segment.mpmc_consumer().unwrap();
        consumer.try_take().unwrap();
        consumer.close();
    }
    assert_eq!(slot(0), 7);
    assert!(segment.mpmc_consumer().unwrap().try_take().is_err());
    assert_eq!(slot(0), 1 << 17 | 4);
    let bytes = fs::read(scratch.path()).unwrap();
    assert_eq!(words(&bytes[letters..letters + 128]), [(0, 2 << 7 | 2), (2, 1)]);
}

#[test]
fn each_segment_has_an_id_and_a_first_stamp_of_its_own() {
    let make = || Segment::create(&Backing::Memfd, &Config::spsc(64)).unwrap().header();
    let (a, b) = (make(), make());
    assert_ne!(a.segment_id, b.segment_id);
    assert_ne!(a.first_stamp, b.first_stamp, "once in four thousand million runs they are equal");
}

#[test]
fn an_attacher_has_the_creators_header() {
    let scratch = Scratch::new();
    let made = Segment::create(&named(&scratch), &Config::spsc(4096)).unwrap();
    let found = Segment::attach(&named(&scratch), &Attach::default()).unwrap();
    assert_eq!(made.header(), found.header());
    assert_eq!((found.capacity(), found.longest_message()), (4096, 1784));
}
