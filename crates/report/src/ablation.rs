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

/// All components for one task, kind and metric.
#[derive(Debug, Serialize)]
struct Group {
    task: String,
    kind: String,
    metric: String,
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
    let mut groups = BTreeMap::<(String, String, String), BTreeMap<Place, BTreeMap<i32, f64>>>::new();
    let mut seeds = BTreeSet::new();
    let any = source.each("ablation", |row: Ablation| {
        if row.seed != OVER_SEEDS {
            seeds.insert(row.seed);
        }
        let order = |index: i32| if index < 0 { i32::MAX } else { index };
        let place = (order(row.layer), order(row.head), row.component);
        let drops = groups.entry((row.task, row.metric, row.kind)).or_default().entry(place).or_default();
        if let Some(drop) = row.drop_percent.and_then(|drop| significant(drop, 4)) {
            drops.insert(row.seed, drop);
        }
    })?;
    if !any || groups.is_empty() {
        return Ok(None);
    }
    let (mut spent, mut left_out) = (0, 0);
    let mut shown = Vec::new();
    for ((task, metric, kind), components) in groups {
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
            shown.push(Group { task, kind, metric, components: kept });
        }
    }
    Ok(Some(Section { seeds: seeds.into_iter().collect(), groups: shown, left_out }))
}
