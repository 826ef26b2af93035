//! What stands for each value that a run records.
//!
//! A replay recomputes what follows from other values. What does not, such as what the policy sampled, is bound by
//! the run's digests. The lists stand beside the types: [`RolloutRow::FIELDS`](super::RolloutRow::FIELDS) and
//! [`METRICS`](super::METRICS). A value that no list names is reported by every replay.

/// What stands for a recorded value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It follows from other values of the run: a replay computes it again and compares.
    Recomputed,
    /// It is an ingredient of a score, and the score's receipt names it: a replay finds it changed unless the
    /// receipt was changed with it. Then only the digests tell.
    Receipt,
    /// It is what it is: only the digests of the run stand for it.
    Bound,
}
