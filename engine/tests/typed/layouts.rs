//! Which types are one type to two programs, and which are not.

use super::{Quote, ring};
use annulus::segment::{SegmentError, Shape};
use annulus::typed::{LayoutHash, Plain};
use annulus::{Backing, Config, Segment};

/// The hash of a type that is declared so.
macro_rules! hash_of {
    ($($declaration:tt)*) => {{
        annulus::record! { $($declaration)* }
        <Pair as Plain>::LAYOUT_HASH
    }};
}

#[test]
fn a_type_declared_twice_is_one_type() {
    let a = hash_of! { struct Pair { key: u64, value: f64 } };
    let b = hash_of! { #[derive(Debug)] pub struct Pair { pub key: u64, pub(crate) value: f64, } };
    assert_eq!(a, b, "derives and who sees a field are no part of the layout");
}

#[test]
fn an_alias_is_the_type_that_it_stands_for() {
    type Key = u64;
    let alias = hash_of! { struct Pair { key: Key, value: f64 } };
    let path = hash_of! { struct Pair { key: ::core::primitive::u64, value: f64 } };
    assert_eq!(alias, hash_of! { struct Pair { key: u64, value: f64 } });
    assert_eq!(path, alias);
}

#[test]
fn every_change_of_a_type_changes_its_hash() {
    let mut hashes = vec![
        hash_of! { struct Pair { key: u64, value: f64 } },
        // A field renamed, of another type, in another order; one more, one less.
        hash_of! { struct Pair { name: u64, value: f64 } },
        hash_of! { struct Pair { key: i64, value: f64 } },
        hash_of! { struct Pair { value: f64, key: u64 } },
        hash_of! { struct Pair { key: u64, value: f64, more: u64 } },
        hash_of! { struct Pair { key: u64 } },
        hash_of! { struct Pair { key: [u8; 8], value: f64 } },
        hash_of! { struct Pair { key: [u16; 4], value: f64 } },
        hash_of! { struct Pair { key: [i8; 8], value: f64 } },
        hash_of! { struct Pair { key: [[u8; 4]; 2], value: f64 } },
        hash_of! { struct Pair { key: [[u8; 2]; 4], value: f64 } },
        // Where one name ends and the next begins.
        hash_of! { struct Pair { ke: u64, yvalue: f64 } },
        <Quote as Plain>::LAYOUT_HASH,
        <u64 as Plain>::LAYOUT_HASH,
        <f64 as Plain>::LAYOUT_HASH,
        <[u64; 1] as Plain>::LAYOUT_HASH,
    ];
    let count = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
}

#[test]
fn a_change_within_a_field_changes_the_whole() {
    let with = |inner| LayoutHash::of_type("Outer", 8, 4).field("inner", inner, 0).finish();
    let plain = hash_of! { struct Pair { low: u32, high: u32 } };
    let swapped = hash_of! { struct Pair { high: u32, low: u32 } };
    assert_ne!(with(plain), with(swapped));
    // And as the macro does it.
    annulus::record! { struct Pair { low: u32, high: u32 } }
    annulus::record! { struct Outer { inner: Pair } }
    assert_eq!(Outer::LAYOUT_HASH, with(plain));
}

#[test]
fn the_hash_is_the_same_in_every_build() {
    // Other programs, built long ago, have these numbers in their segments. They were computed from
    // the description in `typed::hash`, by other code.
    assert_eq!(<u64 as Plain>::LAYOUT_HASH, 0x846d_9a31_fd6b_b05b);
    assert_eq!(<[u16; 4] as Plain>::LAYOUT_HASH, 0xff6f_7d39_0f69_c46a);
    assert_eq!(hash_of! { struct Pair { key: u64, value: f64 } }, 0xb8a1_78f2_125d_e583);
}

#[test]
fn a_segment_of_another_type_is_refused_and_says_both() {
    annulus::record! {
        struct Renamed {
            bid: f64, ask: f64, bid_size: u32, ask_size: u32, sequence: u64, time_ns: u64,
            venue: u16, flags: [u8; 6], spare: i64,
        }
    }
    let found = Shape { bytes: 56, hash: Quote::LAYOUT_HASH };
    let wanted = Shape { bytes: 56, hash: Renamed::LAYOUT_HASH };
    let error = ring(4096).typed::<Renamed>().map(drop).unwrap_err();
    assert_eq!(error, SegmentError::OtherType { name: "Renamed", wanted, found });
    let sentence = error.to_string();
    for word in ["Renamed", "56 bytes", &format!("{:016x}", found.hash), "one definition"] {
        assert!(sentence.contains(word), "{word} in: {sentence}");
    }
    assert_eq!(error.code(), 49);

    let error = ring(4096).typed::<[u64; 3]>().map(drop).unwrap_err();
    assert!(matches!(error, SegmentError::OtherType { wanted: Shape { bytes: 24, .. }, .. }));
    ring(4096).typed::<Quote>().unwrap();
}

#[test]
fn a_segment_of_any_bytes_is_refused_to_a_type() {
    let segment = Segment::create(&Backing::Memfd, &Config::spsc(4096)).unwrap();
    assert_eq!(segment.shape(), None);
    let error = segment.typed::<Quote>().map(drop).unwrap_err();
    assert_eq!(error, SegmentError::Untyped { name: "Quote" });
    assert!(error.to_string().contains("not records of type Quote"), "{error}");
    assert_eq!(error.code(), 48);
}
