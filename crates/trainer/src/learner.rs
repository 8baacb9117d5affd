use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use candle_core::{CpuStorage, DType, Device, InplaceOp2, Layout, Storage, Tensor, Var};
use indexmap::IndexMap;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use transformer::engine::{AdamW, Engine, Moments};
use transformer::{Transformer, initial_weights};

use crate::rows::{Batch, Rows};
use crate::{Error, Optimizer};

/// A model and the state of its optimizer, as one value.
///
/// The optimizer cannot hold another model's parameters: there is no way to write that down.
pub(crate) struct Learner {
    /// All weights, f32 `[parameters]`.
    weights: Var,
    /// Views of them by name.
    model: Transformer,
    engine: Arc<Engine>,
    moments: RefCell<Moments>,
    optimizer: Optimizer,
    steps: u64,
    done: u64,
}

/// What one update saw.
pub(crate) struct Update {
    /// Mean over the scored positions, in nats, before the update.
    pub(crate) loss: f32,
    pub(crate) learning_rate: f64,
    /// L2 norm over all parameters, before clipping.
    pub(crate) gradient_norm: f32,
    /// The likeliest tokens at the asked positions, before the update.
    pub(crate) best: Vec<u32>,
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
    /// Returns an untrained model whose weights are a pure function of its shape, their standard deviation and `seed`, to
    /// be trained `steps` times.
    pub(crate) fn new(
        shape: &transformer::Config,
        engine: &Arc<Engine>,
        initializer_range: f64,
        optimizer: &Optimizer,
        steps: u64,
        seed: i32,
    ) -> Result<Self, Error> {
        let key = artifact::stream_key("trainer/init", &[u64::from(seed.unsigned_abs())]);
        let mut random = ChaCha8Rng::from_seed(key);
        let weights = initial_weights(shape, initializer_range, &mut random, DType::F32, &Device::Cpu)?;
        Self::from_weights(shape, engine, weights, optimizer, steps)
    }

    /// Returns the model of these weights, to be trained `steps` times.
    pub(crate) fn from_weights(
        shape: &transformer::Config,
        engine: &Arc<Engine>,
        weights: IndexMap<String, Tensor>,
        optimizer: &Optimizer,
        steps: u64,
    ) -> Result<Self, Error> {
        let given = Transformer::new(shape, weights)?;
        let flat =
            given.parameters().values().map(Tensor::flatten_all).collect::<candle_core::Result<Vec<_>>>()?;
        let weights = Var::from_tensor(&Tensor::cat(&flat, 0)?)?;
        let (mut views, mut start) = (IndexMap::new(), 0);
        for (name, weight) in given.parameters() {
            let view = weights.narrow(0, start, weight.elem_count())?.reshape(weight.shape())?;
            views.insert(name.clone(), view.detach());
            start += weight.elem_count();
        }
        Ok(Self {
            weights,
            model: Transformer::new(shape, views)?,
            engine: engine.clone(),
            moments: RefCell::new(engine.moments()),
            optimizer: optimizer.clone(),
            steps,
            done: 0,
        })
    }

    /// Returns the number of updates done.
    pub(crate) fn done(&self) -> u64 {
        self.done
    }

    /// Updates the model once. A loss or gradient that is no number leaves it as it was.
    pub(crate) fn step(&mut self, batch: &Batch) -> Result<Result<Update, NotFinite>, Error> {
        let weights = self.weights.as_tensor();
        let (total, said) = self.engine.loss(weights, &batch.asked)?;
        if !said.loss.is_finite() {
            return Ok(Err(NotFinite { quantity: "loss", value: said.loss }));
        }
        let gradient = total.backward()?.remove(weights).expect("the loss is a function of the weights");
        let norm = norm(&gradient)?;
        if !norm.is_finite() {
            return Ok(Err(NotFinite { quantity: "gradient norm", value: norm }));
        }
        self.done += 1;
        let learning_rate = self.optimizer.learning_rate_at(self.done, self.steps);
        let scale = self.optimizer.clip.map_or(1.0, |clip| (clip / (norm + 1e-6)).min(1.0)); // as PyTorch clips
        self.update(&gradient, learning_rate, scale)?;
        Ok(Ok(Update { loss: said.loss as f32, learning_rate, gradient_norm: norm as f32, best: said.best }))
    }

    fn update(&self, gradient: &Tensor, learning_rate: f64, scale: f64) -> Result<(), Error> {
        let Optimizer { beta1, beta2, eps, weight_decay, .. } = self.optimizer;
        let power = i32::try_from(self.done).unwrap_or(i32::MAX);
        let update = AdamW {
            mean_rate: (1.0 - beta1) as f32,
            square_kept: beta2 as f32,
            square_rate: (1.0 - beta2) as f32,
            kept: (1.0 - learning_rate * weight_decay) as f32,
            rate: (learning_rate / (1.0 - beta1.powi(power))) as f32,
            root: (1.0 / (1.0 - beta2.powi(power)).sqrt()) as f32,
            eps: eps as f32,
            scale: scale as f32,
        };
        let update = Step { engine: &self.engine, update, moments: &self.moments };
        Ok(self.weights.inplace_op2(gradient, &update)?)
    }

    /// Returns loss and accuracy on all `rows`; `None` where there are none.
    pub(crate) fn score(&self, rows: &Rows) -> Result<Option<Score>, Error> {
        const BATCH: usize = 256;
        let (mut loss, mut scored, mut right) = (0.0, 0, 0);
        let indices: Vec<usize> = (0..rows.len()).collect();
        for indices in indices.chunks(BATCH) {
            let batch = rows.batch(indices);
            let said = self.engine.answers(self.weights.as_tensor(), &batch.asked)?;
            loss += said.loss * batch.scored as f64;
            scored += batch.scored;
            right += batch.answers_right(&said.best);
        }
        let score =
            || Score { loss: (loss / scored as f64) as f32, accuracy: right as f32 / rows.len() as f32 };
        Ok((rows.len() > 0).then(score))
    }

    /// Returns the L2 norm of all parameters.
    pub(crate) fn weight_norm(&self) -> Result<f32, Error> {
        Ok(norm(self.weights.as_tensor())? as f32)
    }

    /// Returns all that the next update depends on, by name.
    pub(crate) fn state(&self) -> Result<HashMap<&'static str, Tensor>, Error> {
        let moments = self.moments.borrow();
        let done = Tensor::new(&[i64::try_from(self.done).unwrap_or(i64::MAX)], &Device::Cpu)?;
        let vector = |values: &[f32]| Tensor::new(values, &Device::Cpu);
        let weights = self.weights.as_detached_tensor();
        let (mean, square) = (vector(&moments.mean)?, vector(&moments.square)?);
        Ok(HashMap::from([("weights", weights), ("mean", mean), ("square", square), ("done", done)]))
    }

    /// Goes back to a state.
    ///
    /// # Errors
    /// When it is not one of a model of this shape; the learner then is as it was.
    pub(crate) fn restore(&mut self, state: &HashMap<String, Tensor>) -> Result<(), Error> {
        let get = |name: &str| {
            state.get(name).ok_or_else(|| candle_core::Error::Msg(format!("`{name}` is missing")))
        };
        let (mean, square) = (get("mean")?.to_vec1()?, get("square")?.to_vec1()?);
        let done = get("done")?.to_vec1::<i64>()?;
        let weights = get("weights")?;
        let parameters = self.weights.elem_count();
        let ([done], true) = (&done[..], [mean.len(), square.len(), weights.elem_count()] == [parameters; 3])
        else {
            return Err(candle_core::Error::Msg(format!("expected {parameters} weights and moments")).into());
        };
        self.weights.set(weights)?;
        self.done = done.unsigned_abs();
        *self.moments.borrow_mut() = Moments { mean, square };
        Ok(())
    }

    /// Returns the weights as a safetensors file.
    pub(crate) fn to_safetensors(&self) -> Result<Vec<u8>, Error> {
        Ok(self.model.to_safetensors()?)
    }
}

/// One update of all weights in place.
struct Step<'a> {
    engine: &'a Engine,
    update: AdamW,
    moments: &'a RefCell<Moments>,
}

impl InplaceOp2 for Step<'_> {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn cpu_fwd(
        &self,
        weights: &mut CpuStorage,
        at: &Layout,
        gradient: &CpuStorage,
        gradient_at: &Layout,
    ) -> candle_core::Result<()> {
        let (CpuStorage::F32(weights), CpuStorage::F32(gradient)) = (weights, gradient) else {
            candle_core::bail!("adamw works on f32");
        };
        let (Some((start, end)), Some((from, to))) =
            (at.contiguous_offsets(), gradient_at.contiguous_offsets())
        else {
            candle_core::bail!("adamw works on contiguous tensors");
        };
        let mut moments = self.moments.borrow_mut();
        self.engine.update(self.update, &mut weights[start..end], &gradient[from..to], &mut moments);
        Ok(())
    }
}

/// L2 norm over all elements, summed in a fixed order.
fn norm(tensor: &Tensor) -> Result<f64, Error> {
    const LANES: usize = 16;
    let (storage, layout) = tensor.storage_and_layout();
    let (Storage::Cpu(CpuStorage::F32(values)), Some((start, end))) =
        (&*storage, layout.contiguous_offsets())
    else {
        return Err(candle_core::Error::Msg("the norm needs contiguous f32 on the CPU".to_owned()).into());
    };
    let mut lanes = [0.0_f64; LANES];
    pulp::Arch::new().dispatch(|| {
        for chunk in values[start..end].chunks(LANES) {
            for (lane, &x) in lanes.iter_mut().zip(chunk) {
                *lane += f64::from(x) * f64::from(x);
            }
        }
    });
    Ok(lanes.iter().sum::<f64>().sqrt())
}
