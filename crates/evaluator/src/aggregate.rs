//! From single answers to scores: sums over the clusters of a group of rows, bootstrap, metrics.

use std::collections::BTreeMap;

use rayon::prelude::*;
use statistics::{ALPHA, Clusters, Difference, Draws, Interval, add, newcombe, paired, percentile, wilson};

use crate::agreement;
use crate::bootstrap::{Bootstrap, over_seeds};
use crate::found::Found;
use crate::groups::{Answers, Group, Split, groups, places};
use crate::memory::Best;
use crate::metrics::{
    BESIDE_MEMORY, OF_MEMORY, OF_MODEL, Of, RowMetric, Sums, accuracy, column, memory, rule_index,
};
use crate::scoring::Answer;

/// The sums of each seed, and over seeds, on one group of rows.
pub(crate) struct Drawn {
    seeds: Vec<Point>,
    over: Point,
}

/// The sums over the rows of one group, as they are and in every bootstrap draw.
struct Point {
    /// Nothing over seeds.
    seed: Option<i32>,
    step: i64,
    /// How often each row was asked: 1, or the number of seeds.
    seeds: usize,
    sums: Sums,
    /// Of each column, the clusters that it is not 0 in.
    clusters: [Clusters; column::WIDTH],
    draws: Draws<{ column::WIDTH }>,
    /// Right answers and rows of each cluster; nothing over seeds.
    by_cluster: Vec<(f64, f64)>,
}

impl Drawn {
    fn points(&self) -> impl Iterator<Item = &Point> {
        self.seeds.iter().chain([&self.over])
    }

    /// Returns the difference in accuracy between the two seeds that differ most, with an interval that holds for all pairs
    /// at once: of those whose interval leaves out 0, if there are any. Nothing where clusters or seeds are too few.
    pub(crate) fn seed_difference(&self) -> Option<Difference> {
        let pairs = self.seeds.len() * self.seeds.len().saturating_sub(1) / 2;
        let mut most = None::<Difference>;
        for (number, one) in self.seeds.iter().enumerate() {
            for other in &self.seeds[number + 1..] {
                let clusters = one.by_cluster.iter().zip(&other.by_cluster);
                let clusters: Vec<[f64; 3]> = clusters.map(|(a, b)| [a.0, b.0, a.1]).collect();
                let found = paired(&clusters, pairs)?;
                let found = if found.value < 0.0 { found.negative() } else { found };
                let rank = |d: &Difference| (d.interval.low > 0.0, d.value);
                if most.as_ref().is_none_or(|most| rank(&found) > rank(most)) {
                    most = Some(found);
                }
            }
        }
        most
    }
}

impl Point {
    /// Returns the number of rows in a column. Asking a row with many seeds does not make it many rows.
    fn rows(&self, column: usize) -> u64 {
        (self.sums[column] / self.seeds.max(1) as f64).round() as u64
    }

    /// Returns the interval of a metric of the model.
    fn interval(&self, metric: &RowMetric) -> Option<Interval> {
        let drawn = || percentile(self.draws.iter().map(|sums| metric.value(sums)), ALPHA);
        match metric.of {
            Of::Share(..) => {
                let own = self.own(metric)?;
                Some(if self.seeds > 1 { drawn().map_or(own, |drawn| own.hull(drawn)) } else { own })
            }
            Of::Mean(..) => drawn().and_then(Interval::spread),
            Of::Index => {
                let (memory, Interval { low, high }) = (memory(&self.sums)?, self.interval(&OF_MODEL[0])?);
                let ends = Interval { low: rule_index(low, memory)?, high: rule_index(high, memory)? };
                Some(ends.hull(drawn()?))
            }
        }
    }

    /// Returns Wilson's interval of a share.
    fn own(&self, metric: &RowMetric) -> Option<Interval> {
        wilson(metric.value(&self.sums)?, self.clusters[metric.counted()].effective, ALPHA)
    }
}

/// Returns the scores of `model` on one split, and the draws of each task (`""` = all tasks) on all its rows.
///
/// `train` holds the draws on the train rows, for the generalisation gap.
pub(crate) fn scores(
    model: &'static str,
    split: &Split<'_>,
    answers: &[&Answers],
    bootstrap: Bootstrap,
    train: Option<&BTreeMap<String, Drawn>>,
) -> (Vec<Found>, BTreeMap<String, Drawn>) {
    let groups = groups(split.rows, split.answer_seen);
    let drawn: Vec<_> = groups.par_iter().map(|group| draw(split, group, answers, bootstrap)).collect();
    let mut scores = Vec::new();
    let mut whole = BTreeMap::new();
    for (group, (drawn, best)) in groups.into_iter().zip(drawn) {
        let labels = Labels { model, split: split.name, task: &group.task, slice: &group.slice };
        let beside = if split.memory.is_some() { BESIDE_MEMORY } else { &[] };
        for point in drawn.points() {
            scores.extend(OF_MODEL.iter().chain(beside).map(|metric| labels.metric(point, metric)));
        }
        if let (Some(memory), "trained") = (split.memory, model) {
            scores.extend(OF_MEMORY.iter().map(|metric| {
                let table = match metric.name {
                    "u_best" => best.memory,
                    "s_best" => best.shallow,
                    _ => None,
                };
                let found = labels.found(&drawn.over, metric.name, metric.value(&drawn.over.sums));
                let found = Found {
                    seeds: 0,
                    table: table.map(|number| memory.name(number)),
                    n: drawn.over.rows(metric.rows),
                    clusters: Some(drawn.over.clusters[metric.counted()]),
                    ..found
                };
                found.within(drawn.over.own(metric))
            }));
        }
        if group.slice == "all" {
            if model == "trained" {
                scores.extend(agreement::scores(split, &group, answers, bootstrap));
            }
            if let Some(train) = train.and_then(|train| train.get(&group.task)) {
                scores
                    .extend(train.points().zip(drawn.points()).map(|(train, here)| labels.gap(train, here)));
            }
            whole.insert(group.task, drawn);
        }
    }
    (scores, whole)
}

/// Returns the sums of one group, and the tables that are best on it.
fn draw(split: &Split<'_>, group: &Group, answers: &[&Answers], bootstrap: Bootstrap) -> (Drawn, Best) {
    let (places, count) = places(split, group);
    let examples: Vec<i64> = group.rows.iter().map(|&row| split.rows[row].example.example_id).collect();
    let best = split.memory.map(|memory| (memory, memory.best(&examples)));
    let seeds: Vec<Point> = answers
        .par_iter()
        .map(|answers| {
            let mut sums = vec![[0.0; column::WIDTH]; count];
            for ((&row, &example), &place) in group.rows.iter().zip(&examples).zip(&places) {
                let mut values = columns(&answers.answers[row]);
                if let Some((memory, best)) = best {
                    memory.fill(best, example, &mut values);
                }
                add(&mut sums[place], &values);
            }
            let mut total = [0.0; column::WIDTH];
            sums.iter().for_each(|cluster| add(&mut total, cluster));
            let column = |column: usize| Clusters::of(sums.iter().map(|cluster| cluster[column]));
            Point {
                seed: Some(answers.seed),
                step: answers.step,
                seeds: 1,
                sums: total,
                clusters: std::array::from_fn(column),
                draws: bootstrap.clusters(&sums),
                by_cluster: sums.iter().map(|sums| (sums[column::CORRECT], sums[column::ROWS])).collect(),
            }
        })
        .collect();
    let mut total = [0.0; column::WIDTH];
    seeds.iter().for_each(|point| add(&mut total, &point.sums));
    let over = Point {
        seed: None,
        step: seeds.iter().map(|point| point.step).max().unwrap_or(-1),
        seeds: seeds.len(),
        sums: total,
        // Which rows there are is the same for every seed.
        clusters: seeds.first().map_or_else(Default::default, |point| point.clusters),
        draws: over_seeds(&seeds.iter().map(|point| point.draws.as_slice()).collect::<Vec<_>>()),
        by_cluster: Vec::new(),
    };
    let best = best.map_or(Best { memory: None, shallow: None }, |(_, best)| best);
    (Drawn { seeds, over }, best)
}

/// Returns the columns of one answer that do not concern the memorisers.
fn columns(answer: &Answer) -> Sums {
    let number = |yes: bool| f64::from(u8::from(yes));
    let mut sums = [0.0; column::WIDTH];
    sums[column::ROWS] = 1.0;
    sums[column::CORRECT] = number(answer.correct);
    sums[column::TEACHER_FORCED] = number(answer.teacher_forced);
    sums[column::TOKENS] = f64::from(answer.tokens);
    sums[column::RIGHT_TOKENS] = f64::from(answer.right_tokens);
    sums[column::TOP5] = number(answer.rank <= 5);
    sums[column::LOG_PROBABILITY] = answer.log_probability;
    sums[column::RANK] = f64::from(answer.rank);
    if let Some(difference) = answer.logit_difference {
        sums[column::CONTRASTS] = 1.0;
        sums[column::LOGIT_DIFFERENCE] = difference;
    }
    sums
}

/// What the scores of one group have in common.
struct Labels<'a> {
    model: &'static str,
    split: &'static str,
    task: &'a str,
    slice: &'a str,
}

impl Labels<'_> {
    fn metric(&self, point: &Point, metric: &RowMetric) -> Found {
        let found = Found {
            n: point.rows(metric.rows),
            clusters: Some(point.clusters[metric.counted()]),
            ..self.found(point, metric.name, metric.value(&point.sums))
        };
        found.within(point.interval(metric))
    }

    fn gap(&self, train: &Point, here: &Point) -> Found {
        let gap = |train: &Sums, here: &Sums| Some(accuracy(train)? - accuracy(here)?);
        let of = |point: &Point| Some((accuracy(&point.sums)?, point.interval(&OF_MODEL[0])?));
        let drawn = train.draws.iter().zip(&here.draws).map(|(train, here)| gap(train, here));
        let drawn = percentile(drawn, ALPHA);
        let interval = of(train).zip(of(here)).map(|(train, here)| {
            let own = newcombe(train, here);
            drawn.map_or(own, |drawn| own.hull(drawn))
        });
        let fewer = if train.rows(column::ROWS) < here.rows(column::ROWS) { train } else { here };
        let found = Found {
            n: fewer.rows(column::ROWS),
            clusters: Some(fewer.clusters[column::ROWS]),
            ..self.found(here, "generalisation_gap", gap(&train.sums, &here.sums))
        };
        found.within(interval)
    }

    fn found(&self, point: &Point, metric: &'static str, value: Option<f64>) -> Found {
        Found {
            model: self.model,
            seed: point.seed,
            seeds: point.seeds,
            step: point.step,
            split: self.split,
            task: self.task.to_owned(),
            slice: self.slice.to_owned(),
            metric,
            value,
            ..Found::default()
        }
    }
}
