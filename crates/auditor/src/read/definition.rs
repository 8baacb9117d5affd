//! What a dataset says of how it was defined, as far as an audit goes by it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::error::Result;
use crate::read::level::Level;
use crate::read::rows::Rows;

/// The table `definition`, of which nothing else in this crate reads a value.
pub(crate) struct Definition(Value);

impl Definition {
    /// Reads `definition.parquet`.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        Ok(Self(artifact::read_definition(path)?))
    }

    /// Returns the level that it claims; nothing where it names none.
    pub(crate) fn level(&self) -> Result<Option<Level>> {
        self.0["holdout"].get("level").map(Level::parse).transpose()
    }

    /// Returns the least number of terms of a task's rows.
    pub(crate) fn least_terms(&self, task: &str) -> Option<usize> {
        let terms = &self.0["tasks"][task]["terms"];
        terms.as_u64().or(terms["min"].as_u64()).map(|terms| terms as usize)
    }
}

/// Returns for every held-out row of every split how many of its last terms may not stand elsewhere: m where it is given,
/// else the length of the shortest row of its task, by the definition or, without one, by the held-out rows.
pub(crate) fn windows(level: &Level, held: &[Rows], definition: Option<&Definition>) -> Vec<Vec<usize>> {
    let Level::Window(m) = level else { return held.iter().map(|_| Vec::new()).collect() };
    let mut shortest = BTreeMap::new();
    for rows in held {
        for (task, terms) in rows.task.iter().zip(rows.terms.rows()) {
            let known = shortest.entry(*task).or_insert(terms.len());
            *known = terms.len().min(*known);
        }
        for (task, name) in &rows.names {
            let defined = definition.and_then(|definition| definition.least_terms(name));
            if let Some(defined) = defined.filter(|_| shortest.contains_key(task)) {
                shortest.insert(*task, defined);
            }
        }
    }
    let of_row = |task: &u64| m.unwrap_or(shortest[task]).max(1);
    held.iter().map(|rows| rows.task.iter().map(of_row).collect()).collect()
}
