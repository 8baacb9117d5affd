use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use parquet::file::metadata::KeyValue;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;

use crate::{Error, Result, Row};

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
    let file = File::open(path).map_err(Error::io("open", path))?;
    let reader = SerializedFileReader::new(file).map_err(Error::parquet(path))?;
    let pairs = reader.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
    let value = |key: &str| -> Result<String> {
        pairs.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.clone()).ok_or_else(|| {
            Error::Parquet { path: path.to_owned(), message: format!("it has no `{key}` in its metadata") }
        })
    };
    let broken = |key: &'static str| {
        move |error: serde_json::Error| Error::Parquet {
            path: path.to_owned(),
            message: format!("`{key}` in its metadata is no JSON: {error}"),
        }
    };
    Ok(Provenance {
        key: value("seqlab.key")?,
        config: serde_json::from_str(&value("seqlab.config")?).map_err(broken("seqlab.config"))?,
        inputs: serde_json::from_str(&value("seqlab.inputs")?).map_err(broken("seqlab.inputs"))?,
    })
}
