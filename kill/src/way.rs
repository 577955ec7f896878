//! How the sides of a run's ring wait, and what must be left of that when it is over.

use crate::scene::Trouble;
use annulus::layout::{CONSUMER_ALARM, PRODUCER_ALARM};
use annulus::segment::Name;
use annulus::{Backing, Barrier, Config, Segment, Wait, Wake};
use annulus_testkit::Scratch;
use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Posts that a POSIX semaphore may have left: one of a sleep that a look ended, and one each of a
/// peer that joined and one that closed since.
const POSTS_MAX: u32 = 3;

/// How the sides wait; the rest is for those that sleep.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// The policy.
    pub wait: Wait,
    /// The form of the protocol.
    pub barrier: Barrier,
    /// The means of waking.
    pub wake: Wake,
}

/// A ring whose sides wait in some way.
pub(crate) struct Arena {
    pub(crate) segment: Segment,
    way: Way,
    /// Its name, if its means needs one: taken away when this is dropped.
    _name: Option<Scratch>,
}

impl Way {
    /// A new ring of so many bytes.
    pub(crate) fn ring(self, capacity: u64) -> Result<Arena, Trouble> {
        let name = (self.wake == Wake::SysvSem).then(Scratch::new);
        let backing = match &name {
            Some(name) => Backing::Named(Name::new(name.name()).map_err(|e| e.to_string())?),
            None => Backing::Memfd,
        };
        let config = Config::spsc(capacity).wait(self.wait).barrier(self.barrier).wake(self.wake);
        let segment = Segment::create(&backing, &config)?;
        Ok(Arena { segment, way: self, _name: name })
    }
}

impl Arena {
    /// The word at that offset into the segment.
    pub(crate) fn word(&self, at: usize) -> Result<u64, Trouble> {
        let mut word = [0; 8];
        File::from(self.segment.share_fd()?).read_exact_at(&mut word, at as u64)?;
        Ok(u64::from_ne_bytes(word))
    }

    /// Posts that nobody took, if there are more than can be of the last sleeps.
    pub(crate) fn crept(&self) -> Result<Option<String>, Trouble> {
        if self.way.wait == Wait::Spin || self.way.wake != Wake::PosixSem {
            return Ok(None);
        }
        for at in [PRODUCER_ALARM, CONSUMER_ALARM] {
            // As glibc keeps it.
            let posts = self.word(at)? as u32;
            if posts > POSTS_MAX {
                return Ok(Some(format!("a semaphore crept: {posts} posts are left")));
            }
        }
        Ok(None)
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.wait {
            Wait::Spin => write!(f, "spin"),
            wait => write!(f, "{wait} by {} and {}", self.wake, self.barrier),
        }
    }
}
