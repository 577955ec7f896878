//! Bytes that are a whole segment file: attached to as a stranger would, and used.
//!
//! A fuzzer does not hit upon a whole good header by itself, so what it writes may also be taken
//! for changes of a good file ([`changed`]).

use annulus::{Attach, Backing, Config, Deadline, Segment, Wait};
use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// How far an image got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Got {
    /// No segment at all.
    Refused,
    /// A segment that nobody could join.
    Attached,
    /// Both joined.
    Joined,
}

/// How the sides of a good segment file wait.
pub const WAITS: [Wait; 3] = [Wait::Spin, Wait::SpinThenPark, Wait::Park];

/// A good segment file of `capacity` bytes of ring, whose sides wait so.
///
/// # Errors
///
/// If it cannot be made or read.
pub fn good(capacity: u64, wait: Wait) -> io::Result<Vec<u8>> {
    let config = Config::spsc(capacity).wait(wait);
    let segment = Segment::create(&Backing::Memfd, &config).map_err(io::Error::other)?;
    let mut bytes = Vec::new();
    File::from(segment.share_fd()?).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// `good`, changed as `changes` say: eleven bytes each, two for where, one for how, eight for what;
/// and an odd one for the file's end.
pub fn changed(good: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for change in changes.as_chunks::<11>().0 {
        let [low, high, how, what @ ..] = *change;
        let at = usize::from(u16::from_le_bytes([low, high])) % bytes.len().max(1);
        match (how, bytes.get_mut(at..at + 8)) {
            (0..240, Some(place)) => place.copy_from_slice(&what),
            (240.., _) => bytes.truncate(at),
            (_, None) => {}
        }
    }
    bytes
}

/// Attaches to a memory file whose bytes are `bytes`, joins it twice and moves some messages.
///
/// # Errors
///
/// If the memory file cannot be made.
pub fn run(bytes: &[u8]) -> io::Result<Got> {
    // SAFETY: a plain request with a name that ends with a zero byte.
    let fd = unsafe { libc::memfd_create(c"annulus-image".as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just made it, for us alone.
    let mut file = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    let Ok(segment) = Segment::from_fd(file.into(), &Attach::default().any_owner(true)) else {
        return Ok(Got::Refused);
    };
    let _ = (segment.survey(), segment.is_spent());
    let (producer, consumer) = (segment.producer(), segment.consumer());
    let got = if producer.is_ok() && consumer.is_ok() { Got::Joined } else { Got::Attached };
    let mut buffer = vec![0; segment.longest_message()];
    let soon = || Deadline::after(Duration::from_micros(50));
    if let Ok(mut consumer) = consumer {
        // As many as fit a ring, and no more than one that is stuck would give.
        for _ in 0..segment.capacity() / 8 {
            if consumer.try_recv(&mut buffer).is_err() {
                break;
            }
        }
        let _ = consumer.recv(&mut buffer, soon());
    }
    if let Ok(mut producer) = producer {
        for len in [0, 8, 100] {
            let _ = producer.send(&buffer[..len.min(buffer.len())], soon());
        }
    }
    Ok(got)
}
