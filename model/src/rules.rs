//! The rules of the protocol that can be taken out, one by one.
//!
//! [`Rules::default`] is the protocol. Each rule stands for a hole that was found without it, or
//! for a mistake that an implementation may make; `tests/holes.rs` and `tests/mutants.rs` take out
//! one each and must see the ring break.

/// How a consumer learns of an orphan behind its position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Orphans {
    /// Whoever waits as a consumer looks through all slots, now and then.
    IdleScan,
    /// Whoever made an orphan counts up a shared word afterwards; who waits repairs what the dead
    /// hold, and looks for orphans when that word has changed.
    Rewind,
    /// Only who attaches looks, and who comes by.
    Nobody,
}

/// How a consumer that attaches looks through the slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Looks {
    /// First for the dead, whom it repairs; then for orphans.
    Twice,
    /// For both at once.
    Once,
    /// For both at once; a slot that another one was faster to repair is read again.
    OnceWithCare,
}

/// What a participant does; the default is the protocol.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// A joiner locks the sweep byte P+x first and takes the byte x only under it. Without: byte
    /// x first, and the sweep byte only for a sweep.
    pub join_under_sweep_byte: bool,
    /// A sweep tests the owner once. Without: before each word that it repairs; it leaves out a
    /// word whose owner seems to live.
    pub sweep_tests_once: bool,
    /// A joiner never tries an index that its own process holds: locks of one process do not
    /// conflict.
    pub skips_own_indices: bool,
    /// A joiner that finds an index vetoed goes to another one.
    pub next_index_after_veto: bool,
    /// A participant whose recorded process still runs is not dead though its byte is free.
    pub veto: bool,
    /// A joiner repairs all words of the dead before it takes over their index.
    pub join_sweeps: bool,
    /// How orphans are found.
    pub orphans: Orphans,
    /// A consumer that waits for a slow producer looks for orphans, too.
    pub scans_while_pending: bool,
    /// A consumer that attaches repairs all dead owners' words before it takes the first.
    pub attach_repairs: bool,
    /// Of the orphans that a look through the slots has met the lowest is taken. Without: the first
    /// that was met.
    pub takes_lowest_first: bool,
    /// A consumer with several messages acknowledges them in their order. Without: in any.
    pub acknowledges_in_order: bool,
    /// How a consumer that attaches looks for the dead and for orphans.
    pub attach_looks: Looks,
    /// At the bound of attempts a message is freed and its loss counted. Without: it becomes a
    /// tombstone.
    pub bound_frees: bool,
    /// A tombstone of the lap before is *full* to a producer. Without: it claims it.
    pub tombstone_is_full: bool,
    /// After a compare-and-swap that failed the same slot is looked at again. Without: the next.
    pub looks_again: bool,
    /// A hint is stored after the claim that it tells of.
    pub hint_after_claim: bool,
    /// A repair is a compare-and-swap. Without: a store.
    pub repair_by_swap: bool,
    /// At the bound the count of attempts ends. Without: it stays at the bound.
    pub attempts_end: bool,
    /// A consumer waits for a producer that writes. Without: it passes by.
    pub waits_for_writers: bool,
    /// A producer waits while the message of the lap before is not acknowledged. Without: it claims
    /// a slot that is ready.
    pub waits_while_full: bool,
    /// What a dead producer wrote becomes a tombstone. Without: an orphan, as what a dead consumer
    /// had.
    pub buries_writers: bool,
    /// A consumer that leaves gives back the message that it has. Without: it just goes.
    pub gives_back: bool,
    /// One that gives back a message counts itself as an attempt that failed.
    pub giving_back_counts: bool,
    /// Who leaves stores FREE before it unlocks its byte. Without: afterwards.
    pub frees_before_unlock: bool,
    /// A repair expects the word that was seen before the owner was tested. Without: the word
    /// as it is after the test.
    pub expects_word_before_test: bool,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            join_under_sweep_byte: true,
            sweep_tests_once: true,
            skips_own_indices: true,
            next_index_after_veto: true,
            veto: true,
            join_sweeps: true,
            orphans: Orphans::IdleScan,
            scans_while_pending: true,
            attach_repairs: true,
            takes_lowest_first: true,
            acknowledges_in_order: true,
            attach_looks: Looks::Twice,
            bound_frees: true,
            tombstone_is_full: true,
            looks_again: true,
            hint_after_claim: true,
            repair_by_swap: true,
            attempts_end: true,
            waits_for_writers: true,
            waits_while_full: true,
            buries_writers: true,
            gives_back: true,
            giving_back_counts: true,
            frees_before_unlock: true,
            expects_word_before_test: true,
        }
    }
}
