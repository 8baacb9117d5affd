use super::{COUNT, NO_PLACE, NO_STEP, OVER_SEEDS, PLACES, SEEDS, STEPS};
use crate::row::table;
use crate::{Description, Row as _};

/// The tables, in the order in which they are written.
pub(super) const TABLES: &[fn() -> Description] =
    &[AttentionPattern::describe, Ablation::describe, Measurement::describe];

table! {
    /// Attention patterns: the mean over rows of one length, and some example rows.
    pub struct AttentionPattern in "attention", version 1, files "results/<pipeline>/analyze/attention.parquet" {
        /// The model's seed.
        seed: i32,
        /// The checkpoint's step.
        step: i64,
        /// Task of the rows.
        task: String,
        /// Layer, from 0.
        layer: i32,
        /// Head, from 0.
        head: i32,
        /// Position that attends.
        query: i32,
        /// Position attended to.
        key: i32,
        /// Attention weight, 0 to 1; the keys of one query sum to 1.
        weight: f32,
        /// Number of rows in the mean; 1 for an example.
        n: i64,
        /// The example; -1 for the mean.
        example_id: i64,
        /// The example's tokens, separated by spaces; empty for the mean.
        tokens: String,
    }
    checked {
        seed: SEEDS,
        step: STEPS,
        layer: PLACES,
        head: PLACES,
        query: PLACES,
        key: PLACES,
        n: COUNT,
    }
}

table! {
    /// The drop-heads table: what each head, MLP, or set of them is worth.
    pub struct Ablation in "ablation", version 2, files "results/<pipeline>/analyze/ablation.parquet" {
        /// The model's seed; -1 = over seeds.
        seed: i32,
        /// The checkpoint's step.
        step: i64,
        /// Task of the rows.
        task: String,
        /// What was ablated, e.g. `blocks.0.attn.head.3`, `blocks.0.mlp`.
        component: String,
        /// Layer, from 0; -1 for a set over layers.
        layer: i32,
        /// Head, from 0; -1 for an MLP or a set.
        head: i32,
        /// What it was replaced with: `zero`, or `mean` per position over the counterfactual rows.
        kind: String,
        /// What was measured, a mean over rows, the right tokens before each given. `logit_difference`: logit of the right token
        /// minus that of the last shown term (copying), where both first differ. `logit_margin`: minus that of the token that
        /// the full model finds the likeliest of all others there, for the ablated model the same token. `accuracy`: share of
        /// rows whose every answer token is the likeliest. `log_probability`: of the answer span, in nats. As in an evaluation,
        /// SEP behind the last term counts as END.
        metric: String,
        /// The full model's value.
        full: Option<f64>,
        /// The ablated model's value.
        ablated: Option<f64>,
        /// 100 (full - ablated) / full: below 0 where it rises; null where `full` is not above 0.
        drop_percent: Option<f64>,
        /// Number of rows (or of seeds, for seed -1).
        n: i64,
    }
    checked {
        seed: OVER_SEEDS,
        step: NO_STEP,
        layer: NO_PLACE,
        head: NO_PLACE,
        n: COUNT,
    }
}

table! {
    /// Every scalar that an analysis measured, in one long table.
    pub struct Measurement in "measurements", version 2, files "results/<pipeline>/analyze/measurements.parquet" {
        /// Name of the analysis.
        analysis: String,
        /// The model's seed; -1 = over seeds.
        seed: i32,
        /// The checkpoint's step.
        step: i64,
        /// Task of the rows; empty for all.
        task: String,
        /// The activation that was looked at or replaced, as TransformerLens names it (`blocks.0.attn.hook_z`); empty for the
        /// whole model and for a set of parts.
        hook: String,
        /// The part of the model, e.g. `blocks.0.attn.head.3`, `blocks.0.mlp`, or a set of them joined by `+`; empty for the whole
        /// model, and for a set that is another in each seed.
        component: String,
        /// Layer, from 0; -1 for none.
        layer: i32,
        /// Head, from 0; -1 for none.
        head: i32,
        /// Position in the row; -1 for none.
        position: i32,
        /// What was measured.
        metric: String,
        /// Its value; null where it cannot be measured.
        value: Option<f64>,
        /// Lower end of the 95 % interval.
        low: Option<f64>,
        /// Upper end of the 95 % interval.
        high: Option<f64>,
        /// Number of rows.
        n: i64,
    }
    checked {
        seed: OVER_SEEDS,
        step: NO_STEP,
        layer: NO_PLACE,
        head: NO_PLACE,
        position: NO_PLACE,
        n: COUNT,
    }
}
