//! The protocol of the ring of many producers and many consumers, as a model whose states are all
//! searched, with every death, stop and return of its participants.
//!
//! # The protocol
//!
//! A ring has N slots of one word each. Position p lies in slot i = p mod N, in lap k = p div N.
//! There is no tail and no head: who sends claims the first position that nobody has claimed, who
//! receives takes the first that nobody has taken, and both find it by walking from what they know
//! themselves, or from a hint, or from 0. Participants bear names: indices of a table. Lock byte x
//! of the kernel stands for the life of participant x, lock byte P+x for the right to give x out.
//! The words F, W, R, C, O and T are those of [`Word`].
//!
//! | from -> to | who, and how |
//! |---|---|
//! | F(k) -> W(k,x) | producer x at this position: swap |
//! | W(k,x) -> R(k,x) | x commits: store |
//! | W(k,x) -> T(k,x) | x gives up: store; anybody when x is dead: swap |
//! | R(k,x), O(k,a) -> C(k,y,a) | consumer y: swap; R only at its position; a > 0 is a flag |
//! | C(k,y,a) -> F(k+1) | y acknowledges: store |
//! | C(k,y,a) -> O(k,a+1) | anybody when y is dead: swap; y, to leave with it in hand: store |
//! | C(k,y,a) -> F(k+1) | instead of that, at most once or at the bound; a loss is counted |
//! | T(k,x) -> F(k+1) | the consumer at this position: swap; who wins reports the gap |
//!
//! A producer claims a position when it has seen all earlier ones claimed. A *swap* is a
//! compare-and-swap that expects exactly the word that was seen, for a repair the one that was
//! seen before its owner was tested; one who leaves stores while its byte is still locked.
//! A swap that fails changes nothing, and the same slot is looked at again. What a producer and a
//! consumer do at each word is in `producer.rs` and `consumer.rs`, with the idle scan and what a
//! consumer does when it attaches; repair is in `repair.rs`; join, sweep and leave in `join.rs`.
//!
//! # The model
//!
//! Memory is sequentially consistent; each access to a shared word, and each lock that is taken,
//! tested or freed, is one step. At any step anybody may be killed (all its locks go at once, no
//! store is undone), be stopped for ever (it keeps its locks), lose its lock and live on, leave, or
//! come again with nothing remembered; each as often as the [`Shape`] says. [`Property`] lists what
//! must never happen, and what must always remain possible. [`Rules`] has a switch for each rule
//! of the protocol that is there because something breaks without it.
//!
//! | file | what |
//! |---|---|
//! | `word.rs` | the word of a slot |
//! | `shape.rs` | the ring's size, and what may strike |
//! | `rules.rs` | the rules that can be taken out |
//! | `state.rs` | a state: shared words, locks, what each participant knows |
//! | `step.rs` | one step on a copy of it |
//! | `producer.rs`, `consumer.rs`, `repair.rs`, `join.rs`, `faults.rs` | the steps |
//! | `properties.rs` | the judge |
//! | `ring.rs` | all of these as one machine; when the survivors' work is done |
//! | `waiting.rs` | by itself: who sleeps, and who wakes whom |
//! | `detectable.rs` | by itself: what became of a dead producer's last message |
//! | `letters.rs` | by itself: a message that is given out no more is put by, once |
//! | `canonical.rs` | states that differ only in names are one |
//! | `check.rs` | the search |

#![forbid(unsafe_code)]

mod canonical;
mod check;
mod consumer;
mod detectable;
mod faults;
mod join;
mod letters;
mod producer;
mod properties;
mod repair;
mod ring;
mod rules;
mod shape;
mod state;
mod step;
mod waiting;
mod word;

pub use check::{Breach, Machine, Note, Report, Search, Successor};
pub use detectable::{Detectable, DetectableState};
pub use letters::{Letters, LettersState};
pub use properties::Property;
pub use rules::{Looks, Orphans, Rules};
pub use shape::{Processes, Shape};
pub use state::State;
pub use step::Ring;
pub use waiting::{Waiting, WaitingState};
pub use word::{Name, Word};
