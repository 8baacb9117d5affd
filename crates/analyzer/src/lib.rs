//! Explains checkpoints: attribution, ablation, patching, circuits, overlap, geometry.
//!
//! [`run`] loads every seed's last checkpoint and a keyed sample of rows, hands both to each analysis of the list
//! [`ANALYSES`], and writes what they find: one or two tables an analysis, and `measurements.parquet`.

mod analyses;
mod config;
mod context;
mod error;
mod hooks;
mod intervention;
mod measure;
mod metric;
mod patterns;
mod rows;
mod run;
mod statistics;

pub use analyses::{ANALYSES, Analysis};
pub use config::{AnalysisName, Config, Metric, SplitName};
pub use error::Error;
pub use run::{Inputs, run};

/// Raised when the same config and inputs give other tables than before; part of the stage key.
pub const VERSION: u32 = 4;
