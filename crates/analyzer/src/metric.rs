//! The metrics that interventions are judged by, row by row.

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::rows::Row;

/// What is measured of the answer, the right tokens before each of its tokens given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Metric {
    /// Logit of the right token minus that of the last shown term (copying), where both first differ.
    LogitDifference,
    /// Logit of the right token minus that of the token that the full model finds the likeliest of all others, at the same
    /// position: what it answers instead, where it is wrong. An ablated model is measured against the same token.
    LogitMargin,
    /// Sum of the log-probabilities of the answer span's tokens, in nats.
    LogProbability,
    /// Share of rows whose every answer token is the likeliest.
    Accuracy,
}

/// The logits of a model on rows of one length.
pub(crate) struct Logits {
    values: Vec<f32>, // [row, position, token]
    positions: usize,
    tokens: usize,
}

impl Logits {
    /// Takes them over; an error where one is no number.
    pub(crate) fn new(logits: &Tensor) -> candle_core::Result<Logits> {
        let (_, positions, tokens) = logits.dims3()?;
        let values: Vec<f32> = logits.flatten_all()?.to_vec1()?;
        if values.iter().any(|logit| !logit.is_finite()) {
            candle_core::bail!("some logits are not finite; train again with a smaller learning rate");
        }
        Ok(Logits { values, positions, tokens })
    }

    /// Returns the logits of the token that stands at `position` of row number `row`.
    fn of(&self, row: usize, position: usize) -> &[f32] {
        let start = (row * self.positions + position - 1) * self.tokens;
        &self.values[start..start + self.tokens]
    }

    /// Returns, for each row, the likeliest token but a right one where the row's answer and copying first differ; nothing
    /// where they never do, or there is no other token.
    pub(crate) fn foils(&self, rows: &[Row]) -> Vec<Option<usize>> {
        let foil = |(number, row): (usize, &Row)| {
            let position = row.target.contrast?.position;
            let others = self.of(number, position).iter().enumerate();
            let others = others
                .filter(|(token, _)| row.target.right_at(position).all(|right| usize::from(right) != *token));
            let best = others.reduce(|best, other| if other.1 > best.1 { other } else { best });
            best.map(|(token, _)| token)
        };
        rows.iter().enumerate().map(foil).collect()
    }
}

impl Metric {
    /// Checks the list of metrics that an analysis is asked for.
    ///
    /// # Errors
    /// [`Error::Config`] where there is none, or one twice.
    pub(crate) fn check(metrics: &[Metric]) -> Result<(), Error> {
        if metrics.is_empty() {
            let help = "name at least one, or leave the word out for the usual ones";
            return Err(Error::config("metrics", "nothing to measure", help));
        }
        match metrics.iter().enumerate().find(|(place, metric)| metrics[..*place].contains(metric)) {
            None => Ok(()),
            Some((_, twice)) => {
                Err(Error::config("metrics", format!("{} is named twice", twice.as_str()), "name it once"))
            }
        }
    }

    /// Returns the name as written in tables.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Metric::LogitDifference => "logit_difference",
            Metric::LogitMargin => "logit_margin",
            Metric::LogProbability => "log_probability",
            Metric::Accuracy => "accuracy",
        }
    }

    /// Returns the metric of each row, nothing where it has none; `foils` are those of the full model.
    pub(crate) fn of(self, logits: &Logits, rows: &[Row], foils: &[Option<usize>]) -> Vec<Option<f64>> {
        let of_row = |(number, row): (usize, &Row)| {
            let before = |position: usize| logits.of(number, position);
            let against = |position: usize, right: u16, foil: usize| {
                let logits = before(position);
                f64::from(logits[usize::from(right)]) - f64::from(logits[foil])
            };
            let target = &row.target;
            match self {
                Metric::LogitDifference => {
                    target.contrast.map(|at| against(at.position, at.right, at.copied.into()))
                }
                Metric::LogitMargin => {
                    target.contrast.zip(foils[number]).map(|(at, foil)| against(at.position, at.right, foil))
                }
                Metric::LogProbability => Some(
                    target
                        .span
                        .clone()
                        .map(|position| target.log_probability(position, before(position)))
                        .sum(),
                ),
                Metric::Accuracy => {
                    let mut span = target.span.clone();
                    Some(f64::from(u8::from(
                        span.all(|position| target.rank(position, before(position)) == 1),
                    )))
                }
            }
        };
        rows.iter().enumerate().map(of_row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::tests::of_tokens;
    use candle_core::Device;

    #[test]
    fn each_metric_by_hand() {
        // Two positions of three tokens; the answer is token 1, then token 2; copying says 0 first.
        let row = of_tokens(&["value", "value", "end"], 2, &[0, 1, 2], 1..3).expect("a good row");
        let logits = [0.0, 2.0_f32.ln(), 0.0, 0.0, 0.0, 3.0_f32.ln()];
        let logits = Tensor::from_slice(&logits, (1, 2, 3), &Device::Cpu).expect("six numbers");
        let (logits, rows) = (Logits::new(&logits).expect("finite"), std::slice::from_ref(&row));
        let foils = logits.foils(rows);
        // Of the equally likely others the first.
        assert_eq!(foils, [Some(0)]);
        let value = |metric: Metric| metric.of(&logits, rows, &foils)[0];
        let close =
            |found: Option<f64>, expected: f64| (found.expect("it is defined") - expected).abs() < 1e-6;
        assert!(close(value(Metric::LogitDifference), 2.0_f64.ln()));
        assert!(close(value(Metric::LogitMargin), 2.0_f64.ln()));
        assert!(close(value(Metric::LogProbability), 0.5_f64.ln() + 0.6_f64.ln()));
        assert!(close(value(Metric::Accuracy), 1.0));
    }

    #[test]
    fn what_is_no_number_is_an_error() {
        let logits = Tensor::from_slice(&[f32::NAN, 0.0], (1, 1, 2), &Device::Cpu).expect("two numbers");
        assert!(Logits::new(&logits).is_err());
    }

    #[test]
    fn the_margin_is_against_what_the_full_model_answers_instead() {
        // Token 3 is right, token 0 would be copied; the full model says 2, the ablated one 1.
        let kinds = ["value", "value", "value", "value", "end"];
        let row = |shown| of_tokens(&kinds, 2, &[shown, 3, 4], 1..2).expect("a good row");
        let rows = [row(0), row(3)];
        let logits = |one: [f32; 4]| {
            let logits = Tensor::from_slice(&[one, one].concat(), (2, 1, 4), &Device::Cpu).expect("numbers");
            Logits::new(&logits).expect("finite")
        };
        let (full, ablated) = (logits([0.5, 1.0, 4.0, 3.0]), logits([0.25, 9.0, 2.0, 3.5]));
        let foils = full.foils(&rows);
        assert_eq!(foils, [Some(2), None]);
        assert_eq!(Metric::LogitMargin.of(&full, &rows, &foils), [Some(-1.0), None]);
        assert_eq!(Metric::LogitMargin.of(&ablated, &rows, &foils), [Some(1.5), None]);
        assert_eq!(Metric::LogitDifference.of(&ablated, &rows, &foils), [Some(3.25), None]);
        assert_eq!(Metric::Accuracy.of(&full, &rows, &foils), [Some(0.0), Some(0.0)]);
    }

    #[test]
    fn a_separator_counts_as_the_end() {
        // BEGIN 3 SEP 3 END: the model gives SEP 1/2 behind the answer, END 1/4, and never anything wrong before.
        let kinds = ["begin", "end", "separator", "digit"];
        let row = of_tokens(&kinds, 2, &[0, 3, 2, 3, 1], 3..5).expect("a good row");
        let sure = [-1e9, -1e9, -1e9, 0.0];
        let border = [0.25_f32, 0.25, 0.5, 1e-9].map(f32::ln);
        let logits = Tensor::from_slice(&[sure, sure, sure, border].concat(), (1, 4, 4), &Device::Cpu);
        let logits = Logits::new(&logits.expect("sixteen numbers")).expect("finite");
        let value = |metric: Metric| metric.of(&logits, std::slice::from_ref(&row), &[None])[0];
        assert_eq!(value(Metric::Accuracy), Some(1.0));
        let found = value(Metric::LogProbability).expect("it is defined");
        assert!((found - 0.75_f64.ln()).abs() < 1e-6, "{found}");
    }
}
