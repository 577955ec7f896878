//! Annulus: rings in shared memory, between processes, about one cache-line transfer a message.
//!
//! One process writes a message, another reads it. No daemon, no system call on the way, no copy
//! that is not asked for. When a process is killed, its peer learns it from the kernel, and a
//! successor goes on where it stood.
//!
//! | module | what lives there |
//! |---|---|
//! | [`segment`] | creating, attaching, checking and mapping memory; who holds which role |
//! | [`ring`] | the algorithms alone: no system call, no mapping owned |
//! | [`sync`] | the one door to shared memory, atomics, pauses and time |
//! | [`layout`] | every shared byte, and the ABI version |
//! | [`error`] | what can go wrong, and what to do then |
//! | `typed` | rings of records of one type, with the feature `typed` |
//!
//! ```
//! use annulus::{Backing, Config, Deadline, Segment};
//!
//! let segment = Segment::create(&Backing::Memfd, &Config::spsc(64 * 1024))?;
//! let mut producer = segment.producer()?;
//! let mut consumer = segment.consumer()?;
//!
//! producer.send(b"hello", Deadline::NEVER)?;
//! let mut buffer = [0; 64];
//! let received = consumer.recv(&mut buffer, Deadline::NEVER)?;
//! assert_eq!(&buffer[..received.len], b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("Annulus runs on 64-bit Linux only");

pub mod error;
pub mod layout;
pub mod ring;
pub mod segment;
pub mod sync;
#[cfg(feature = "typed")]
pub mod typed;
mod wake;

pub use error::{Corruption, RecvError, SendError};
pub use ring::Message;
pub use ring::spsc::Received;
pub use ring::{Barrier, Position, Wait, Wake};
pub use segment::{
    Attach, Backing, Config, Consumer, MpmcConsumer, MpmcProducer, Producer, Segment, Slots,
};
pub use sync::Deadline;

/// The version of this crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
