use std::path::PathBuf;

use artifact::tables::{Example, Token};
use candle_core::{Device, Tensor};

use crate::{Error, Loss, Span};

/// The rows of one split, as tokens.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    rows: Vec<Row>,
    loss: Loss,
}

#[derive(Debug, Clone)]
struct Row {
    tokens: Vec<u32>,
    answer: std::ops::Range<usize>, // token positions
}

/// Some rows, padded on the right to one length, and the positions where the model is asked.
///
/// Padding comes after a row's last token, so that causal attention never reaches it, and is never asked.
pub(crate) struct Batch {
    /// Inputs, u32 `[batch, pos]`: each row without its last token, then zeros.
    pub(crate) tokens: Tensor,
    /// Flat indices into `[batch * pos]` of the asked positions, row by row, u32 `[n]`.
    pub(crate) asked: Tensor,
    /// The right next tokens there, u32 `[n]`.
    pub(crate) targets: Tensor,
    /// 1 / (scored positions) where the position counts in the loss, 0 where only the answer is looked at, f32 `[n]`.
    pub(crate) weights: Tensor,
    /// Number of positions that count in the loss.
    pub(crate) scored: usize,
    answers: Vec<std::ops::Range<usize>>, // of each row, within the asked positions
    targets_on_host: Vec<u32>,
}

/// Reads the vocabulary and returns its size.
pub(crate) fn vocabulary_size(path: &std::path::Path) -> Result<usize, Error> {
    let tokens = artifact::read_table::<Token>(path)?;
    let size = tokens.iter().map(|token| i64::from(token.token_id) + 1).max().unwrap_or(0);
    usize::try_from(size).ok().filter(|&size| size > 0).ok_or_else(|| Error::Data {
        split: "vocabulary",
        message: "there is no token in it; rebuild the data".into(),
    })
}

impl Rows {
    /// Reads the shards of `split` and checks every row.
    pub(crate) fn read(
        split: &'static str,
        paths: &[PathBuf],
        d_vocab: usize,
        loss: Loss,
    ) -> Result<Self, Error> {
        let mut all = Self { rows: Vec::new(), loss };
        for path in paths {
            for batch in artifact::table_rows::<Example>(path)? {
                all.rows.extend(Self::new(split, &batch?, d_vocab, loss)?.rows);
            }
        }
        Ok(all)
    }

    /// Checks every row.
    pub(crate) fn new(
        split: &'static str,
        examples: &[Example],
        d_vocab: usize,
        loss: Loss,
    ) -> Result<Self, Error> {
        let row = |example: &Example| {
            Row::new(example, d_vocab, loss).map_err(|message| Error::Data {
                split,
                message: format!("row {}: {message}", example.example_id),
            })
        };
        Ok(Self { rows: examples.iter().map(row).collect::<Result<_, _>>()?, loss })
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Tokens of the longest row.
    pub(crate) fn longest(&self) -> usize {
        self.rows.iter().map(|row| row.tokens.len()).max().unwrap_or(0)
    }

    /// Returns the rows at `indices` as one batch.
    pub(crate) fn batch(&self, indices: &[usize]) -> Result<Batch, Error> {
        let rows: Vec<&Row> = indices.iter().map(|&index| &self.rows[index]).collect();
        let width = rows.iter().map(|row| row.tokens.len() - 1).max().unwrap_or(0);
        let mut tokens = vec![0_u32; rows.len() * width];
        let (mut asked, mut targets, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        let mut answers = Vec::with_capacity(rows.len());
        for (i, row) in rows.iter().enumerate() {
            tokens[i * width..][..row.tokens.len() - 1].copy_from_slice(&row.tokens[..row.tokens.len() - 1]);
            let first_scored = first_scored(self.loss, row.answer.start);
            let scored =
                first_scored..if self.loss == Loss::Answer { row.answer.end } else { row.tokens.len() };
            let mut answer = asked.len()..asked.len();
            for target in scored.start.min(row.answer.start)..row.tokens.len() {
                if !scored.contains(&target) && !row.answer.contains(&target) {
                    continue;
                }
                if target == row.answer.start {
                    answer.start = asked.len();
                }
                asked.push((i * width + target - 1) as u32); // the token before it predicts it
                targets.push(row.tokens[target]);
                counts.push(scored.contains(&target));
                if row.answer.contains(&target) {
                    answer.end = asked.len();
                }
            }
            answers.push(answer);
        }
        let scored = counts.iter().filter(|&&counts| counts).count();
        let weights: Vec<f32> =
            counts.iter().map(|&counts| if counts { 1.0 / scored as f32 } else { 0.0 }).collect();
        let vector = |values: &[u32]| Tensor::new(values, &Device::Cpu);
        Ok(Batch {
            tokens: Tensor::from_vec(tokens, (rows.len(), width), &Device::Cpu)?,
            asked: vector(&asked)?,
            targets: vector(&targets)?,
            weights: Tensor::new(weights, &Device::Cpu)?,
            scored,
            answers,
            targets_on_host: targets,
        })
    }
}

impl Row {
    fn new(example: &Example, d_vocab: usize, loss: Loss) -> Result<Self, String> {
        let tokens: Vec<u32> = example.tokens.iter().map(|&token| u32::from(token)).collect();
        if let Some(token) = tokens.iter().find(|&&token| token as usize >= d_vocab) {
            return Err(format!("token {token} is not in the vocabulary of {d_vocab}"));
        }
        let start = usize::try_from(example.answer_start).unwrap_or(0);
        let length = usize::try_from(example.answer_length).unwrap_or(0);
        if start == 0 || length == 0 || start + length > tokens.len() {
            return Err(format!(
                "the answer (start {}, length {}) must lie in the {} tokens, after the first",
                example.answer_start,
                example.answer_length,
                tokens.len()
            ));
        }
        if let Loss::Span(Span { from }) = loss
            && from >= tokens.len()
        {
            return Err(format!("loss.span.from {from} leaves none of its {} tokens to score", tokens.len()));
        }
        Ok(Self { tokens, answer: start..start + length })
    }
}

/// The first token whose prediction counts.
fn first_scored(loss: Loss, answer_start: usize) -> usize {
    match loss {
        Loss::Answer => answer_start,
        Loss::Span(Span { from }) => from,
        // `Last` never gets past the check of the config.
        Loss::All | Loss::Last => 1,
    }
}

impl Batch {
    /// Returns the number of rows whose every answer token is the most likely one, of logits `[n, vocab]`.
    pub(crate) fn answers_right(&self, logits: &Tensor) -> Result<usize, Error> {
        let best = logits.argmax(1)?.to_vec1::<u32>()?; // [n]
        let right = |answer: &&std::ops::Range<usize>| {
            best[(*answer).clone()] == self.targets_on_host[(*answer).clone()]
        };
        Ok(self.answers.iter().filter(right).count())
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.answers.len()
    }
}
