//! A peer that writes what no correct peer writes, and what that may bring about.
//!
//! Whoever may write a segment decides which messages come out of it, and may spoil the ring for
//! both. It must not bring about more than that: every call of the other side ends, in bounded
//! work or by its deadline, with a result or with an error that is documented for it; no access
//! leaves the segment; a handle that has seen corruption says so from then on.
//!
//! | file | what |
//! |---|---|
//! | `world` | a segment on the heap that counts and checks accesses, and is meddled with |
//! | `words` | which shared words are worth writing, and what to write there |
//! | `calls` | every call of both handles, and what each may answer |
//! | `script` | bytes that say which calls are made and what is written in between: for a fuzzer |
//! | `image` | bytes that are a whole segment file |
//! | `scribble` | real processes: a pair in its work, and one that scribbles at full speed |
//!
//! `tests/` flips every bit and replaces every word before each single access of each call;
//! `fuzz/` at the root hands [`script::run`] and [`image::run`] to a coverage-guided fuzzer.

pub mod calls;
pub mod image;
#[cfg(target_os = "linux")]
pub mod scribble;
pub mod script;
pub mod words;
pub mod world;
