use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::limit::open_file;
use crate::{Error, ParquetFile, Result};

/// Both digests of a file, hex BLAKE3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    /// Of a Parquet file: of its schema and its column chunks, never of the key-value metadata, so that a table whose rows
    /// are the same has the same digest whatever it was made with. Of any other file: of its bytes.
    pub content: String,
    /// Of the whole file.
    pub bytes: String,
}

/// Returns the hex BLAKE3 digest of `bytes`.
#[must_use]
pub fn digest_bytes(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Returns both digests of a file that was just written.
///
/// # Errors
/// When the file cannot be read, or begins like a Parquet file and is none.
pub fn digest_file(path: &Path) -> Result<Digests> {
    let bytes = bytes_digest(path)?;
    // A declared output of an external command may merely be called `.parquet`.
    let table = path.extension().is_some_and(|extension| extension == "parquet");
    let content = if table { columns(path)? } else { None };
    Ok(Digests { content: content.unwrap_or_else(|| bytes.clone()), bytes })
}

/// Returns the digest of all bytes of the file at `path`, hex BLAKE3.
///
/// # Errors
/// When the file cannot be read.
pub fn bytes_digest(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let mut hasher = blake3::Hasher::new();
    std::io::copy(&mut file, &mut hasher).map_err(Error::io("read", path))?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Returns the digest of schema and column chunks; `None` where the file does not begin like a Parquet file, or announces more than
/// is allowed: an external command may have written it.
fn columns(path: &Path) -> Result<Option<String>> {
    let (mut file, size) = open_file(path)?;
    let mut start = [0; MAGIC.len()];
    if size < MAGIC.len() as u64 {
        return Ok(None);
    }
    file.read_exact(&mut start).map_err(Error::io("read", path))?;
    if start != MAGIC {
        return Ok(None);
    }
    let table = match ParquetFile::open(path) {
        Err(Error::Demand { .. }) => return Ok(None),
        table => table?,
    };
    let mut hasher = blake3::Hasher::new();
    hasher.update(format!("{:?}", table.metadata().file_metadata().schema()).as_bytes());
    for group in table.metadata().row_groups() {
        hasher.update(&group.num_rows().to_le_bytes());
        for column in group.columns() {
            let (start, length) = column.byte_range();
            file.seek(SeekFrom::Start(start)).map_err(Error::io("read", path))?;
            std::io::copy(&mut (&file).take(length), &mut hasher).map_err(Error::io("read", path))?;
        }
    }
    Ok(Some(hasher.finalize().to_hex().to_string()))
}

/// What every Parquet file begins with.
const MAGIC: [u8; 4] = *b"PAR1";
