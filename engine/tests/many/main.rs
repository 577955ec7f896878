//! Rings of many, in segments: made, refused, joined, looked at and taken away.

#[path = "../common/mod.rs"]
mod common;
mod evict;
mod histories;
mod letters;
mod lives;
mod numbered;
mod processes;
mod single;
mod sleeping;

use annulus::error::{Severed, What};
use annulus::layout::{DATA, Header, MPMC_SEATS};
use annulus::ring::mpmc::{Delivery, RecvError, SendError};
use annulus::ring::{Role, Wait, Wake};
use annulus::segment::{Field, JoinError, Name, Removal, RemoveError, SegmentError, remove};
use annulus::{Attach, Backing, Config, Corruption, Deadline, Segment, Slots};
use annulus_testkit::Scratch;
use common::{named, refusal, soon};
use std::fs::OpenOptions;
use std::mem::offset_of;
use std::os::unix::fs::FileExt;

/// 64 slots of one line each.
const SLOTS: Slots = Slots::of(64, 48).participants(8);
const RING: Config = Config::mpmc(SLOTS);

#[test]
fn messages_go_from_several_producers_to_several_consumers() {
    let segment = Segment::create(&Backing::Memfd, &RING).unwrap();
    assert_eq!((segment.capacity(), segment.longest_message()), (4096, 48));
    let mut producers = [segment.mpmc_producer().unwrap(), segment.mpmc_producer().unwrap()];
    let mut consumers = [segment.mpmc_consumer().unwrap(), segment.mpmc_consumer().unwrap()];
    let mut buffer = [0; 48];
    for position in 0..200 {
        let message = [position as u8; 20];
        let sent = producers[position as usize % 2].send(&message, soon());
        assert_eq!(sent, Ok(position));
        let received = consumers[position as usize / 2 % 2].recv(&mut buffer, soon()).unwrap();
        assert_eq!((received.position, received.len, received.attempt), (position, 20, 0));
        assert_eq!(&buffer[..20], &message);
    }
    drop(producers);
    // What another one has in hand might come again.
    consumers[1].flush();
    let end = consumers[0].recv(&mut buffer, soon());
    assert_eq!(end, Err(RecvError::Closed));
}

#[test]
fn a_message_is_written_and_read_where_it_stands() {
    let segment = Segment::create(&Backing::Memfd, &RING).unwrap();
    let (mut producer, mut consumer) =
        (segment.mpmc_producer().unwrap(), segment.mpmc_consumer().unwrap());
    let mut claim = producer.claim(48, soon()).unwrap();
    assert!(claim.as_mut_ptr().cast::<u64>().is_aligned());
    claim.write(0, b"in place");
    claim.commit(8);
    let taken = consumer.take(soon()).unwrap();
    assert!(taken.as_ptr().cast::<u64>().is_aligned());
    let mut bytes = [0; 8];
    taken.read(0, &mut bytes);
    assert_eq!(&bytes, b"in place");
    taken.release();
}

#[test]
fn a_ring_that_is_not_possible_is_refused_in_one_sentence_with_the_value() {
    let asked = |slots| {
        let error = refusal(Segment::create(&Backing::Memfd, &Config::mpmc(slots)));
        (error, error.to_string())
    };
    for count in [0, 3, 32, 100, 1 << 40, u64::MAX] {
        let (error, sentence) = asked(Slots::of(count, 48));
        assert_eq!(error, SegmentError::Slots { asked: count });
        assert!(
            sentence.contains(&count.to_string()) && sentence.contains("nearest"),
            "{sentence}"
        );
    }
    let (error, _) = asked(Slots::of(64, u32::MAX));
    assert_eq!(error, SegmentError::LargeSlots { slots: 64, payload: u32::MAX });
    for participants in [0, 1, 1001, u16::MAX] {
        let (error, _) = asked(Slots::of(64, 48).participants(participants));
        assert_eq!(
            error,
            SegmentError::Participants { asked: participants, least: 2, limit: 1000 }
        );
    }
    let (error, sentence) = asked(Slots::of(64, 48).dead_letters(1025));
    assert_eq!(error, SegmentError::DeadLetters { asked: 1025, limit: 1024 });
    assert!(sentence.contains("1025") && sentence.contains("at most 1024"), "{sentence}");
    let (error, _) = asked(Slots::of(64, 1 << 22).dead_letters(300));
    assert_eq!(error, SegmentError::DeadLetters { asked: 300, limit: 255 });
    let sleeping = RING.wait(Wait::Park).wake(Wake::SysvSem);
    let error = refusal(Segment::create(&Backing::Memfd, &sleeping));
    assert_eq!(error, SegmentError::ManyWake { asked: Wake::SysvSem });
}

#[test]
fn the_largest_table_and_the_smallest_ring_are_possible() {
    let slots = Slots::of(64, 0).participants(1000).delivery(Delivery::AtMostOnce);
    let segment = Segment::create(&Backing::Memfd, &Config::mpmc(slots)).unwrap();
    let producers: Vec<_> = (0..1000).map(|_| segment.mpmc_producer().unwrap()).collect();
    let error = segment.mpmc_consumer().map(drop).unwrap_err();
    assert_eq!(error, JoinError::Full { participants: 1000 });
    assert!(error.to_string().contains("1000"), "{error}");
    drop(producers);
    segment.mpmc_consumer().unwrap();
}

/// It is counted when it is there, and not before: in between all would seem to have left.
#[test]
fn nobody_is_told_of_the_end_while_the_first_producer_joins() {
    let ring = Config::mpmc(SLOTS.participants(1000));
    for round in 0..1_500 {
        let segment = Segment::create(&Backing::Memfd, &ring).unwrap();
        let mut consumer = segment.mpmc_consumer().unwrap();
        std::thread::scope(|scope| {
            let waits = scope.spawn(move || consumer.recv(&mut [0; 48], soon()).map(|_| ()));
            std::thread::sleep(std::time::Duration::from_micros(150 + 7 * (round % 41)));
            let mut producer = segment.mpmc_producer().unwrap();
            producer.send(b"first", soon()).unwrap();
            assert_eq!(waits.join().unwrap(), Ok(()), "round {round}");
        });
    }
}

#[test]
fn a_ring_of_many_and_one_of_two_sides_are_not_joined_as_the_other() {
    let many = Segment::create(&Backing::Memfd, &RING).unwrap();
    assert_eq!(many.producer().map(drop), Err(JoinError::OfMany));
    assert_eq!(many.consumer().map(drop), Err(JoinError::OfMany));
    assert_eq!(many.reopen(), Err(JoinError::OfMany));
    let two = Segment::create(&Backing::Memfd, &Config::spsc(4096)).unwrap();
    assert_eq!(two.mpmc_producer().map(drop), Err(JoinError::OneToOne));
    assert_eq!(two.mpmc_consumer().map(drop), Err(JoinError::OneToOne));
    assert!(two.attendances().is_empty());
}

#[test]
fn messages_over_the_slot_are_refused_with_the_limit() {
    let slots = Slots::of(64, 56).of_one_length();
    let segment = Segment::create(&Backing::Memfd, &Config::mpmc(slots)).unwrap();
    let mut producer = segment.mpmc_producer().unwrap();
    let error = producer.try_send(&[0; 57]).unwrap_err();
    assert_eq!(error, SendError::TooLarge { limit: 56 });
    assert!(error.to_string().contains("56"), "{error}");
    assert_eq!(producer.try_send(&[0; 8]), Err(SendError::OtherLength { len: 56 }));
    producer.try_send(&[0; 56]).unwrap();
}

#[test]
fn who_takes_part_and_what_each_holds_can_be_seen() {
    let segment = Segment::create(&Backing::Memfd, &RING).unwrap();
    let mut producer = segment.mpmc_producer().unwrap();
    let mut consumer = segment.mpmc_consumer().unwrap();
    producer.try_send(b"one").unwrap();
    producer.try_send(b"three").unwrap();
    consumer.try_recv(&mut [0; 48]).unwrap();
    let claim = producer.try_claim(4).unwrap();
    let seen = segment.attendances();
    let shown: Vec<_> = seen
        .iter()
        .map(|seen| (seen.attendant.role, seen.attendant.oldest, seen.is_alive))
        .collect();
    assert_eq!(shown, [(Role::Producer, Some(2), true), (Role::Consumer, Some(0), true)]);
    assert!(seen.iter().all(|seen| seen.attendant.pid == u64::from(std::process::id())));
    let inspected = segment.inspect();
    assert_eq!((inspected.backlog.head, inspected.backlog.tail), (0, 3));
    assert_eq!((inspected.backlog.messages, inspected.backlog.bytes), (2, 8));
    assert!(inspected.survey.producer.held && inspected.survey.consumer.held);
    drop(claim);
}

#[test]
fn a_held_ring_is_not_removed_but_by_force_and_then_its_participants_are_told() {
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let mut consumer = segment.mpmc_consumer().unwrap();
    let mut producer = segment.mpmc_producer().unwrap();
    let name = Name::new(scratch.name()).unwrap();
    let pid = Some(u64::from(std::process::id()));
    let held = RemoveError::Held { role: Role::Consumer, pid };
    assert_eq!(remove(&name, Removal::Unheld), Err(held));
    producer.try_send(b"sent before").unwrap();
    remove(&name, Removal::Forced).unwrap();
    let mut buffer = [0; 48];
    assert_eq!(consumer.recv(&mut buffer, soon()).unwrap().len, 11);
    let end = consumer.recv(&mut buffer, Deadline::NEVER);
    assert_eq!(end, Err(RecvError::Severed(Severed::Removed)));
    while producer.send(b"more", Deadline::NEVER).is_ok() {}
    let end = producer.send(b"more", Deadline::NEVER);
    assert_eq!(end, Err(SendError::Severed(Severed::Removed)));
    assert_eq!(segment.mpmc_consumer().map(drop), Err(JoinError::Removed));
}

#[test]
fn a_ring_that_nobody_holds_is_removed() {
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    drop(segment.mpmc_producer().unwrap());
    remove(&Name::new(scratch.name()).unwrap(), Removal::Unheld).unwrap();
    assert_eq!(segment.mpmc_producer().map(drop), Err(JoinError::Removed));
}

#[test]
fn a_header_that_no_creator_writes_is_refused_and_every_flipped_bit_too() {
    let scratch = Scratch::new();
    drop(Segment::create(&named(&scratch), &RING).unwrap());
    let file = OpenOptions::new().read(true).write(true).open(scratch.path()).unwrap();
    let attach = || Segment::attach(&named(&scratch), &Attach::default());
    // Random, so any value is one; and flags by which no size changes.
    let free = offset_of!(Header, first_stamp)..offset_of!(Header, record_bytes);
    for at in 0..size_of::<Header>() {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at as u64).unwrap();
        for bit in 0..8 {
            file.write_all_at(&[byte[0] ^ 1 << bit], at as u64).unwrap();
            // With a message delivered once at most there would be no dead letters.
            let is_flag = at == offset_of!(Header, mpmc_flags) && [0, 2, 3].contains(&bit);
            // Within a slot of 64 bytes, and a dead letter of 128, there are other lengths.
            let is_len =
                at == offset_of!(Header, record_bytes) && (33..=48).contains(&(byte[0] ^ 1 << bit));
            // So many of its eight participants may have numbers.
            let is_number = at == offset_of!(Header, numbered) && bit < 3;
            // They look first or sleep at once.
            let is_policy = at == offset_of!(Header, wait_policy) && bit == 0;
            let may_be = free.contains(&at) || is_flag || is_number || is_len || is_policy;
            assert_eq!(attach().is_ok(), may_be, "bit {bit} of {at}");
        }
        file.write_all_at(&byte, at as u64).unwrap();
    }
    file.write_all_at(&65u32.to_le_bytes(), offset_of!(Header, cell_bytes) as u64).unwrap();
    let error = refusal(attach());
    assert_eq!(error, SegmentError::Header { field: Field::Slots, value: 65 });
}

#[test]
fn a_ring_that_was_scribbled_over_is_told_and_never_joined_again() {
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let mut consumer = segment.mpmc_consumer().unwrap();
    let file = OpenOptions::new().write(true).open(scratch.path()).unwrap();
    let slots_at = MPMC_SEATS + 8 * 128 + 8 * 128;
    file.write_all_at(&[0; 8], slots_at as u64).unwrap();
    let told = consumer.recv(&mut [0; 48], Deadline::NEVER);
    assert_eq!(told, Err(RecvError::Corrupted(What::Slot)));
    file.write_all_at(&[0; 8], DATA as u64).unwrap();
    let error = segment.mpmc_producer().map(drop).unwrap_err();
    let corruption = Corruption { what: What::Seat, at: DATA as u64 };
    assert_eq!(error, JoinError::Corrupted(corruption));
    assert_eq!(segment.inspect().corruption.map(|found| found.what), Some(What::Seat));
}

#[test]
fn a_ring_whose_file_was_cut_short_says_so() {
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    annulus::segment::guard_truncation().unwrap();
    let mut consumer = segment.mpmc_consumer().unwrap();
    OpenOptions::new().write(true).open(scratch.path()).unwrap().set_len(0).unwrap();
    let told = consumer.recv(&mut [0; 48], soon());
    assert_eq!(told, Err(RecvError::Severed(Severed::Truncated)));
    assert!(segment.mpmc_producer().is_err());
}

#[test]
fn a_ring_is_spent_when_a_producer_has_come_and_nothing_is_left_in_it() {
    let scratch = Scratch::new();
    let name = Name::new(scratch.name()).unwrap();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let is_refused = || assert_eq!(remove(&name, Removal::Spent), Err(RemoveError::NotSpent));
    is_refused();
    let mut producer = segment.mpmc_producer().unwrap();
    producer.try_send(b"unread").unwrap();
    drop(producer.try_claim(4).unwrap());
    drop(producer);
    is_refused();
    let mut consumer = segment.mpmc_consumer().unwrap();
    assert_eq!(consumer.try_take().unwrap().len(), 6);
    let pid = Some(u64::from(std::process::id()));
    let held = RemoveError::Held { role: Role::Consumer, pid };
    assert_eq!(remove(&name, Removal::Spent), Err(held));
    // What it took and did not release waits for another one.
    drop(consumer);
    is_refused();
    let mut consumer = segment.mpmc_consumer().unwrap();
    consumer.try_take().unwrap().release();
    drop(consumer);
    is_refused();
    let mut consumer = segment.mpmc_consumer().unwrap();
    let told = consumer.recv(&mut [0; 48], soon());
    assert!(matches!(told, Err(RecvError::Gap { .. })), "{told:?}");
    drop(consumer);
    remove(&name, Removal::Spent).unwrap();
    assert!(!scratch.path().exists());
}

#[test]
fn how_many_have_come_is_counted_when_they_have_left_again() {
    let segment = Segment::create(&Backing::Memfd, &RING).unwrap();
    let come =
        || [Role::Producer, Role::Consumer].map(|role| segment.occupancy().unwrap().come(role));
    assert_eq!(come(), [0, 0]);
    for _ in 0..10 {
        drop(segment.mpmc_producer().unwrap());
    }
    let _held = [segment.mpmc_producer().unwrap(), segment.mpmc_producer().unwrap()];
    drop(segment.mpmc_consumer().unwrap());
    assert_eq!(come(), [12, 1]);
    assert_eq!(segment.inspect().survey.producer.generation, 12);
}
