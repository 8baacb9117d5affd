//! Reads and writes the typed Parquet tables, digests, manifests, and commits a finished folder.
//!
//! * [`Row`]: one row struct a table; `tables::*` lists them all.
//! * [`TableWriter`], [`write_table`], [`read_table`], [`table_rows`]: rows in and out, streaming.
//! * [`ParquetFile`]: any Parquet file, damaged or hostile, in bounded memory; [`guard`], [`set_limit`], [`read_file`].
//! * [`read_vocabulary`]: the tokens by id, without a gap. [`join`]: a path that a file says.
//! * [`write_definition`], [`Defined`]: what readers of a dataset need of how it was defined.
//! * [`Provenance`]: what stands in the key-value metadata of every file, for people: no stage reads it.
//! * [`digest_file`], [`Verified`]: contents as BLAKE3, and whether files still are what they were.
//! * [`found`], [`exists`]: absence told from failure.
//! * [`Manifest`], [`Folder`], [`seal`], [`place`], [`swap`]: a folder is complete or it is not there.
//! * [`certified`]: whether some rows were compared with all that a model saw.
//! * [`guarantee`]: what a level promises, in words.
//! * [`printable`]: text of a file, as it may be shown. [`number`]: shares and counts as people read them.
//!
//! Nothing here knows a tensor, a rule, a stage or a clock.

mod cell;
mod certified;
mod commit;
mod definition;
mod digest;
mod error;
mod footer;
pub mod guarantee;
mod guard;
mod limit;
mod manifest;
pub mod number;
mod pages;
mod parquet_file;
mod paths;
mod presence;
mod printable;
mod provenance;
mod reader;
mod row;
pub mod tables;
mod thrift;
mod unpacked;
mod verify;
mod vocabulary;
mod writer;

pub use cell::{Cell, Misfit};
pub use certified::{Seen, Uncertified, certified};
pub use commit::{place, remove, seal, swap, write_whole};
pub use definition::{Defined, DefinedTask, Pinned, read_definition, write_definition};
pub use digest::{Digests, bytes_digest, digest_bytes, digest_file};
pub use error::Error;
pub use guard::guard;
pub use limit::{LIMIT, allowed, read_file, set_limit, within};
pub use manifest::{FileEntry, Folder, MANIFEST_FILE, Manifest, read_manifest};
pub use parquet_file::{Batches, ParquetFile};
pub use paths::join;
pub use presence::{exists, found};
pub use printable::printable;
pub use provenance::Provenance;
pub use reader::{read_table, read_tables, row_count, table_rows, table_rows_from};
pub use row::{Column, Description, Row};
pub use verify::{Clock, Verified};
pub use vocabulary::{MOST_TOKENS, check_begins, read_vocabularies, read_vocabulary};
pub use writer::{ROWS_PER_GROUP, RowGroup, TableWriter, write_table};

/// Raised whenever the Parquet writer's version or settings change the bytes of a table; part of every stage key.
pub const FORMAT: u32 = 1;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
