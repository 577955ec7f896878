//! Typed handles wait for several things as those of any bytes do.

use crate::common::{LONG, soon};
use crate::{Quote, ring};
use annulus::segment::{Pollable, Readiness, wait_any};
use annulus::typed::TypedSegment;
use annulus::{RecvError, SendError};
use std::os::fd::AsRawFd;
use std::time::Duration;

fn is_readable(fd: &impl AsRawFd, span: Duration) -> bool {
    let mut entry = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry, which the call may read and write.
    unsafe { libc::poll(&mut entry, 1, span.as_millis() as i32) == 1 }
}

#[test]
fn a_record_and_room_for_one_make_a_descriptor_readable() {
    let segment: TypedSegment<Quote> = ring(512).typed().unwrap();
    let mut producer = Pollable::new(segment.producer().unwrap()).unwrap();
    let mut consumer = Pollable::new(segment.consumer().unwrap()).unwrap();
    assert_eq!(producer.arm(), Ok(Readiness::Ready));
    assert_eq!(consumer.arm(), Ok(Readiness::Pending));
    let mut sent = 0;
    while producer.try_send(&Quote::number(sent)).is_ok() {
        sent += 1;
    }
    assert!(is_readable(&consumer, LONG));
    assert_eq!(producer.arm(), Ok(Readiness::Pending));
    for number in 0..sent {
        assert_eq!(consumer.try_recv(), Ok(Quote::number(number)));
    }
    assert_eq!(consumer.try_recv(), Err(RecvError::Empty));
    assert!(is_readable(&producer, LONG));
    drop(consumer.into_inner());
    assert_eq!(producer.try_send(&Quote::number(0)), Err(SendError::PeerClosed));
}

#[test]
fn records_of_trusted_peers_and_bytes_are_waited_for_together() {
    let segment: TypedSegment<Quote> = ring(512).typed().unwrap();
    // SAFETY: nobody else has this memfd.
    let trusting = unsafe { segment.trusting_peers() };
    let (mut producer, mut quotes) = (trusting.producer().unwrap(), trusting.consumer().unwrap());
    let other: TypedSegment<Quote> = ring(512).typed().unwrap();
    let mut full = other.producer().unwrap();
    while full.try_send(&Quote::number(0)).is_ok() {}
    producer.try_send(&Quote::number(7)).unwrap();
    assert_eq!(wait_any(&mut [&mut full.room().unwrap(), &mut quotes], 0, soon()), Ok(1));
    assert_eq!(quotes.try_recv(), Ok(Quote::number(7)));
    let mut consumer = other.consumer().unwrap();
    while consumer.try_recv().is_ok() {}
    assert_eq!(wait_any(&mut [&mut full.room().unwrap(), &mut quotes], 1, soon()), Ok(0));
}
