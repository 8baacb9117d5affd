//! The rows as analyses see them: the sample of each task, rows of one length together.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use answer::{Kinds, Target};
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
    pub(crate) target: Target,
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
    let kinds = Kinds::of(vocabulary.iter().map(|token| token.kind.as_str()));
    tasks.into_iter().map(|(name, examples)| task(name, examples, &twins, &kinds)).collect()
}

fn task(
    name: String,
    mut examples: Vec<Example>,
    twins: &HashMap<i64, Vec<u16>>,
    kinds: &Kinds,
) -> Result<Task, Error> {
    examples.sort_by_key(|example| (example.tokens.len(), example.example_id));
    let mut clusters: Vec<i64> = examples.iter().map(|example| example.cluster).collect();
    clusters.sort_unstable();
    clusters.dedup();
    let groups = examples.chunk_by(|one, other| one.tokens.len() == other.tokens.len()).map(|examples| {
        let rows = examples.iter().map(|example| row(example, &clusters, kinds));
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

fn row(example: &Example, clusters: &[i64], kinds: &Kinds) -> Result<Row, Error> {
    let target = Target::of(example, kinds).map_err(|misfit| Error::Row {
        example_id: example.example_id,
        message: format!("{misfit}; rerun the build stage"),
    })?;
    Ok(Row {
        example_id: example.example_id,
        cluster: clusters.partition_point(|&cluster| cluster < example.cluster),
        tokens: example.tokens.clone(),
        target,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Returns a row of so many terms whose tokens, END last, are of these kinds.
    pub(crate) fn of_tokens(
        kinds: &[&str],
        terms: usize,
        tokens: &[u16],
        answer: std::ops::Range<usize>,
    ) -> Result<Row, Error> {
        let example = Example {
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
            answer_start: answer.start as i32,
            answer_length: answer.len() as i32,
            cluster: 5,
        };
        row(&example, &[2, 5], &Kinds::of(kinds.iter().copied()))
    }

    #[test]
    fn a_row_knows_its_cluster_and_its_answer() {
        let row = of_tokens(&["begin", "end", "value", "value"], 2, &[0, 2, 3, 1], 2..4).expect("a good row");
        assert_eq!((row.cluster, &*row.target.tokens), (1, &[3, 1][..]));
    }

    #[test]
    fn a_bad_row_is_an_error() {
        for (terms, tokens, answer) in
            [(2, [0, 2, 9, 1], 2..4), (2, [0, 2, 2, 1], 0..4), (1, [0, 2, 2, 1], 2..4)]
        {
            let found = of_tokens(&["begin", "end", "value"], terms, &tokens, answer);
            assert!(found.is_err(), "{tokens:?}");
        }
    }
}
