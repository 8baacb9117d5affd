use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde_json::Value;

use crate::location::Locations;
use crate::{Diagnostic, Error, Place, Result, did_you_mean, matrix, read, set, variant};

/// The keys at the top of a definition.
pub(crate) const TOP: [&str; 4] = ["name", "description", "matrix", "stages"];

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
    /// [`Error::Definition`] with every mistake, or [`Error::Io`].
    pub fn load(file: &Path, sets: &[String]) -> Result<Self> {
        Self::parse(file, &read::bytes(file)?, sets)
    }

    /// As [`Definition::load`], from `bytes`; `file` is only named in messages.
    ///
    /// # Errors
    /// [`Error::Definition`] with every mistake.
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

/// Where the values of a definition came from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) file: PathBuf,
    locations: Locations,
    pub(crate) applied: set::Applied,
}

impl Source {
    /// Returns the place of `path`; `on_key` for the key instead of its value.
    pub(crate) fn place(&self, path: &str, on_key: bool) -> Place {
        let below = |outer: &str| {
            path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        // The keys on the way down to a set value came with it where the file does not have them.
        match self.applied.sets.iter().rev().find(|(set, _)| below(set)) {
            Some((_, words)) => Place::Set(words.clone()),
            None => {
                let (line, column) = self.locations.find(path, on_key);
                Place::File { file: self.file.clone(), line, column }
            }
        }
    }
}

/// Mistakes that are told at once, at most: more help nobody, and some can be found at every point of a matrix.
const TOLD: usize = 50;

/// Collects the mistakes of one definition, the first [`TOLD`] of them.
#[derive(Debug)]
pub(crate) struct Problems<'a> {
    pub(crate) source: &'a Source,
    list: Vec<Diagnostic>,
}

impl<'a> Problems<'a> {
    pub(crate) fn new(source: &'a Source) -> Self {
        Self { source, list: Vec::new() }
    }

    pub(crate) fn add(&mut self, path: &str, on_key: bool, message: impl Into<String>) {
        self.push(path, on_key, message, None);
    }

    pub(crate) fn push(&mut self, path: &str, key: bool, message: impl Into<String>, help: Option<String>) {
        self.allow(path, key, message, Vec::new(), help);
    }

    /// Adds a mistake once, however many matrix points it shows in.
    pub(crate) fn allow(
        &mut self,
        path: &str,
        on_key: bool,
        message: impl Into<String>,
        allowed: Vec<String>,
        help: Option<String>,
    ) {
        if self.is_full() {
            return;
        }
        let place = self.source.place(path, on_key);
        let new = Diagnostic { place, message: message.into(), allowed, help };
        if !self.list.contains(&new) {
            self.list.push(new);
        }
    }

    /// Whether looking for more mistakes is in vain.
    pub(crate) fn is_full(&self) -> bool {
        self.list.len() >= TOLD
    }

    pub(crate) fn unknown_keys(&mut self, value: &Value, path: &str, allowed: &[&str], whereabouts: &str) {
        for key in value.as_object().into_iter().flat_map(|map| map.keys()) {
            if self.is_full() {
                break;
            }
            if !allowed.contains(&key.as_str()) {
                let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let allowed: Vec<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
                let help = did_you_mean(key, &allowed);
                self.allow(&at, true, format!("unknown key `{key}` {whereabouts}"), allowed, help);
            }
        }
    }

    fn text(&mut self, value: &Value, key: &str, required: bool) -> String {
        match value.get(key) {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(_) => {
                self.add(key, false, format!("`{key}` has to be text"));
                String::new()
            }
            None => {
                if required {
                    self.add("", false, format!("missing key `{key}`"));
                }
                String::new()
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether one of the first `before` mistakes stands in the place of `path`.
    pub(crate) fn is_known(&self, path: &str, on_key: bool, before: usize) -> bool {
        let place = self.source.place(path, on_key);
        self.list[..before].iter().any(|known| known.place == place)
    }

    pub(crate) fn into_error(mut self) -> Error {
        let full = self.is_full();
        if let Some(last) = self.list.last_mut().filter(|_| full) {
            let more = format!("these are the first {TOLD} mistakes, and there may be more");
            last.help = Some(last.help.take().map_or(more.clone(), |help| format!("{help}; {more}")));
        }
        Error::Definition(self.list)
    }

    pub(crate) fn finish(self) -> Result<()> {
        if self.list.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }
}
