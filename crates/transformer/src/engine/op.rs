use std::sync::{Arc, Mutex};

use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Shape, Storage, Tensor, bail};

use super::{Batch, Dropout, Engine, Said};
use crate::Result;

impl Engine {
    /// Returns the loss as a tensor that can be differentiated by the weights, f32 `[parameters]`, with what was said.
    ///
    /// # Errors
    /// As [`Engine::say`]; a tensor error for weights that are no f32 on the CPU.
    pub fn loss(
        self: &Arc<Self>,
        weights: &Tensor,
        batch: &Arc<Batch>,
        dropout: Option<Dropout>,
    ) -> Result<(Tensor, Said)> {
        let done: Done = Arc::default();
        let op = Loss { engine: self.clone(), batch: batch.clone(), dropout, done: done.clone() };
        let loss = weights.apply_op1(op)?;
        let done = done.lock().expect("no thread panics while it holds this lock");
        let (said, _) = done.as_ref().expect("the forward pass has run");
        Ok((loss, said.clone()))
    }

    /// Returns what the model of these weights, f32 `[parameters]`, says.
    ///
    /// # Errors
    /// As [`Engine::loss`].
    pub fn answers(&self, weights: &Tensor, batch: &Batch) -> Result<Said> {
        let (storage, layout) = weights.storage_and_layout();
        match &*storage {
            Storage::Cpu(storage) => self.say(floats(storage, layout)?, batch),
            _ => Err(candle_core::Error::Msg("the engine works on the CPU".to_owned()).into()),
        }
    }
}

/// What the forward pass leaves for the backward one.
type Done = Arc<Mutex<Option<(Said, Vec<f32>)>>>;

/// One batch's loss, with its gradient by the weights: computed together, and given out once.
struct Loss {
    engine: Arc<Engine>,
    batch: Arc<Batch>,
    dropout: Option<Dropout>,
    done: Done,
}

impl CustomOp1 for Loss {
    fn name(&self) -> &'static str {
        "loss"
    }

    fn cpu_fwd(&self, weights: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let mut gradient = vec![0.0; self.engine.parameters()];
        let weights = floats(weights, layout)?;
        let said = self.engine.differentiate(weights, &self.batch, self.dropout, &mut gradient);
        let said = said.map_err(candle_core::Error::wrap)?;
        let loss = said.loss as f32;
        *self.done.lock().expect("no thread panics while it holds this lock") = Some((said, gradient));
        Ok((CpuStorage::F32(vec![loss]), ().into()))
    }

    fn bwd(&self, weights: &Tensor, _loss: &Tensor, d_loss: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let done = self.done.lock().expect("no thread panics while it holds this lock").take();
        let Some((_, gradient)) = done else { bail!("the gradient of a loss is given out once") };
        let gradient = Tensor::from_vec(gradient, weights.shape(), &Device::Cpu)?;
        let factor = d_loss.to_dtype(DType::F32)?.to_scalar::<f32>()?;
        Ok(Some(if factor == 1.0 { gradient } else { (gradient * f64::from(factor))? }))
    }
}

fn floats<'a>(storage: &'a CpuStorage, layout: &Layout) -> candle_core::Result<&'a [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((start, end))) => Ok(&values[start..end]),
        _ => bail!("the engine works on contiguous f32"),
    }
}
