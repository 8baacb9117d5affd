//! The rows as analyses see them: the sample of each task, rows of one length together.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use artifact::tables::{Example, Token};
use candle_core::{Device, Tensor};

use crate::error::Error;
use crate::sample;

/// The sampled rows of one task.
pub(crate) struct Task {
    pub(crate) name: String,
    /// Shortest rows first.
    pub(crate) groups: Vec<Group>,
    /// Number of different clusters of the rows.
    pub(crate) clusters: usize,
}

/// Rows of one length.
pub(crate) struct Group {
    pub(crate) rows: Vec<Row>,
    /// What the model sees: every token but the last. // [row, position]
    pub(crate) tokens: Tensor,
    /// The same of the rows' counterfactual twins; nothing where there are none. // [row, position]
    pub(crate) counterfactual: Option<Tensor>,
}

/// One row.
pub(crate) struct Row {
    pub(crate) example_id: i64,
    /// From 0 to the task's number of clusters.
    pub(crate) cluster: usize,
    /// The whole row, END included.
    pub(crate) tokens: Vec<u16>,
    /// Where the answer span stands.
    pub(crate) span: Range<usize>,
    /// Position, right token and token of the last shown term where both first differ.
    pub(crate) contrast: Option<(usize, u16, u16)>,
}

impl Task {
    /// Returns every row, group by group.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.groups.iter().flat_map(|group| &group.rows)
    }

    /// Returns the number of rows.
    pub(crate) fn n(&self) -> usize {
        self.groups.iter().map(|group| group.rows.len()).sum()
    }

    /// Returns the largest group; of equal ones the one with the shortest rows.
    pub(crate) fn most_common_length(&self) -> Option<&Group> {
        self.groups.iter().rev().max_by_key(|group| group.rows.len())
    }
}

/// Returns the sampled rows of each task, at most `most`.
pub(crate) fn read(
    examples: &[PathBuf],
    counterfactuals: &Path,
    vocabulary: &[Token],
    most: usize,
) -> Result<Vec<Task>, Error> {
    let tasks = sample::examples(examples, most)?;
    let rows = tasks.values().flatten().map(|example| example.example_id).collect();
    let twins = sample::counterfactuals(counterfactuals, &rows, vocabulary)?;
    tasks.into_iter().map(|(name, examples)| task(name, examples, &twins, vocabulary)).collect()
}

fn task(
    name: String,
    mut examples: Vec<Example>,
    twins: &HashMap<i64, Vec<u16>>,
    vocabulary: &[Token],
) -> Result<Task, Error> {
    examples.sort_by_key(|example| (example.tokens.len(), example.example_id));
    let mut clusters: Vec<i64> = examples.iter().map(|example| example.cluster).collect();
    clusters.sort_unstable();
    clusters.dedup();
    let groups = examples.chunk_by(|one, other| one.tokens.len() == other.tokens.len()).map(|examples| {
        let rows = examples.iter().map(|example| row(example, &clusters, vocabulary));
        let rows = rows.collect::<Result<Vec<Row>, Error>>()?;
        let twins: Vec<&[u16]> = rows
            .iter()
            .filter_map(|row| twins.get(&row.example_id).map(Vec::as_slice))
            .filter(|twin| twin.len() == rows[0].tokens.len())
            .collect();
        let tokens = shown(&rows.iter().map(|row| row.tokens.as_slice()).collect::<Vec<_>>())?;
        let counterfactual = (!twins.is_empty()).then(|| shown(&twins)).transpose()?;
        Ok(Group { rows, tokens, counterfactual })
    });
    Ok(Task { name, groups: groups.collect::<Result<_, Error>>()?, clusters: clusters.len() })
}

/// Returns what the model sees of rows of one length. // [row, position]
fn shown(rows: &[&[u16]]) -> Result<Tensor, Error> {
    let length = rows[0].len() - 1;
    let tokens = rows.iter().flat_map(|row| row[..length].iter().map(|&token| u32::from(token)));
    Tensor::from_vec(tokens.collect(), (rows.len(), length), &Device::Cpu).map_err(Error::Rows)
}

fn row(example: &Example, clusters: &[i64], vocabulary: &[Token]) -> Result<Row, Error> {
    let error = |message: &str| Error::Row {
        example_id: example.example_id,
        message: format!("{message}; rerun the build stage"),
    };
    let tokens = &example.tokens;
    if tokens.iter().any(|&id| usize::from(id) >= vocabulary.len()) {
        return Err(error("a token is not in the vocabulary"));
    }
    let start = usize::try_from(example.answer_start).ok().filter(|&start| start > 0);
    let length = usize::try_from(example.answer_length).ok().filter(|&length| length > 0);
    let span = start.zip(length).map(|(start, length)| start..start + length);
    let span = span
        .filter(|span| span.end <= tokens.len())
        .ok_or_else(|| error("the answer should begin after the first token and end with the row"))?;
    // The last shown term: the run of written tokens before the answer, or one token where nothing separates terms.
    let written = |&id: &u16| matches!(vocabulary[usize::from(id)].kind.as_str(), "value" | "digit" | "word");
    let runs =
        tokens.chunk_by(|one, other| written(one) == written(other)).filter(|run| written(&run[0])).count();
    let context = &tokens[..span.start];
    let end = context.iter().rposition(written).map(|last| last + 1);
    let end = end.ok_or_else(|| error("no term stands before the answer"))?;
    let start = match runs == example.terms.len() {
        true => context[..end].iter().rposition(|id| !written(id)).map_or(0, |border| border + 1),
        false => end - 1,
    };
    let copied = context[start..end].iter().chain(tokens.last()).copied();
    let contrast = span
        .clone()
        .zip(tokens[span.clone()].iter().copied())
        .zip(copied)
        .find(|((_, right), copied)| right != copied);
    Ok(Row {
        example_id: example.example_id,
        cluster: clusters.partition_point(|&cluster| cluster < example.cluster),
        tokens: tokens.clone(),
        span,
        contrast: contrast.map(|((position, right), copied)| (position, right, copied)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary_of(kinds: &[&str]) -> Vec<Token> {
        let token = |(id, kind): (usize, &&str)| Token {
            token_id: id as i32,
            token: id.to_string(),
            kind: (*kind).to_owned(),
            value: None,
        };
        kinds.iter().enumerate().map(token).collect()
    }

    fn example(terms: usize, tokens: &[u16], answer_start: i32) -> Example {
        Example {
            example_id: 7,
            task: "t".into(),
            family: "f".into(),
            notation: "n".into(),
            domain: "integer".into(),
            unit: "pair".into(),
            parameter: Some(1),
            text: String::new(),
            terms: vec![0; terms],
            tokens: tokens.to_vec(),
            answer_start,
            answer_length: tokens.len() as i32 - answer_start,
            cluster: 5,
        }
    }

    #[test]
    fn the_last_shown_term_with_separators() {
        // BEGIN 4 3 SEP 4 6 END: the right answer `4 6` and the last term `4 3` first differ at the second digit.
        let vocabulary = vocabulary_of(&["begin", "end", "separator", "digit", "digit", "digit", "digit"]);
        let row = row(&example(2, &[0, 4, 3, 2, 4, 6, 1], 4), &[5], &vocabulary).expect("a good row");
        assert_eq!(row.contrast, Some((5, 6, 3)));
    }

    #[test]
    fn the_last_shown_term_without_separators() {
        let vocabulary = vocabulary_of(&["begin", "end", "value", "value", "value"]);
        let row = row(&example(3, &[0, 2, 3, 4, 1], 3), &[5], &vocabulary).expect("a good row");
        assert_eq!(row.contrast, Some((3, 4, 3)));
    }

    #[test]
    fn a_shorter_answer_differs_at_its_end() {
        // BEGIN 3 4 SEP 3 END
        let vocabulary = vocabulary_of(&["begin", "end", "separator", "digit", "digit"]);
        let row = row(&example(2, &[0, 3, 4, 2, 3, 1], 4), &[5], &vocabulary).expect("a good row");
        assert_eq!(row.contrast, Some((5, 1, 4)));
    }

    #[test]
    fn the_right_answer_copied_has_no_contrast() {
        let vocabulary = vocabulary_of(&["begin", "end", "value"]);
        let row = row(&example(2, &[0, 2, 2, 1], 2), &[5], &vocabulary).expect("a good row");
        assert_eq!(row.contrast, None);
    }

    #[test]
    fn a_bad_row_is_an_error() {
        let vocabulary = vocabulary_of(&["begin", "end", "value"]);
        for bad in [example(2, &[0, 2, 9, 1], 2), example(2, &[0, 2, 2, 1], 0), example(1, &[0, 2, 1], 1)] {
            assert!(row(&bad, &[5], &vocabulary).is_err(), "{bad:?}");
        }
    }
}
