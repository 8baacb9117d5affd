use std::collections::BTreeMap;

use parquet::file::metadata::KeyValue;
use serde_json::Value;

use crate::Row;

/// Where a table comes from: what stands in the key-value metadata of each of its files.
///
/// It is for people, and for programs that ask a file by itself where it comes from. No stage reads it: it is in no digest,
/// so what hangs on it would be in no key.
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
