//! What each head and MLP is worth: each metric with it replaced, against the full model.
//!
//! The drop is `100 (full - ablated) / full` where the full value is above 0, and not defined elsewhere: a share of
//! nothing, or of less, is none. For every component and the k most important heads together, those without which the first
//! metric is least. Head 0 of one seed has nothing to do with head 0 of another: over seeds only MLPs and the top k
//! heads are summed up.

use std::path::Path;

use artifact::tables::{Ablation, Measurement};
use artifact::{Provenance, write_table};

use super::Analysis;
use crate::context::{Context, Model};
use crate::hooks::Component;
use crate::intervention::{Ablations, Replacement, Sums, total};
use crate::measure::Subject;
use crate::rows::Task;
use crate::statistics::{Interval, Resamples};
use crate::{Error, Metric};

pub(super) const ANALYSIS: Analysis = Analysis {
    name: "ablation",
    summary: "Replaces each head and MLP by zero and by its mean, and says how much of the answer is lost.",
    table: "ablation",
    run,
};

/// What is taken away, and what is left of a metric.
struct Drop {
    by: Replacement,
    metric: Metric,
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
        let of_drop = rows(subject, drop, sums, interval);
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

/// Returns the drop of every component, then of the most important heads together, for both replacements and every metric.
fn drops(context: &Context, model: &Model, task: &Task) -> candle_core::Result<Vec<Drop>> {
    let ablations = Ablations::new(context, model, task)?;
    let mut drops = Vec::new();
    for by in Replacement::ALL {
        let mut add = |name: String, parts: Vec<Component>| {
            let sums = ablations.without(&parts, by)?;
            let left = sums.first().map_or(0.0, |clusters| total(clusters.iter().copied())[1]);
            for (clusters, metric) in sums.into_iter().zip(context.config.metrics.iter().copied()) {
                drops.push(Drop { by, metric, name: name.clone(), parts: parts.clone(), clusters });
            }
            Ok::<f64, candle_core::Error>(left)
        };
        let mut heads = Vec::new();
        for part in Component::all(&context.shape) {
            let left = add(part.to_string(), vec![part])?;
            heads.extend(matches!(part, Component::Head { .. }).then_some((left, part)));
        }
        // The full model's is the same for all: the most important head leaves the least.
        heads.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        for k in 1..=heads.len().min(context.config.top_heads) {
            add(format!("top_{k}_heads"), heads[..k].iter().map(|(_, head)| *head).collect())?;
        }
    }
    Ok(drops)
}

/// Returns the drop in percent of the full value; nothing where that is not above 0.
fn percent([full, ablated, _]: &Sums) -> Option<f64> {
    (*full > 0.0).then(|| 100.0 * (full - ablated) / full)
}

fn rows(subject: &Subject, drop: &Drop, sums: Sums, interval: Option<Interval>) -> (Ablation, Measurement) {
    let single = drop.single();
    let (layer, head) = single.map_or((-1, -1), |part| (part.layer(), part.head()));
    let [full, ablated] = [0, 1].map(|column| (sums[2] > 0.0).then(|| sums[column] / sums[2]));
    let (value, n, kind) = (percent(&sums), sums[2] as usize, drop.by.name());
    // A drop that is none has no interval, whatever the draws that gave one.
    let interval = interval.filter(|_| value.is_some());
    let measured = drop.metric.as_str();
    let metric = match single {
        Some(_) => format!("drop_percent_{kind}_{measured}"),
        None => format!("drop_percent_{kind}_{measured}_{}", drop.name),
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
        metric: measured.to_owned(),
        full,
        ablated,
        drop_percent: value,
        n: n as i64,
    };
    (row, measurement)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_is_a_share_of_what_was_there() {
        // Sums of the full model, of the ablated one, number of rows.
        assert_eq!(percent(&[8.0, 2.0, 4.0]), Some(75.0));
        assert_eq!(percent(&[8.0, -8.0, 4.0]), Some(200.0));
        // It rises by 40 %.
        assert_eq!(percent(&[5.0, 7.0, 4.0]), Some(-40.0));
        assert_eq!(percent(&[0.0, 7.0, 4.0]), None);
        // From -5 to -7 or to -3: neither is a share of -5.
        assert_eq!(percent(&[-5.0, -7.0, 4.0]), None);
        assert_eq!(percent(&[-5.0, -3.0, 4.0]), None);
    }
}
