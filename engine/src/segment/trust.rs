//! The one promise that allows references into the ring.
//!
//! A Rust reference says that nobody writes what it points at (or, `&mut`, that nobody else looks
//! at it). In memory that another process maps, no type can say so: only the user can, who knows
//! which programs attach. So by default there are no references, and messages are copied; who
//! promises that all peers keep to the protocol gets handles of another type, which have them.

use super::mapping::Mapping;
use super::{JoinError, Segment, join};
use crate::ring::spsc;
use core::fmt::Debug;
use core::ops::Deref;

/// Whether the other processes of a segment are trusted: [`Untrusted`] or [`Trusted`].
pub trait Peers: sealed::Sealed + Debug + Send + Sync + 'static {}

/// Peers may do anything: what they write may be wrong, and is never undefined behaviour.
#[derive(Clone, Copy, Debug)]
pub enum Untrusted {}

/// Peers keep to the protocol, by the promise of [`Segment::trusting_peers`].
#[derive(Clone, Copy, Debug)]
pub enum Trusted {}

impl Peers for Untrusted {}
impl Peers for Trusted {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Untrusted {}
    impl Sealed for super::Trusted {}
}

/// A segment whose peers are trusted: its handles give references into the ring.
///
/// [`Record::as_bytes`](spsc::Record::as_bytes) shows a message where it stands, and
/// [`Claim::as_mut_bytes`](spsc::Claim::as_mut_bytes) the room for one.
///
/// ```
/// use annulus::{Backing, Config, Deadline, Segment};
///
/// let segment = Segment::create(&Backing::Memfd, &Config::spsc(4096))?;
/// // SAFETY: nobody else has this memfd.
/// let segment = unsafe { segment.trusting_peers() };
/// let (mut producer, mut consumer) = (segment.producer()?, segment.consumer()?);
///
/// let mut claim = producer.claim(5, Deadline::NEVER)?;
/// claim.as_mut_bytes().copy_from_slice(b"hello");
/// claim.commit(5);
/// let view = consumer.peek(Deadline::NEVER)?;
/// assert_eq!(view.record().as_bytes(), b"hello");
/// view.release();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TrustingSegment(Segment);

impl Segment {
    /// A segment whose handles give references into the ring. Costs nothing, here and later.
    ///
    /// # Safety
    ///
    /// As long as such a reference lives, in any process:
    ///
    /// * every process that may write the segment (all of its owner's that map it, or its file)
    ///   keeps to the protocol: it writes through this library only, of this ABI version, and
    ///   nothing scribbles over the mapping;
    /// * nobody cuts the segment's file short (a memfd is sealed against it);
    /// * no child that this process forks uses a reference made before the fork.
    pub unsafe fn trusting_peers(self) -> TrustingSegment {
        TrustingSegment(self)
    }
}

impl TrustingSegment {
    /// As [`Segment::producer`].
    pub fn producer(&self) -> Result<spsc::Producer<Mapping<Trusted>>, JoinError> {
        join::producer_of_bytes(&self.0.inner)
    }

    /// As [`Segment::consumer`].
    pub fn consumer(&self) -> Result<spsc::Consumer<Mapping<Trusted>>, JoinError> {
        join::consumer(&self.0.inner)
    }
}

/// For all that asks for no role. What is joined so gives no references.
impl Deref for TrustingSegment {
    type Target = Segment;

    fn deref(&self) -> &Segment {
        &self.0
    }
}
