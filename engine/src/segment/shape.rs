//! What a typed segment's header says of its records: one size, and what their bytes mean.

use crate::layout::Header;
use core::fmt;

/// The shape of the records of a typed segment.
///
/// Two types of one shape have the same fields, of the same types, by the same names, at the same
/// places; `annulus::typed` says how the hash is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The type's size in bytes, at least one.
    pub bytes: u64,
    /// The type's layout hash, never zero.
    pub hash: u64,
}

impl Shape {
    /// What a header that was checked says; `None` for messages of any bytes.
    pub(super) fn of(header: &Header) -> Option<Shape> {
        let Header { record_bytes: bytes, type_hash: hash, .. } = *header;
        (hash != 0).then_some(Shape { bytes, hash })
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, layout {:016x}", self.bytes, self.hash)
    }
}
