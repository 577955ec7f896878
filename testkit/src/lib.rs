//! What every test with real processes and real shared memory needs.
//!
//! ```text
//!   test process ---- pipe ----> janitor (own session)     at end of file: kills, unlinks, exits
//!     | Scratch   /dev/shm/annulus.test-<pid>-<n>          unlinked on drop, else by the janitor
//!     | ScratchDir                                         the same, for files
//!     | Child     leader of its own process group          dies with the test process
//!     +- this_test!()  roles: the same test, run by a second process
//! ```
//!
//! Two promises hold even when the test process is killed with SIGKILL: no shared file of a
//! [`Scratch`] name stays, and no [`Child`] stays.
//!
//! A process that a test made by a bare `fork` ([`Forked`]) dies with it, and breaks no promise: it
//! may use what it inherited, but cleaning up stays with the process that made it.

mod capture;
mod child;
mod eventually;
mod forked;
mod harness;
mod janitor;
mod random;
mod role;
mod scratch;
mod skip;
mod small_shm;
mod spawner;

pub use child::{Child, Exit, Output};
pub use eventually::eventually;
pub use forked::{Forked, shared};
pub use harness::{is_alive, is_asleep, kill_at_work};
pub use random::Random;
pub use role::Test;
pub use scratch::{Scratch, ScratchDir};
pub use skip::skipped;
pub use small_shm::{small_shm, small_shm_refused};
