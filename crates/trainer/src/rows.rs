use std::path::PathBuf;
use std::sync::Arc;

use artifact::tables::{ExampleTokens, Token};
use transformer::cuda::Table;
use transformer::engine;

use crate::{Error, Loss, Span};

/// Rows of one split, packed: two bytes a token and sixteen a row.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    tokens: Vec<u16>, // of all rows, one behind the other
    rows: Vec<Row>,
    loss: Loss,
    border: Option<Border>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    end: usize,       // of its tokens, in those of all rows
    answer: [u32; 2], // token positions, the second one excluded
}

/// Some rows, padded on the right to one length, and the positions where the model is asked.
///
/// Padding comes after a row's last token, so that causal attention never reaches it, and is never asked.
#[derive(Clone)]
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
    pub(crate) fn none(vocabulary: &Vocabulary, loss: Loss) -> Self {
        Self { tokens: Vec::new(), rows: Vec::new(), loss, border: vocabulary.border }
    }

    /// Reads the shards of `split` and checks every row.
    pub(crate) fn read(
        split: &'static str,
        paths: &[PathBuf],
        vocabulary: &Vocabulary,
        loss: Loss,
    ) -> Result<Self, Error> {
        let mut all = Self::none(vocabulary, loss);
        for path in paths {
            let rows = usize::try_from(artifact::row_count(path)?).unwrap_or(usize::MAX);
            // A footer may promise too much: what it says is reserved only as far as that costs nothing.
            all.rows.reserve_exact(rows.min(1 << 24));
            for batch in artifact::table_rows(path)? {
                all.extend(split, &batch?, vocabulary)?;
            }
        }
        all.tokens.shrink_to_fit();
        all.rows.shrink_to_fit();
        Ok(all)
    }

    /// Appends rows, after checking each.
    pub(crate) fn extend(
        &mut self,
        split: &'static str,
        examples: &[ExampleTokens],
        vocabulary: &Vocabulary,
    ) -> Result<(), Error> {
        for example in examples {
            let answer = answer(example, vocabulary.size, self.loss).map_err(|message| Error::Data {
                split,
                message: format!("row {}: {message}", example.example_id),
            })?;
            self.tokens.extend_from_slice(&example.tokens);
            self.rows.push(Row { end: self.tokens.len(), answer });
        }
        Ok(())
    }

    /// Forgets the first rows.
    pub(crate) fn skip(&mut self, rows: usize) {
        let tokens = self.start(rows);
        self.tokens.drain(..tokens);
        self.rows.drain(..rows);
        self.rows.iter_mut().for_each(|row| row.end -= tokens);
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Tokens of the longest row.
    pub(crate) fn longest(&self) -> usize {
        (0..self.len()).map(|row| self.rows[row].end - self.start(row)).max().unwrap_or(0)
    }

    fn start(&self, row: usize) -> usize {
        row.checked_sub(1).map_or(0, |before| self.rows[before].end)
    }

    /// Returns the tokens of a row and the positions of its answer.
    fn row(&self, index: usize) -> (&[u16], std::ops::Range<usize>) {
        let Row { end, answer } = self.rows[index];
        (&self.tokens[self.start(index)..end], answer[0] as usize..answer[1] as usize)
    }

    /// Returns the positions of a row's tokens that count in the loss.
    pub(crate) fn scored(&self, index: usize) -> std::ops::Range<usize> {
        let (tokens, spoken) = self.row(index);
        first_scored(self.loss, spoken.start)..if self.loss == Loss::Answer {
            spoken.end
        } else {
            tokens.len()
        }
    }

    /// Appends all rows, padded to the table's length.
    pub(crate) fn write_to(&self, table: &mut Table) {
        table.border = self.border.map(|border| (border.end as u16, border.separator as u16));
        for index in 0..self.len() {
            let ((tokens, spoken), scored) = (self.row(index), self.scored(index));
            table.tokens.extend_from_slice(tokens);
            table.tokens.extend(std::iter::repeat_n(0, table.positions + 1 - tokens.len()));
            table.flags.extend((1..=table.positions).map(|target| {
                let flag =
                    |range: &std::ops::Range<usize>, flag| if range.contains(&target) { flag } else { 0 };
                flag(&scored, Table::SCORED) | flag(&spoken, Table::ANSWER)
            }));
        }
    }

    /// Returns the rows at `indices` as one batch.
    pub(crate) fn batch(&self, indices: impl ExactSizeIterator<Item = usize> + Clone) -> Batch {
        let count = indices.len();
        let width = indices.clone().map(|index| self.row(index).0.len() - 1).max().unwrap_or(0);
        let mut inputs = vec![0_u32; count * width];
        let (mut asked, mut targets, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        let mut answers = Vec::with_capacity(count);
        for (i, index) in indices.enumerate() {
            let (tokens, spoken) = self.row(index);
            let to = &mut inputs[i * width..][..tokens.len() - 1];
            to.iter_mut().zip(tokens).for_each(|(to, token)| *to = u32::from(*token));
            let scored = self.scored(index);
            let mut answer = asked.len()..asked.len();
            for (target, token) in tokens.iter().enumerate().skip(scored.start.min(spoken.start)) {
                if !scored.contains(&target) && !spoken.contains(&target) {
                    continue;
                }
                if target == spoken.start {
                    answer.start = asked.len();
                }
                asked.push((i * width + target - 1) as u32); // the token before it predicts it
                targets.push(u32::from(*token));
                counts.push(scored.contains(&target));
                if spoken.contains(&target) {
                    answer.end = asked.len();
                }
            }
            answers.push(answer);
        }
        let scored = counts.iter().filter(|&&counts| counts).count();
        let weights: Vec<f32> =
            counts.iter().map(|&counts| if counts { 1.0 / scored as f32 } else { 0.0 }).collect();
        let asked = engine::Batch { tokens: inputs, positions: width, places: asked, targets, weights };
        Batch { asked: Arc::new(asked), scored, answers, border: self.border }
    }
}

/// Returns the token positions of a row's answer, after checking the row.
fn answer(example: &ExampleTokens, d_vocab: usize, loss: Loss) -> Result<[u32; 2], String> {
    let ExampleTokens { tokens, answer_start, answer_length, .. } = example;
    if let Some(token) = tokens.iter().find(|&&token| usize::from(token) >= d_vocab) {
        return Err(format!("token {token} is not in the vocabulary of {d_vocab}"));
    }
    let start = u32::try_from(*answer_start).unwrap_or(0);
    let length = u32::try_from(*answer_length).unwrap_or(0);
    let end = start.saturating_add(length);
    if start == 0 || length == 0 || end as usize > tokens.len() {
        return Err(format!(
            "the answer (start {answer_start}, length {answer_length}) must lie in the {} tokens, after the first",
            tokens.len()
        ));
    }
    if let Loss::Span(Span { from }) = loss
        && from >= tokens.len()
    {
        return Err(format!("loss.span.from {from} leaves none of its {} tokens to score", tokens.len()));
    }
    Ok([start, end])
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
