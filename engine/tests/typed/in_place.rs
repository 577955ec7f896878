//! References into the ring, after the promise.

use super::{Quote, ring};
use crate::common::soon;
use annulus::{Backing, Config, RecvError, Segment};

#[test]
fn records_are_written_and_seen_where_they_stand() {
    let segment = ring(1024).typed::<Quote>().unwrap();
    // SAFETY: nobody else has this memfd.
    let segment = unsafe { segment.trusting_peers() };
    let (mut producer, mut consumer) = (segment.producer().unwrap(), segment.consumer().unwrap());
    for number in 0..1000 {
        let mut claim = producer.claim(soon()).unwrap();
        *claim = Quote::number(number);
        claim.flags[5] = !claim.flags[5];
        let written = &raw const *claim;
        claim.commit();
        let mut wanted = Quote::number(number);
        wanted.flags[5] = !wanted.flags[5];

        let view = consumer.peek(soon()).unwrap();
        assert_eq!(*view, wanted);
        assert_eq!(view.get(), wanted);
        assert_eq!((&raw const *view).addr() % 8, 0);
        assert_eq!((&raw const *view).addr(), written.addr(), "one mapping, one place");
        view.release();
    }
}

#[test]
fn a_drain_in_place_hands_out_each_record_once() {
    let segment = ring(4096).typed::<Quote>().unwrap();
    // SAFETY: nobody else has this memfd.
    let segment = unsafe { segment.trusting_peers() };
    let (mut producer, mut consumer) = (segment.producer().unwrap(), segment.consumer().unwrap());
    let mut next = 0;
    for batch in 0..100 {
        let quotes: Vec<Quote> = (batch * 30..batch * 30 + 30).map(Quote::number).collect();
        producer.send_batch(&quotes, soon()).unwrap();
        let expect = |quote: &Quote| {
            assert_eq!(*quote, Quote::number(next));
            next += 1;
        };
        assert_eq!(consumer.drain_in_place(64, expect), Ok(30));
    }
    assert_eq!(next, 3000);
    assert_eq!(consumer.drain_in_place(64, |_| {}), Err(RecvError::Empty));
}

#[test]
fn messages_of_any_bytes_are_written_and_seen_where_they_stand() {
    let segment = Segment::create(&Backing::Memfd, &Config::spsc(1024)).unwrap();
    // SAFETY: nobody else has this memfd.
    let segment = unsafe { segment.trusting_peers() };
    let (mut producer, mut consumer) = (segment.producer().unwrap(), segment.consumer().unwrap());
    for len in (0..440).chain((0..440).rev()) {
        let mut claim = producer.claim(len, soon()).unwrap();
        claim.as_mut_bytes().fill(len as u8);
        claim.as_mut_bytes()[len / 2..].fill(!len as u8);
        assert_eq!(claim.as_bytes().len(), len);
        claim.commit(len);
        let mut wanted = vec![len as u8; len];
        wanted[len / 2..].fill(!len as u8);

        let view = consumer.peek(soon()).unwrap();
        assert_eq!(view.record().as_bytes(), wanted);
        // Not released: it comes again.
        let mut seen = 0;
        let drained = consumer.drain(8, |record| {
            assert_eq!(record.as_bytes(), wanted);
            seen += 1;
        });
        assert_eq!((drained, seen), (Ok(1), 1));
    }
}
