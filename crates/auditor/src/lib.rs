//! Proves from the Parquet files alone that nothing leaks, and says what memorising alone would score.
//!
//! * [`run`]: the stage. It audits our own splits and writes certificate, audited, leakage, exposure, memorizers and
//!   ceilings.
//! * [`audit_folder`], [`audit_points`]: any folder of Parquet splits, ours or not, and any folder of such folders.
//! * [`audit_shard`], [`merge_shards`]: the same, one part of train at a time.
//!
//! Only the held-out side is indexed; train streams past in bounded memory, on all cores, and the result does not depend
//! on how many. It shares the Parquet reader with what wrote the files, and nothing else: units, windows, digits are
//! found by code of its own.

mod audit;
mod automaton;
mod ceilings;
mod codes;
mod columns;
mod counterfactuals;
mod decoding;
mod error;
mod exposure;
mod folder;
mod gather;
mod index;
mod kinds;
mod level;
mod lists;
mod matches;
mod memorizers;
mod missing;
mod names;
mod numbers;
mod opened;
mod pairs;
mod points;
mod proof;
mod rows;
mod shards;
mod sieve;
mod spelling;
mod split;
mod stage;
mod units;
mod vocabulary;
mod whole;
mod windows;

pub use error::{Error, Leak, Place, Result};
pub use folder::{Column, FolderAudit, Options, audit_folder, audit_points};
pub use shards::{Shard, audit_shard, merge_shards};
pub use stage::{Config, Inputs, TrainedOn, run};

/// Raised when the same config and inputs give other tables than before; part of the stage key.
pub const VERSION: u32 = 7;
