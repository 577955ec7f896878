//! The macro that makes types for typed rings.

/// Makes a struct that may be a typed ring's records: `#[repr(C)]`, `Copy`, and
/// [`Plain`](crate::typed::Plain) with a hash of its name and of each field's name, type and place.
///
/// Its fields are [`Plain`](crate::typed::Plain) themselves. Padding between or behind them does
/// not compile, since it has no value to send: order them by size, or name it as a field
/// (`_padding: u32`, which makes it a part of the layout). Further derives and documentation are
/// written as for any struct.
///
/// ```
/// annulus::record! {
///     /// One side of a book.
///     #[derive(Debug, Default, PartialEq)]
///     pub struct Level {
///         pub price: f64,
///         pub size: u32,
///         pub orders: u32,
///     }
/// }
/// annulus::record! {
///     pub struct Book {
///         pub levels: [Level; 3],
///         pub time_ns: u64,
///     }
/// }
/// assert_eq!(size_of::<Book>(), 56);
/// ```
///
/// Four bytes of padding would stand behind `venue` here:
///
/// ```compile_fail,E0277
/// annulus::record! {
///     pub struct Padded { pub price: f64, pub venue: u32 }
/// }
/// ```
///
/// Most bytes are no `bool`:
///
/// ```compile_fail,E0277
/// annulus::record! {
///     pub struct Flagged { pub is_firm: bool }
/// }
/// ```
///
/// The crate has to be known as `annulus` where the macro is used.
#[macro_export]
macro_rules! record {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident {
            $($(#[$field_attribute:meta])* $field_visibility:vis $field:ident: $type:ty),+ $(,)?
        }
    ) => {
        $(#[$attribute])*
        #[derive(
            Clone,
            Copy,
            $crate::typed::zerocopy::FromBytes,
            $crate::typed::zerocopy::IntoBytes,
            $crate::typed::zerocopy::Immutable,
            $crate::typed::zerocopy::KnownLayout,
        )]
        #[zerocopy(crate = "annulus::typed::zerocopy")]
        #[repr(C)]
        $visibility struct $name {
            $($(#[$field_attribute])* $field_visibility $field: $type,)+
        }

        impl $crate::typed::Plain for $name {
            const NAME: &'static str = ::core::stringify!($name);
            const LAYOUT_HASH: u64 = $crate::typed::LayoutHash::of_type(
                ::core::stringify!($name),
                ::core::mem::size_of::<$name>(),
                ::core::mem::align_of::<$name>(),
            )
            $(.field(
                ::core::stringify!($field),
                <$type as $crate::typed::Plain>::LAYOUT_HASH,
                ::core::mem::offset_of!($name, $field),
            ))+
            .finish();
        }
    };
}
