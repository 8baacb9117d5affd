use std::path::Path;

use indexmap::IndexMap;
use serde_json::Value;

use crate::problems::{Problems, Source};
use crate::set::{self, TOP};
use crate::{Result, matrix, read, variant};

/// Characters of a description, at most.
const DESCRIPTION: usize = 4_000;

/// A definition file as it was read: well-formed, `--set` applied, the content of its stages not yet looked at.
#[derive(Debug, Clone)]
pub struct Definition {
    /// The pipeline's name: part of the names of its folders.
    pub name: String,
    /// What the pipeline asks, in the author's words.
    pub description: String,
    /// What `--set` changed, as it follows the name in folders: `@train.seeds=4`; empty where nothing is changed.
    pub variant: String,
    /// The axes of the matrix and their values, in the order of the definition.
    pub(crate) matrix: matrix::Axes,
    /// Stage to verb, in the order of the definition.
    pub(crate) stages: IndexMap<String, String>,
    /// The whole definition.
    pub(crate) value: Value,
    pub(crate) source: Source,
}

impl Definition {
    /// Reads `file` and applies `sets` (`train.steps=500`), in order.
    ///
    /// The path of a set starts at a stage; the verb may be left out. Its value is read as YAML.
    ///
    /// # Errors
    /// [`crate::Error::Definition`] with every mistake, or [`crate::Error::Io`].
    pub fn load(file: &Path, sets: &[String]) -> Result<Self> {
        Self::parse(file, &read::bytes(file)?, sets)
    }

    /// As [`Definition::load`], from `bytes`; `file` is only named in messages.
    ///
    /// # Errors
    /// [`crate::Error::Definition`] with every mistake.
    pub fn parse(file: &Path, bytes: &[u8], sets: &[String]) -> Result<Self> {
        let (mut value, locations) = read::read(file, bytes)?;
        let mut source = Source { file: file.to_owned(), locations, applied: set::Applied::default() };
        let mut problems = Problems::new(&source);
        if !value.is_object() {
            problems.add("", false, "the definition has to be a mapping with `name` and `stages`");
            return Err(problems.into_error());
        }
        let written = value.clone();
        source.applied = set::apply(&mut value, sets)?;
        let variant = variant::variant(&written, &value, &source.applied.sets);
        let mut problems = Problems::new(&source);
        problems.unknown_keys(&value, "", &TOP, "at the top of the definition");
        let name = problems.text(&value, "name", true);
        let description = problems.text(&value, "description", false);
        if let Some(help) = bad_name(&name).filter(|_| value.get("name").is_some_and(Value::is_string)) {
            problems.push("name", false, format!("`{name}` cannot name a folder"), Some(help));
        }
        let length = description.chars().count();
        if length > DESCRIPTION {
            let message = format!("a description of {length} characters, of at most {DESCRIPTION}");
            let help = "it stands on the page of every report: say the rest in comments".to_owned();
            problems.push("description", true, message, Some(help));
        }
        let stages = stages(&value, &mut problems);
        let matrix = matrix::axes(&value, &mut problems);
        problems.finish()?;
        Ok(Self { name, description, variant, matrix, stages, value, source })
    }

    /// Returns the names of the stages, in the order of the definition.
    pub fn stages(&self) -> impl Iterator<Item = &str> {
        self.stages.keys().map(String::as_str)
    }

    /// Returns what stands under the verb of `stage`.
    pub(crate) fn content(&self, stage: &str) -> &Value {
        &self.value["stages"][stage][&self.stages[stage]]
    }
}

fn stages(value: &Value, problems: &mut Problems<'_>) -> IndexMap<String, String> {
    let mut found = IndexMap::new();
    let Some(stages) = value.get("stages") else {
        problems.add("", false, "missing key `stages`");
        return found;
    };
    let Some(stages) = stages.as_object().filter(|stages| !stages.is_empty()) else {
        problems.add(
            "stages",
            false,
            "`stages` has to be a mapping from stage name to stage, with at least one",
        );
        return found;
    };
    for (name, stage) in stages {
        if problems.is_full() {
            break;
        }
        let path = format!("stages.{name}");
        if let Some(help) = bad_name(name) {
            problems.push(&path, true, format!("`{name}` cannot be the name of a stage"), Some(help));
            continue;
        }
        match stage.as_object().and_then(|stage| stage.keys().next().filter(|_| stage.len() == 1)) {
            Some(verb) => {
                found.insert(name.clone(), verb.clone());
            }
            None => problems.push(
                &path,
                true,
                format!("stage `{name}` has to be a mapping with one key, what it does"),
                Some(format!("for example `{name}: {{ audit: {{ data: data }} }}`")),
            ),
        }
    }
    found
}

/// Says what a name has to look like, if `name` does not: it becomes part of file names.
fn bad_name(name: &str) -> Option<String> {
    let shape = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && name.len() <= 64;
    if !shape {
        return Some("use letters, digits, `_` and `-`, starting with a letter, at most 64".to_owned());
    }
    let like_a_key = name.rsplit_once('-').is_some_and(|(_, end)| {
        matches!(end.len(), 8 | 16) && end.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
    });
    if like_a_key {
        return Some("it must not end like the folder of a finished stage (`-` and hex digits)".to_owned());
    }
    TOP.contains(&name).then(|| "`name`, `description`, `matrix` and `stages` are taken".to_owned())
}
