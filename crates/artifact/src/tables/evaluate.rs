use super::{COUNT, NO_STEP, OVER_SEEDS, SEEDS, STEPS};
use crate::row::table;

table! {
    /// What the last checkpoint of each seed answers: validation and test whole, train a keyed sample.
    pub struct Prediction in "predictions", version 1, files "results/<pipeline>/evaluate/predictions.parquet" {
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
        /// The answer as text, generated greedily until END, or until the SEP behind its last term.
        prediction: String,
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
        rank: 1..=i32::MAX,
    }
}

table! {
    /// Aggregated scores, each with its interval and denominator.
    pub struct Score in "scores", version 1, files "results/<pipeline>/evaluate/scores.parquet" {
        /// `trained`, `untrained` (the same model at step 0) or `oracle` (the rule itself).
        model: String,
        /// The model's seed; -1 = over seeds, and for the oracle.
        seed: i32,
        /// The checkpoint's step; -1 for the oracle.
        step: i64,
        /// Split of the rows.
        split: String,
        /// Task of the rows; empty for all tasks.
        task: String,
        /// `all`, or a part of the rows such as `terms=4`.
        slice: String,
        /// What was measured.
        metric: String,
        /// Its value; null where it cannot be measured.
        value: Option<f64>,
        /// Lower end of the 95 % interval.
        low: Option<f64>,
        /// Upper end of the 95 % interval.
        high: Option<f64>,
        /// Number of rows (or of seeds, for a metric that has one value a seed).
        n: i64,
    }
    checked {
        seed: OVER_SEEDS,
        step: NO_STEP,
        n: COUNT,
    }
}
