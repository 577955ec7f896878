//! Where the system refuses membarrier(2), as a container's seccomp profile may.

mod common;

use annulus::segment::{JoinError, SegmentError};
use annulus::{Attach, Backing, Barrier, Config, Segment, Wait};
use common::refuse;
use std::thread;

#[test]
fn a_segment_that_needs_it_is_refused_and_one_that_need_not_have_it_has_fences() {
    let ring = Config::spsc(64).wait(Wait::Park);
    let made = Segment::create(&Backing::Memfd, &ring.barrier(Barrier::Membarrier)).unwrap();
    let fd = made.share_fd().unwrap();
    let refused = thread::spawn(move || {
        refuse(libc::SYS_membarrier, libc::EPERM);
        let error =
            Segment::create(&Backing::Memfd, &ring.barrier(Barrier::Membarrier)).unwrap_err();
        assert_eq!(error, SegmentError::NoMembarrier { errno: libc::EPERM });
        let sentence = error.to_string();
        assert!(
            sentence.contains("membarrier(2) is refused (Operation not permitted"),
            "{sentence}"
        );
        // Who only looks need not have it.
        let segment = Segment::from_fd(fd, &Attach::default()).unwrap();
        assert!(!segment.survey().producer.held);
        let refused = JoinError::NoMembarrier { errno: libc::EPERM };
        assert_eq!(segment.producer().map(drop), Err(refused));
        assert_eq!(segment.consumer().map(drop), Err(refused));
        assert_eq!(refused.to_string(), sentence);
        Segment::create(&Backing::Memfd, &ring).unwrap().waiting()
    });
    assert_eq!(refused.join().unwrap().barrier(), Some(Barrier::Fence));
}
