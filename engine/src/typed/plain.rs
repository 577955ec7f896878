//! Which types may be records: those that are nothing but their bytes.

use super::LayoutHash;
use crate::segment::Shape;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A type whose values are their bytes: every sequence of so many bytes is a value, all bytes of a
/// value have values, and none of it points anywhere.
///
/// Integers of one to eight bytes, `f32`, `f64`, arrays, and the types that
/// [`record!`](crate::record) makes of them. To be a ring's records, a type has at least one byte
/// and an alignment of at most 8; anything else does not compile.
///
/// ```compile_fail,E0080
/// use annulus::typed::Plain;
/// use annulus::typed::zerocopy::{FromBytes, Immutable, IntoBytes};
///
/// #[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
/// #[zerocopy(crate = "annulus::typed::zerocopy")]
/// #[repr(C, align(16))]
/// struct Wide([u8; 16]);
///
/// impl Plain for Wide {
///     const NAME: &'static str = "Wide";
///     const LAYOUT_HASH: u64 = 1;
/// }
///
/// annulus::Config::spsc_of::<Wide>(4096);
/// ```
///
/// By hand, for a type of another crate, the hash is made by [`LayoutHash`] from that type's own
/// fields. Nothing unsafe rests on it: a wrong hash gives wrong values.
pub trait Plain: FromBytes + IntoBytes + Immutable + Copy + 'static {
    /// The type's name, for errors.
    const NAME: &'static str;

    /// What the type's bytes mean, in one number: see [`LayoutHash`].
    const LAYOUT_HASH: u64;
}

/// What a header says of records of type `T`.
pub(super) const fn shape_of<T: Plain>() -> Shape {
    const {
        assert!(size_of::<T>() > 0, "a record has at least one byte");
        assert!(align_of::<T>() <= 8, "records stand at multiples of 8");
        assert!(T::LAYOUT_HASH != 0, "a hash of zero means that there is no type");
    }
    Shape { bytes: size_of::<T>() as u64, hash: T::LAYOUT_HASH }
}

macro_rules! numbers {
    ($($number:ident)*) => {
        $(impl Plain for $number {
            const NAME: &'static str = stringify!($number);
            const LAYOUT_HASH: u64 = LayoutHash::of_type(
                Self::NAME,
                size_of::<$number>(),
                align_of::<$number>(),
            )
            .finish();
        })*
    };
}

numbers! { u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 }

impl<T: Plain, const N: usize> Plain for [T; N] {
    const NAME: &'static str = "an array";
    const LAYOUT_HASH: u64 = LayoutHash::of_type("[]", size_of::<[T; N]>(), align_of::<T>())
        .field("", T::LAYOUT_HASH, N)
        .finish();
}
