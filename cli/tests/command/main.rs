//! The real `annulus`, as real processes over real shared memory.

mod blocks;
mod dead_letters;
mod death;
mod doctor;
mod housekeeping;
mod inspect;
mod leaving;
mod lifecycle;
mod limits;
mod lines;
mod many;
mod many_ends;
mod output;
mod refusals;
mod sentences;
mod single;
mod tools;
mod trials;
mod typed;
mod waiting;
mod waking;
