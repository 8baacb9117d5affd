//! Explains checkpoints: where their heads attend, and what each head and MLP is worth.
//!
//! [`run`] loads every seed's last checkpoint and a keyed sample of rows, hands both to each analysis of the list in
//! `analyses.rs`, and writes what they find: the tables of each, and `measurements.parquet`, one row a scalar.

mod ablations;
mod analyses;
mod analyze;
mod component;
mod config;
mod context;
mod error;
mod hooks;
mod inputs;
mod measure;
mod metric;
mod named;
mod patterns;
mod rows;
mod run;
mod sample;

pub use analyses::Analysis;
pub use config::Config;
pub use error::Error;
pub use inputs::Inputs;
pub use run::run;

/// Raised when the same config and inputs give other tables than before; part of the stage key.
pub const VERSION: u32 = 5;
