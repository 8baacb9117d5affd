use std::path::Path;

use serde_json::{Map, Value};

use crate::tables::Definition;
use crate::{Error, Provenance, Result, exists, read_table, write_table};

/// Writes what readers need of a dataset's definition: sections in order, each with its names and values in order.
///
/// # Errors
/// When the disk refuses.
pub fn write_definition(
    path: &Path,
    provenance: &Provenance,
    sections: impl IntoIterator<Item = (&'static str, Map<String, Value>)>,
) -> Result<u64> {
    let row = |section: &str, name: String, value: &Value| Definition {
        section: section.to_owned(),
        name,
        value: value.to_string(),
    };
    let rows = sections.into_iter().flat_map(|(section, values)| {
        values.into_iter().map(move |(name, value)| row(section, name, &value))
    });
    write_table(path, provenance, rows)
}

/// Reads what [`write_definition`] wrote: a map of sections, each a map of names to values, in the order of the rows.
///
/// # Errors
/// [`Error::Missing`] where there is no such file; the others when it is not what was written.
pub fn read_definition(path: &Path) -> Result<Value> {
    if !exists(path)? {
        return Err(Error::Missing { path: path.to_owned(), stage: "build" });
    }
    let broken = |message: String| Error::Content { path: path.to_owned(), message };
    let mut sections = Map::new();
    for Definition { section, name, value } in read_table::<Definition>(path)? {
        let value: Value = serde_json::from_str(&value)
            .map_err(|error| broken(format!("`{name}` of `{section}` should be JSON: {error}")))?;
        let names = sections.entry(section.as_str()).or_insert_with(|| Value::Object(Map::new()));
        let names = names.as_object_mut().expect("every section is a map");
        if names.insert(name.clone(), value).is_some() {
            return Err(broken(format!("`{name}` of `{section}` should stand there once, found it twice")));
        }
    }
    Ok(Value::Object(sections))
}
