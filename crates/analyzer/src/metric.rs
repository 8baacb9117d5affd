//! The metric m that interventions are judged by, row by row.

use candle_core::Tensor;

use crate::Metric;
use crate::rows::Row;

impl Metric {
    /// Returns the metric of each row, nothing where it has none; `logits` is what the model says to these rows.
    pub(crate) fn of(self, logits: &Tensor, rows: &[Row]) -> candle_core::Result<Vec<Option<f64>>> {
        let (_, positions, tokens) = logits.dims3()?; // [row, position, token]
        let logits: Vec<f32> = logits.flatten_all()?.to_vec1()?;
        if logits.iter().any(|logit| !logit.is_finite()) {
            candle_core::bail!("some logits are not finite; train again with a smaller learning rate");
        }
        let of_row = |(number, row): (usize, &Row)| {
            let before = |position: usize| {
                let start = (number * positions + position - 1) * tokens;
                &logits[start..start + tokens]
            };
            let mut span = row
                .span
                .clone()
                .zip(&row.tokens[row.span.clone()])
                .map(|(at, &token)| (before(at), usize::from(token)));
            match self {
                Metric::LogitDifference => row.contrast.map(|(position, right, copied)| {
                    let logits = before(position);
                    f64::from(logits[usize::from(right)]) - f64::from(logits[usize::from(copied)])
                }),
                Metric::LogProbability => Some(span.map(|(logits, right)| log_softmax(logits, right)).sum()),
                Metric::Accuracy => {
                    Some(f64::from(u8::from(span.all(|(logits, right)| likeliest(logits) == right))))
                }
            }
        };
        Ok(rows.iter().enumerate().map(of_row).collect())
    }
}

/// Returns the token with the largest logit; the first of equal ones.
fn likeliest(logits: &[f32]) -> usize {
    logits.iter().enumerate().fold(0, |best, (token, logit)| if *logit > logits[best] { token } else { best })
}

/// Returns the natural logarithm of the token's probability.
fn log_softmax(logits: &[f32], token: usize) -> f64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit - largest).exp()).sum();
    f64::from(logits[token]) - f64::from(largest) - sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn each_metric_by_hand() {
        // Two positions of three tokens; the answer is token 1, then token 2; copying says 0 first.
        let row =
            Row { example_id: 0, cluster: 0, tokens: vec![0, 1, 2], span: 1..3, contrast: Some((1, 1, 0)) };
        let logits = [0.0, 2.0_f32.ln(), 0.0, 0.0, 0.0, 3.0_f32.ln()];
        let logits = Tensor::from_slice(&logits, (1, 2, 3), &Device::Cpu).expect("six numbers");
        let value = |metric: Metric| metric.of(&logits, std::slice::from_ref(&row)).expect("finite")[0];
        let close =
            |found: Option<f64>, expected: f64| (found.expect("it is defined") - expected).abs() < 1e-6;
        assert!(close(value(Metric::LogitDifference), 2.0_f64.ln()));
        assert!(close(value(Metric::LogProbability), 0.5_f64.ln() + 0.6_f64.ln()));
        assert!(close(value(Metric::Accuracy), 1.0));
    }

    #[test]
    fn what_is_no_number_is_an_error() {
        let row = Row { example_id: 0, cluster: 0, tokens: vec![0, 1], span: 1..3, contrast: None };
        let logits = Tensor::from_slice(&[f32::NAN, 0.0], (1, 1, 2), &Device::Cpu).expect("two numbers");
        assert!(Metric::Accuracy.of(&logits, &[row]).is_err());
    }
}
