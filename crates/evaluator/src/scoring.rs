//! What a model answers to each row, and how sure it is.
//!
//! One forward pass over the whole row scores every answer token with the right ones before it. As long as the
//! likeliest token is the right one, greedy generation sees the same prefix, so it goes on from the first wrong token
//! only: the exact match of both is the same by construction, and right answers cost nothing more.

use answer::likeliest;
use transformer::engine::Predictor;

use crate::error::Unanswered;
use crate::rows::Row;

/// What a model answers to one row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// The greedy answer is exactly the answer span.
    pub(crate) correct: bool,
    /// Every answer token is the likeliest, the right ones before it given.
    pub(crate) teacher_forced: bool,
    /// Number of tokens of the answer span.
    pub(crate) tokens: u32,
    /// How many of them are the likeliest, the right ones before them given.
    pub(crate) right_tokens: u32,
    /// Sum of the log-probabilities of the answer tokens, in nats; END counts with SEP, which is the same border.
    pub(crate) log_probability: f64,
    /// The worst rank of an answer token; 1 is the likeliest.
    pub(crate) rank: i32,
    /// Logit of the right token minus that of copying, where both first differ.
    pub(crate) logit_difference: Option<f64>,
    /// The greedy answer, until its border or the longest answer; cut after the first wrong token if not asked to go on.
    pub(crate) output: Vec<u16>,
}

/// How far greedy generation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generate {
    /// To the first wrong token: enough to know whether the answer is right.
    ToFirstMistake,
    /// To END, or to as many tokens as the longest answer of the dataset.
    ToEnd {
        /// Tokens of the longest answer.
        longest: usize,
    },
}

/// Returns the model's answer to each row, in the order of the rows.
///
/// Rows of one length share a forward pass, `batch` at a time; nothing is ever padded.
pub(crate) fn answers(
    model: &Predictor,
    context: usize,
    rows: &[Row],
    batch: usize,
    generate: Generate,
) -> Result<Vec<Answer>, Unanswered> {
    let mut answers: Vec<Option<Answer>> = vec![None; rows.len()];
    for batch in by_length(rows.iter().map(|row| row.example.tokens.len()), batch) {
        let prefixes: Vec<&[u16]> = batch.iter().map(|&row| whole(&rows[row])).collect();
        let from = batch.iter().map(|&row| rows[row].target.span.start - 1).min().unwrap_or(0);
        let logits = Logits::of(model, &prefixes, from)?;
        for (place, &row) in batch.iter().enumerate() {
            answers[row] = Some(score(&rows[row], |position| logits.after(place, position - 1)));
        }
    }
    let mut answers: Vec<Answer> = answers.into_iter().flatten().collect();
    if let Generate::ToEnd { longest } = generate {
        go_on(model, context, rows, &mut answers, batch, longest)?;
    }
    Ok(answers)
}

/// Everything of the row that the model needs to see to be asked for its last token.
fn whole(row: &Row) -> &[u16] {
    &row.example.tokens[..row.example.tokens.len() - 1]
}

/// Scores the answer span; `logits_at` gives what the model says for the token at a position of the row.
fn score<'a>(row: &Row, logits_at: impl Fn(usize) -> &'a [f32]) -> Answer {
    let target = &row.target;
    let (mut right_tokens, mut log_probability, mut worst, mut output) = (0, 0.0, 1, Vec::new());
    let mut mistaken = false;
    for (position, &right) in target.span.clone().zip(&target.tokens) {
        let logits = logits_at(position);
        let rank = target.rank(position, logits);
        worst = worst.max(rank);
        right_tokens += u32::from(rank == 1);
        log_probability += target.log_probability(position, logits);
        if !mistaken {
            output.push(if rank == 1 { right } else { target.counted(&output, likeliest(logits)) });
            mistaken = rank != 1;
        }
    }
    let logit_difference = target.contrast.map(|contrast| {
        let logits = logits_at(contrast.position);
        f64::from(logits[usize::from(contrast.right)]) - f64::from(logits[usize::from(contrast.copied)])
    });
    Answer {
        correct: output == target.tokens,
        teacher_forced: right_tokens as usize == target.tokens.len(),
        tokens: target.tokens.len() as u32,
        right_tokens,
        log_probability,
        rank: worst,
        logit_difference,
        output,
    }
}

/// Lets every wrong answer go on from its first wrong token, until its border or `longest` tokens or the end of the context.
fn go_on(
    model: &Predictor,
    context: usize,
    rows: &[Row],
    answers: &mut [Answer],
    batch: usize,
    longest: usize,
) -> Result<(), Unanswered> {
    let unfinished = |row: &Row, output: &[u16]| {
        let over = if row.target.has_border {
            output.last() == row.example.tokens.last() || output.len() >= longest
        } else {
            output.len() >= row.target.span.len()
        };
        !over && row.target.span.start + output.len() <= context
    };
    loop {
        let open: Vec<usize> =
            (0..rows.len()).filter(|&row| unfinished(&rows[row], &answers[row].output)).collect();
        if open.is_empty() {
            return Ok(());
        }
        let prefixes: Vec<Vec<u16>> = open
            .iter()
            .map(|&row| {
                [&rows[row].example.tokens[..rows[row].target.span.start], &answers[row].output].concat()
            })
            .collect();
        for batch in by_length(prefixes.iter().map(Vec::len), batch) {
            let shown: Vec<&[u16]> = batch.iter().map(|&place| prefixes[place].as_slice()).collect();
            let last = shown[0].len() - 1;
            let logits = Logits::of(model, &shown, last)?;
            for (place, &prefix) in batch.iter().enumerate() {
                let output = &mut answers[open[prefix]].output;
                let target = &rows[open[prefix]].target;
                output.push(target.counted(output, likeliest(logits.after(place, last))));
            }
        }
    }
}

/// Returns the places of equal length together, at most `batch` of them, shortest first and in their own order.
fn by_length(lengths: impl Iterator<Item = usize>, batch: usize) -> Vec<Vec<usize>> {
    let mut groups = std::collections::BTreeMap::<usize, Vec<usize>>::new();
    for (place, length) in lengths.enumerate() {
        groups.entry(length).or_default().push(place);
    }
    groups.values().flat_map(|places| places.chunks(batch).map(<[usize]>::to_vec)).collect()
}

/// The logits after each token of some rows of one length, from one position on.
struct Logits {
    values: Vec<f32>, // [row, position, token]
    from: usize,
    positions: usize,
    tokens: usize,
}

impl Logits {
    fn of(model: &Predictor, rows: &[&[u16]], from: usize) -> Result<Logits, Unanswered> {
        let length = rows[0].len();
        let shown: Vec<u32> = rows.iter().flat_map(|row| row.iter().map(|&token| u32::from(token))).collect();
        let positions = length - from;
        let asked = (0..rows.len())
            .flat_map(|row| (from..length).map(move |position| (row * length + position) as u32));
        let asked: Vec<u32> = asked.collect();
        let values = model.logits(&shown, length, &asked)?;
        let tokens = values.len() / asked.len();
        if values.iter().any(|logit| !logit.is_finite()) {
            return Err(Unanswered::NotFinite);
        }
        Ok(Logits { values, from, positions, tokens })
    }

    /// Returns what the model says after the token at `position` of a row.
    fn after(&self, row: usize, position: usize) -> &[f32] {
        let start = (row * self.positions + position - self.from) * self.tokens;
        &self.values[start..start + self.tokens]
    }
}

#[cfg(test)]
mod tests {
    use answer::Kinds;
    use artifact::tables::Example;

    use super::*;

    /// BEGIN 1 SEP 2 END in single digits; tokens: 0 begins, 1 ends, 2 separates, 3 to 5 are the digits 0 to 2.
    fn row() -> Row {
        let example = Example {
            example_id: 7,
            task: "t".into(),
            family: "arithmetic".into(),
            notation: "digits".into(),
            domain: "integer".into(),
            unit: "pair".into(),
            parameter: Some(1),
            text: "1 2".into(),
            terms: vec![1, 2],
            tokens: vec![0, 4, 2, 5, 1],
            answer_start: 3,
            answer_length: 2,
            cluster: 7,
        };
        let kinds = Kinds::of(["begin", "end", "separator", "digit", "digit", "digit"]);
        Row::new("test", example, &kinds).expect("a sound row")
    }

    #[test]
    fn a_separator_behind_the_answer_is_as_right_as_the_end() {
        let says =
            |token: usize| (0..6).map(|other| if other == token { 3.0 } else { 0.0 }).collect::<Vec<f32>>();
        let answer = |digit: usize, border: usize| {
            let logits = [says(digit), says(border)];
            score(&row(), |position| &logits[position - 3])
        };
        let (end, separator, digit) = (answer(5, 1), answer(5, 2), answer(5, 3));
        assert!(end.correct && separator.correct && !digit.correct);
        assert_eq!((end.output, separator.output, digit.output), (vec![5, 1], vec![5, 1], vec![5, 3]));
        assert!((end.log_probability - separator.log_probability).abs() < 1e-12);
        // p(digit) = e^3 / (e^3 + 5); p(END) + p(SEP) = (e^3 + 1) / (e^3 + 5).
        let e = 3.0_f64.exp();
        assert!((end.log_probability - (e * (e + 1.0) / (e + 5.0).powi(2)).ln()).abs() < 1e-6);
        // A SEP said in place of the digit ends the answer too.
        assert_eq!(answer(2, 1).output, [1]);
    }

    #[test]
    fn rows_of_one_length_go_together() {
        assert_eq!(by_length([3, 2, 3, 3, 2].into_iter(), 2), [vec![1, 4], vec![0, 2], vec![3]]);
    }
}
