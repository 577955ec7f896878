//! Where the system refuses membarrier(2), as a container's seccomp profile may.

use annulus::segment::{JoinError, SegmentError};
use annulus::{Attach, Backing, Barrier, Config, Segment, Wait};
use std::mem::offset_of;
use std::thread;

/// The system call numbered `number` fails with EPERM from now on in this thread.
fn refuse(number: libc::c_long) {
    let statement = |code, k| libc::sock_filter { code, jt: 0, jf: 0, k };
    let (load, ret) = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, libc::BPF_RET | libc::BPF_K);
    let refused = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
    let mut program = [
        statement(load as u16, offset_of!(libc::seccomp_data, nr) as u32),
        libc::sock_filter {
            code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
            jt: 0,
            jf: 1,
            k: number as u32,
        },
        statement(ret as u16, refused),
        statement(ret as u16, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: takes no pointer.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    // SAFETY: a program of so many statements, valid for the call to read.
    let set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &filter) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn a_segment_that_needs_it_is_refused_and_one_that_need_not_have_it_has_fences() {
    let ring = Config::spsc(64).wait(Wait::Park);
    let made = Segment::create(&Backing::Memfd, &ring.barrier(Barrier::Membarrier)).unwrap();
    let fd = made.share_fd().unwrap();
    let refused = thread::spawn(move || {
        refuse(libc::SYS_membarrier);
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
