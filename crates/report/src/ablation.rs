//! The drop-heads table: what each head and MLP is worth, every seed a dot.

use std::collections::{BTreeMap, BTreeSet};

use artifact::tables::Ablation;
use serde::Serialize;

use crate::Error;
use crate::folder::Source;
use crate::number::significant;
use crate::scores::OVER_SEEDS;

/// One head, MLP or set.
#[derive(Debug, Serialize)]
struct Component {
    name: String,
    /// Drop over seeds in percent, where the table has it.
    over: Option<f64>,
    /// Drop in percent of each seed, in the order of the seeds; null where it was not measured.
    drops: Vec<Option<f64>>,
}

/// All components for one metric, task and kind.
#[derive(Debug, Serialize)]
struct Group {
    task: String,
    kind: String,
    metric: String,
    meaning: &'static str,
    components: Vec<Component>,
}

/// The section.
#[derive(Debug, Serialize)]
pub(crate) struct Section {
    seeds: Vec<i32>,
    groups: Vec<Group>,
    /// Components that the table has beside those.
    #[serde(skip)]
    pub left_out: usize,
}

/// Layer, head (an MLP after the heads), name.
type Place = (i32, i32, String);

/// Builds the section with at most `values` values; `None` without the table.
pub(crate) fn build(source: &Source, values: usize) -> Result<Option<Section>, Error> {
    let mut groups = BTreeMap::<(usize, String, String), BTreeMap<Place, BTreeMap<i32, f64>>>::new();
    // In the order of the table: the first metric is shown first, and of all tasks.
    let mut metrics = Vec::<String>::new();
    let mut seeds = BTreeSet::new();
    let any = source.each("ablation", |row: Ablation| {
        if row.seed != OVER_SEEDS {
            seeds.insert(row.seed);
        }
        let order = |index: i32| if index < 0 { i32::MAX } else { index };
        let place = (order(row.layer), order(row.head), row.component);
        let known = metrics.iter().position(|metric| *metric == row.metric);
        let metric = known.unwrap_or_else(|| {
            metrics.push(row.metric);
            metrics.len() - 1
        });
        let drops = groups.entry((metric, row.task, row.kind)).or_default().entry(place).or_default();
        if let Some(drop) = row.drop_percent.and_then(|drop| significant(drop, 4)) {
            drops.insert(row.seed, drop);
        }
    })?;
    if !any || groups.is_empty() {
        return Ok(None);
    }
    let (mut spent, mut left_out) = (0, 0);
    let mut shown = Vec::new();
    for ((metric, task, kind), components) in groups {
        let metric = &metrics[metric];
        let mut kept = Vec::new();
        for ((_, _, name), drops) in components {
            spent += seeds.len() + 4;
            if spent > values {
                left_out += 1;
                continue;
            }
            let over = drops.get(&OVER_SEEDS).copied();
            kept.push(Component {
                name,
                over,
                drops: seeds.iter().map(|seed| drops.get(seed).copied()).collect(),
            });
        }
        if !kept.is_empty() {
            let (meaning, metric) = (meaning(metric), metric.replace('_', " "));
            shown.push(Group { task, kind, metric, meaning, components: kept });
        }
    }
    Ok(Some(Section { seeds: seeds.into_iter().collect(), groups: shown, left_out }))
}

/// What a metric means, in the words of a reader.
fn meaning(metric: &str) -> &'static str {
    match metric {
        "accuracy" => "share of rows answered right, the right tokens before each given",
        "log_probability" => {
            "log-probability of the right answer: never above 0, so that no share of it can be lost"
        }
        "logit_difference" => {
            "logit of the right token minus that of the last shown term, which copying would say"
        }
        "logit_margin" => {
            "logit of the right token minus that of the token that the full model finds the likeliest of all others"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_of_the_table_is_explained() {
        for metric in ["accuracy", "log_probability", "logit_difference", "logit_margin"] {
            assert!(!meaning(metric).is_empty());
        }
    }
}
