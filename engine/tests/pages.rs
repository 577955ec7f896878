//! Huge pages and NUMA nodes: what has them, what refuses them, and that a segment of them is a
//! segment like any other.

mod common;

use annulus::segment::SegmentError;
use annulus::{Attach, Backing, Config, Deadline, RecvError, Segment};
use annulus_testkit::{Scratch, ScratchDir, skip};
use common::{in_fork, named, refusal, soon};
use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

const MIB: u64 = 1 << 20;
const HUGE: u64 = 2 * MIB;
const POOL: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
const FREE: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages";

/// The machine's huge pages: some more of them, until it is dropped.
struct Pool {
    before: u64,
    _one_at_a_time: MutexGuard<'static, ()>,
}

impl Pool {
    fn of(pages: u64) -> Option<Pool> {
        static ONE: Mutex<()> = Mutex::new(());
        let guard = ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let before = number(POOL)?;
        let pool = Pool { before, _one_at_a_time: guard };
        fs::write(POOL, (before + pages).to_string()).ok()?;
        (number(FREE)? >= pages).then_some(pool)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let _ = fs::write(POOL, self.before.to_string());
    }
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// A hugetlbfs of our own, until it is dropped.
struct Mounted(ScratchDir);

impl Mounted {
    fn new() -> Option<Mounted> {
        let dir = ScratchDir::new();
        let target = c_path(dir.path());
        let options = c"pagesize=2M";
        // SAFETY: strings that end with a zero byte.
        let status = unsafe {
            libc::mount(
                c"none".as_ptr(),
                target.as_ptr(),
                c"hugetlbfs".as_ptr(),
                0,
                options.as_ptr().cast(),
            )
        };
        (status == 0).then_some(Mounted(dir))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let target = c_path(self.0.path());
        // SAFETY: a string that ends with a zero byte.
        unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) };
    }
}

fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("paths have no zero byte")
}

/// Messages go through, to the end.
fn works(segment: &Segment) {
    let mut producer = segment.producer().unwrap();
    let mut consumer = segment.consumer().unwrap();
    let mut buffer = [0; 200];
    for round in 0..20_000_u64 {
        producer.send(&[round as u8; 200], soon()).unwrap();
        assert_eq!(consumer.recv(&mut buffer, soon()).unwrap().len, 200);
        assert_eq!(buffer, [round as u8; 200]);
    }
    drop(producer);
    assert_eq!(consumer.recv(&mut buffer, Deadline::NEVER), Err(RecvError::Closed));
}

#[test]
fn a_memfd_has_the_huge_pages_that_were_asked_for() {
    let Some(_pool) = Pool::of(4) else {
        skip!("no huge pages can be had: not root, or no memory")
    };
    for (capacity, pages) in [(4096, 1), (MIB, 1), (HUGE, 2)] {
        let config = Config::spsc(capacity).huge_pages(HUGE);
        let segment = Segment::create(&Backing::Memfd, &config).unwrap();
        let header = segment.header();
        assert_eq!(u64::from(header.page_bytes), HUGE);
        assert_eq!(header.segment_bytes, pages * HUGE);
        works(&segment);
        let fd = segment.share_fd().unwrap();
        let again = Segment::from_fd(fd, &Attach::default()).unwrap();
        assert_eq!(again.header(), header);
        works(&again);
        // A child's mapping is cut off in whole pages, and its parent's stays.
        let producer = segment.producer().unwrap();
        in_fork(move || drop(producer));
        works(&again);
    }
}

#[test]
fn a_file_has_those_of_its_file_system() {
    let Some(_pool) = Pool::of(3) else {
        skip!("no huge pages can be had: not root, or no memory")
    };
    let Some(mounted) = Mounted::new() else { skip!("a hugetlbfs cannot be mounted") };
    let path = mounted.0.path().join("ring");
    let file = Backing::File(path.clone());
    let other = Config::spsc(MIB).huge_pages(1 << 30);
    assert_eq!(
        refusal(Segment::create(&file, &other)),
        SegmentError::NoSuchPages { asked: 1 << 30 }
    );
    // Asked for or not.
    for config in [Config::spsc(MIB), Config::spsc(MIB).huge_pages(HUGE)] {
        let segment = Segment::create(&file, &config).unwrap();
        assert_eq!(u64::from(segment.header().page_bytes), HUGE);
        works(&segment);
        works(&Segment::attach(&file, &Attach::default()).unwrap());
        drop(segment);
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn no_pages_left_is_an_error_that_says_how_many_and_leaves_nothing() {
    let Some(_pool) = Pool::of(1) else {
        skip!("no huge pages can be had: not root, or no memory")
    };
    let free = number(FREE).unwrap();
    let needed = (free + 1).next_power_of_two() * HUGE;
    let config = Config::spsc(needed.min(1 << 30)).huge_pages(HUGE);
    let error = refusal(Segment::create(&Backing::Memfd, &config));
    assert!(matches!(error, SegmentError::NoHugePages { page_bytes: HUGE, .. }), "{error:?}");
    assert!(error.to_string().contains("nr_hugepages"), "{error}");
    assert_eq!(number(FREE).unwrap(), free);
}

#[test]
fn what_cannot_have_huge_pages_refuses_them() {
    let scratch = Scratch::new();
    let config = Config::spsc(MIB).huge_pages(HUGE);
    assert_eq!(refusal(Segment::create(&named(&scratch), &config)), SegmentError::NoNamedHugePages);
    assert!(!scratch.path().exists());
    let dir = ScratchDir::new();
    let file = Backing::File(dir.path().join("ring"));
    let wrong_place = SegmentError::NoSuchPages { asked: HUGE };
    assert_eq!(refusal(Segment::create(&file, &config)), wrong_place);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    for asked in [0, 1, 4096, 3 * MIB, 1 << 14, 1 << 33, u64::MAX] {
        let config = Config::spsc(MIB).huge_pages(asked);
        let refused = refusal(Segment::create(&Backing::Memfd, &config));
        assert_eq!(refused, SegmentError::NoSuchPages { asked });
    }
}

#[test]
fn memory_comes_from_the_node_that_was_asked_for() {
    let config = Config::spsc(MIB).numa_node(0);
    let segment = match Segment::create(&Backing::Memfd, &config) {
        Err(SegmentError::Io { call: "get_mempolicy" | "set_mempolicy", errno }) => {
            skip!("this system does not let memory policies be set: errno {errno}")
        }
        made => made.unwrap(),
    };
    works(&segment);
    for asked in [77, 1023, 1024, u32::MAX] {
        let config = Config::spsc(MIB).numa_node(asked);
        let refused = refusal(Segment::create(&Backing::Memfd, &config));
        assert_eq!(refused, SegmentError::NoSuchNode { asked });
    }
    // Nothing of it stays with the thread that made it.
    let mut mode = -1;
    // SAFETY: `mode` is there to be filled, and nothing else is asked for.
    let status = unsafe { libc::syscall(libc::SYS_get_mempolicy, &raw mut mode, 0, 0, 0, 0) };
    assert_eq!((status, mode), (0, libc::MPOL_DEFAULT));
}
