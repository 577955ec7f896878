//! Typed rings: records of one type, which both sides are checked to have.
//!
//! A typed segment is an spsc segment whose header names the size and the layout hash of a type.
//! Every record in it is one value of that type; the ring below is the same, byte for byte, so
//! everything that is proved of it holds here. What is new is told apart by room:
//!
//! | room | what happens there |
//! |---|---|
//! | `plain`, `hash` | which types may be records; what two sides compare |
//! | `record` | the macro [`record!`](crate::record) that makes such types |
//! | `segment` | making a typed segment, and checking one |
//! | `producer`, `consumer` | the handles: those of the bytes, by value |
//! | `wait` | waiting for several of them |
//! | `in_place` | references into the ring, for peers that are trusted |
//!
//! ```
//! use annulus::typed::TypedSegment;
//! use annulus::{Backing, Config, Deadline, Segment};
//!
//! annulus::record! {
//!     /// What a venue offers.
//!     #[derive(Debug, PartialEq)]
//!     pub struct Quote {
//!         pub bid: f64,
//!         pub ask: f64,
//!         pub venue: u32,
//!         pub flags: u32,
//!     }
//! }
//!
//! let segment = Segment::create(&Backing::Memfd, &Config::spsc_of::<Quote>(64 * 1024))?;
//! let segment: TypedSegment<Quote> = segment.typed()?;
//! let (mut producer, mut consumer) = (segment.producer()?, segment.consumer()?);
//!
//! let quote = Quote { bid: 17.25, ask: 17.5, venue: 3, flags: 0 };
//! producer.send(&quote, Deadline::NEVER)?;
//! assert_eq!(consumer.recv(Deadline::NEVER)?, quote);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **What a peer can do**: whatever bytes it writes, what is received is a value, since every
//! sequence of bytes is one (`bool`, `char` and enums are no fields for that reason). A record of
//! another length is the error [`OtherLength`](crate::RecvError::OtherLength).

mod consumer;
mod hash;
mod in_place;
mod plain;
mod producer;
mod record;
mod segment;
mod wait;

pub use consumer::{TypedConsumer, TypedView};
pub use hash::LayoutHash;
pub use plain::Plain;
pub use producer::{TypedClaim, TypedProducer};
pub use segment::TypedSegment;

/// For what [`record!`](crate::record) expands to.
#[doc(hidden)]
pub use zerocopy;
