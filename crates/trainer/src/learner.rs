use std::collections::HashMap;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use stream::RngCore;
use transformer::engine::{AdamW, Dropout, Engine, Moments, Output};
use transformer::{flatten, initial_weights, unflatten, write_tensors};

use crate::batch::Batch;
use crate::rows::Rows;
use crate::tensors::Tensors;
use crate::{Config, Error, Optimizer};

/// A model and the state of its optimizer, as one value.
///
/// The optimizer cannot hold another model's parameters: there is no way to write that down.
pub(crate) struct Learner {
    shape: transformer::Config,
    engine: Arc<Engine>,
    /// All weights, `[parameters]`.
    weights: Vec<f32>,
    /// The gradient of the last loss, `[parameters]`.
    gradient: Vec<f32>,
    moments: Moments,
    optimizer: Optimizer,
    /// What the next update leaves out.
    dropout: Option<Dropout>,
    steps: u64,
    done: u64,
    seen: u64,
}

/// What one update saw.
pub(crate) struct Update {
    /// Mean over the scored positions, in nats, before the update.
    pub(crate) loss: f32,
    pub(crate) learning_rate: f64,
    /// L2 norm over all parameters, before clipping.
    pub(crate) gradient_norm: f32,
    /// The likeliest next tokens at the batch's positions, before the update.
    pub(crate) predicted: Vec<u32>,
}

/// A model's loss and accuracy on some rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Score {
    /// Mean over the scored positions, in nats.
    pub(crate) loss: f32,
    /// Share of rows with every answer token right, the right tokens before it given.
    pub(crate) accuracy: f32,
}

/// A quantity that is no number.
pub(crate) struct NotFinite {
    pub(crate) quantity: &'static str,
    pub(crate) value: f64,
}

impl NotFinite {
    pub(crate) fn at(self, seed: i32, step: u64) -> Error {
        Error::Diverged { seed, step, quantity: self.quantity, value: self.value }
    }
}

impl Learner {
    /// Returns an untrained model whose weights are a pure function of its shape, `config.model.initializer_range` and
    /// `seed`, to be trained until it has seen `steps` updates.
    pub(crate) fn new(
        shape: &transformer::Config,
        engine: &Arc<Engine>,
        config: &Config,
        steps: u64,
        seed: i32,
    ) -> Result<Self, Error> {
        let stream = |purpose| stream::generator(purpose, &[u64::from(seed.unsigned_abs())]);
        let deviation = config.model.initializer_range;
        let weights =
            initial_weights(shape, deviation, &mut stream("trainer/init"), DType::F32, &Device::Cpu)?;
        let mut learner = Self::from_weights(shape, engine, flatten(&weights)?, &config.optimizer, steps);
        let rate = config.model.dropout;
        let seed = stream("trainer/dropout").next_u64();
        learner.dropout = (rate > 0.0).then_some(Dropout { rate, seed, step: 0 });
        Ok(learner)
    }

    /// Returns the model of these weights, `[parameters]`, to be trained `steps` times, without dropout.
    pub(crate) fn from_weights(
        shape: &transformer::Config,
        engine: &Arc<Engine>,
        weights: Vec<f32>,
        optimizer: &Optimizer,
        steps: u64,
    ) -> Self {
        Self {
            shape: shape.clone(),
            engine: engine.clone(),
            gradient: vec![0.0; weights.len()],
            weights,
            moments: engine.moments(),
            optimizer: optimizer.clone(),
            dropout: None,
            steps,
            done: 0,
            seen: 0,
        }
    }

    /// Returns the number of updates done.
    pub(crate) fn done(&self) -> u64 {
        self.done
    }

    /// Returns the number of rows seen by them, repeats counted.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// Sets how often it is trained in all.
    pub(crate) fn train_until(&mut self, steps: u64) {
        self.steps = steps;
    }

    /// Updates the model once. A loss or gradient that is no number leaves it as it was.
    pub(crate) fn step(&mut self, batch: &Batch) -> Result<Result<Update, NotFinite>, Error> {
        let dropout = self.dropout.map(|dropout| Dropout { step: self.done + 1, ..dropout });
        let output = self.engine.gradient(&self.weights, &batch.arrays, dropout, &mut self.gradient)?;
        if !output.loss.is_finite() {
            return Ok(Err(NotFinite { quantity: "loss", value: output.loss }));
        }
        let norm = norm(&self.gradient);
        if !norm.is_finite() {
            return Ok(Err(NotFinite { quantity: "gradient norm", value: norm }));
        }
        self.done += 1;
        self.seen += batch.len() as u64;
        let learning_rate = self.optimizer.learning_rate_at(self.done, self.steps);
        let scale = self.optimizer.clip.map_or(1.0, |clip| (clip / (norm + 1e-6)).min(1.0)); // as PyTorch clips
        let update = AdamW { scale: scale as f32, ..self.optimizer.update(self.done, learning_rate) };
        self.engine.update(update, &mut self.weights, &self.gradient, &mut self.moments);
        let Output { loss, predicted } = output;
        Ok(Ok(Update { loss: loss as f32, learning_rate, gradient_norm: norm as f32, predicted }))
    }

    /// Returns loss and accuracy on all `rows`; `None` where there are none.
    pub(crate) fn score(&self, rows: &Rows) -> Result<Option<Score>, Error> {
        const BATCH: u64 = 256;
        let (mut loss, mut scored, mut right) = (0.0, 0, 0);
        let count = rows.extent.rows;
        for first in (0..count).step_by(BATCH as usize) {
            let batch = rows.stretch(first..count.min(first + BATCH))?;
            let output = self.engine.loss(&self.weights, &batch.arrays)?;
            loss += output.loss * batch.scored as f64;
            scored += batch.scored;
            right += batch.answers_right(&output.predicted);
        }
        let score = || Score { loss: (loss / scored as f64) as f32, accuracy: right as f32 / count as f32 };
        Ok((count > 0).then(score))
    }

    /// Returns the L2 norm of all parameters.
    pub(crate) fn weight_norm(&self) -> f32 {
        norm(&self.weights) as f32
    }

    /// Returns all that the next update depends on but the weights, by name: moments f32 `[parameters]`, counts i64 `[1]`.
    pub(crate) fn state(&self) -> Result<HashMap<&'static str, Tensor>, Error> {
        let count = |n: u64| Tensor::new(&[i64::try_from(n).unwrap_or(i64::MAX)], &Device::Cpu);
        let vector = |values: &[f32]| Tensor::new(values, &Device::Cpu);
        let (mean, square) = (vector(&self.moments.mean)?, vector(&self.moments.square)?);
        Ok(HashMap::from([
            ("mean", mean),
            ("square", square),
            ("done", count(self.done)?),
            ("seen", count(self.seen)?),
        ]))
    }

    /// Returns the optimizer, and the updates over which its schedule goes.
    pub(crate) fn optimizer(&self) -> (&Optimizer, u64) {
        (&self.optimizer, self.steps)
    }

    /// Returns what its dropout is drawn from.
    pub(crate) fn dropout_stream(&self) -> u64 {
        self.dropout.map_or(0, |dropout| dropout.seed)
    }

    /// Returns the moments of its weights.
    pub(crate) fn moments(&self) -> &Moments {
        &self.moments
    }

    /// Takes over what updates elsewhere have made of the weights and, where they are given, of the moments.
    pub(crate) fn follow(&mut self, weights: Vec<f32>, moments: Option<Moments>, updates: u64, rows: u64) {
        self.weights = weights;
        if let Some(moments) = moments {
            self.moments = moments;
        }
        self.done += updates;
        self.seen += rows;
    }

    /// Returns all weights, `[parameters]`.
    pub(crate) fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// Goes back to these weights, `[parameters]`, and what [`Learner::state`] gave; says what is wrong with it where it is
    /// not of a model of this shape, and then is as it was.
    pub(crate) fn restore(&mut self, weights: Vec<f32>, state: &Tensors) -> transformer::Result<()> {
        let count = self.weights.len();
        let (mean, square) = (state.floats("mean", count)?, state.floats("square", count)?);
        let (done, seen) = (state.count("done")?, state.count("seen")?);
        if let Some(moment) = square.iter().find(|moment| **moment < 0.0) {
            let message = format!("`square` holds {moment}, expected none that is negative");
            return Err(transformer::Error::Weights(message));
        }
        if weights.len() != count {
            return Err(transformer::Error::Weights(format!("{} weights, expected {count}", weights.len())));
        }
        (self.done, self.seen) = (done, seen);
        (self.weights, self.moments) = (weights, Moments { mean, square });
        Ok(())
    }

    /// Returns the weights as a safetensors file.
    pub(crate) fn to_safetensors(&self) -> Result<Vec<u8>, Error> {
        Ok(write_tensors(unflatten(&self.shape, &self.weights)?)?)
    }
}

/// Returns the L2 norm of a vector, summed in a fixed order.
fn norm(vector: &[f32]) -> f64 {
    const LANES: usize = 16;
    let mut lanes = [0.0_f64; LANES];
    pulp::Arch::new().dispatch(|| {
        for chunk in vector.chunks(LANES) {
            for (lane, &x) in lanes.iter_mut().zip(chunk) {
                *lane += f64::from(x) * f64::from(x);
            }
        }
    });
    lanes.iter().sum::<f64>().sqrt()
}
