//! From single answers to `scores.parquet`: groups of rows, sums over their clusters, bootstrap, metrics.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use artifact::tables::Score;
use rayon::prelude::*;

use crate::memory::Memory;
use crate::metrics::{BESIDE_MEMORY, BEYOND_MEMORY, OF_MEMORY, OF_MODEL, RowMetric, Sums, accuracy, column};
use crate::rows::Row;
use crate::scoring::Answer;
use crate::statistics::{Draws, Interval, add, draw_clusters, draw_seeds, percentile, wilson};

/// The seed that stands for "over seeds".
pub(crate) const OVER_SEEDS: i32 = -1;

/// The rows of one split, and what is known of them beside the model.
pub(crate) struct Split<'a> {
    pub(crate) name: &'a str,
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
}

/// Rows that are scored together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) task: String,
    pub(crate) slice: String,
    pub(crate) rows: Vec<usize>,
}

/// The sums of each seed, and over seeds, on one group of rows.
pub(crate) struct Drawn {
    seeds: Vec<Point>,
    over: Point,
}

/// The sums over the rows of one group, as they are and in every bootstrap draw.
struct Point {
    seed: i32,
    step: i64,
    /// How often each row was asked: 1, or the number of seeds.
    asked: usize,
    sums: Sums,
    draws: Draws<{ column::WIDTH }>,
}

impl Drawn {
    fn points(&self) -> impl Iterator<Item = &Point> {
        self.seeds.iter().chain([&self.over])
    }
}

impl Point {
    /// Returns the number of rows in a column. Asking a row with many seeds does not make it many rows.
    fn rows(&self, column: usize) -> u64 {
        (self.sums[column] / self.asked.max(1) as f64).round() as u64
    }
}

/// Returns the scores of `model` on one split, and the draws of each task (`""` = all tasks) on all its rows.
///
/// `train` holds the draws on the train rows, for the generalisation gap; `stream` numbers the split's bootstrap.
pub(crate) fn scores(
    model: &str,
    split: &Split<'_>,
    answers: &[&Answers],
    draws: u32,
    stream: u64,
    train: Option<&BTreeMap<String, Drawn>>,
) -> (Vec<Score>, BTreeMap<String, Drawn>) {
    let groups = groups(split.rows, split.answer_seen);
    let drawn: Vec<Drawn> =
        groups.par_iter().map(|group| draw(split, group, answers, draws, stream)).collect();
    let mut scores = Vec::new();
    let mut whole = BTreeMap::new();
    for (group, drawn) in groups.into_iter().zip(drawn) {
        let labels = Labels { model, split: split.name, task: &group.task, slice: &group.slice };
        for point in drawn.points() {
            let beside = if split.memory.is_some() { BESIDE_MEMORY } else { &[] };
            let alone = if split.memory.is_some() && model == "trained" && point.seed == OVER_SEEDS {
                OF_MEMORY
            } else {
                &[]
            };
            scores.extend(
                OF_MODEL.iter().chain(beside).chain(alone).map(|metric| labels.metric(point, metric)),
            );
        }
        if group.slice == "all" {
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

fn draw(split: &Split<'_>, group: &Group, answers: &[&Answers], draws: u32, stream: u64) -> Drawn {
    let clusters: BTreeSet<i64> = group.rows.iter().map(|&row| split.rows[row].example.cluster).collect();
    let clusters: HashMap<i64, usize> =
        clusters.into_iter().enumerate().map(|(place, key)| (key, place)).collect();
    let examples: Vec<i64> = group.rows.iter().map(|&row| split.rows[row].example.example_id).collect();
    let best = split.memory.map(|memory| (memory, memory.best(&examples)));
    let seeds: Vec<Point> = answers
        .par_iter()
        .map(|answers| {
            let mut sums = vec![[0.0; column::WIDTH]; clusters.len()];
            for &row in &group.rows {
                let example = &split.rows[row].example;
                let mut values = columns(&answers.answers[row]);
                if let Some((memory, best)) = best {
                    memory.fill(best, example.example_id, &mut values);
                }
                add(&mut sums[clusters[&example.cluster]], &values, 1.0);
            }
            let mut total = [0.0; column::WIDTH];
            sums.iter().for_each(|cluster| add(&mut total, cluster, 1.0));
            let draws = draw_clusters(&sums, draws, stream);
            Point { seed: answers.seed, step: answers.step, asked: 1, sums: total, draws }
        })
        .collect();
    let mut total = [0.0; column::WIDTH];
    seeds.iter().for_each(|point| add(&mut total, &point.sums, 1.0));
    let draws = draw_seeds(&seeds.iter().map(|point| point.draws.as_slice()).collect::<Vec<_>>());
    let step = seeds.iter().map(|point| point.step).max().unwrap_or(-1);
    let over = Point { seed: OVER_SEEDS, step, asked: seeds.len(), sums: total, draws };
    Drawn { seeds, over }
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
    model: &'a str,
    split: &'a str,
    task: &'a str,
    slice: &'a str,
}

impl Labels<'_> {
    fn metric(&self, point: &Point, metric: &RowMetric) -> Score {
        let value = (metric.value)(&point.sums);
        let n = point.rows(metric.rows);
        let drawn = || percentile(point.draws.iter().map(metric.value));
        let interval =
            value.and_then(|value| match (metric.name == BEYOND_MEMORY, point.seed == OVER_SEEDS) {
                (false, _) => drawn(),
                (true, false) => wilson(value, n),
                (true, true) => {
                    wilson(value, n).map(|wilson| drawn().map_or(wilson, |drawn| wilson.hull(drawn)))
                }
            });
        self.score(point, metric.name, value, interval, n)
    }

    fn gap(&self, train: &Point, here: &Point) -> Score {
        let gap = |train: &Sums, here: &Sums| Some(accuracy(train)? - accuracy(here)?);
        let interval = percentile(train.draws.iter().zip(&here.draws).map(|(train, here)| gap(train, here)));
        let n = train.rows(column::ROWS).min(here.rows(column::ROWS));
        self.score(here, "generalisation_gap", gap(&train.sums, &here.sums), interval, n)
    }

    fn score(
        &self,
        point: &Point,
        metric: &str,
        value: Option<f64>,
        interval: Option<Interval>,
        n: u64,
    ) -> Score {
        Score {
            model: self.model.to_owned(),
            seed: point.seed,
            step: point.step,
            split: self.split.to_owned(),
            task: self.task.to_owned(),
            slice: self.slice.to_owned(),
            metric: metric.to_owned(),
            value,
            low: interval.map(|interval| interval.low),
            high: interval.map(|interval| interval.high),
            n: n as i64,
        }
    }
}
