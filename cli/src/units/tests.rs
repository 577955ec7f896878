//! What is a size, what is a time, and what is neither.

use super::{Bytes, UnitError, size, span};
use std::time::Duration;

#[test]
fn sizes_are_bytes_or_have_a_binary_unit() {
    assert_eq!(size("0"), Ok(0));
    assert_eq!(size("60000"), Ok(60_000));
    assert_eq!(size("64KiB"), Ok(65_536));
    assert_eq!(size("1MiB"), Ok(1 << 20));
    assert_eq!(size("3GiB"), Ok(3 << 30));
    assert_eq!(size("1TiB"), Ok(1 << 40));
}

#[test]
fn what_is_no_size_is_refused_and_never_rounded_or_wrapped() {
    for text in ["", "KiB", "64K", "64KB", "64 KiB", "64kib", "-1", "+1", "1.5MiB", "0x40", "1e3"] {
        assert_eq!(size(text), Err(UnitError::NotASize), "{text}");
    }
    assert_eq!(size("18446744073709551615"), Ok(u64::MAX));
    assert_eq!(size("18446744073709551616"), Err(UnitError::TooLarge));
    assert_eq!(size("16777216TiB"), Err(UnitError::TooLarge));
}

#[test]
fn times_have_a_unit_or_are_forever() {
    assert_eq!(span("250ms"), Ok(Some(Duration::from_millis(250))));
    assert_eq!(span("10s"), Ok(Some(Duration::from_secs(10))));
    assert_eq!(span("0s"), Ok(Some(Duration::ZERO)));
    assert_eq!(span("7us"), Ok(Some(Duration::from_micros(7))));
    assert_eq!(span("2min"), Ok(Some(Duration::from_secs(120))));
    assert_eq!(span("forever"), Ok(None));
    for text in ["", "10", "10sec", "-1s", "1.5s", "s", "Forever", "10 s"] {
        assert_eq!(span(text), Err(UnitError::NotATime), "{text}");
    }
    assert_eq!(span("18446744073709551615s"), Err(UnitError::TooLarge));
}

#[test]
fn a_size_is_shown_as_it_can_be_typed() {
    for text in ["0", "63", "64KiB", "1MiB", "1GiB", "65537", "1025KiB"] {
        assert_eq!(Bytes(size(text).unwrap()).to_string(), text);
    }
}
