//! Names the positions of a row: `term 2, digit 1` says more than 8.

use std::collections::BTreeMap;

use artifact::tables::Example;

use crate::Error;
use crate::folder::{Source, each_row};

/// What the tokens of a vocabulary are, and the rows that show where they stand.
pub(crate) struct Positions {
    /// Token and kind, by number.
    vocabulary: Vec<(String, String)>,
    /// Kind by token.
    kinds: BTreeMap<String, String>,
    /// Names by task and number of positions; empty text where rows differ.
    names: BTreeMap<(String, usize), Vec<String>>,
}

impl Positions {
    /// Reads the names that all rows of a task have in common; `sizes` are task and number of positions.
    pub(crate) fn read(source: &Source, sizes: &[(String, usize)]) -> Result<Self, Error> {
        let vocabulary = match source.table("vocabulary") {
            Some(path) => artifact::read_vocabulary(&path)?,
            None => Vec::new(),
        };
        let vocabulary: Vec<_> = vocabulary.into_iter().map(|token| (token.token, token.kind)).collect();
        let kinds = vocabulary.iter().cloned().collect();
        let mut found = Self { vocabulary, kinds, names: BTreeMap::new() };
        let splits = ["test", "validation"].map(|split| source.examples(split));
        let shards = splits.into_iter().find(|shards| !shards.is_empty()).unwrap_or_default();
        each_row(&shards, |row: Example| {
            // What is predicted from the last token of a row is never asked.
            let fits = |(task, size): &&(String, usize)| *task == row.task && row.tokens.len() == size + 1;
            if let Some(key) = sizes.iter().find(fits) {
                let tokens =
                    row.tokens.iter().take(key.1).map(|&token| found.vocabulary.get(usize::from(token)));
                let names =
                    named(tokens.map(|token| {
                        token.map_or(("", ""), |(token, kind)| (token.as_str(), kind.as_str()))
                    }));
                let known = found.names.entry(key.clone()).or_insert_with(|| names.clone());
                known
                    .iter_mut()
                    .zip(names)
                    .filter(|(known, name)| *known != name)
                    .for_each(|(known, _)| known.clear());
            }
        })?;
        Ok(found)
    }

    /// Returns the names of a mean over rows of a task.
    pub(crate) fn of_task(&self, task: &str, size: usize) -> Vec<String> {
        let known = self.names.get(&(task.to_owned(), size)).cloned().unwrap_or_default();
        numbered(known, size)
    }

    /// Returns the names of one row.
    pub(crate) fn of_row(&self, tokens: &[String], size: usize) -> Vec<String> {
        let kind = |token: &'_ String| self.kinds.get(token).map_or("", String::as_str).to_owned();
        let kinds: Vec<String> = tokens.iter().map(kind).collect();
        numbered(named(tokens.iter().map(String::as_str).zip(kinds.iter().map(String::as_str))), size)
    }
}

/// Returns `size` names; what has none is numbered.
fn numbered(mut names: Vec<String>, size: usize) -> Vec<String> {
    names.resize(size, String::new());
    names
        .iter_mut()
        .enumerate()
        .filter(|(_, name)| name.is_empty())
        .for_each(|(at, name)| *name = format!("position {at}"));
    names
}

/// Names tokens by their kinds; empty where a kind says nothing.
fn named<'a>(tokens: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    let (mut term, mut part) = (1, 0);
    let mut name = |(token, kind): (&str, &str)| match kind {
        "digit" | "word" => {
            part += 1;
            format!("term {term}, {kind} {part}")
        }
        "value" => {
            term += usize::from(part > 0);
            part = 1;
            format!("term {term}")
        }
        "separator" => {
            (term, part) = (term + 1, 0);
            format!("separator {}", term - 1)
        }
        "operator" => {
            (term, part) = (term + usize::from(part > 0), 0);
            token.to_owned()
        }
        kind => kind.to_owned(),
    };
    tokens.map(&mut name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_named_by_what_stands_there() {
        let names = |tokens: &[(&str, &str)]| named(tokens.iter().copied()).join(" | ");
        let digits =
            [("BEGIN", "begin"), ("1", "digit"), ("0", "digit"), ("SEP", "separator"), ("2", "digit")];
        assert_eq!(
            names(&digits),
            "begin | term 1, digit 1 | term 1, digit 2 | separator 1 | term 2, digit 1"
        );
        let values = [("10", "value"), ("12", "value"), ("PLUS", "operator"), ("14", "value"), ("?", "")];
        assert_eq!(names(&values), "term 1 | term 2 | PLUS | term 3 | ");
        assert_eq!(numbered(vec![String::new(), "a".to_owned()], 3), ["position 0", "a", "position 2"]);
    }
}
