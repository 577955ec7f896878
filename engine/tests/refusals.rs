//! What an attacher refuses: everything that is not a whole segment of its own user.

mod common;

use annulus::layout::Header;
use annulus::segment::{Field, SegmentError};
use annulus::{Attach, Backing, Config, Segment, Wait};
use annulus_testkit::{Scratch, ScratchDir, skip, this_test};
use common::{LONG, STRANGER, by_name, is_root, named, refusal};
use std::ffi::CString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::mem::offset_of;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, chown, symlink};
use std::path::Path;

#[test]
fn what_is_not_there_is_not_found() {
    assert_eq!(refusal(attach(&Scratch::new())), SegmentError::NotFound);
    let nowhere = Backing::File("/no/such/folder/ring".into());
    assert_eq!(refusal(Segment::attach(&nowhere, &Attach::default())), SegmentError::NotFound);
    let memfd = Segment::attach(&Backing::Memfd, &Attach::default());
    assert_eq!(refusal(memfd), SegmentError::Nameless);
}

#[test]
fn text_is_not_a_segment() {
    let scratch = Scratch::new();
    write_private(scratch.path(), &b"2026-01-01 quote 17.25\n".repeat(1000));
    assert_eq!(refusal(attach(&scratch)), SegmentError::NotAnnulus);
}

#[test]
fn zeros_are_not_a_segment() {
    let scratch = Scratch::new();
    write_private(scratch.path(), &[0; 8192]);
    assert_eq!(refusal(attach(&scratch)), SegmentError::NotAnnulus);
}

#[test]
fn a_file_shorter_than_a_header_is_too_short() {
    let bytes = bytes_of_a_segment();
    for len in [0, 1, 7, 8, 100, 255] {
        let scratch = Scratch::new();
        write_private(scratch.path(), &bytes[..len]);
        let error = refusal(attach(&scratch));
        assert_eq!(error, SegmentError::TooShort { bytes: len as u64 });
    }
}

#[test]
fn a_file_shorter_or_longer_than_its_header_says_is_refused() {
    let mut bytes = bytes_of_a_segment();
    let wanted = bytes.len() as u64;
    bytes.extend([0; 4096]);
    for len in [256, 4095, 4096, wanted - 1, wanted + 1, wanted + 4096] {
        let scratch = Scratch::new();
        write_private(scratch.path(), &bytes[..len as usize]);
        let error = refusal(attach(&scratch));
        assert_eq!(error, SegmentError::WrongSize { wanted, bytes: len });
    }
}

#[test]
fn another_abi_version_is_refused_by_name() {
    let error = refusal_of_header(offset_of!(Header, abi_version), &9_u32.to_le_bytes());
    assert_eq!(error, SegmentError::WrongVersion { found: 9, wanted: 8 });
    let sentence = error.to_string();
    assert!(sentence.contains("version 9") && sentence.contains("version 8"), "{sentence}");
}

#[test]
fn the_version_is_looked_at_before_all_that_depends_on_it() {
    let scratch = Scratch::new();
    let mut bytes = bytes_of_a_segment();
    bytes[8..256].fill(0xff);
    write_private(scratch.path(), &bytes);
    let found = u32::MAX;
    assert_eq!(refusal(attach(&scratch)), SegmentError::WrongVersion { found, wanted: 8 });
}

#[test]
fn another_kind_of_ring_is_refused() {
    let error = refusal_of_header(offset_of!(Header, kind), &9_u32.to_le_bytes());
    assert_eq!(error, SegmentError::WrongKind { found: 9 });
}

#[test]
fn a_header_field_that_no_creator_writes_is_refused_by_name() {
    let word = |field, at, value: u64| {
        let error = refusal_of_header(at, &value.to_le_bytes());
        assert_eq!(error, SegmentError::Header { field, value });
    };
    let half = |field, at, value: u32| {
        let error = refusal_of_header(at, &value.to_le_bytes());
        assert_eq!(error, SegmentError::Header { field, value: value.into() });
    };
    for capacity in [0, 3, 32, 5000, 1 << 31, 1 << 63, u64::MAX] {
        word(Field::Capacity, offset_of!(Header, capacity), capacity);
    }
    for bytes in [0, 4096, 4096 + 64, u64::MAX] {
        word(Field::SegmentBytes, offset_of!(Header, segment_bytes), bytes);
    }
    for cell in [0, 4, 16, u32::MAX] {
        half(Field::CellBytes, offset_of!(Header, cell_bytes), cell);
    }
    for page in [0, 1, 1 << 13, u32::MAX] {
        half(Field::PageBytes, offset_of!(Header, page_bytes), page);
    }
    for policy in [0, 9, u32::MAX] {
        half(Field::WaitPolicy, offset_of!(Header, wait_policy), policy);
    }
    // A ring that spins has neither.
    for means in [1, u32::MAX] {
        half(Field::WakeMeans, offset_of!(Header, wake_means), means);
        half(Field::Barrier, offset_of!(Header, barrier), means);
    }
    half(Field::WakeKey, offset_of!(Header, wake_key), 1);
    half(Field::Reserved, offset_of!(Header, mpmc_flags), 1);
    word(Field::Reserved, offset_of!(Header, seats), 1);
    word(Field::Reserved, offset_of!(Header, letters), 1);
    word(Field::Reserved, offset_of!(Header, reserved), 1);
    word(Field::Reserved, size_of::<Header>() - 8, 1 << 63);
    // Of a typed segment both stand there, or neither.
    word(Field::TypeHash, offset_of!(Header, type_hash), 1);
    word(Field::RecordBytes, offset_of!(Header, record_bytes), u64::MAX);
    // Another valid capacity than the file has.
    word(Field::SegmentBytes, offset_of!(Header, segment_bytes), 4096 + 128);
}

#[test]
fn every_single_flipped_bit_of_the_header_is_refused_or_harmless() {
    let scratch = Scratch::new();
    write_private(scratch.path(), &bytes_of_a_segment());
    let file = OpenOptions::new().read(true).write(true).open(scratch.path()).unwrap();
    let (free, end) = (offset_of!(Header, first_stamp), offset_of!(Header, record_bytes));
    for at in 0..size_of::<Header>() {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at as u64).unwrap();
        for bit in 0..8 {
            file.write_all_at(&[byte[0] ^ 1 << bit], at as u64).unwrap();
            // The stamp and the id are random: any value is one.
            let accepted = attach(&scratch).is_ok();
            assert_eq!(accepted, (free..end).contains(&at), "bit {bit} of byte {at}");
        }
        file.write_all_at(&byte, at as u64).unwrap();
    }
    attach(&scratch).unwrap();
}

#[test]
fn access_for_anybody_but_the_owner_is_refused() {
    for mode in [0o640, 0o660, 0o604, 0o666, 0o601, 0o700, 0o4600] {
        let scratch = Scratch::new();
        Segment::create(&named(&scratch), &Config::spsc(64)).unwrap();
        fs::set_permissions(scratch.path(), Permissions::from_mode(mode)).unwrap();
        let error = refusal(attach(&scratch));
        assert_eq!(error, SegmentError::WrongMode { mode });
        assert!(error.to_string().contains(&format!("{mode:04o}")), "{error}");
    }
}

#[test]
fn links_folders_fifos_and_devices_are_not_followed_or_opened() {
    let target = Scratch::new();
    Segment::create(&named(&target), &Config::spsc(64)).unwrap();
    let link = Scratch::new();
    symlink(target.path(), link.path()).unwrap();
    assert_eq!(refusal(attach(&link)), SegmentError::NotRegular);

    let dir = ScratchDir::new();
    assert_eq!(refusal(attach_file(dir.path())), SegmentError::NotRegular);

    // With nobody at its other end, opening it would wait for ever.
    let fifo = Scratch::new();
    let path = CString::new(fifo.path().as_os_str().as_bytes()).unwrap();
    // SAFETY: a string that ends with a zero byte.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    assert_eq!(refusal(attach(&fifo)), SegmentError::NotRegular);

    assert_eq!(refusal(attach_file(Path::new("/dev/null"))), SegmentError::NotRegular);
}

#[test]
fn a_descriptor_of_something_else_is_refused() {
    let from_fd = |fd| refusal(Segment::from_fd(fd, &Attach::default()));
    let (reader, _writer) = std::io::pipe().unwrap();
    assert_eq!(from_fd(OwnedFd::from(reader)), SegmentError::NotRegular);
    assert_eq!(from_fd(File::open("/dev/zero").unwrap().into()), SegmentError::NotRegular);
    let dir = ScratchDir::new();
    write_private(&dir.file("text"), b"no ring, but quite some text");
    let text = File::open(dir.file("text")).unwrap().into();
    assert_eq!(from_fd(text), SegmentError::NotAnnulus);
}

#[test]
fn another_users_segment_is_refused_for_root_too_unless_asked_for() {
    if !is_root() {
        skip!("only root can give a file away");
    }
    let scratch = Scratch::new();
    Segment::create(&named(&scratch), &Config::spsc(64)).unwrap();
    chown(scratch.path(), Some(STRANGER), None).unwrap();
    let error = refusal(attach(&scratch));
    assert_eq!(error, SegmentError::WrongOwner { uid: STRANGER });
    assert!(error.to_string().contains("54321"), "{error}");
    Segment::attach(&named(&scratch), &Attach::default().any_owner(true)).unwrap();
}

#[test]
fn a_stranger_is_told_whose_segment_it_is_and_gets_no_access() {
    let test = this_test!();
    test.role("stranger", |args| {
        // SAFETY: takes no pointer. This process is here for this only.
        assert_eq!(unsafe { libc::seteuid(STRANGER) }, 0);
        let ring = by_name(&args[0]);
        let error = refusal(Segment::attach(&ring, &Attach::default()));
        assert_eq!(error, SegmentError::WrongOwner { uid: 0 });
        let error = refusal(Segment::attach(&ring, &Attach::default().any_owner(true)));
        assert_eq!(error, SegmentError::Denied);
    });
    if !is_root() {
        skip!("only root can become somebody else");
    }
    let scratch = Scratch::new();
    Segment::create(&named(&scratch), &Config::spsc(64)).unwrap();
    test.spawn("stranger", &[scratch.name()]).wait_within(LONG).assert_success();
}

fn attach(scratch: &Scratch) -> Result<Segment, SegmentError> {
    Segment::attach(&named(scratch), &Attach::default())
}

fn attach_file(path: &Path) -> Result<Segment, SegmentError> {
    Segment::attach(&Backing::File(path.to_owned()), &Attach::default())
}

/// Attaches to a segment whose header has `bytes` at `at`.
#[track_caller]
fn refusal_of_header(at: usize, bytes: &[u8]) -> SegmentError {
    let scratch = Scratch::new();
    let mut whole = bytes_of_a_segment();
    whole[at..at + bytes.len()].copy_from_slice(bytes);
    write_private(scratch.path(), &whole);
    refusal(attach(&scratch))
}

fn bytes_of_a_segment() -> Vec<u8> {
    let scratch = Scratch::new();
    Segment::create(&named(&scratch), &Config::spsc(4096).wait(Wait::Spin)).unwrap();
    fs::read(scratch.path()).unwrap()
}

fn write_private(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}
