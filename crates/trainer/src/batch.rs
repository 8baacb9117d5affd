use std::ops::Range;

use transformer::engine;

use crate::row::{Border, Row, Scoring};

/// Some rows, padded on the right to one length, and the positions whose next token is predicted.
///
/// Padding comes after a row's last token, so that causal attention never reaches it, and nothing is predicted from it.
#[derive(Clone)]
pub(crate) struct Batch {
    /// Each row without its last token, then zeros. A place has the weight 1 / (scored places) where it counts in the loss,
    /// 0 where only the answer is looked at.
    pub(crate) arrays: engine::Batch,
    /// Number of positions that count in the loss.
    pub(crate) scored: usize,
    /// Of each row, within these positions.
    answers: Vec<Range<usize>>,
    border: Option<Border>,
}

impl Batch {
    pub(crate) fn new(rows: &[Row], scoring: &Scoring) -> Self {
        let width = rows.iter().map(|row| row.tokens.len() - 1).max().unwrap_or(0);
        let mut inputs = vec![0_u32; rows.len() * width];
        let (mut places, mut targets, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        let mut answers = Vec::with_capacity(rows.len());
        for (i, row) in rows.iter().enumerate() {
            let Row { tokens, answer } = row;
            let to = &mut inputs[i * width..][..tokens.len() - 1];
            to.iter_mut().zip(tokens).for_each(|(to, token)| *to = u32::from(*token));
            let scored = scoring.scored(row);
            let mut places_of_answer = places.len()..places.len();
            for (target, token) in tokens.iter().enumerate().skip(scored.start.min(answer.start)) {
                if !scored.contains(&target) && !answer.contains(&target) {
                    continue;
                }
                if target == answer.start {
                    places_of_answer.start = places.len();
                }
                places.push((i * width + target - 1) as u32); // the token before it predicts it
                targets.push(u32::from(*token));
                counts.push(scored.contains(&target));
                if answer.contains(&target) {
                    places_of_answer.end = places.len();
                }
            }
            answers.push(places_of_answer);
        }
        let scored = counts.iter().filter(|&&counts| counts).count();
        let weights: Vec<f32> =
            counts.iter().map(|&counts| if counts { 1.0 / scored as f32 } else { 0.0 }).collect();
        let batch = engine::Batch { tokens: inputs, positions: width, places, targets, weights };
        Self { arrays: batch, scored, answers, border: scoring.vocabulary.border }
    }

    /// Returns the number of rows whose every answer token is the likeliest one, of those that are predicted.
    ///
    /// SEP is as right as END.
    pub(crate) fn answers_right(&self, predicted: &[u32]) -> usize {
        let is_border = |target, predicted| {
            self.border.is_some_and(|border| (target, predicted) == (border.end, border.separator))
        };
        let right = |answer: &&Range<usize>| {
            (*answer).clone().all(|at| {
                let (target, predicted) = (self.arrays.targets[at], predicted[at]);
                target == predicted || is_border(target, predicted)
            })
        };
        self.answers.iter().filter(right).count()
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.answers.len()
    }
}
