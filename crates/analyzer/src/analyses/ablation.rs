//! What each head and MLP is worth: each metric with it replaced, against the full model.
//!
//! The drop is `100 (full - ablated) / full` where the full value is above 0, and not defined elsewhere: a share of
//! nothing, or of less, is none. For every component and the k most important heads together, those without which the first
//! metric is least. Head 0 of one seed has nothing to do with head 0 of another: over seeds only MLPs and the top k
//! heads are summed up.

use artifact::tables::{self, Measurement};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statistics::{Interval, sums};

use crate::ablations::{Ablations, Replacement, Sums};
use crate::analyze::{Analyze, Output};
use crate::component::Component;
use crate::context::{Context, Model};
use crate::error::Error;
use crate::measure::{Subject, of_part};
use crate::metric::Metric;
use crate::rows::Task;

/// What ablation measures, and which sets of heads it ablates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ablation {
    /// What is measured; the first says which heads are the most important.
    metrics: Vec<Metric>,
    /// Up to how many of the most important heads are ablated together.
    top_heads: usize,
}

impl Default for Ablation {
    fn default() -> Self {
        Self { metrics: vec![Metric::LogitDifference, Metric::LogitMargin, Metric::Accuracy], top_heads: 4 }
    }
}

/// What is taken away, and what is left of a metric.
struct Effect {
    by: Replacement,
    metric: Metric,
    /// A component's name, or `top_2_heads`.
    name: String,
    parts: Vec<Component>,
    clusters: Vec<Sums>,
}

impl Effect {
    /// Returns the component; nothing for a set.
    fn single(&self) -> Option<Component> {
        self.parts.first().copied().filter(|part| part.to_string() == self.name)
    }
}

impl Analyze for Ablation {
    fn check(&self) -> Result<(), Error> {
        Metric::check(&self.metrics)?;
        Error::unless_within("top_heads", self.top_heads, 0..=4096, 4)
    }

    fn analyze(&self, context: &Context, output: &mut Output<'_>) -> Result<(), Error> {
        let found = context.each(|model, task| self.effects(context, model, task))?;
        let mut table = Vec::new();
        let mut push = |subject: &Subject<'_>, effect: &Effect, sums: Sums, interval| {
            let of_effect = rows(subject, effect, sums, interval);
            table.push(of_effect.0);
            output.measure(of_effect.1);
        };
        for (number, task) in context.tasks.iter().enumerate() {
            let resamples = context.resamples(task.clusters);
            for (model, found) in context.models.iter().zip(&found) {
                let subject = context.subject(model, task);
                for effect in &found[number] {
                    let interval = resamples.interval(&effect.clusters, percent);
                    push(&subject, effect, sums(&effect.clusters), interval);
                }
            }
            let Some(first) = found.first() else { continue };
            let resamples = context.resamples(found.len());
            let head = |effect: &Effect| matches!(effect.single(), Some(Component::Head { .. }));
            for (place, effect) in first[number].iter().enumerate().filter(|(_, effect)| !head(effect)) {
                // Each seed counts once: its means, not its sums.
                let seeds: Vec<Sums> = found
                    .iter()
                    .map(|of| sums(&of[number][place].clusters))
                    .map(|[full, ablated, n]| [full / n.max(1.0), ablated / n.max(1.0), n.min(1.0)])
                    .collect();
                let interval = resamples.interval(&seeds, percent);
                push(&context.over_seeds(task), effect, sums(&seeds), interval);
            }
        }
        for task in &context.tasks {
            // Says over what `mean` was taken: 1 where rows have no counterfactual twins, so that they stood in for them.
            let missing = task.groups.iter().any(|group| group.counterfactual.is_none());
            let value = Some(f64::from(u8::from(missing)));
            output.measure(context.over_seeds(task).measurement("mean_over_sample", value, None, task.n()));
        }
        output.table(table)
    }
}

impl Ablation {
    /// Returns what every component, then the most important heads together, are worth, by both replacements and every metric.
    fn effects(&self, context: &Context, model: &Model, task: &Task) -> candle_core::Result<Vec<Effect>> {
        let ablations = Ablations::new(context, model, task, &self.metrics)?;
        let mut effects = Vec::new();
        for by in Replacement::ALL {
            let mut add = |name: String, parts: Vec<Component>| {
                let without = ablations.without(&parts, by)?;
                let left = without.first().map_or(0.0, |clusters| sums(clusters)[1]);
                for (clusters, metric) in without.into_iter().zip(self.metrics.iter().copied()) {
                    effects.push(Effect { by, metric, name: name.clone(), parts: parts.clone(), clusters });
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
            for k in 1..=heads.len().min(self.top_heads) {
                add(format!("top_{k}_heads"), heads[..k].iter().map(|(_, head)| *head).collect())?;
            }
        }
        Ok(effects)
    }
}

/// Returns the drop in percent of the full value; nothing where that is not above 0.
fn percent([full, ablated, _]: &Sums) -> Option<f64> {
    (*full > 0.0).then(|| 100.0 * (full - ablated) / full)
}

fn rows(
    subject: &Subject<'_>,
    effect: &Effect,
    sums: Sums,
    interval: Option<Interval>,
) -> (tables::Ablation, Measurement) {
    let single = effect.single();
    let [full, ablated] = [0, 1].map(|column| (sums[2] > 0.0).then(|| sums[column] / sums[2]));
    let (value, n, kind) = (percent(&sums), sums[2] as usize, effect.by.name());
    // A drop that is none has no interval, whatever the draws that gave one.
    let interval = interval.filter(|_| value.is_some());
    let metric = effect.metric.as_str();
    let measurement = match single {
        Some(part) => {
            let name = format!("drop_percent_{kind}_{metric}");
            of_part(part, part.hook(), subject.measurement(name, value, interval, n))
        }
        None => {
            let name = format!("drop_percent_{kind}_{metric}_{}", effect.name);
            // Each seed has its own most important heads: over seeds they have no names.
            let parts = effect.parts.iter().filter(|_| subject.seed >= 0).map(Component::to_string);
            let component = parts.collect::<Vec<_>>().join("+");
            Measurement { component, ..subject.measurement(name, value, interval, n) }
        }
    };
    let row = tables::Ablation {
        seed: subject.seed,
        step: subject.step,
        task: subject.task.to_owned(),
        component: effect.name.clone(),
        layer: measurement.layer,
        head: measurement.head,
        kind: kind.to_owned(),
        metric: metric.to_owned(),
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
