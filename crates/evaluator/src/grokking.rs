//! When train and validation were learned: `t_mem`, `t_gen`, and how far they lie apart, from the log of training.

use std::collections::BTreeMap;

use artifact::tables::{Score, Training};

use crate::aggregate::OVER_SEEDS;

/// Returns `t_mem`, `t_gen`, `grokking_delay` and `grokking_ratio` of each seed and over seeds.
pub(crate) fn scores(log: &[Training], threshold: f64) -> Vec<Score> {
    let mut seeds = BTreeMap::<i32, Seed>::new();
    for row in log {
        let seed = seeds.entry(row.seed).or_default();
        seed.last = seed.last.max(row.step);
        let reached = |accuracy: Option<f32>| accuracy.is_some_and(|a| a >= threshold as f32);
        let earliest = |before: Option<i64>| Some(before.map_or(row.step, |step: i64| step.min(row.step)));
        if reached(row.train_accuracy) {
            seed.memorised = earliest(seed.memorised);
        }
        if reached(row.validation_accuracy) {
            seed.generalised = earliest(seed.generalised);
        }
    }
    let metrics: [(&str, &str, OfSeed); 4] = [
        ("train", "t_mem", |seed| seed.memorised.map(|step| step as f64)),
        ("validation", "t_gen", |seed| seed.generalised.map(|step| step as f64)),
        ("validation", "grokking_delay", Seed::delay),
        ("validation", "grokking_ratio", Seed::ratio),
    ];
    let last = seeds.values().map(|seed| seed.last).max().unwrap_or(-1);
    let mut scores = Vec::new();
    for (split, metric, value) in metrics {
        let values: Vec<Option<f64>> = seeds.values().map(value).collect();
        let row = |seed, step, value, n: usize| Score {
            model: "trained".to_owned(),
            seed,
            step,
            split: split.to_owned(),
            task: String::new(),
            slice: "all".to_owned(),
            metric: metric.to_owned(),
            value,
            low: None,
            high: None,
            n: n as i64,
        };
        for ((&seed, of), &value) in seeds.iter().zip(&values) {
            scores.push(row(seed, of.last, value, usize::from(value.is_some())));
        }
        if !seeds.is_empty() {
            scores.push(row(OVER_SEEDS, last, median(&values), values.iter().flatten().count()));
        }
    }
    scores
}

type OfSeed = fn(&Seed) -> Option<f64>;

#[derive(Debug, Default)]
struct Seed {
    last: i64,
    memorised: Option<i64>,
    generalised: Option<i64>,
}

impl Seed {
    fn delay(&self) -> Option<f64> {
        Some((self.generalised? - self.memorised?) as f64)
    }

    fn ratio(&self) -> Option<f64> {
        let (memorised, generalised) = (self.memorised?, self.generalised?);
        (memorised > 0).then(|| generalised as f64 / memorised as f64)
    }
}

/// Returns the median, with "never" later than any step; nothing where the median itself is "never".
fn median(values: &[Option<f64>]) -> Option<f64> {
    let mut values: Vec<f64> = values.iter().map(|value| value.unwrap_or(f64::INFINITY)).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median = match values.len() {
        0 => return None,
        n if n % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    };
    median.is_finite().then_some(median)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(seed: i32, step: i64, train: f32, validation: Option<f32>) -> Training {
        Training {
            seed,
            step,
            examples_seen: 0,
            train_loss: None,
            train_accuracy: Some(train),
            validation_loss: None,
            validation_accuracy: validation,
            learning_rate: 0.0,
            gradient_norm: None,
            weight_norm: None,
        }
    }

    #[test]
    fn first_steps_and_how_far_they_lie_apart() {
        let rows = [
            log(0, 10, 0.5, Some(0.1)),
            log(0, 20, 0.99, None),
            log(0, 30, 0.98, Some(0.2)),
            log(0, 80, 1.0, Some(0.995)),
            log(1, 20, 1.0, Some(0.3)),
            log(1, 80, 1.0, Some(0.4)),
        ];
        let scores = scores(&rows, 0.99);
        let value = |seed, metric: &str| {
            let row =
                scores.iter().find(|s| s.seed == seed && s.metric == metric).expect("every seed has a row");
            (row.value, row.n, row.step)
        };
        assert_eq!(value(0, "t_mem"), (Some(20.0), 1, 80));
        assert_eq!(value(0, "t_gen"), (Some(80.0), 1, 80));
        assert_eq!(value(1, "t_mem"), (Some(20.0), 1, 80));
        assert_eq!(value(1, "t_gen"), (None, 0, 80));
        assert_eq!(value(0, "grokking_delay"), (Some(60.0), 1, 80));
        assert_eq!(value(0, "grokking_ratio"), (Some(4.0), 1, 80));
        assert_eq!(value(1, "grokking_delay"), (None, 0, 80));
        assert_eq!(value(-1, "t_mem"), (Some(20.0), 2, 80));
        assert_eq!(value(-1, "t_gen"), (None, 1, 80));
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[Some(3.0), None, Some(1.0)]), Some(3.0));
        assert_eq!(median(&[Some(3.0), None]), None);
        assert_eq!(median(&[Some(4.0), Some(2.0)]), Some(3.0));
    }
}
