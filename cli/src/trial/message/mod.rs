//! The bytes of a message of a trial, and what is wrong with those that came.
//!
//! ```text
//!   0       4       6      8      16       24        32       36      40
//!   | magic | form  | 0    | seed | number | sent_ns | length | check | payload ...   40 and more
//!
//!   0      1        2       4         8
//!   | form | length | seed  | number  | payload ...                                    8 to 39
//!              \ bit 7: the last one   \ the low 32 bits; of the seed the low 16; no time
//! ```
//! Numbers are little-endian. `form` of the long one is a byte of version and a byte of flags:
//! bit 0 the last message of its run, bit 1 the run is paced and `sent_ns` a time. `check` covers
//! all that stands before it. The payload is a row of words, each [`STRIDE`] above the one before,
//! from a first one that is mixed from seed, number and length: so every byte of it is known, and
//! neighbours differ in all of them.
//!
//! Each byte is covered by something: a payload byte by itself; of the long header each by
//! `check`; of the short one the form and the length by what they must be, seed and number by the
//! payload and by the run that they have to fit in, and the last one's bit by where a run ends.

#[cfg(test)]
mod tests;

/// The first bytes of the long form.
const MAGIC: [u8; 4] = *b"ANtr";
/// The version of the long form. It changes when anything here does.
const VERSION: u8 = 1;
/// The first byte of the short form.
const SHORT_FORM: u8 = 0xA1;

const LAST: u8 = 1;
const PACED: u8 = 2;
/// In the length of the short form.
const SHORT_LAST: u8 = 0x80;

/// Bytes before the payload of the long form, and the first length that has it.
const LONG: usize = 40;
/// Bytes before the payload of the short form: no message of a trial is shorter.
pub(crate) const SHORTEST: usize = 8;

/// Where in the long form the check stands.
const CHECK: usize = 36;

/// Odd, and no byte of it is 0.
const STRIDE: u64 = 0x9E37_79B9_7F4A_7C15;

const _: () = assert!(LONG - 1 < SHORT_LAST as usize, "a short length leaves bit 7 free");

/// What a message says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The run that it belongs to.
    pub(super) seed: u64,
    /// Which of its run's messages it is, from 0.
    pub(super) number: u64,
    /// When it was sent, if its run is paced.
    pub(super) sent_ns: Option<u64>,
    /// Whether its run ends with it.
    pub(super) last: bool,
}

/// What was read: a stamp, of which a short message tells a part only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) stamp: Stamp,
    /// The bits of the seed that were told.
    pub(super) seed_bits: u64,
    /// The bits of the number that were told.
    pub(super) number_bits: u64,
}

/// Why bytes are no message of a trial as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// They do not begin as one does.
    Foreign,
    /// It says that it has another length.
    Length { said: u64, found: usize },
    /// What stands before its payload does not agree with itself.
    Header,
    /// A byte of the payload.
    Byte { number: u64, at: usize, found: u8, sent: u8 },
}

/// Writes the payload of the message `number`: all but what [`seal`] writes.
pub(super) fn fill(message: &mut [u8], seed: u64, number: u64) {
    let (header, seed, number) = told(message.len(), seed, number);
    let mut word = first_word(seed, number, message.len());
    let (words, rest) = message[header..].as_chunks_mut::<8>();
    for place in words {
        *place = word.to_le_bytes();
        word = word.wrapping_add(STRIDE);
    }
    let len = rest.len();
    rest.copy_from_slice(&word.to_le_bytes()[..len]);
}

/// Writes what stands before the payload. The message has at least [`SHORTEST`] bytes.
pub(super) fn seal(message: &mut [u8], stamp: &Stamp) {
    let len = message.len();
    if len < LONG {
        let last = if stamp.last { SHORT_LAST } else { 0 };
        message[0] = SHORT_FORM;
        message[1] = len as u8 | last;
        message[2..4].copy_from_slice(&(stamp.seed as u16).to_le_bytes());
        message[4..8].copy_from_slice(&(stamp.number as u32).to_le_bytes());
        return;
    }
    let paced = if stamp.sent_ns.is_some() { PACED } else { 0 };
    message[..4].copy_from_slice(&MAGIC);
    message[4..8].copy_from_slice(&[VERSION, paced | u8::from(stamp.last), 0, 0]);
    message[8..16].copy_from_slice(&stamp.seed.to_le_bytes());
    message[16..24].copy_from_slice(&stamp.number.to_le_bytes());
    message[24..32].copy_from_slice(&stamp.sent_ns.unwrap_or(0).to_le_bytes());
    message[32..36].copy_from_slice(&(len as u32).to_le_bytes());
    let check = check_of(&message[..CHECK]);
    message[CHECK..LONG].copy_from_slice(&check.to_le_bytes());
}

/// Reads a message and recomputes every byte of it.
pub(super) fn read(message: &[u8]) -> Result<Seen, Wrong> {
    let seen = if message.len() < LONG { read_short(message) } else { read_long(message) }?;
    let Stamp { seed, number, .. } = seen.stamp;
    let (header, seed, number) = told(message.len(), seed, number);
    match differing(&message[header..], first_word(seed, number, message.len())) {
        None => Ok(seen),
        Some((at, sent)) => {
            let at = header + at;
            Err(Wrong::Byte { number, at, found: message[at], sent })
        }
    }
}

fn read_short(message: &[u8]) -> Result<Seen, Wrong> {
    if message.len() < SHORTEST || message[0] != SHORT_FORM {
        return Err(Wrong::Foreign);
    }
    let said = message[1] & !SHORT_LAST;
    if usize::from(said) != message.len() {
        return Err(Wrong::Length { said: u64::from(said), found: message.len() });
    }
    let stamp = Stamp {
        seed: u64::from(u16::from_le_bytes(bytes(message, 2))),
        number: u64::from(u32::from_le_bytes(bytes(message, 4))),
        sent_ns: None,
        last: message[1] & SHORT_LAST != 0,
    };
    Ok(Seen { stamp, seed_bits: u64::from(u16::MAX), number_bits: u64::from(u32::MAX) })
}

fn read_long(message: &[u8]) -> Result<Seen, Wrong> {
    if message[..4] != MAGIC || message[4] != VERSION {
        return Err(Wrong::Foreign);
    }
    if u32::from_le_bytes(bytes(message, CHECK)) != check_of(&message[..CHECK]) {
        return Err(Wrong::Header);
    }
    let said = u32::from_le_bytes(bytes(message, 32));
    if said as usize != message.len() {
        return Err(Wrong::Length { said: u64::from(said), found: message.len() });
    }
    let sent_ns = u64::from_le_bytes(bytes(message, 24));
    let stamp = Stamp {
        seed: u64::from_le_bytes(bytes(message, 8)),
        number: u64::from_le_bytes(bytes(message, 16)),
        sent_ns: (message[5] & PACED != 0).then_some(sent_ns),
        last: message[5] & LAST != 0,
    };
    Ok(Seen { stamp, seed_bits: u64::MAX, number_bits: u64::MAX })
}

/// The header's length, and what a message of `len` bytes tells of its seed and number.
fn told(len: usize, seed: u64, number: u64) -> (usize, u64, u64) {
    if len < LONG {
        (SHORTEST, u64::from(seed as u16), u64::from(number as u32))
    } else {
        (LONG, seed, number)
    }
}

/// The first byte that is not what it should be, and what it should be.
fn differing(payload: &[u8], first: u64) -> Option<(usize, u8)> {
    let (words, rest) = payload.as_chunks::<8>();
    let (mut word, mut difference) = (first, 0);
    for found in words {
        difference |= u64::from_le_bytes(*found) ^ word;
        word = word.wrapping_add(STRIDE);
    }
    if difference == 0 && *rest == word.to_le_bytes()[..rest.len()] {
        return None;
    }
    let sent = |at: usize| {
        let word = first.wrapping_add(STRIDE.wrapping_mul(at as u64 / 8));
        word.to_le_bytes()[at % 8]
    };
    (0..payload.len()).map(|at| (at, sent(at))).find(|&(at, sent)| payload[at] != sent)
}

fn first_word(seed: u64, number: u64, len: usize) -> u64 {
    mixed(seed ^ mixed(number ^ mixed(len as u64)))
}

/// A word from the header: each of its bytes changes half of the word's bits.
fn check_of(header: &[u8]) -> u32 {
    let (words, _) = header.as_chunks::<8>();
    // Its last four bytes are half a word: the last eight take them along.
    let last = header.last_chunk::<8>();
    words.iter().chain(last).fold(0, |sum, word| mixed(sum ^ u64::from_le_bytes(*word))) as u32
}

/// The finaliser of SplitMix64: one to one, and every bit of the result needs every bit of `word`.
pub(super) fn mixed(word: u64) -> u64 {
    let word = word.wrapping_add(STRIDE);
    let word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

fn bytes<const N: usize>(message: &[u8], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&message[at..at + N]);
    bytes
}
