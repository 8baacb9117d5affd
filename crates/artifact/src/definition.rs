use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
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

/// How a dataset was defined, as far as whoever reads it asks: its table `definition`, typed.
///
/// What a rule, a notation or a level is, only some readers know: they ask for it by [`DefinedTask::part`], or as [`Value`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Defined {
    /// What is held out, as [`crate::guarantee`] takes it; `None` where the table does not say it.
    pub level: Option<Value>,
    /// The tasks, in the order of the definition.
    pub tasks: Vec<DefinedTask>,
    /// The rows that are pinned into a split.
    pub pins: Vec<Pinned>,
}

/// A task of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct DefinedTask {
    /// The table, for messages.
    path: PathBuf,
    /// What it is called.
    pub name: String,
    /// All that the definition says of it, defaults filled in, in order.
    pub words: Map<String, Value>,
}

/// A row that stands in a split because the definition says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The split.
    pub split: String,
    /// The task that it is a row of.
    pub task: String,
    /// Its terms.
    pub terms: Vec<i64>,
}

impl Defined {
    /// Reads the table at `path`.
    ///
    /// # Errors
    /// As [`read_definition`]; [`Error::Content`] where a task or a pin is none.
    pub fn read(path: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Pin {
            task: String,
            terms: Vec<i64>,
        }
        let mut sections = read_definition(path)?;
        let mut section = |name: &str| match sections.get_mut(name).map(Value::take) {
            Some(Value::Object(map)) => map,
            _ => Map::new(),
        };
        let broken = |message: String| Error::Content { path: path.to_owned(), message };
        let level = section("holdout").shift_remove("level");
        let mut tasks = Vec::new();
        for (name, words) in section("tasks") {
            let Value::Object(words) = words else {
                return Err(broken(format!("`{name}` of `tasks` should be a mapping")));
            };
            tasks.push(DefinedTask { path: path.to_owned(), name, words });
        }
        let mut pins = Vec::new();
        for (split, rows) in section("pins") {
            let rows: Vec<Pin> = serde_json::from_value(rows)
                .map_err(|error| broken(format!("`{split}` of `pins` should be a list of rows: {error}")))?;
            let row = |Pin { task, terms }| Pinned { split: split.clone(), task, terms };
            pins.extend(rows.into_iter().map(row));
        }
        Ok(Self { level, tasks, pins })
    }

    /// Returns the task of this name.
    #[must_use]
    pub fn task(&self, name: &str) -> Option<&DefinedTask> {
        self.tasks.iter().find(|task| task.name == name)
    }
}

impl DefinedTask {
    /// Returns what stands under `word` as a `T`; `None` where nothing does, or null.
    ///
    /// # Errors
    /// [`Error::Content`] where it is no `T`.
    pub fn part<T: DeserializeOwned>(&self, word: &str) -> Result<Option<T>> {
        let part = self.words.get(word).map_or(Ok(None), Option::<T>::deserialize);
        part.map_err(|error| Error::Content {
            path: self.path.clone(),
            message: format!("tasks.{}.{word} is unreadable: {error}", self.name),
        })
    }

    /// Returns how many terms its shortest rows have, where the definition says it.
    #[must_use]
    pub fn shortest(&self) -> Option<u64> {
        let terms = self.words.get("terms")?;
        terms.as_u64().or_else(|| terms.get("min")?.as_u64())
    }
}
