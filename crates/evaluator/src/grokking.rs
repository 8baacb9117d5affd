//! When train and validation were learned: `t_mem`, `t_gen`, and how far they lie apart, from the log of training.

use std::collections::BTreeMap;

use artifact::tables::Training;

use crate::found::Found;

/// Returns `t_mem`, `t_gen`, `grokking_delay` and `grokking_ratio` of each seed and over seeds.
///
/// Each lies between two steps that were logged, which are given as its ends.
pub(crate) fn scores(log: &[Training], threshold: f64) -> Vec<Found> {
    let mut seeds = BTreeMap::<i32, Vec<&Training>>::new();
    log.iter().for_each(|row| seeds.entry(row.seed).or_default().push(row));
    let seeds: BTreeMap<i32, Seed> =
        seeds.into_iter().map(|(seed, rows)| (seed, Seed::of(rows, threshold))).collect();
    let metrics: [(&'static str, &'static str, OfSeed); 4] = [
        ("train", "t_mem", |seed| seed.memorised),
        ("validation", "t_gen", |seed| seed.generalised),
        ("validation", "grokking_delay", Seed::delay),
        ("validation", "grokking_ratio", Seed::ratio),
    ];
    let last = seeds.values().map(|seed| seed.last).max().unwrap_or(-1);
    let mut scores = Vec::new();
    for (split, metric, value) in metrics {
        let row = |seed, seeds, step, found: Logged, n: usize| Found {
            model: "trained",
            seed,
            seeds,
            step,
            split,
            slice: "all".to_owned(),
            metric,
            value: found.value,
            low: found.value.and(found.low),
            high: found.value.and(found.high),
            n: n as u64,
            ..Found::default()
        };
        let values: Vec<Logged> = seeds.values().map(|seed| value(seed).unwrap_or_default()).collect();
        for ((&seed, of), &found) in seeds.iter().zip(&values) {
            scores.push(row(Some(seed), 1, of.last, found, usize::from(found.value.is_some())));
        }
        if !seeds.is_empty() {
            let over = |end: fn(&Logged) -> Option<f64>| median(values.iter().map(end));
            let over = Logged { low: over(|l| l.low), value: over(|l| l.value), high: over(|l| l.high) };
            let reached = values.iter().filter(|found| found.value.is_some()).count();
            scores.push(row(None, seeds.len(), last, over, reached));
        }
    }
    scores
}

/// What is known of a step from a log: it is the first logged one at which something held, so it came after `low`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Logged {
    low: Option<f64>,
    value: Option<f64>,
    high: Option<f64>,
}

type OfSeed = fn(&Seed) -> Option<Logged>;

#[derive(Debug, Default)]
struct Seed {
    last: i64,
    memorised: Option<Logged>,
    generalised: Option<Logged>,
}

impl Seed {
    fn of(mut rows: Vec<&Training>, threshold: f64) -> Seed {
        rows.sort_by_key(|row| row.step);
        let first = |accuracy: fn(&Training) -> Option<f32>| {
            let measured: Vec<(i64, f32)> =
                rows.iter().filter_map(|row| Some((row.step, accuracy(row)?))).collect();
            let at = measured.iter().position(|(_, accuracy)| *accuracy >= threshold as f32)?;
            let before = at.checked_sub(1).map_or(0, |before| measured[before].0);
            let step = measured[at].0 as f64;
            Some(Logged { low: Some((before as f64).min(step)), value: Some(step), high: Some(step) })
        };
        Seed {
            last: rows.last().map_or(-1, |row| row.step),
            memorised: first(|row| row.train_accuracy),
            generalised: first(|row| row.validation_accuracy),
        }
    }

    fn delay(&self) -> Option<Logged> {
        let (memorised, generalised) = (self.memorised?, self.generalised?);
        let less = |one: Option<f64>, other: Option<f64>| Some(one? - other?);
        Some(Logged {
            low: less(generalised.low, memorised.high),
            value: less(generalised.value, memorised.value),
            high: less(generalised.high, memorised.low),
        })
    }

    fn ratio(&self) -> Option<Logged> {
        let (memorised, generalised) = (self.memorised?, self.generalised?);
        let by = |one: Option<f64>, other: Option<f64>| {
            other.filter(|other| *other > 0.0).and_then(|other| Some(one? / other))
        };
        let ends = by(generalised.low, memorised.high).zip(by(generalised.high, memorised.low));
        Some(Logged {
            low: ends.map(|(low, _)| low),
            value: by(generalised.value, memorised.value),
            high: ends.map(|(_, high)| high),
        })
    }
}

/// Returns the median, with "never" later than any step; nothing where the median itself is "never".
fn median(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let mut values: Vec<f64> = values.map(|value| value.unwrap_or(f64::INFINITY)).collect();
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
        let ends = |seed, metric: &str| {
            let row = scores.iter().find(|s| s.seed == seed && s.metric == metric);
            row.and_then(|row| row.low.zip(row.high))
        };
        assert_eq!(value(Some(0), "t_mem"), (Some(20.0), 1, 80));
        assert_eq!(value(Some(0), "t_gen"), (Some(80.0), 1, 80));
        assert_eq!(value(Some(1), "t_mem"), (Some(20.0), 1, 80));
        assert_eq!(value(Some(1), "t_gen"), (None, 0, 80));
        assert_eq!(value(Some(0), "grokking_delay"), (Some(60.0), 1, 80));
        assert_eq!(value(Some(0), "grokking_ratio"), (Some(4.0), 1, 80));
        assert_eq!(value(Some(1), "grokking_delay"), (None, 0, 80));
        assert_eq!(value(None, "t_mem"), (Some(20.0), 2, 80));
        assert_eq!(value(None, "t_gen"), (None, 1, 80));
        // The log knows only between which of its steps it was: after 10, at 20; after 30, at 80.
        assert_eq!(ends(Some(0), "t_mem"), Some((10.0, 20.0)));
        assert_eq!(ends(Some(1), "t_mem"), Some((0.0, 20.0)));
        assert_eq!(ends(Some(0), "t_gen"), Some((30.0, 80.0)));
        assert_eq!(ends(Some(0), "grokking_delay"), Some((10.0, 70.0)));
        assert_eq!(ends(Some(0), "grokking_ratio"), Some((1.5, 8.0)));
        assert_eq!(ends(None, "t_mem"), Some((5.0, 20.0)));
        assert_eq!(ends(Some(1), "t_gen"), None);
    }

    #[test]
    fn medians() {
        let median = |values: &[Option<f64>]| median(values.iter().copied());
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[Some(3.0), None, Some(1.0)]), Some(3.0));
        assert_eq!(median(&[Some(3.0), None]), None);
        assert_eq!(median(&[Some(4.0), Some(2.0)]), Some(3.0));
    }
}
