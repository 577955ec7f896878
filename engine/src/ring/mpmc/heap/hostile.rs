//! A peer that writes what no participant writes: every bit of every shared word flipped, and words
//! of other laps, owners and states in every place. Each call ends, and nothing panics.

use super::*;
use crate::layout::{MPMC_COMINGS, MPMC_HEAD, MPMC_TAIL, SLOT_CELL};
use crate::ring::mpmc::Occupancy;
use crate::ring::mpmc::word::Word;

/// What is done before a word is written over.
type Prelude = fn(&mut Hall, &mut Producer<Reach>, &mut Consumer<Reach>);

const PRELUDES: [Prelude; 6] = [
    |_, _, _| {},
    |_, producer, _| fill(producer, 3),
    |_, producer, consumer| {
        (0..11).for_each(|number| {
            send(producer, number);
            expect(consumer, number);
        });
    },
    |_, producer, _| fill(producer, 4),
    |hall, producer, _| {
        let mut dead = hall.consumer();
        fill(producer, 2);
        expect(&mut dead, 0);
        hall.kill_consumer(dead);
    },
    |hall, producer, _| {
        let mut dead = hall.producer();
        core::mem::forget(dead.try_claim(8).expect("there is room"));
        hall.kill_producer(dead);
        send(producer, 1);
    },
];

fn fill(producer: &mut Producer<Reach>, messages: u64) {
    for number in 0..messages {
        send(producer, number);
    }
}

/// Every shared word, but for payload and for who has a seat.
fn words(hall: &Hall) -> Vec<usize> {
    let comings = (0..5).map(|word| MPMC_COMINGS + 8 * word);
    let seats = (0..8).map(|seat| MPMC_SEATS + seat * size_of::<Seat>());
    let slots = (0..4).flat_map(|slot| [hall.slot(slot), hall.slot(slot) + 8]);
    [MPMC_TAIL, MPMC_HEAD].into_iter().chain(comings).chain(seats).chain(slots).collect()
}

/// Every call, twice, over a ring in which the word at `at` has become `change` of what it was.
fn call_all(prelude: Prelude, at: impl Fn(&Hall) -> usize, change: impl Fn(u64) -> u64) {
    call_all_of(Hall::of(4), prelude, at, change);
}

fn call_all_of(
    mut hall: Hall,
    prelude: Prelude,
    at: impl Fn(&Hall) -> usize,
    change: impl Fn(u64) -> u64,
) {
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    prelude(&mut hall, &mut producer, &mut consumer);
    let at = at(&hall);
    let was = hall.words[at / 8];
    hall.scribble(at, change(was));
    let mut buffer = [0; 48];
    for _ in 0..2 {
        let _ = consumer.try_recv(&mut buffer);
        consumer.repair();
        let _ = consumer.try_take().map(|taken| taken.read(0, &mut []));
        let _ = producer.try_send(&[7; 8]);
        producer.repair();
        let _ = producer.try_claim(48).map(|claim| claim.commit(9));
        let _ = consumer.try_recv(&mut buffer);
        let geometry = hall.geometry;
        // SAFETY: the block was made for that geometry.
        drop(unsafe { Producer::join(hall.reach(), geometry) });
        // SAFETY: as above.
        let seen = unsafe { Occupancy::of(hall.reach(), geometry) };
        assert!(seen.head <= seen.tail || seen.corruption.is_some(), "{seen:?}");
        // SAFETY: as above.
        if let Ok(mut late) = unsafe { Consumer::join(hall.reach(), geometry) } {
            let _ = late.try_recv(&mut buffer);
        }
    }
}

#[test]
fn every_flipped_bit_of_every_shared_word_ends_in_an_answer() {
    // Under Miri, which takes ten thousand times as long, a few of each.
    let bits = if cfg!(miri) { 0..1 } else { 0..64 };
    let places = words(&Hall::of(4));
    for prelude in PRELUDES.into_iter().skip(if cfg!(miri) { 5 } else { 0 }) {
        for at in &places {
            for bit in bits.clone() {
                call_all(prelude, |_| *at, |was| was ^ 1 << bit);
            }
        }
    }
}

#[test]
fn words_of_other_laps_owners_and_states_end_in_an_answer() {
    let laps: &[u64] = if cfg!(miri) { &[1] } else { &[0, 1, 2, 3, 1 << 40, (1 << 47) - 1] };
    let owners: &[u64] = if cfg!(miri) { &[3, 1023] } else { &[0, 1, 2, 3, 8, 9, 1023] };
    for prelude in PRELUDES.into_iter().skip(if cfg!(miri) { 5 } else { 0 }) {
        for slot in 0..if cfg!(miri) { 1 } else { 4 } {
            for lap in laps.iter().copied() {
                for (owner, state) in
                    owners.iter().flat_map(|owner| (0..8).map(move |s| (*owner, s)))
                {
                    let word = Word::free(lap).to_bits() & !7 | owner << 7 | state;
                    call_all(prelude, |hall| hall.slot(slot), |_| word);
                    call_all(prelude, |hall| hall.slot(slot), |_| word | 15 << 3);
                }
            }
        }
    }
}

/// In a ring so large that the laps of a word lead beyond the positions that there are.
#[test]
#[cfg_attr(miri, ignore = "131,072 slots take it hours")]
fn laps_and_hints_beyond_every_position_end_in_an_answer() {
    const SLOTS: u64 = 1 << 17;
    for prelude in [PRELUDES[0], PRELUDES[2]] {
        for slot in [0, SLOTS - 1] {
            for lap in [(1 << 44) + 1, 1 << 46, (1 << 47) - 1] {
                for word in [Word::free(lap), Word::writing(lap, 1), Word::ready(lap, 1)] {
                    let at = |hall: &Hall| hall.slot(slot);
                    call_all_of(Hall::of(SLOTS), prelude, at, |_| word.to_bits());
                }
            }
        }
        for hint in [1 << 62, u64::MAX - SLOTS, u64::MAX] {
            for at in [MPMC_TAIL, MPMC_HEAD] {
                call_all_of(Hall::of(SLOTS), prelude, |_| at, |_| hint);
            }
        }
    }
}

#[test]
fn hints_of_any_value_end_in_an_answer() {
    for prelude in PRELUDES.into_iter().skip(if cfg!(miri) { 5 } else { 0 }) {
        for hint in [0, 1, 3, 4, 5, 1 << 32, u64::MAX - SLOT_CELL, u64::MAX - 1, u64::MAX] {
            for at in [MPMC_TAIL, MPMC_HEAD] {
                call_all(prelude, |_| at, |_| hint);
            }
        }
    }
}

/// What a peer writes about somebody's sends is believed, and does no other harm.
#[test]
fn any_account_of_sends_is_lived_with() {
    use crate::layout::Send;
    let all = [0, 3, u64::MAX, 1, 2, u64::MAX - 1, 1 << 63];
    let words = if cfg!(miri) { &all[..3] } else { &all };
    for &number in words {
        for &stage in words {
            for roles in [&[][..], &[Role::Producer]] {
                let geometry = geometry(4).with_numbered(2);
                let geometry = roles.iter().fold(geometry, |all, role| all.with_single(*role));
                let mut hall = Hall::new(geometry);
                let at = MPMC_SEATS + offset_of!(Seat, sends);
                for place in [0, size_of::<Send>()] {
                    hall.scribble(at + place + offset_of!(Send, number), number);
                    hall.scribble(at + place + offset_of!(Send, stage), stage);
                }
                // SAFETY: the block was made for that geometry.
                let joined = unsafe { Producer::join_numbered(hall.reach(), geometry, 1) };
                let mut producer = joined.expect("nobody has the number");
                let sent = producer.sent().expect("it has a number");
                send(&mut producer, 5);
                assert_eq!(producer.sent(), Some(sent.wrapping_add(1)));
                drop(producer.try_claim(8).expect("there is room"));
                expect(&mut hall.consumer(), 5);
            }
        }
    }
}

/// It has one believe that a stream goes on, whose other side is to be let run ahead.
#[test]
fn a_peer_that_drives_hints_and_laps_on_holds_nobody_past_a_deadline() {
    let drive = |hall: &mut Hall, hint: usize| {
        let (reach, mut lap) = (hall.reach(), 1);
        let slots: Vec<usize> = (0..4).map(|slot| hall.slot(slot)).collect();
        let word = move |lap: u64, role| match role {
            Role::Consumer => Word::free(lap),
            Role::Producer => Word::ready(lap - 1, 1),
        };
        let role = if hint == MPMC_HEAD { Role::Consumer } else { Role::Producer };
        MEANWHILE.set(Some(Box::new(move || {
            lap += 32;
            assert!(lap < 50_000_000, "its deadline has long passed");
            let set = |at, word| {
                // SAFETY: within the block; every access to it is an atomic one.
                unsafe { reach.0.store(at, word, Ordering::Relaxed) }
            };
            slots.iter().for_each(|at| set(*at, word(lap, role).to_bits()));
            set(hint, lap * 4);
        })));
    };
    let soon = || Deadline::after(Duration::from_millis(5));
    let mut hall = Hall::of(4);
    let (_producer, mut consumer) = (hall.producer(), hall.consumer());
    drive(&mut hall, MPMC_HEAD);
    let came = consumer.recv(&mut [0; 48], soon());
    MEANWHILE.set(None);
    assert!(came.is_err(), "{came:?}");

    let mut hall = Hall::of(4);
    let (mut producer, _consumer) = (hall.producer(), hall.consumer());
    (0..4).for_each(|number| assert_eq!(send(&mut producer, number), number));
    drive(&mut hall, MPMC_TAIL);
    let sent = producer.send(&[0; 8], soon());
    MEANWHILE.set(None);
    assert!(sent.is_err(), "{sent:?}");
}
