//! The rows of splits, from Parquet files that anybody wrote, and what vocabulary and definition say of them.

pub(crate) mod columns;
pub(crate) mod definition;
pub(crate) mod level;
pub(crate) mod lists;
pub(crate) mod rows;
pub(crate) mod sieve;
pub(crate) mod split;
pub(crate) mod split_column;
pub(crate) mod vocabulary;
