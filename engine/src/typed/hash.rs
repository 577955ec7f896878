//! The layout hash: one number for what the bytes of a type mean.
//!
//! 64-bit FNV-1a (Fowler, Noll, Vo), fed with numbers as eight bytes, little-endian, and with
//! names as their length and their bytes:
//!
//! ```text
//!   type    name, size, alignment, then for each field in order:
//!   field     name, the field's own type's hash, offset
//! ```
//!
//! A type within a type counts by its own hash, so a change deep inside is a change of the whole;
//! by what name a program calls a type (an alias, a path) is none. It finds mistakes, not
//! attackers: whoever may write a segment decides what comes out of it in any case.

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// A layout hash in the making.
#[derive(Clone, Copy, Debug)]
pub struct LayoutHash(u64);

impl LayoutHash {
    /// Begins with the type itself.
    pub const fn of_type(name: &str, size: usize, align: usize) -> LayoutHash {
        LayoutHash(OFFSET_BASIS).text(name).number(size as u64).number(align as u64)
    }

    /// Goes on with its next field, at byte `offset`.
    #[must_use]
    pub const fn field(self, name: &str, type_hash: u64, offset: usize) -> LayoutHash {
        self.text(name).number(type_hash).number(offset as u64)
    }

    /// The hash. Never zero, which in a header means that there is no type.
    pub const fn finish(self) -> u64 {
        if self.0 == 0 { 1 } else { self.0 }
    }

    const fn text(self, text: &str) -> LayoutHash {
        self.number(text.len() as u64).bytes(text.as_bytes())
    }

    const fn number(self, number: u64) -> LayoutHash {
        self.bytes(&number.to_le_bytes())
    }

    const fn bytes(mut self, bytes: &[u8]) -> LayoutHash {
        let mut at = 0;
        while at < bytes.len() {
            self.0 = (self.0 ^ bytes[at] as u64).wrapping_mul(PRIME);
            at += 1;
        }
        self
    }
}
