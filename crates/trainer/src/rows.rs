use std::path::PathBuf;
use std::sync::Arc;

use artifact::tables::{Example, Token};
use transformer::engine;

use crate::{Error, Loss, Span};

/// The rows of one split, as tokens.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    rows: Vec<Row>,
    loss: Loss,
    border: Option<Border>,
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
    /// Each row without its last token, then zeros. A place has the weight 1 / (scored places) where it counts in the loss,
    /// 0 where only the answer is looked at.
    pub(crate) asked: Arc<engine::Batch>,
    /// Number of positions that count in the loss.
    pub(crate) scored: usize,
    answers: Vec<std::ops::Range<usize>>, // of each row, within the asked positions
    border: Option<Border>,
}

/// What has to be known of the vocabulary.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vocabulary {
    /// Number of tokens.
    pub(crate) size: usize,
    border: Option<Border>,
}

/// END, and SEP, which ends a value as well: no rule decides which of them comes where rows differ in length.
#[derive(Debug, Clone, Copy)]
struct Border {
    end: u32,
    separator: u32,
}

impl Vocabulary {
    /// Reads the table.
    pub(crate) fn read(path: &std::path::Path) -> Result<Self, Error> {
        Self::new(&artifact::read_table::<Token>(path)?)
    }

    /// Returns what has to be known of these tokens.
    pub(crate) fn new(tokens: &[Token]) -> Result<Self, Error> {
        let size = tokens.iter().map(|token| i64::from(token.token_id) + 1).max().unwrap_or(0);
        let size = usize::try_from(size).ok().filter(|&size| size > 0).ok_or_else(|| Error::Data {
            split: "vocabulary",
            message: "there is no token in it; rebuild the data".into(),
        })?;
        let find = |kind| tokens.iter().find(|token| token.kind == kind).map(|token| token.token_id as u32);
        let border = find("end").zip(find("separator")).map(|(end, separator)| Border { end, separator });
        Ok(Self { size, border })
    }
}

impl Rows {
    /// Reads the shards of `split` and checks every row.
    pub(crate) fn read(
        split: &'static str,
        paths: &[PathBuf],
        vocabulary: &Vocabulary,
        loss: Loss,
    ) -> Result<Self, Error> {
        let mut all = Self { rows: Vec::new(), loss, border: vocabulary.border };
        for path in paths {
            for batch in artifact::table_rows::<Example>(path)? {
                all.rows.extend(Self::new(split, &batch?, vocabulary, loss)?.rows);
            }
        }
        Ok(all)
    }

    /// Checks every row.
    pub(crate) fn new(
        split: &'static str,
        examples: &[Example],
        vocabulary: &Vocabulary,
        loss: Loss,
    ) -> Result<Self, Error> {
        let row = |example: &Example| {
            Row::new(example, vocabulary.size, loss).map_err(|message| Error::Data {
                split,
                message: format!("row {}: {message}", example.example_id),
            })
        };
        let rows = examples.iter().map(row).collect::<Result<_, _>>()?;
        Ok(Self { rows, loss, border: vocabulary.border })
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Tokens of the longest row.
    pub(crate) fn longest(&self) -> usize {
        self.rows.iter().map(|row| row.tokens.len()).max().unwrap_or(0)
    }

    /// Returns the rows at `indices` as one batch.
    pub(crate) fn batch(&self, indices: &[usize]) -> Batch {
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
        let asked = engine::Batch { tokens, positions: width, places: asked, targets, weights };
        Batch { asked: Arc::new(asked), scored, answers, border: self.border }
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
    /// Returns the number of rows whose every answer token is the likeliest one, of those at the asked positions.
    ///
    /// SEP is as right as END.
    pub(crate) fn answers_right(&self, best: &[u32]) -> usize {
        let is_border =
            |target, said| self.border.is_some_and(|border| (target, said) == (border.end, border.separator));
        let right = |answer: &&std::ops::Range<usize>| {
            (*answer).clone().all(|at| {
                let (target, said) = (self.asked.targets[at], best[at]);
                target == said || is_border(target, said)
            })
        };
        self.answers.iter().filter(right).count()
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.answers.len()
    }
}
