//! Accuracy beside what memorising alone would get: every seed, every memoriser, both controls.

use std::collections::BTreeMap;

use artifact::tables::{Ceiling, Memorizer};
use serde::Serialize;

use crate::Error;
use crate::folder::Source;
use crate::number::{count, maybe_share, position, share};
use crate::published::{Metric, Published};
use crate::scores::{ACCURACY, BEYOND_MEMORY, Ceilings, Estimate, OVER_SEEDS, RULE_INDEX, Scores, name_of};
use crate::verdict::{Outcome, Verdict, Verdicts};

/// One line of a forest plot: a dot with its interval.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Dot {
    pub label: String,
    pub outcome: Outcome,
    /// The words for the outcome.
    pub outcome_name: String,
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
    /// Over seeds; nothing where they disagree.
    pub mean: Option<Dot>,
    /// What stands in place of a mean of seeds that disagree.
    pub counted: Option<String>,
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
    /// How many independent clusters they count as, and whether these are few.
    pub clusters: String,
    pub few: bool,
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
    clusters: String,
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

/// What a strip is drawn from.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub scores: &'a Scores,
    pub verdicts: &'a Verdicts,
    pub split: &'static str,
    /// Empty for all tasks.
    pub task: &'a str,
    pub verdict: &'a Verdict,
    pub ceilings: &'a Ceilings,
}

impl Scene<'_> {
    fn get(&self, model: &str, seed: i32, metric: &str) -> Estimate {
        self.scores.get(model, seed, self.split, self.task, metric).copied().unwrap_or_default()
    }

    fn dot(&self, label: String, seed: i32) -> Option<Dot> {
        let (accuracy, index) = (self.get("trained", seed, ACCURACY), self.get("trained", seed, RULE_INDEX));
        let (outcome, train) = self.verdicts.seed(self.task, seed);
        Some(Dot {
            label,
            outcome_name: outcome.name(),
            outcome,
            at: Some(position(accuracy.value?)),
            low: accuracy.low.map(position),
            high: accuracy.high.map(position),
            share: maybe_share(accuracy.value),
            accuracy: accuracy.text(),
            rule_index: index.text(),
            train: maybe_share(train),
        })
    }
}

/// Returns what the verdict is about and what stands beside it.
pub(crate) fn strip(scene: &Scene<'_>, published: &[&Published]) -> Strip {
    let named =
        |found: &Option<(f64, String)>| found.as_ref().map_or(String::new(), |(_, name)| name.clone());
    let Scene { scores, verdict, task, ceilings, .. } = *scene;
    let over = scene.get("trained", OVER_SEEDS, ACCURACY);
    let beyond = scene.get("trained", OVER_SEEDS, BEYOND_MEMORY);
    let mean = scene.dot("over seeds".to_owned(), OVER_SEEDS).filter(|_| verdict.counted.is_none());
    let seeds = scores.seeds();
    let (clusters, few) = clusters(&over);
    let mut strip = Strip {
        task: task.to_owned(),
        dots: seeds.iter().filter_map(|&seed| scene.dot(format!("seed {seed}"), seed)).collect(),
        mean,
        counted: verdict.counted.clone(),
        u_best: mark(ceilings.u_best.as_ref().map(|(value, _)| *value)),
        u_union: mark(ceilings.u_union),
        s_best: mark(ceilings.s_best.as_ref().map(|(value, _)| *value)),
        u_best_name: named(&ceilings.u_best),
        s_best_name: named(&ceilings.s_best),
        untrained: mark(scene.get("untrained", OVER_SEEDS, ACCURACY).value),
        oracle: mark(scene.get("oracle", OVER_SEEDS, ACCURACY).value),
        published: published
            .iter()
            .filter(|one| one.metric == Metric::Accuracy)
            .filter_map(|one| mark(Some(one.value)))
            .collect(),
        beyond_memory: beyond.text(),
        beyond_memory_rows: count(beyond.n),
        rows: count(over.n),
        clusters,
        few,
        summary: String::new(),
    };
    strip.summary = summary(&strip);
    strip
}

/// Below so many effective clusters a number is marked.
const FEW: f64 = 20.0;

/// Returns `210.0 independent clusters`, and whether they are few.
fn clusters(of: &Estimate) -> (String, bool) {
    match of.n_eff {
        Some(effective) => (format!("{effective:.1}"), effective < FEW),
        None => (String::new(), false),
    }
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

/// Builds the section; `None` where there is neither a score nor a memoriser.
pub(crate) fn build(
    source: &Source,
    scene: Option<&Scene<'_>>,
    split: &'static str,
    certified: Option<bool>,
    ceilings: &[Ceiling],
    published: &[&Published],
) -> Result<Option<Section>, Error> {
    let bars = bars(source, split, &Ceilings::pick(ceilings, split, ""))?;
    let Some(scene) = scene else {
        let section = Section { split, strips: Vec::new(), bars, slices: Vec::new() };
        return Ok((!section.bars.is_empty()).then_some(section));
    };
    let mut strips = vec![(strip(scene, published), "", String::new())];
    let tasks = scene.scores.tasks(split);
    if tasks.len() > 1 {
        for task in tasks {
            let (ceilings, verdict) =
                (Ceilings::pick(ceilings, split, &task), scene.verdicts.of(&task, certified));
            let of_task = Scene { task: &task, verdict: &verdict, ceilings: &ceilings, ..*scene };
            strips.push((strip(&of_task, &[]), verdict.tone, verdict.headline.clone()));
        }
    }
    let slices = scene.scores.slices(split, "").into_iter().filter_map(|slice| {
        let row = scene.scores.slice("trained", OVER_SEEDS, split, "", &slice, ACCURACY)?;
        Some(Slice {
            accuracy: if scene.verdict.counted.is_some() { "seeds disagree".to_owned() } else { row.text() },
            width: row.value.filter(|_| scene.verdict.counted.is_none()).map_or(0.0, position),
            rows: count(row.n),
            clusters: match clusters(row) {
                (clusters, true) => format!("{clusters}, few"),
                (clusters, false) => clusters,
            },
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
