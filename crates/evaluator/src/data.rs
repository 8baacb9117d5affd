//! The rows to score, and what is known of them beside the models.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use answer::Kinds;
use artifact::tables::{Exposure, Token, TrainedRange};
use artifact::{Seen, read_table, read_vocabularies};
use sequence::{Kind, Vocabulary};

use crate::inputs::Inputs;
use crate::memory::Memory;
use crate::oracle::{Judged, Ranges, Tasks};
use crate::rows::{self, Row};
use crate::{Config, Error};

/// The names of the splits, in the order in which they are scored.
pub(crate) const SPLITS: [&str; 3] = ["train", "validation", "test"];

/// The rows to score, and what is known of them beside the models.
pub(crate) struct Data {
    /// As [`SPLITS`].
    pub(crate) rows: [Vec<Row>; 3],
    pub(crate) vocabulary: Vocabulary,
    pub(crate) ranges: Ranges,
    pub(crate) memory: BTreeMap<String, Memory>,
    pub(crate) answer_seen: HashMap<i64, i64>,
    pub(crate) tasks: Tasks,
    /// Whether the model was trained on these data, last of all.
    pub(crate) own_data: bool,
    /// Whether it never saw their train rows.
    pub(crate) other_data: bool,
}

impl Data {
    /// Reads all of it; `seen` says whether the models saw these data.
    pub(crate) fn read(config: &Config, inputs: &Inputs, seen: Seen) -> Result<Data, Error> {
        let vocabulary = vocabulary(inputs)?;
        let kinds = Kinds::of(vocabulary.tokens().iter().map(|token| token.kind.name()));
        // Train rows that were not trained on, or not last, are neither held out nor learned: nothing is said of them.
        let own_data = seen == Seen::Own;
        let train: &[PathBuf] = if own_data { &inputs.train } else { &[] };
        let train = rows::read_sample(train, config.train_rows, &kinds)?;
        let ranges = read_table::<TrainedRange>(&inputs.ranges)?.into_iter();
        let ranges = ranges.map(|row| (row.domain, (row.least, row.most))).collect();
        let validation = rows::read("validation", &inputs.validation, &kinds)?;
        let test = rows::read("test", &inputs.test, &kinds)?;
        let memory = Memory::read(&inputs.memorizers)?;
        let exposure = read_table::<Exposure>(&inputs.exposure)?;
        let answer_seen: HashMap<i64, i64> =
            exposure.iter().map(|row| (row.example_id, row.answer_as_target)).collect();
        for (split, rows) in [("validation", &validation), ("test", &test)] {
            let known = |row: &&Row| answer_seen.contains_key(&row.example.example_id);
            if let Some(row) = rows.iter().find(|row| !known(row)) {
                let message =
                    format!("example {} of {split} is not in its exposure ledger", row.example.example_id);
                return Err(Error::OtherData { message });
            }
            if !rows.is_empty()
                && !memory.get(split).is_some_and(|m| rows.iter().any(|row| m.knows(row.example.example_id)))
            {
                return Err(Error::OtherData {
                    message: format!("no memoriser was asked for a row of {split}"),
                });
            }
        }
        let tasks = Tasks::read(&inputs.definition)?;
        let other_data = seen == Seen::Never;
        let rows = [train, validation, test];
        Ok(Data { rows, vocabulary, ranges, memory, answer_seen, tasks, own_data, other_data })
    }

    /// Returns every row with its split.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &Row)> {
        SPLITS.into_iter().zip(&self.rows).flat_map(|(split, rows)| rows.iter().map(move |row| (split, row)))
    }

    /// Returns the number of tokens of the longest answer.
    pub(crate) fn longest(&self) -> usize {
        self.all().map(|(_, row)| row.target.span.len()).max().unwrap_or(0)
    }

    /// Returns a generated answer beside the right one, and what kind of mistake it is.
    pub(crate) fn judge(&self, split: &str, row: &Row, output: &[u16]) -> Result<Judged, Error> {
        self.tasks.judge(split, row, output, &self.vocabulary, &self.ranges)
    }

    /// Refuses a model that cannot read the rows.
    pub(crate) fn fits(&self, model: &transformer::Config) -> Result<(), Error> {
        let tokens = self.vocabulary.tokens().len();
        for (split, row) in self.all() {
            let needed = row.example.tokens.len() - 1;
            if needed > model.n_ctx || tokens > model.d_vocab {
                return Err(Error::TooLong {
                    split: split.to_owned(),
                    example_id: row.example.example_id,
                    reads: format!("{} tokens of {}", model.n_ctx, model.d_vocab),
                    needs: format!("{needed} of {tokens}"),
                });
            }
        }
        Ok(())
    }
}

/// Returns the vocabulary of the models, of which that of the rows has to be the beginning.
fn vocabulary(inputs: &Inputs) -> Result<Vocabulary, Error> {
    let token = |t: Token| match Kind::from_name(&t.kind) {
        Some(kind) => Ok(sequence::Token { token: t.token, kind, value: t.value.unwrap_or(sequence::NONE) }),
        None => Err(Error::Definition {
            path: inputs.vocabulary.clone(),
            message: format!("`{}` of token {} is no kind of token", t.kind, t.token_id),
        }),
    };
    let tokens = read_vocabularies(&inputs.vocabulary, &inputs.model_vocabulary)?.into_iter().map(token);
    Ok(Vocabulary::from_tokens(tokens.collect::<Result<Vec<_>, _>>()?))
}
