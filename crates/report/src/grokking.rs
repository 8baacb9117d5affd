//! When the train rows were learned, and when the validation rows: both accuracies against the logarithm of the step.
//!
//! `t_mem`, `t_gen` and what lies between them are rows of `scores`; nothing is read off the curves here.

use std::collections::BTreeMap;

use artifact::tables::Training;
use serde::Serialize;

use crate::Error;
use crate::curves::Line;
use crate::folder::Source;
use crate::number::{count, counted, significant};
use crate::published::{Metric, Published};
use crate::scores::{Estimate, OVER_SEEDS, Scores};

/// Both steps of one seed.
#[derive(Debug, Serialize)]
struct Mark {
    seed: i32,
    t_mem: Option<f64>,
    t_gen: Option<f64>,
}

/// What the script draws.
#[derive(Debug, Serialize)]
pub(crate) struct Picture {
    /// The accuracy that counts as learned; null where no config says it.
    threshold: Option<f64>,
    last_step: i64,
    train: Vec<Line>,
    validation: Vec<Line>,
    marks: Vec<Mark>,
    /// Over seeds.
    t_mem: Option<f64>,
    t_gen: Option<f64>,
    delay: Option<f64>,
    /// The words for both, and for what lies between them.
    t_mem_text: String,
    t_gen_text: String,
    delay_text: String,
    /// Which of both, step and text.
    published: Vec<(&'static str, f64, String)>,
}

/// The table beneath the picture: a seed a row, `over seeds` last.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    rows: Vec<(String, [String; 4])>,
}

const COLUMNS: [Metric; 4] = [Metric::TMem, Metric::TGen, Metric::GrokkingDelay, Metric::GrokkingRatio];

/// Builds both with at most `points` points a line; `None` without a training table or without the steps in `scores`.
pub(crate) fn build(
    source: &Source,
    scores: Option<&Scores>,
    published: &[&Published],
    points: usize,
) -> Result<Option<(Picture, Table)>, Error> {
    let mut log = BTreeMap::<i32, Vec<Training>>::new();
    source.each("training", |row: Training| log.entry(row.seed).or_default().push(row))?;
    log.values_mut().for_each(|rows| rows.sort_by_key(|row| row.step));
    let (train, validation) =
        (lines(&log, |row| row.train_accuracy, points), lines(&log, |row| row.validation_accuracy, points));
    let last_step = log.values().flatten().map(|row| row.step).max().unwrap_or(0);
    let Some(steps) = scores.map(|scores| Steps { scores, seeds: scores.seeds(), last_step }) else {
        return Ok(None);
    };
    if steps.row(OVER_SEEDS, Metric::TMem).is_none() || (train.is_empty() && validation.is_empty()) {
        return Ok(None);
    }
    let mark =
        |&seed| Mark { seed, t_mem: steps.value(seed, Metric::TMem), t_gen: steps.value(seed, Metric::TGen) };
    let steps_of_others = published
        .iter()
        .filter(|one| matches!(one.metric, Metric::TMem | Metric::TGen) && one.value >= 1.0)
        .map(|one| (one.metric.column().0, one.value, one.metric.text(one.value)));
    let picture = Picture {
        threshold: source.config("scores")["threshold"].as_f64(),
        last_step,
        train,
        validation,
        marks: steps.seeds.iter().map(mark).collect(),
        t_mem: steps.value(OVER_SEEDS, Metric::TMem),
        t_gen: steps.value(OVER_SEEDS, Metric::TGen),
        delay: steps.value(OVER_SEEDS, Metric::GrokkingDelay),
        t_mem_text: steps.learned(Metric::TMem, "T_mem"),
        t_gen_text: steps.learned(Metric::TGen, "T_gen"),
        delay_text: steps.delay(),
        published: steps_of_others.collect(),
    };
    Ok(Some((picture, steps.table())))
}

/// Returns a line for each seed that has such an accuracy.
fn lines(log: &BTreeMap<i32, Vec<Training>>, pick: fn(&Training) -> Option<f32>, points: usize) -> Vec<Line> {
    let line = |(&seed, rows): (&i32, &Vec<Training>)| {
        // The logarithm has no place for step 0.
        let all = rows.iter().filter(|row| row.step > 0);
        let all = all.filter_map(|row| Some((row.step, significant(f64::from(pick(row)?), 3)?)));
        let xy = thin(&all.collect::<Vec<_>>(), points);
        Line { seed, xy: xy.into_iter().flat_map(|(step, value)| [step as f64, value]).collect() }
    };
    log.iter().map(line).filter(|line| !line.xy.is_empty()).collect()
}

/// What `scores` says of the four metrics.
struct Steps<'a> {
    scores: &'a Scores,
    seeds: Vec<i32>,
    last_step: i64,
}

impl Steps<'_> {
    /// Returns a metric's row, if there is one.
    fn row(&self, seed: i32, metric: Metric) -> Option<&Estimate> {
        let (name, split) = metric.column();
        self.scores.get("trained", seed, split.unwrap_or_default(), "", name)
    }

    fn value(&self, seed: i32, metric: Metric) -> Option<f64> {
        self.row(seed, metric)?.value
    }

    /// Says when all seeds learned, in the median, or how many did.
    fn learned(&self, metric: Metric, name: &str) -> String {
        let Some(&Estimate { value, low, n, .. }) = self.row(OVER_SEEDS, metric) else {
            return String::new();
        };
        let (seeds, last) = (counted(self.seeds.len() as i64, "seed"), count(self.last_step));
        match value {
            Some(value) if self.seeds.len() == 1 => format!("{name} {}", by(metric, low, value)),
            Some(value) => format!("{name} {}, median ({n} of {seeds})", by(metric, low, value)),
            None if n > 0 => format!("{name}: {n} of {seeds} in {last} steps"),
            None => format!("{name}: never in {last} steps"),
        }
    }

    fn delay(&self) -> String {
        let delay = self.row(OVER_SEEDS, Metric::GrokkingDelay);
        let Some((row, value)) = delay.and_then(|row| Some((row, row.value?))) else { return String::new() };
        let text = |value| Metric::GrokkingDelay.text(value);
        let delay = match (row.low, row.high) {
            (Some(low), Some(high)) if low < high => {
                format!("{} (between {} and {})", text(value), text(low), text(high))
            }
            _ => text(value),
        };
        let ratio = self.value(OVER_SEEDS, Metric::GrokkingRatio);
        let ratio = ratio.map_or(String::new(), |ratio| format!(", {}", Metric::GrokkingRatio.text(ratio)));
        let name = if self.seeds.len() > 1 { "median delay" } else { "delay" };
        format!("{name} {delay} steps{ratio}")
    }

    fn table(&self) -> Table {
        let cells = |seed| {
            COLUMNS.map(|metric| match self.row(seed, metric) {
                Some(&Estimate { value: Some(value), low, .. }) => match metric {
                    Metric::TMem | Metric::TGen => by(metric, low, value),
                    _ => metric.text(value),
                },
                Some(_) => "never".to_owned(),
                None => String::new(),
            })
        };
        let seed = |&seed| (format!("seed {seed}"), cells(seed));
        let mut rows: Vec<_> = self.seeds.iter().map(seed).collect();
        if self.seeds.len() > 1 {
            rows.push(("over seeds (median)".to_owned(), cells(OVER_SEEDS)));
        }
        Table { rows }
    }
}

/// Returns a step, behind it the one that was logged before.
fn by(metric: Metric, before: Option<f64>, value: f64) -> String {
    match before {
        Some(before) if before < value => format!("{} (after {})", metric.text(value), metric.text(before)),
        _ => metric.text(value),
    }
}

/// Picks at most `points` of `all`, evenly by the logarithm of the step, the first and the last among them.
fn thin(all: &[(i64, f64)], points: usize) -> Vec<(i64, f64)> {
    let (Some(&(first, _)), Some(&(last, _))) = (all.first(), all.last()) else { return Vec::new() };
    let gaps = points.max(2) - 1;
    let wanted = |index: usize| {
        let share = index as f64 / gaps as f64;
        (first as f64 * (last as f64 / first as f64).powf(share) - 1e-6).ceil() as i64
    };
    let mut picked: Vec<usize> = (0..=gaps)
        .map(|index| all.partition_point(|&(step, _)| step < wanted(index)).min(all.len() - 1))
        .collect();
    picked.dedup();
    picked.into_iter().map(|index| all[index]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_is_even_on_the_axis_and_keeps_both_ends() {
        let all: Vec<(i64, f64)> = (1..=10_000).map(|step| (step, 0.5)).collect();
        let steps: Vec<i64> = thin(&all, 5).into_iter().map(|(step, _)| step).collect();
        assert_eq!(steps, [1, 10, 100, 1000, 10_000]);
        let few = [(10, 0.1), (20, 0.2), (30, 0.3)];
        assert_eq!(thin(&few, 50), few, "what is there is not drawn twice");
        assert_eq!(thin(&[], 50), []);
    }
}
