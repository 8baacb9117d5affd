//! Scores checkpoints, ours or pretrained ones, on examples.
//!
//! [`run`] reads the examples, the audit and the checkpoints, and writes `predictions.parquet` (what the last
//! checkpoint of every seed answers), `scores.parquet` and `seed_scores.parquet` (the closed list [`METRICS`], each with its
//! interval), `verdicts.parquet` and `seed_verdicts.parquet` (what the scores mean), and `controls.parquet`: the untrained
//! model, and the oracle, which is the rule itself.

mod aggregate;
mod agreement;
mod bootstrap;
mod carry;
mod config;
mod data;
mod error;
mod error_class;
mod evidence;
mod found;
mod grokking;
mod groups;
mod inputs;
mod memory;
mod metrics;
mod oracle;
mod predictions;
mod rows;
mod run;
mod scores;
mod scoring;
mod verdict;

pub use config::Config;
pub use error::{Error, Unanswered};
pub use inputs::Inputs;
pub use metrics::{METRICS, MetricEntry};
pub use run::run;

/// Raised when the same config and inputs give other tables than before; part of the stage key.
pub const VERSION: u32 = 10;
