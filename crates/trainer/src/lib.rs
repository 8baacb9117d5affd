//! Fits many seeds at once and records every step.
//!
//! `run.rs` is the stage; `cpu.rs` the loop over steps and seeds, `cuda.rs` that loop on a GPU, `fit.rs` what the seeds share,
//! `learner.rs` a model with its optimizer and one update, `track.rs` what a seed writes down and keeps, `table.rs` the rows in
//! their files, `row.rs` and `batch.rs` which of their tokens are predicted and scored, `rows.rs` where they are kept,
//! `source.rs` and `order.rs` which come when, `resume.rs` how an interrupted run goes on, `earlier.rs` how a finished one is
//! continued, `file.rs` and `tensors.rs` how both are written and read.
//!
//! [`Inputs`] has no path to the test table: what is not read cannot leak. Nothing here knows a clock; weights are
//! bit-identical for any number of threads, and for one seed alone or many together.

mod batch;
mod batch_size;
mod bounds;
mod config;
mod cpu;
#[cfg(any(feature = "cuda", test))]
mod cuda;
mod earlier;
mod error;
mod file;
mod fit;
mod learner;
mod milestones;
mod optimizer;
mod order;
mod record;
mod resume;
mod row;
mod rows;
mod run;
mod seeds;
mod source;
mod table;
mod tensors;
mod track;

pub use batch_size::BatchSize;
pub use config::{Checkpoints, Config, Loss, Model, Order, Span};
pub use error::Error;
pub use optimizer::{Optimizer, OptimizerKind, Schedule};
pub use resume::Resume;
pub use run::{Device, Inputs, Summary, gpu, run};
pub use seeds::Seeds;

/// Raised when the same config and inputs give other tables than before; part of the stage key.
pub const VERSION: u32 = 8;

#[cfg(test)]
mod tests;
