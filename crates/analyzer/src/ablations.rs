//! The metrics of a model with parts of it taken away, beside those of the full model.

use transformer::{NoHook, Transformer};

use crate::component::Component;
use crate::context::{Context, Model};
use crate::hooks::{Ablate, Means, forward};
use crate::metric::{Logits, Metric};
use crate::rows::Task;

/// What a part is replaced with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replacement {
    Zero,
    /// Its mean at each position over the counterfactual rows; over the rows themselves where they have none.
    Mean,
}

impl Replacement {
    pub(crate) const ALL: [Replacement; 2] = [Replacement::Zero, Replacement::Mean];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Replacement::Zero => "zero",
            Replacement::Mean => "mean",
        }
    }
}

/// Sums of a metric over some rows: of the full model, of the ablated one, and the number of rows.
pub(crate) type Sums = [f64; 3];

/// A model on the rows of a task, the full model's metrics and the means known.
pub(crate) struct Ablations<'a> {
    shape: &'a transformer::Config,
    metrics: &'a [Metric],
    model: &'a Transformer,
    task: &'a Task,
    full: Vec<Full>,   // by group
    means: Vec<Means>, // by group
}

/// What the full model does on rows of one length.
struct Full {
    foils: Vec<Option<usize>>,
    values: Vec<Vec<Option<f64>>>, // by metric and row
}

impl<'a> Ablations<'a> {
    pub(crate) fn new(
        context: &'a Context,
        model: &'a Model,
        task: &'a Task,
        metrics: &'a [Metric],
    ) -> candle_core::Result<Ablations<'a>> {
        let (shape, model) = (&context.shape, &model.transformer);
        let full = task.groups.iter().map(|group| {
            let logits = Logits::new(&forward(model, &group.tokens, &mut NoHook)?)?;
            let foils = logits.foils(&group.rows);
            let values = metrics.iter().map(|metric| metric.of(&logits, &group.rows, &foils)).collect();
            Ok(Full { foils, values })
        });
        let means = task
            .groups
            .iter()
            .map(|g| Means::over(model, shape, g.counterfactual.as_ref().unwrap_or(&g.tokens)));
        let full = full.collect::<candle_core::Result<_>>()?;
        let means = means.collect::<candle_core::Result<_>>()?;
        Ok(Ablations { shape, metrics, model, task, full, means })
    }

    /// Returns the sums of each metric and cluster with `parts` replaced at every position.
    pub(crate) fn without(
        &self,
        parts: &[Component],
        by: Replacement,
    ) -> candle_core::Result<Vec<Vec<Sums>>> {
        let mut sums = vec![vec![[0.0; 3]; self.task.clusters]; self.metrics.len()];
        for ((group, full), means) in self.task.groups.iter().zip(&self.full).zip(&self.means) {
            let mut hook = Ablate::new(self.shape, parts, (by == Replacement::Mean).then_some(means));
            let logits = Logits::new(&forward(self.model, &group.tokens, &mut hook)?)?;
            for ((metric, values), clusters) in self.metrics.iter().zip(&full.values).zip(&mut sums) {
                let ablated = metric.of(&logits, &group.rows, &full.foils);
                for ((row, full), ablated) in group.rows.iter().zip(values).zip(ablated) {
                    if let (Some(full), Some(ablated)) = (*full, ablated) {
                        statistics::add(&mut clusters[row.cluster], &[full, ablated, 1.0]);
                    }
                }
            }
        }
        Ok(sums)
    }
}
