//! Proves from the Parquet files alone that nothing leaks, and says what memorising alone would score.
//!
//! * [`run`]: the stage. It audits our own splits and writes certificate, audited, leakage, exposure, memorizers,
//!   ceilings and ranges.
//! * [`audit_folder`], [`audit_points`]: any folder of Parquet splits, ours or not, and any folder of such folders.
//! * [`audit_shard`], [`merge_shards`]: the same, one part of train at a time.
//!
//! Only the held-out side is indexed; train streams past in bounded memory, on all cores, and the result does not depend
//! on how many. It shares the Parquet reader with what wrote the files, and nothing else: units, windows, digits are
//! found by code of its own.
//!
//! Of its rooms each uses only those before it: `find` (which datasets lie in a folder), `read` (their rows), `hash` (tables
//! that most keys are not in), `prove` (the checks), `memorizers`. What is at the top puts them together.

mod error;
mod find;
mod folder;
mod folder_audit;
mod hash;
mod memorizers;
mod opened;
mod prove;
mod read;
mod shards;
mod stage;

pub use error::{Error, Leak, Place, Result};
pub use find::options::{Column, Options};
pub use folder::{audit_folder, audit_points};
pub use folder_audit::FolderAudit;
pub use shards::{Shard, audit_shard, merge_shards};
pub use stage::{Config, Inputs, TrainedOn, run};

/// Raised when the same config and inputs give other tables than before; part of the stage key.
pub const VERSION: u32 = 7;
