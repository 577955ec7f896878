//! References into the ring, and values, over plain memory: what Miri says of them.

use super::{Reach, ring};
use crate::sync::{Deadline, Mapped, Trusting};

// SAFETY: the heap block outlives the handles.
unsafe impl Mapped for Reach {
    fn base(&self) -> *mut u8 {
        self.0.base()
    }
}

// SAFETY: both sides are in this test, and nobody else.
unsafe impl Trusting for Reach {}

#[test]
fn messages_written_and_seen_by_reference_are_whole() {
    let (_heap, mut producer, mut consumer) = ring(256);
    for round in 0..100_u8 {
        let len = usize::from(round) % 100;
        let mut claim = producer.try_claim(len).unwrap();
        claim.as_mut_bytes().fill(round);
        let position = claim.position();
        // A look at the ring while somebody writes into his claim.
        let bytes = claim.as_mut_bytes();
        assert!(consumer.try_peek().is_err());
        bytes.reverse();
        assert_eq!(claim.as_bytes(), vec![round; len]);
        claim.commit(len);

        let view = consumer.peek(Deadline::PASSED).unwrap();
        let seen = view.record().as_bytes();
        // A second message comes while the first is looked at.
        producer.try_send(&[!round; 9]).unwrap();
        assert_eq!((seen, view.record().position()), (&vec![round; len][..], position));
        view.release();
        let drained = consumer.drain(2, |record| assert_eq!(record.as_bytes(), [!round; 9]));
        assert_eq!(drained, Ok(1));
    }
}

#[cfg(feature = "typed")]
#[test]
fn values_of_every_size_are_received_whole() {
    fn carry<T>(value: T)
    where
        T: zerocopy::FromBytes + zerocopy::IntoBytes + zerocopy::Immutable,
        T: Copy + PartialEq + core::fmt::Debug,
    {
        let (_heap, mut producer, mut consumer) = ring(1024);
        for _ in 0..10 {
            producer.send_values(&[value; 4], Deadline::PASSED).unwrap();
            assert_eq!(consumer.try_recv_value(), Ok(value));
            assert_eq!(consumer.recv_value(Deadline::PASSED), Ok(value));
            let each = |record: super::super::Record<'_, Reach>| {
                assert_eq!(record.value::<T>(), value);
            };
            assert_eq!(consumer.drain_of(size_of::<T>(), 9, each), Ok(2));
        }
    }
    carry(3_u8);
    carry(-3_i16);
    carry([7_u32, 8, 9]);
    carry(0.5_f64);
    carry([0x0123_4567_89ab_cdef_u64; 7]);
    carry([0xfe_u8; 131]);
}
