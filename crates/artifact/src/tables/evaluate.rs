use super::{COUNT, NO_STEP, SEEDS, STEPS};
use crate::row::table;
use crate::{Description, Row as _};

/// The tables, in the order in which they are written.
pub(super) const TABLES: &[fn() -> Description] = &[
    Prediction::describe,
    Score::describe,
    SeedScore::describe,
    Control::describe,
    Verdict::describe,
    SeedVerdict::describe,
];

/// An `n_eff` below this bears little: it is said wherever a number rests on it.
pub const FEW_CLUSTERS: f64 = 20.0;

table! {
    /// What the last checkpoint of each seed answers: validation and test whole, train a keyed sample.
    pub struct Prediction in "predictions", version 2, files "results/<pipeline>/evaluate/predictions.parquet" {
        /// The model's seed.
        seed: i32,
        /// The checkpoint's step.
        step: i64,
        /// Split of the row.
        split: String,
        /// The row.
        example_id: i64,
        /// Task of the row.
        task: String,
        /// Number of terms of the row, the answer's included.
        n_terms: i32,
        /// The right answer as text, as people write it.
        answer: String,
        /// The answer as text, generated greedily until END, or until the SEP behind its last term; tokens where it spells no value.
        prediction: String,
        /// The right answer as a number; null where it is none, or several.
        answer_value: Option<i64>,
        /// The answer given as a number; null where it is none, or several.
        prediction_value: Option<i64>,
        /// Whether that is exactly the right answer.
        correct: bool,
        /// Whether every token of the span is the likeliest, the right tokens before it given.
        teacher_forced: bool,
        /// Whether every token of the span is among the five likeliest, the right tokens before it given.
        top5: bool,
        /// Sum of the log-probabilities of the answer span's tokens, in nats; END and SEP, which both end a value, together.
        log_probability: Option<f32>,
        /// Worst rank of a right token over the span; 1 is the likeliest.
        rank: i32,
        /// Logit of the right token minus that of the last shown term, at the first position where both differ.
        logit_difference: Option<f32>,
        /// `correct`, `copy_last`, `off_by_one`, ...: what kind of mistake it is.
        error_class: String,
    }
    checked {
        seed: SEEDS,
        step: STEPS,
        n_terms: 0..=i32::MAX,
        rank: 1..=i32::MAX,
    }
}

table! {
    /// The model over its seeds: one row a split, task, slice and metric, each with its interval and denominators.
    pub struct Score in "scores", version 2, files "results/<pipeline>/evaluate/scores.parquet" {
        /// `trained`.
        model: String,
        /// The checkpoints' step, the largest of all seeds.
        step: i64,
        /// Split of the rows.
        split: String,
        /// Task of the rows; empty for all tasks.
        task: String,
        /// `all`, or a part of the rows such as `terms=4`.
        slice: String,
        /// What was measured.
        metric: String,
        /// The look-up table that it is about (`u_best`, `s_best`, `agreement`); empty for the others.
        memorizer: String,
        /// The view in which that table answers, `terms` or `tokens`; empty for the others.
        view: String,
        /// Its value, the mean over seeds; null where it cannot be measured.
        value: Option<f64>,
        /// Lower end of the 95 % interval.
        low: Option<f64>,
        /// Upper end of the 95 % interval.
        high: Option<f64>,
        /// Number of rows (or of seeds, for a metric that has one value a seed).
        n: i64,
        /// Number of clusters that these rows are in; 0 for a metric that is not about rows.
        clusters: i64,
        /// How many clusters of equal size they count as, (sum n_c)^2 / sum n_c^2 (Kish); null for a metric that is not about rows.
        n_eff: Option<f64>,
        /// Number of seeds; 0 for what is not about the model.
        seeds: i64,
    }
    checked {
        step: NO_STEP,
        n: COUNT,
        clusters: COUNT,
        seeds: COUNT,
    }
}

table! {
    /// Each seed of the model by itself: as `scores`, one row a seed.
    pub struct SeedScore in "seed_scores", version 1, files "results/<pipeline>/evaluate/seed_scores.parquet" {
        /// `trained`.
        model: String,
        /// The model's seed.
        seed: i32,
        /// The checkpoint's step.
        step: i64,
        /// As in [`Score`].
        split: String,
        /// As in [`Score`].
        task: String,
        /// As in [`Score`].
        slice: String,
        /// As in [`Score`].
        metric: String,
        /// As in [`Score`].
        memorizer: String,
        /// As in [`Score`].
        view: String,
        /// Its value; null where it cannot be measured.
        value: Option<f64>,
        /// Lower end of the 95 % interval.
        low: Option<f64>,
        /// Upper end of the 95 % interval.
        high: Option<f64>,
        /// As in [`Score`].
        n: i64,
        /// As in [`Score`].
        clusters: i64,
        /// As in [`Score`].
        n_eff: Option<f64>,
    }
    checked {
        seed: SEEDS,
        step: NO_STEP,
        n: COUNT,
        clusters: COUNT,
    }
}

table! {
    /// What a score has to be read beside: the untrained model, and the rule itself.
    pub struct Control in "controls", version 1, files "results/<pipeline>/evaluate/controls.parquet" {
        /// `untrained` (the same models at step 0, over seeds) or `oracle` (the rule itself).
        model: String,
        /// The checkpoints' step; -1 for the oracle.
        step: i64,
        /// As in [`Score`].
        split: String,
        /// As in [`Score`].
        task: String,
        /// As in [`Score`].
        slice: String,
        /// As in [`Score`].
        metric: String,
        /// Its value; null where it cannot be measured.
        value: Option<f64>,
        /// Lower end of the 95 % interval; null for the oracle.
        low: Option<f64>,
        /// Upper end of the 95 % interval; null for the oracle.
        high: Option<f64>,
        /// As in [`Score`].
        n: i64,
        /// As in [`Score`].
        clusters: i64,
        /// As in [`Score`].
        n_eff: Option<f64>,
        /// Number of seeds; 0 for the oracle.
        seeds: i64,
    }
    checked {
        step: NO_STEP,
        n: COUNT,
        clusters: COUNT,
        seeds: COUNT,
    }
}

table! {
    /// Rule or memory: one row a task, and one over all, with the numbers and thresholds that made it.
    pub struct Verdict in "verdicts", version 1, files "results/<pipeline>/evaluate/verdicts.parquet" {
        /// Split of the rows.
        split: String,
        /// Task of the rows; empty for all tasks.
        task: String,
        /// `rule`, `shallow_rule`, `partly`, `memory`, `not_inferred`, `not_fitted`, `not_transferred`, `seeds_disagree`,
        /// `not_measurable`, `control_passed`, `control_failed` or `leaky_control`.
        verdict: String,
        /// The same in the words of a heading.
        headline: String,
        /// The same in one sentence, with its figures.
        sentence: String,
        /// What a reader has to know beside it, one sentence a line; empty for nothing.
        caveats: String,
        /// The level at which the rows are held out.
        holdout: String,
        /// Whether the rows are of other data than those that the model was trained on.
        other_data: bool,
        /// Number of rows.
        n: i64,
        /// Number of clusters that they are in.
        clusters: i64,
        /// How many clusters of equal size they count as.
        n_eff: f64,
        /// Number of seeds.
        seeds: i64,
        /// Seeds whose own verdict is `rule` or `shallow_rule`.
        rule_seeds: i64,
        /// Accuracy over seeds, with its interval.
        accuracy: Option<f64>,
        /// Lower end.
        accuracy_low: Option<f64>,
        /// Upper end.
        accuracy_high: Option<f64>,
        /// rule_index over seeds, with its interval.
        rule_index: Option<f64>,
        /// Lower end.
        rule_index_low: Option<f64>,
        /// Upper end.
        rule_index_high: Option<f64>,
        /// Accuracy of the best memory table.
        u_best: Option<f64>,
        /// Accuracy of the best shallow table.
        s_best: Option<f64>,
        /// Accuracy on rows that were trained, over seeds.
        train_accuracy: Option<f64>,
        /// Share of the answers that a look-up table gets wrong which the model gets wrong alike, with its interval.
        agreement: Option<f64>,
        /// Lower end, corrected for the number of tables.
        agreement_low: Option<f64>,
        /// The table that agrees most.
        agreement_memorizer: String,
        /// The difference in accuracy between the two seeds that differ most, of those whose interval leaves out 0 if there are
        /// any; null below 10 effective clusters, or with one seed.
        seed_difference: Option<f64>,
        /// Lower end of its interval, paired over clusters and corrected for the number of pairs.
        seed_difference_low: Option<f64>,
        /// rule_index from which on it is the rule.
        rule_from: f64,
        /// rule_index from which on (its interval above 0) it is more than memory.
        partly_from: f64,
        /// Lower end of agreement from which on failure is memory.
        memory_from: f64,
        /// Accuracy on trained rows below which nothing was fitted.
        fitted_from: f64,
        /// u_best above which no rule can be told from memory.
        measurable_to: f64,
        /// How near a shallow table comes that explains the model as well.
        shallow_within: f64,
        /// Difference between seeds above which they disagree.
        disagree_above: f64,
    }
    checked {
        n: COUNT,
        clusters: COUNT,
        seeds: COUNT,
        rule_seeds: COUNT,
    }
}

table! {
    /// How each seed came out by itself.
    pub struct SeedVerdict in "seed_verdicts", version 1, files "results/<pipeline>/evaluate/seed_verdicts.parquet" {
        /// The model's seed.
        seed: i32,
        /// As in [`Verdict`].
        split: String,
        /// As in [`Verdict`].
        task: String,
        /// As in [`Verdict`], but for `seeds_disagree`.
        verdict: String,
        /// Accuracy on rows that were trained.
        train_accuracy: Option<f64>,
    }
    checked {
        seed: SEEDS,
    }
}
