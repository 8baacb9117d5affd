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
use crate::scores::{OVER_SEEDS, Scores};

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
    let Some(scores) = scores.filter(|scores| row(scores, OVER_SEEDS, Metric::TMem).is_some()) else {
        return Ok(None);
    };
    let mut seeds = BTreeMap::<i32, Vec<Training>>::new();
    source.each("training", |row: Training| seeds.entry(row.seed).or_default().push(row))?;
    if seeds.is_empty() {
        return Ok(None);
    }
    seeds.values_mut().for_each(|rows| rows.sort_by_key(|row| row.step));
    let last_step = seeds.values().flatten().map(|row| row.step).max().unwrap_or(1);
    let lines = |pick: fn(&Training) -> Option<f32>| {
        let line = |(&seed, rows): (&i32, &Vec<Training>)| {
            // The logarithm has no place for step 0.
            let all = rows.iter().filter(|row| row.step > 0);
            let all = all.filter_map(|row| Some((row.step, significant(f64::from(pick(row)?), 3)?)));
            let xy = thin(&all.collect::<Vec<_>>(), points);
            Line { seed, xy: xy.into_iter().flat_map(|(step, value)| [step as f64, value]).collect() }
        };
        seeds.iter().map(line).filter(|line| !line.xy.is_empty()).collect::<Vec<_>>()
    };
    let value = |seed, metric| row(scores, seed, metric).and_then(|(value, _)| value);
    let all = scores.seeds();
    let over = |metric: Metric, name: &str| {
        let (value, n) = row(scores, OVER_SEEDS, metric)?;
        let seeds = counted(all.len() as i64, "seed");
        Some(match value {
            Some(value) if all.len() == 1 => format!("{name} {}", metric.text(value)),
            Some(value) => format!("{name} {}, median ({n} of {seeds})", metric.text(value)),
            None if n > 0 => format!("{name}: {n} of {seeds} in {} steps", count(last_step)),
            None => format!("{name}: never in {} steps", count(last_step)),
        })
    };
    let delay = value(OVER_SEEDS, Metric::GrokkingDelay);
    let delay_text = delay.map(|delay| {
        let ratio = value(OVER_SEEDS, Metric::GrokkingRatio);
        let ratio = ratio.map_or(String::new(), |ratio| format!(", {}", Metric::GrokkingRatio.text(ratio)));
        let name = if all.len() > 1 { "median delay" } else { "delay" };
        format!("{name} {} steps{ratio}", Metric::GrokkingDelay.text(delay))
    });
    let config = source.config(source.table("scores"));
    let picture = Picture {
        threshold: config["threshold"].as_f64(),
        last_step,
        train: lines(|row| row.train_accuracy),
        validation: lines(|row| row.validation_accuracy),
        marks: all
            .iter()
            .map(|&seed| Mark { seed, t_mem: value(seed, Metric::TMem), t_gen: value(seed, Metric::TGen) })
            .collect(),
        t_mem: value(OVER_SEEDS, Metric::TMem),
        t_gen: value(OVER_SEEDS, Metric::TGen),
        t_mem_text: over(Metric::TMem, "T_mem").unwrap_or_default(),
        t_gen_text: over(Metric::TGen, "T_gen").unwrap_or_default(),
        delay,
        delay_text: delay_text.unwrap_or_default(),
        published: published
            .iter()
            .filter(|one| matches!(one.metric, Metric::TMem | Metric::TGen) && one.value >= 1.0)
            .map(|one| (one.metric.column().0, one.value, one.metric.text(one.value)))
            .collect(),
    };
    let cells = |seed| {
        COLUMNS.map(|metric| match row(scores, seed, metric) {
            Some((Some(value), _)) => metric.text(value),
            Some((None, _)) => "never".to_owned(),
            None => String::new(),
        })
    };
    let mut rows: Vec<_> = all.iter().map(|&seed| (format!("seed {seed}"), cells(seed))).collect();
    if all.len() > 1 {
        rows.push(("over seeds (median)".to_owned(), cells(OVER_SEEDS)));
    }
    Ok(Some((picture, Table { rows })))
}

/// Returns the value of one of the four metrics and its n; `None` where `scores` has no such row.
fn row(scores: &Scores, seed: i32, metric: Metric) -> Option<(Option<f64>, i64)> {
    let (name, split) = metric.column();
    let row = scores.get("trained", seed, split.unwrap_or_default(), "", name)?;
    Some((row.value, row.n))
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
