//! Accuracy beside what memorising alone would get: every seed, every memoriser, both controls.

use std::collections::BTreeMap;

use artifact::tables::{Ceiling, Memorizer};
use serde::Serialize;

use crate::Error;
use crate::folder::Source;
use crate::number::{count, maybe_share, position, share, with_interval};
use crate::published::{Metric, Published};
use crate::scores::{ACCURACY, BEYOND_MEMORY, Ceilings, OVER_SEEDS, RULE_INDEX, Scores, name_of};
use crate::verdict::{Estimate, Evidence, Outcome, Seed};

/// One line of a forest plot: a dot with its interval.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Dot {
    pub label: String,
    pub outcome: Outcome,
    /// The words for the outcome.
    pub outcome_name: &'static str,
    /// Where the dot and the ends of its interval lie, in percent; null without a value.
    pub at: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Accuracy as text, alone and with its interval.
    pub share: String,
    pub accuracy: String,
    pub rule_index: String,
    pub train: String,
}

/// The axis from 0 to 1 with the seeds and what they are to be read beside.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Strip {
    /// Task; empty for all tasks.
    pub task: String,
    pub dots: Vec<Dot>,
    /// Over seeds.
    pub mean: Option<Dot>,
    /// Percent and text of each mark.
    pub u_best: Option<(f64, String)>,
    pub u_union: Option<(f64, String)>,
    pub s_best: Option<(f64, String)>,
    pub u_best_name: String,
    pub s_best_name: String,
    pub untrained: Option<(f64, String)>,
    pub oracle: Option<(f64, String)>,
    /// What others got.
    pub published: Vec<(f64, String)>,
    pub beyond_memory: String,
    pub beyond_memory_rows: String,
    pub rows: String,
    /// The whole picture in words.
    pub summary: String,
}

/// One bar of the memorisers' table.
#[derive(Debug, Serialize)]
struct Bar {
    name: String,
    class: String,
    width: f64,
    share: String,
    rows: String,
    best: bool,
}

/// One slice (`terms=4`) over seeds.
#[derive(Debug, Serialize)]
struct Slice {
    name: String,
    accuracy: String,
    width: f64,
    rows: String,
}

/// The section.
#[derive(Debug, Serialize)]
pub(crate) struct Section {
    split: &'static str,
    /// All tasks first, then each task where there are several.
    strips: Vec<(Strip, &'static str, String)>,
    bars: Vec<Bar>,
    slices: Vec<Slice>,
}

/// Returns what the verdict is about and what stands beside it.
pub(crate) fn strip(evidence: &Evidence, scores: &Scores, task: &str, published: &[&Published]) -> Strip {
    let split = evidence.split.as_str();
    let control = |model, seeds: &[i32]| {
        let row = seeds.iter().find_map(|&seed| scores.get(model, seed, split, task, ACCURACY))?;
        mark(row.value)
    };
    let seeds: Vec<i32> = evidence.seeds.iter().map(|seed| seed.seed).collect();
    let untrained: Vec<i32> = std::iter::once(OVER_SEEDS).chain(seeds).collect();
    let over =
        Seed { seed: OVER_SEEDS, accuracy: evidence.accuracy, rule_index: evidence.rule_index, train: None };
    let named =
        |found: &Option<(f64, String)>| found.as_ref().map_or(String::new(), |(_, name)| name.clone());
    let ceilings = &evidence.ceilings;
    let mut strip = Strip {
        task: task.to_owned(),
        dots: evidence.seeds.iter().map(|seed| dot(format!("seed {}", seed.seed), seed, evidence)).collect(),
        mean: evidence.accuracy.value.map(|_| dot("over seeds".to_owned(), &over, evidence)),
        u_best: mark(ceilings.u_best.as_ref().map(|(value, _)| *value)),
        u_union: mark(ceilings.u_union),
        s_best: mark(ceilings.s_best.as_ref().map(|(value, _)| *value)),
        u_best_name: named(&ceilings.u_best),
        s_best_name: named(&ceilings.s_best),
        untrained: control("untrained", &untrained),
        oracle: mark(evidence.oracle),
        published: published
            .iter()
            .filter(|one| one.metric == Metric::Accuracy)
            .filter_map(|one| mark(Some(one.value)))
            .collect(),
        beyond_memory: estimate(&evidence.beyond_memory),
        beyond_memory_rows: count(evidence.beyond_memory.n),
        rows: count(evidence.seeds.iter().map(|seed| seed.accuracy.n).max().unwrap_or(0)),
        summary: String::new(),
    };
    strip.summary = summary(&strip);
    strip
}

fn summary(strip: &Strip) -> String {
    let mut words: Vec<String> =
        strip.dots.iter().map(|dot| format!("{} {}", dot.label, dot.accuracy)).collect();
    let marks = [
        ("best look-up table", &strip.u_best),
        ("union of look-up tables", &strip.u_union),
        ("best shallow table", &strip.s_best),
        ("untrained model", &strip.untrained),
        ("oracle", &strip.oracle),
    ];
    words.extend(strip.published.iter().map(|(_, text)| format!("published {text}")));
    words.extend(
        marks.iter().filter_map(|(name, mark)| mark.as_ref().map(|(_, text)| format!("{name} {text}"))),
    );
    format!("Accuracy from 0 to 1: {}.", words.join("; "))
}

fn mark(value: Option<f64>) -> Option<(f64, String)> {
    value.map(|value| (position(value), share(value)))
}

fn estimate(estimate: &Estimate) -> String {
    with_interval(estimate.value, estimate.low, estimate.high)
}

fn dot(label: String, seed: &Seed, evidence: &Evidence) -> Dot {
    let outcome = evidence.outcome(seed);
    Dot {
        label,
        outcome,
        outcome_name: outcome.name(),
        at: seed.accuracy.value.map(position),
        low: seed.accuracy.low.map(position),
        high: seed.accuracy.high.map(position),
        share: maybe_share(seed.accuracy.value),
        accuracy: estimate(&seed.accuracy),
        rule_index: estimate(&seed.rule_index),
        train: maybe_share(seed.train),
    }
}

/// Builds the section; `None` where there is neither a score nor a memoriser.
pub(crate) fn build(
    source: &Source,
    scores: Option<&Scores>,
    split: &'static str,
    evidence: &Evidence,
    published: &[&Published],
) -> Result<Option<Section>, Error> {
    let ceilings = source.read::<Ceiling>("ceilings")?.unwrap_or_default();
    let bars = bars(source, split, &evidence.ceilings)?;
    let Some(scores) = scores else {
        let section = Section { split, strips: Vec::new(), bars, slices: Vec::new() };
        return Ok((!section.bars.is_empty()).then_some(section));
    };
    let mut strips = vec![(strip(evidence, scores, "", published), "", String::new())];
    let tasks = scores.tasks(split);
    if tasks.len() > 1 {
        for task in tasks {
            let mut of_task = Evidence::pick(scores, split, &task, Ceilings::pick(&ceilings, split, &task));
            of_task.level.clone_from(&evidence.level);
            of_task.random_answers = evidence.random_answers;
            of_task.certified = evidence.certified;
            let verdict = of_task.verdict();
            strips.push((strip(&of_task, scores, &task, &[]), verdict.tone, verdict.headline));
        }
    }
    let slices = scores.slices(split, "").into_iter().filter_map(|slice| {
        let row = scores.slice("trained", OVER_SEEDS, split, "", &slice, ACCURACY)?;
        Some(Slice {
            accuracy: with_interval(row.value, row.low, row.high),
            width: row.value.map_or(0.0, position),
            rows: count(row.n),
            name: slice.replace('=', " = "),
        })
    });
    Ok(Some(Section { split, slices: slices.collect(), strips, bars }))
}

/// Counts what each memoriser gets right.
fn bars(source: &Source, split: &str, ceilings: &Ceilings) -> Result<Vec<Bar>, Error> {
    let mut counts = BTreeMap::<(String, String, String), (i64, i64)>::new();
    source.each("memorizers", |row: Memorizer| {
        if row.split == split {
            let (right, rows) = counts.entry((row.class, row.memorizer, row.view)).or_default();
            *right += i64::from(row.correct);
            *rows += 1;
        }
    })?;
    let mut bars: Vec<(f64, Bar)> = Vec::new();
    for ((class, memorizer, view), (right, rows)) in counts {
        let value = right as f64 / rows as f64;
        let name = name_of(&memorizer, &view);
        let best = [&ceilings.u_best, &ceilings.s_best]
            .iter()
            .any(|best| best.as_ref().is_some_and(|b| b.1 == name));
        bars.push((
            value,
            Bar { name, class, width: position(value), share: share(value), rows: count(rows), best },
        ));
    }
    // Look-up tables before shallow ones, the best first.
    bars.sort_by(|(a, left), (b, right)| left.class.cmp(&right.class).then(b.total_cmp(a)));
    Ok(bars.into_iter().map(|(_, bar)| bar).collect())
}

/// What the page says of metrics that it names.
pub(crate) const METRICS: [(&str, &str); 3] = [
    (ACCURACY, "share of rows whose whole answer is right, generated greedily"),
    (RULE_INDEX, "(accuracy − U_best) / (1 − U_best); null above U_best = 0.95"),
    (BEYOND_MEMORY, "accuracy on the rows that no look-up table solves"),
];
