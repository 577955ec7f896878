//! A producer's life: operations at random, for as long as it lives.

use super::ledger::{Fault, Found, Ledger, add, number};
use super::letters::Letters;
use super::life::{Life, join};
use crate::many::scene::message;
use annulus::ring::Role;
use annulus::ring::mpmc::{SendError, Stalled};
use annulus::{Deadline, MpmcProducer, Segment};
use annulus_testkit::Random;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Sends until it is killed, or leaves in good order now and then.
pub(super) fn produce(
    segment: &Segment,
    ledger: &Ledger,
    life: Life,
    random: &mut Random,
) -> Found {
    let page = ledger.page(Role::Producer, life.lane);
    let mut producer = join(page, || segment.mpmc_producer_numbered(life.lane as u16 + 1))?;
    recall(&producer, ledger, life)?;
    page.presence.joins(life.number);
    let found = work(&mut producer, segment, ledger, life, random);
    page.presence.leaves();
    page.within(|| producer.close());
    found
}

/// What its predecessor sent is known: the send that was cut off took effect, or never does.
fn recall(producer: &MpmcProducer, ledger: &Ledger, life: Life) -> Found {
    let page = ledger.page(Role::Producer, life.lane);
    let (before, sent) = (page.sends.load(Ordering::Relaxed), producer.sent().unwrap_or(0));
    let (returned, was_cut_off) = (before / 2, before % 2 == 1);
    match sent.checked_sub(returned) {
        Some(0) if !was_cut_off => {}
        Some(more @ 0..=1) if was_cut_off => {
            let last = page.next.load(Ordering::Relaxed) - 1;
            ledger.cut_off(number(life.lane, last), more == 1)?;
        }
        _ => return Err((Fault::Miscounted, sent)),
    }
    page.sends.store(2 * sent, Ordering::Relaxed);
    Ok(())
}

fn work(
    producer: &mut MpmcProducer,
    segment: &Segment,
    ledger: &Ledger,
    life: Life,
    random: &mut Random,
) -> Found {
    let page = ledger.page(Role::Producer, life.lane);
    let mut watch = life.watch(ledger);
    let mut sequence = page.next.load(Ordering::Relaxed);
    let mut lost = 0;
    for _ in 0..life.leaves_after(random) {
        if ledger.is_over.load(Ordering::Relaxed) != 0 {
            break;
        }
        let number = number(life.lane, sequence);
        ledger.begin(number, || Letters::of(segment))?;
        // If it is killed in the midst, this number may be in the ring.
        page.next.store(sequence + 1, Ordering::Relaxed);
        let sent = page.sends.load(Ordering::Relaxed);
        page.sends.store(sent + 1, Ordering::Relaxed);
        let choice = random.below(16);
        let limit = if choice == 0 { watch.at_once() } else { watch.draw(random) };
        let there = ledger.present(Role::Consumer);
        let bytes = message(number);
        let done = page.within(|| match choice {
            0 => {
                producer.repair();
                producer.try_send(&bytes).map(Some)
            }
            1 | 2 => drop_claim(producer, limit.deadline),
            3..=6 => send_claimed(producer, &bytes, limit.deadline),
            _ => producer.send(&bytes, limit.deadline).map(Some),
        });
        watch.check(&limit)?;
        add(&page.counts.given_up, producer.lost() - lost);
        lost = producer.lost();
        let has_sent = matches!(done, Ok(Some(_)));
        page.sends.store(sent + if has_sent { 2 } else { 0 }, Ordering::Relaxed);
        match done {
            Ok(Some(position)) => {
                ledger.sent(number, position)?;
                sequence += 1;
            }
            Ok(None) | Err(SendError::Full | SendError::Timeout) => {}
            Err(SendError::PeerStalled(Stalled { participant, .. })) => {
                life.check_stall(page, participant, producer.participant())?;
            }
            Err(SendError::PeerDead | SendError::PeerClosed) => {
                life.check_death(ledger, Role::Consumer, there)?;
                std::thread::sleep(Duration::from_micros(20));
            }
            Err(error) => return Err((Fault::Failed, error.code() as u64)),
        }
        page.next.store(sequence, Ordering::Relaxed);
    }
    Ok(())
}

/// Claims room, writes a part of it, and gives it up.
fn drop_claim(producer: &mut MpmcProducer, deadline: Deadline) -> Result<Option<u64>, SendError> {
    let mut claim = producer.claim(48, deadline)?;
    claim.write(0, &[0xee; 20]);
    Ok(None)
}

/// Claims more than it commits.
fn send_claimed(
    producer: &mut MpmcProducer,
    bytes: &[u8],
    deadline: Deadline,
) -> Result<Option<u64>, SendError> {
    let mut claim = producer.claim(48, deadline)?;
    claim.write(0, bytes);
    Ok(Some(claim.commit(bytes.len())))
}
