//! What each head and MLP is worth: the metric with it replaced, against the full model.
//!
//! `100 (m(N) - m(N without e)) / |m(N)|`, for every component e and the k most important heads together. Head 0 of
//! one seed has nothing to do with head 0 of another: over seeds only MLPs and the top k heads are summed up.

use std::path::Path;

use artifact::tables::{Ablation, Measurement};
use artifact::{Provenance, write_table};

use super::Analysis;
use crate::Error;
use crate::context::{Context, Model};
use crate::hooks::Component;
use crate::intervention::{Ablations, Replacement, Sums, total};
use crate::measure::Subject;
use crate::rows::Task;
use crate::statistics::{Interval, Resamples};

pub(super) const ANALYSIS: Analysis = Analysis {
    name: "ablation",
    summary: "Replaces each head and MLP by zero and by its mean, and says how much of the answer is lost.",
    table: "ablation",
    run,
};

/// What is taken away, and what is left of the metric.
struct Drop {
    by: Replacement,
    /// A component's name, or `top_2_heads`.
    name: String,
    parts: Vec<Component>,
    clusters: Vec<Sums>,
}

impl Drop {
    /// Returns the component; nothing for a set.
    fn single(&self) -> Option<Component> {
        self.parts.first().copied().filter(|part| part.to_string() == self.name)
    }
}

fn run(context: &Context, out: &Path, provenance: &Provenance) -> Result<Vec<Measurement>, Error> {
    let found = context.each(|model, task| drops(context, model, task))?;
    let (mut table, mut measurements) = (Vec::new(), Vec::new());
    let mut push = |subject: &Subject, drop: &Drop, sums: Sums, interval| {
        let of_drop = rows(context, subject, drop, sums, interval);
        table.push(of_drop.0);
        measurements.push(of_drop.1);
    };
    for (number, task) in context.tasks.iter().enumerate() {
        let resamples = Resamples::new(task.clusters, context.config.bootstrap_draws);
        for (model, found) in context.models.iter().zip(&found) {
            let subject = context.subject(ANALYSIS.name, model, task);
            for drop in &found[number] {
                let interval = resamples.interval(&drop.clusters, percent);
                push(&subject, drop, total(drop.clusters.iter().copied()), interval);
            }
        }
        let Some(first) = found.first() else { continue };
        let resamples = Resamples::new(found.len(), context.config.bootstrap_draws);
        let heads = |drop: &Drop| matches!(drop.single(), Some(Component::Head { .. }));
        for (place, drop) in first[number].iter().enumerate().filter(|(_, drop)| !heads(drop)) {
            // Each seed counts once: its means, not its sums.
            let sums = found.iter().map(|of| total(of[number][place].clusters.iter().copied()));
            let seeds: Vec<Sums> = sums
                .map(|[full, ablated, n]| [full / n.max(1.0), ablated / n.max(1.0), n.min(1.0)])
                .collect();
            let interval = resamples.interval(&seeds, percent);
            push(&context.over_seeds(ANALYSIS.name, task), drop, total(seeds), interval);
        }
    }
    for task in &context.tasks {
        // Says over what `mean` was taken: 1 where rows have no counterfactual twins, so that they stood in for them.
        let missing = task.groups.iter().any(|group| group.counterfactual.is_none());
        let subject = context.over_seeds(ANALYSIS.name, task);
        measurements.push(subject.measurement(
            "mean_over_sample",
            Some(f64::from(u8::from(missing))),
            None,
            task.n(),
        ));
    }
    write_table(&out.join("ablation.parquet"), provenance, table)?;
    Ok(measurements)
}

/// Returns the drop of every component, then of the most important heads together, for both replacements.
fn drops(context: &Context, model: &Model, task: &Task) -> candle_core::Result<Vec<Drop>> {
    let ablations = Ablations::new(context, model, task)?;
    let mut drops = Vec::new();
    for by in Replacement::ALL {
        let mut add = |name: String, parts: Vec<Component>| {
            let clusters = ablations.without(&parts, by)?;
            let left = total(clusters.iter().copied())[1];
            drops.push(Drop { by, name, parts, clusters });
            Ok::<f64, candle_core::Error>(left)
        };
        let mut heads = Vec::new();
        for part in Component::all(&context.shape) {
            let left = add(part.to_string(), vec![part])?;
            heads.extend(matches!(part, Component::Head { .. }).then_some((left, part)));
        }
        // The full metric is the same for all: the most important head leaves the least.
        heads.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        for k in 1..=heads.len().min(context.config.top_heads) {
            add(format!("top_{k}_heads"), heads[..k].iter().map(|(_, head)| *head).collect())?;
        }
    }
    Ok(drops)
}

/// Returns the drop in percent of the full model; nothing where that is 0.
fn percent([full, ablated, _]: &Sums) -> Option<f64> {
    (*full != 0.0).then(|| 100.0 * (full - ablated) / full.abs())
}

fn rows(
    context: &Context,
    subject: &Subject,
    drop: &Drop,
    sums: Sums,
    interval: Option<Interval>,
) -> (Ablation, Measurement) {
    let single = drop.single();
    let (layer, head) = single.map_or((-1, -1), |part| (part.layer(), part.head()));
    let [full, ablated] = [0, 1].map(|column| (sums[2] > 0.0).then(|| sums[column] / sums[2]));
    let (value, n, kind) = (percent(&sums), sums[2] as usize, drop.by.name());
    let metric = match single {
        Some(_) => format!("drop_percent_{kind}"),
        None => format!("drop_percent_{kind}_{}", drop.name),
    };
    // Each seed has its own most important heads: over seeds they have no names.
    let named = drop.parts.iter().filter(|_| single.is_some() || subject.seed >= 0);
    let hook = named.map(Component::to_string).collect::<Vec<_>>().join("+");
    let measurement = Measurement { hook, layer, head, ..subject.measurement(metric, value, interval, n) };
    let row = Ablation {
        seed: subject.seed,
        step: subject.step,
        task: subject.task.to_owned(),
        component: drop.name.clone(),
        layer,
        head,
        kind: kind.to_owned(),
        metric: context.config.metric.as_str().to_owned(),
        full,
        ablated,
        drop_percent: value,
        n: n as i64,
    };
    (row, measurement)
}
