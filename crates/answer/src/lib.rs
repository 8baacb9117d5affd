//! Says what the right answer to a row is, and how much of it logits hold.
//!
//! * [`Kinds`]: what the tokens of a vocabulary are in a row.
//! * [`Target`]: where a row's answer stands, which tokens are right there (SEP counts as END), and where copying the last shown
//!   term would first differ.
//! * [`likeliest`], [`rank`], [`log_softmax`]: logits of one position. [`Target::rank`] and [`Target::log_probability`] are
//!   those of whatever is right there.
//!
//! As long as the likeliest token is a right one, greedy generation sees the prefix that it is given with the right ones before
//! it. So an answer is right greedily exactly where every token of it is right teacher-forced: there is one accuracy.
//!
//! Nothing here knows a model or a rule.

mod logits;
mod target;

pub use logits::{likeliest, log_softmax, rank};
pub use target::{Contrast, Kinds, Misfit, Target};
