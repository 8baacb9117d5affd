use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor, WithDType, bail};

use super::plain;
use super::real::{Real, elements, largest, of_type, read, sum, vectorized};

/// Returns the negative log-likelihood, in nats, of each row's target: logits `[n, vocab]`, u32 targets `[n]` to `[n]`.
///
/// # Errors
/// When the shapes do not fit or a target is no token.
pub fn cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    if !logits.device().is_cpu() {
        return plain::cross_entropy(logits, targets);
    }
    let (rows, vocabulary) = logits.dims2()?;
    let targets = targets.to_vec1::<u32>()?;
    if targets.len() != rows || targets.iter().any(|&target| target as usize >= vocabulary) {
        bail!(
            "expected {rows} targets below {vocabulary}, found {} up to {:?}",
            targets.len(),
            targets.iter().max()
        );
    }
    logits.contiguous()?.apply_op1(CrossEntropy { targets, vocabulary })
}

struct CrossEntropy {
    targets: Vec<u32>, // [n]
    vocabulary: usize,
}

impl CrossEntropy {
    fn losses<T: Real>(&self, logits: &[T]) -> Vec<T> {
        let loss = |(row, &target): (&[T], &u32)| {
            let top = largest(row);
            sum(row, |x| (x - top).exp()).ln() + top - row[target as usize]
        };
        vectorized(|| logits.chunks_exact(self.vocabulary).zip(&self.targets).map(loss).collect())
    }

    /// Softmax, less one at the target, times the gradient of the row's loss.
    fn gradient<T: Real>(&self, logits: &[T], d_losses: &[T]) -> Vec<T> {
        let mut gradient = logits.to_vec();
        vectorized(|| {
            let rows = gradient.chunks_exact_mut(self.vocabulary).zip(&self.targets);
            for ((row, &target), &d_loss) in rows.zip(d_losses) {
                let top = largest(row);
                for x in &mut *row {
                    *x = (*x - top).exp();
                }
                let factor = d_loss / sum(row, |x| x);
                for x in &mut *row {
                    *x *= factor;
                }
                row[target as usize] -= d_loss;
            }
        });
        gradient
    }
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        of_type!(logits.dtype(), T => {
            let losses = self.losses::<T>(elements(logits, layout)?);
            Ok((T::to_cpu_storage_owned(losses), self.targets.len().into()))
        })
    }

    fn bwd(&self, logits: &Tensor, _losses: &Tensor, d_losses: &Tensor) -> Result<Option<Tensor>> {
        of_type!(logits.dtype(), T => {
            let gradient = read::<T, _>(logits, |x| read(d_losses, |d| Ok(self.gradient(x, d))))?;
            Ok(Some(Tensor::from_vec(gradient, logits.shape(), &Device::Cpu)?))
        })
    }
}
