//! The checks: what of held-out rows stands in other splits, and whether tokens say what terms say.

pub(crate) mod audit;
pub(crate) mod automaton;
pub(crate) mod codes;
pub(crate) mod counterfactuals;
pub(crate) mod decoding;
pub(crate) mod exposure;
pub(crate) mod held_out;
pub(crate) mod index;
pub(crate) mod kinds;
pub(crate) mod matches;
pub(crate) mod spelling;
pub(crate) mod units;
pub(crate) mod windows;
