//! What a dataset says of how it was defined, as far as an audit goes by it.

use std::collections::BTreeMap;

use artifact::Defined;

use crate::error::Result;
use crate::read::level::Level;
use crate::read::rows::Rows;

/// Returns the level that a definition claims; nothing where it names none.
pub(crate) fn level(definition: &Defined) -> Result<Option<Level>> {
    definition.level.as_ref().map(Level::parse).transpose()
}

/// Returns for every held-out row of every split how many of its last terms may not stand elsewhere: m where it is given,
/// else the length of the shortest row of its task, by the definition or, without one, by the held-out rows.
pub(crate) fn windows(level: &Level, held: &[Rows], definition: Option<&Defined>) -> Vec<Vec<usize>> {
    let Level::Window(m) = level else { return held.iter().map(|_| Vec::new()).collect() };
    let mut shortest = BTreeMap::new();
    for rows in held {
        for (task, terms) in rows.task.iter().zip(rows.terms.rows()) {
            let known = shortest.entry(*task).or_insert(terms.len());
            *known = terms.len().min(*known);
        }
        for (task, name) in &rows.names {
            let defined = definition.and_then(|definition| definition.task(name)?.shortest());
            if let Some(defined) = defined.filter(|_| shortest.contains_key(task)) {
                shortest.insert(*task, defined as usize);
            }
        }
    }
    let of_row = |task: &u64| m.unwrap_or(shortest[task]).max(1);
    held.iter().map(|rows| rows.task.iter().map(of_row).collect()).collect()
}
