use std::collections::BTreeMap;
use std::path::Path;

use parquet::file::metadata::KeyValue;
use serde_json::Value;

use crate::{Error, ParquetFile, Result, Row};

/// Where a table comes from: what stands in the key-value metadata of each of its files.
///
/// A pure function of the stage key: no clock, host, path or tool version.
#[derive(Debug, Clone, PartialEq)]
pub struct Provenance {
    /// The stage key, hex BLAKE3 (`seqlab.key`).
    pub key: String,
    /// The resolved content under the stage's verb (`seqlab.config`).
    pub config: Value,
    /// Role and table to digest, of every input (`seqlab.inputs`).
    pub inputs: BTreeMap<String, String>,
}

impl Default for Provenance {
    fn default() -> Self {
        Self { key: String::new(), config: Value::Object(Default::default()), inputs: BTreeMap::new() }
    }
}

impl Provenance {
    pub(crate) fn metadata<R: Row>(&self) -> Vec<KeyValue> {
        let inputs = serde_json::to_string(&self.inputs).expect("a map of strings is JSON");
        [
            ("seqlab.table", R::TABLE.to_owned()),
            ("seqlab.version", R::VERSION.to_string()),
            ("seqlab.key", self.key.clone()),
            ("seqlab.config", self.config.to_string()),
            ("seqlab.inputs", inputs),
        ]
        .map(|(key, value)| KeyValue::new(key.to_owned(), value))
        .to_vec()
    }
}

/// Returns where the table in `path` comes from.
///
/// # Errors
/// When the file is no Parquet file, or not one of ours.
pub fn read_provenance(path: &Path) -> Result<Provenance> {
    let file = ParquetFile::open(path)?;
    let value = |key: &str| {
        let missing = || Error::Parquet {
            path: path.to_owned(),
            message: format!("it has no `{key}` in its metadata"),
        };
        file.value(key).ok_or_else(missing)
    };
    let broken = |key: &'static str| {
        move |error: serde_json::Error| Error::Parquet {
            path: path.to_owned(),
            message: format!("`{key}` in its metadata is no JSON: {error}"),
        }
    };
    Ok(Provenance {
        key: value("seqlab.key")?.to_owned(),
        config: serde_json::from_str(value("seqlab.config")?).map_err(broken("seqlab.config"))?,
        inputs: serde_json::from_str(value("seqlab.inputs")?).map_err(broken("seqlab.inputs"))?,
    })
}
