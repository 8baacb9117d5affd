//! From single answers to scores: groups of rows, sums over their clusters, bootstrap, metrics.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;

use crate::agreement;
use crate::found::Found;
use crate::memory::{Best, Memory, Word};
use crate::metrics::{BESIDE_MEMORY, OF_MEMORY, OF_MODEL, Of, RowMetric, Sums, accuracy, column, memory};
use crate::rows::Row;
use crate::scoring::Answer;
use crate::statistics::{
    ALPHA, Clusters, Difference, Draws, Interval, add, difference, draw_clusters, draw_seeds, paired,
    percentile, rule_index, wilson,
};

/// The rows of one split, and what is known of them beside the model.
#[derive(Clone, Copy)]
pub(crate) struct Split<'a> {
    pub(crate) name: &'static str,
    pub(crate) rows: &'a [Row],
    /// The audit's look-up tables; nothing for train.
    pub(crate) memory: Option<&'a Memory>,
    /// Example to the number of train rows with its answer after the first term.
    pub(crate) answer_seen: &'a HashMap<i64, i64>,
}

/// What one checkpoint answers to each row of a split.
pub(crate) struct Answers {
    pub(crate) seed: i32,
    pub(crate) step: i64,
    pub(crate) answers: Vec<Answer>,
    /// The number of each wrong answer that a look-up table gives to any row too.
    pub(crate) words: Vec<Option<Word>>,
}

/// Rows that are scored together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) task: String,
    pub(crate) slice: String,
    pub(crate) rows: Vec<usize>,
}

/// How the bootstrap is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bootstrap {
    pub(crate) draws: u32,
    /// The same stream draws the same clusters.
    pub(crate) stream: u64,
}

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
                let found = if found.value < 0.0 { negative(found) } else { found };
                let rank = |d: &Difference| (d.interval.low > 0.0, d.value);
                if most.as_ref().is_none_or(|most| rank(&found) > rank(most)) {
                    most = Some(found);
                }
            }
        }
        most
    }
}

fn negative(Difference { value, interval: Interval { low, high } }: Difference) -> Difference {
    Difference { value: -value, interval: Interval { low: -high, high: -low } }
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
            // Where all that was drawn is alike, or all of it is one cluster, nothing is known of its spread.
            Of::Mean(..) => drawn().filter(|drawn| drawn.high > drawn.low),
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

/// Returns the groups of rows: all tasks and each task; all rows, by number of terms, by exposure of the answer.
pub(crate) fn groups(rows: &[Row], answer_seen: &HashMap<i64, i64>) -> Vec<Group> {
    let tasks: BTreeSet<&str> = rows.iter().map(|row| row.example.task.as_str()).collect();
    let mut groups = Vec::new();
    for task in std::iter::once("").chain(tasks) {
        let mut slices = BTreeMap::<(u8, i64), (String, Vec<usize>)>::new();
        for (number, row) in
            rows.iter().enumerate().filter(|(_, row)| task.is_empty() || row.example.task == task)
        {
            let terms = row.example.terms.len() as i64;
            let seen = answer_seen.get(&row.example.example_id).map(|&seen| match seen {
                ..=0 => ((2, 0), "answer_seen=0"),
                1..=9 => ((2, 1), "answer_seen=1-9"),
                10..=99 => ((2, 10), "answer_seen=10-99"),
                _ => ((2, 100), "answer_seen=100+"),
            });
            let seen = seen.map(|(key, name)| (key, name.to_owned()));
            for (key, name) in
                [((0, 0), "all".to_owned()), ((1, terms), format!("terms={terms}"))].into_iter().chain(seen)
            {
                slices.entry(key).or_insert_with(|| (name, Vec::new())).1.push(number);
            }
        }
        let slices = slices.into_values();
        groups.extend(slices.map(|(slice, rows)| Group { task: task.to_owned(), slice, rows }));
    }
    groups
}

/// Returns the place of each row's cluster among those of the group, and how many there are.
pub(crate) fn places(split: &Split<'_>, group: &Group) -> (Vec<usize>, usize) {
    let cluster = |row: &usize| split.rows[*row].example.cluster;
    let clusters: BTreeSet<i64> = group.rows.iter().map(cluster).collect();
    let numbers: HashMap<i64, usize> =
        clusters.iter().enumerate().map(|(number, key)| (*key, number)).collect();
    (group.rows.iter().map(|row| numbers[&cluster(row)]).collect(), clusters.len())
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
                add(&mut sums[place], &values, 1.0);
            }
            let mut total = [0.0; column::WIDTH];
            sums.iter().for_each(|cluster| add(&mut total, cluster, 1.0));
            let column = |column: usize| Clusters::of(sums.iter().map(|cluster| cluster[column]));
            Point {
                seed: Some(answers.seed),
                step: answers.step,
                seeds: 1,
                sums: total,
                clusters: std::array::from_fn(column),
                draws: draw_clusters(&sums, bootstrap.draws, bootstrap.stream),
                by_cluster: sums.iter().map(|sums| (sums[column::CORRECT], sums[column::ROWS])).collect(),
            }
        })
        .collect();
    let mut total = [0.0; column::WIDTH];
    seeds.iter().for_each(|point| add(&mut total, &point.sums, 1.0));
    let over = Point {
        seed: None,
        step: seeds.iter().map(|point| point.step).max().unwrap_or(-1),
        seeds: seeds.len(),
        sums: total,
        // Which rows there are is the same for every seed.
        clusters: seeds.first().map_or_else(Default::default, |point| point.clusters),
        draws: draw_seeds(&seeds.iter().map(|point| point.draws.as_slice()).collect::<Vec<_>>()),
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
            let own = difference(train, here);
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
            table: None,
            value,
            low: None,
            high: None,
            n: 0,
            clusters: None,
            asked: (0, 0),
        }
    }
}
