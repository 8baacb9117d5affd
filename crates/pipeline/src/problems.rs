//! The mistakes of a definition, each with the place where it was written.

use std::path::PathBuf;

use serde_json::Value;

use crate::error::did_you_mean;
use crate::location::Locations;
use crate::set::Applied;
use crate::{Diagnostic, Error, Place, Result};

/// Where the values of a definition came from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) file: PathBuf,
    pub(crate) locations: Locations,
    pub(crate) applied: Applied,
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

    pub(crate) fn text(&mut self, value: &Value, key: &str, required: bool) -> String {
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
