use super::{SEEDS, STEPS};
use crate::row::table;
use crate::{Description, Row as _};

/// The tables, in the order in which they are written.
pub(super) const TABLES: &[fn() -> Description] =
    &[Training::describe, Checkpoint::describe, Resume::describe, TrainedOn::describe];

/// The accuracy from which rows count as learned, for `t_mem` and `t_gen`, where no other is asked for.
pub const LEARNED: f64 = 0.99;

table! {
    /// One logged step of one seed.
    pub struct Training in "training", version 1, files "results/<pipeline>/train/training.parquet" {
        /// The model's seed.
        seed: i32,
        /// Optimizer steps done, those of the runs that this one continues among them.
        step: i64,
        /// Rows seen, repeats counted.
        examples_seen: i64,
        /// Mean loss of this step's batch over its scored positions, in nats.
        train_loss: Option<f32>,
        /// Share of this step's batch with every token of the answer span right, the right tokens before it given.
        train_accuracy: Option<f32>,
        /// Mean loss over the validation rows, in nats; null at steps without validation.
        validation_loss: Option<f32>,
        /// As `train_accuracy`, over the validation rows.
        validation_accuracy: Option<f32>,
        /// Learning rate of this step.
        learning_rate: f64,
        /// L2 norm of the gradient before clipping.
        gradient_norm: Option<f32>,
        /// L2 norm of all parameters after the step.
        weight_norm: Option<f32>,
    }
    checked {
        seed: SEEDS,
        step: STEPS,
        examples_seen: STEPS,
        train_accuracy: 0.0..=1.0,
        validation_accuracy: 0.0..=1.0,
    }
}

table! {
    /// The saved weights: one row a seed and step.
    pub struct Checkpoint in "checkpoints", version 1, files "results/<pipeline>/train/checkpoints.parquet" {
        /// The model's seed.
        seed: i32,
        /// Optimizer steps done; 0 is the untrained model. With `checkpoints.best`, the step of the lowest `validation_loss` in
        /// `training`, of equals the first, is among them.
        step: i64,
        /// The safetensors file, relative to the stage's folder.
        path: String,
        /// Hex BLAKE3 of the file.
        digest: String,
    }
    checked {
        seed: SEEDS,
        step: STEPS,
    }
}

table! {
    /// What another run needs, besides the last checkpoint, to continue a seed: the moments of its optimizer and its counts.
    pub struct Resume in "resume", version 1, files "results/<pipeline>/train/resume.parquet" {
        /// The model's seed.
        seed: i32,
        /// Optimizer steps done, as at its last checkpoint.
        step: i64,
        /// The safetensors file, relative to the stage's folder.
        path: String,
        /// Hex BLAKE3 of the file.
        digest: String,
    }
}

table! {
    /// Every table of rows that the models saw: their own, and those of the trainings that they go on from.
    pub struct TrainedOn in "trained_on", version 1, files "results/<pipeline>/train/trained_on.parquet" {
        /// How many trainings back: 0 for their own data, 1 for those of the training that `from` names, ...
        generation: i32,
        /// Its file.
        file: String,
        /// Hex BLAKE3 of its schema and column chunks.
        digest: String,
    }
    checked {
        generation: 0..=i32::MAX,
    }
}
