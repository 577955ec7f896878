//! Typed segments: a segment whose header was compared with a type of this program.

use super::plain::shape_of;
use super::{Plain, TypedConsumer, TypedProducer};
use crate::Config;
use crate::segment::{JoinError, Mapping, Peers, Segment, SegmentError, Trusted, Untrusted};
use core::fmt;
use core::marker::PhantomData;

impl Config {
    /// A ring for one producer and one consumer of records of type `T`, of `capacity` bytes: as
    /// [`Config::spsc`]. One record has to fit.
    pub const fn spsc_of<T: Plain>(capacity: u64) -> Config {
        Config::spsc_of_shape(capacity, shape_of::<T>())
    }
}

/// A segment whose records are of type `T`, as was checked. `P` says whether its peers are
/// trusted, see [`TypedSegment::trusting_peers`].
pub struct TypedSegment<T, P: Peers = Untrusted> {
    segment: Segment,
    of: PhantomData<(fn() -> T, P)>,
}

impl Segment {
    /// This segment as one for records of type `T`, if it was made for that very type: its size,
    /// and the names, types and places of its fields. Does not wait.
    pub fn typed<T: Plain>(self) -> Result<TypedSegment<T>, SegmentError> {
        let (name, wanted) = (T::NAME, shape_of::<T>());
        match self.shape() {
            Some(found) if found == wanted => Ok(TypedSegment { segment: self, of: PhantomData }),
            Some(found) => Err(SegmentError::OtherType { name, wanted, found }),
            None => Err(SegmentError::Untyped { name }),
        }
    }
}

impl<T: Plain> TypedSegment<T> {
    /// A segment whose handles give references into the ring. Costs nothing, here and later.
    ///
    /// ```
    /// use annulus::typed::TypedSegment;
    /// use annulus::{Backing, Config, Deadline, Segment};
    ///
    /// annulus::record! {
    ///     pub struct Point { pub x: i32, pub y: i32 }
    /// }
    ///
    /// let segment = Segment::create(&Backing::Memfd, &Config::spsc_of::<Point>(4096))?;
    /// let segment: TypedSegment<Point> = segment.typed()?;
    /// // SAFETY: nobody else has this memfd.
    /// let segment = unsafe { segment.trusting_peers() };
    /// let (mut producer, mut consumer) = (segment.producer()?, segment.consumer()?);
    ///
    /// let mut claim = producer.claim(Deadline::NEVER)?;
    /// (claim.x, claim.y) = (3, 4);
    /// claim.commit();
    /// let view = consumer.peek(Deadline::NEVER)?;
    /// assert_eq!((view.x, view.y), (3, 4));
    /// view.release();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Safety
    ///
    /// As for [`Segment::trusting_peers`].
    pub unsafe fn trusting_peers(self) -> TypedSegment<T, Trusted> {
        TypedSegment { segment: self.segment, of: PhantomData }
    }
}

impl<T: Plain, P: Peers> TypedSegment<T, P> {
    /// As [`Segment::producer`].
    pub fn producer(&self) -> Result<TypedProducer<T, Mapping<P>>, JoinError> {
        self.segment.join_producer().map(TypedProducer::new)
    }

    /// As [`Segment::consumer`].
    pub fn consumer(&self) -> Result<TypedConsumer<T, Mapping<P>>, JoinError> {
        self.segment.join_consumer().map(TypedConsumer::new)
    }

    /// The segment, for all that asks for no role: looking at it, sharing and reopening it.
    pub fn segment(&self) -> &Segment {
        &self.segment
    }
}

impl<T, P: Peers> Clone for TypedSegment<T, P> {
    fn clone(&self) -> Self {
        TypedSegment { segment: self.segment.clone(), of: PhantomData }
    }
}

impl<T, P: Peers> fmt::Debug for TypedSegment<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedSegment").field(&self.segment).finish()
    }
}
