//! Proves from the Parquet files alone that nothing leaks, and says what memorising alone would score.
//!
//! * [`run`]: the stage. It audits our own splits and writes certificate, leakage, exposure, memorizers and ceilings.
//! * [`audit_folder`]: any folder of Parquet splits, ours or not.
//!
//! Only the held-out side is indexed; train streams past in bounded memory, on all cores, and the result does not depend
//! on how many. It shares the Parquet reader with what wrote the files, and nothing else: units, windows, digits are
//! found by code of its own.

mod audit;
mod automaton;
mod ceilings;
mod codes;
mod decoding;
mod duplicates;
mod error;
mod exposure;
mod folder;
mod level;
mod lists;
mod matches;
mod memorizers;
mod proof;
mod rows;
mod split;
mod stage;
mod units;
mod vocabulary;

pub use error::{Error, Leak, Result};
pub use folder::{Column, FolderAudit, Options, audit_folder};
pub use stage::{Config, Inputs, run};

/// Raised when the same config and inputs give other tables than before; part of the stage key.
pub const VERSION: u32 = 1;
