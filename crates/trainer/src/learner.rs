use std::cell::RefCell;

use candle_core::{CpuStorage, DType, Device, InplaceOp2, Layout, Storage, Tensor, Var};
use indexmap::IndexMap;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use transformer::{Transformer, initial_weights, ops};

use crate::rows::{Batch, Rows};
use crate::{Error, Optimizer};

/// A model and the state of its optimizer, as one value.
///
/// The optimizer cannot hold another model's parameters: there is no way to write that down.
pub(crate) struct Learner {
    model: Transformer,
    slots: Vec<Slot>,
    optimizer: Optimizer,
    steps: u64,
    done: u64,
}

/// One parameter, and AdamW's two moments of it.
struct Slot {
    parameter: Var,
    moments: RefCell<Moments>,
    decays: bool,
}

struct Moments {
    mean: Vec<f32>,
    square: Vec<f32>,
}

/// What one update saw.
pub(crate) struct Update {
    /// Mean over the scored positions, in nats, before the update.
    pub(crate) loss: f32,
    pub(crate) learning_rate: f64,
    /// L2 norm over all parameters, before clipping.
    pub(crate) gradient_norm: f32,
    /// At the asked positions, before the update, `[n, vocab]`.
    pub(crate) logits: Tensor,
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
    /// Returns an untrained model whose weights are a pure function of `shape` and `seed`, to be trained `steps` times.
    pub(crate) fn new(
        shape: &transformer::Config,
        optimizer: &Optimizer,
        steps: u64,
        seed: i32,
    ) -> Result<Self, Error> {
        let key = artifact::stream_key("trainer/init", &[u64::from(seed.unsigned_abs())]);
        let mut random = ChaCha8Rng::from_seed(key);
        Self::from_weights(
            shape,
            initial_weights(shape, &mut random, DType::F32, &Device::Cpu)?,
            optimizer,
            steps,
        )
    }

    /// Returns the model of these weights, to be trained `steps` times.
    pub(crate) fn from_weights(
        shape: &transformer::Config,
        weights: IndexMap<String, Tensor>,
        optimizer: &Optimizer,
        steps: u64,
    ) -> Result<Self, Error> {
        let mut slots = Vec::new();
        let mut parameters = IndexMap::new();
        for (name, weight) in weights {
            let parameter = Var::from_tensor(&weight)?;
            let zeros = || vec![0_f32; weight.elem_count()];
            let moments = RefCell::new(Moments { mean: zeros(), square: zeros() });
            let decays = name.contains(".W_"); // biases of heads are two-dimensional too, but no matrices
            parameters.insert(name, parameter.as_tensor().clone());
            slots.push(Slot { parameter, moments, decays });
        }
        let model = Transformer::new(shape, parameters)?;
        Ok(Self { model, slots, optimizer: optimizer.clone(), steps, done: 0 })
    }

    /// Returns the number of updates done.
    pub(crate) fn done(&self) -> u64 {
        self.done
    }

    /// Updates the model once. A loss or gradient that is no number leaves it as it was.
    pub(crate) fn step(&mut self, batch: &Batch) -> Result<Result<Update, NotFinite>, Error> {
        let logits = self.model.forward_at(&batch.tokens, &batch.asked)?; // [n, vocab]
        let losses = ops::cross_entropy(&logits, &batch.targets)?; // [n]
        let total = (losses * &batch.weights)?.sum_all()?;
        let loss = total.to_scalar::<f32>()?;
        if !loss.is_finite() {
            return Ok(Err(NotFinite { quantity: "loss", value: f64::from(loss) }));
        }
        let mut store = total.backward()?;
        let gradients = self.slots.iter().map(|slot| match store.remove(slot.parameter.as_tensor()) {
            Some(gradient) => gradient.contiguous(),
            None => slot.parameter.zeros_like(), // a position that no row of this batch reaches
        });
        let gradients = gradients.collect::<candle_core::Result<Vec<_>>>()?;
        let norm = norm(gradients.iter())?;
        if !norm.is_finite() {
            return Ok(Err(NotFinite { quantity: "gradient norm", value: norm }));
        }
        self.done += 1;
        let learning_rate = self.optimizer.learning_rate_at(self.done, self.steps);
        let scale = self.optimizer.clip.map_or(1.0, |clip| (clip / (norm + 1e-6)).min(1.0)); // as PyTorch clips
        for (slot, gradient) in self.slots.iter().zip(&gradients) {
            slot.update(gradient, &self.optimizer, learning_rate, scale, self.done)?;
        }
        Ok(Ok(Update { loss, learning_rate, gradient_norm: norm as f32, logits: logits.detach() }))
    }

    /// Returns loss and accuracy on all `rows`; `None` where there are none.
    pub(crate) fn score(&self, rows: &Rows) -> Result<Option<Score>, Error> {
        const BATCH: usize = 256;
        let model = self.model.detached();
        let (mut loss, mut scored, mut right) = (0.0, 0, 0);
        let indices: Vec<usize> = (0..rows.len()).collect();
        for indices in indices.chunks(BATCH) {
            let batch = rows.batch(indices)?;
            let logits = model.forward_at(&batch.tokens, &batch.asked)?;
            let mean = (ops::cross_entropy(&logits, &batch.targets)? * &batch.weights)?.sum_all()?;
            loss += f64::from(mean.to_scalar::<f32>()?) * batch.scored as f64;
            scored += batch.scored;
            right += batch.answers_right(&logits)?;
        }
        let score =
            || Score { loss: (loss / scored as f64) as f32, accuracy: right as f32 / rows.len() as f32 };
        Ok((rows.len() > 0).then(score))
    }

    /// Returns the L2 norm of all parameters.
    pub(crate) fn weight_norm(&self) -> Result<f32, Error> {
        Ok(norm(self.slots.iter().map(|slot| slot.parameter.as_tensor()))? as f32)
    }

    /// Returns the weights as a safetensors file.
    pub(crate) fn to_safetensors(&self) -> Result<Vec<u8>, Error> {
        Ok(self.model.to_safetensors()?)
    }
}

impl Slot {
    fn update(
        &self,
        gradient: &Tensor,
        optimizer: &Optimizer,
        learning_rate: f64,
        scale: f64,
        step: u64,
    ) -> Result<(), Error> {
        let power = i32::try_from(step).unwrap_or(i32::MAX);
        let decay = if self.decays { optimizer.weight_decay } else { 0.0 };
        let update = AdamW {
            moments: &self.moments,
            mean_rate: (1.0 - optimizer.beta1) as f32,
            square_kept: optimizer.beta2 as f32,
            square_rate: (1.0 - optimizer.beta2) as f32,
            kept: (1.0 - learning_rate * decay) as f32,
            rate: (learning_rate / (1.0 - optimizer.beta1.powi(power))) as f32,
            root: (1.0 / (1.0 - optimizer.beta2.powi(power)).sqrt()) as f32,
            eps: optimizer.eps as f32,
            scale: scale as f32,
        };
        Ok(self.parameter.inplace_op2(gradient, &update)?)
    }
}

/// One update of one parameter in place (Loshchilov and Hutter 2019, algorithm 2, as PyTorch computes it).
struct AdamW<'a> {
    moments: &'a RefCell<Moments>,
    // 1 - beta is taken in f64: in f32, 1 - 0.999 is off by a part in 80,000.
    mean_rate: f32,
    square_kept: f32,
    square_rate: f32,
    /// 1 - learning rate x weight decay.
    kept: f32,
    /// Learning rate / (1 - beta1^t).
    rate: f32,
    /// 1 / sqrt(1 - beta2^t).
    root: f32,
    eps: f32,
    /// What clipping leaves of the gradient.
    scale: f32,
}

impl InplaceOp2 for AdamW<'_> {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn cpu_fwd(
        &self,
        parameter: &mut CpuStorage,
        at: &Layout,
        gradient: &CpuStorage,
        gradient_at: &Layout,
    ) -> candle_core::Result<()> {
        let (CpuStorage::F32(parameter), CpuStorage::F32(gradient)) = (parameter, gradient) else {
            candle_core::bail!("adamw works on f32");
        };
        let (Some((start, end)), Some((from, to))) =
            (at.contiguous_offsets(), gradient_at.contiguous_offsets())
        else {
            candle_core::bail!("adamw works on contiguous tensors");
        };
        let mut moments = self.moments.borrow_mut();
        let Moments { mean, square } = &mut *moments;
        let (parameter, gradient) = (&mut parameter[start..end], &gradient[from..to]);
        pulp::Arch::new().dispatch(|| {
            for (((p, g), m), v) in parameter.iter_mut().zip(gradient).zip(mean).zip(square) {
                let g = g * self.scale;
                *m += self.mean_rate * (g - *m);
                *v = self.square_kept * *v + self.square_rate * g * g;
                *p = *p * self.kept - self.rate * *m / (v.sqrt() * self.root + self.eps);
            }
        });
        Ok(())
    }
}

/// L2 norm over all elements of all `tensors`, summed in a fixed order.
fn norm<'a>(tensors: impl Iterator<Item = &'a Tensor>) -> Result<f64, Error> {
    const LANES: usize = 16;
    let mut total = 0.0;
    for tensor in tensors {
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
        total += lanes.iter().sum::<f64>();
    }
    Ok(total.sqrt())
}
