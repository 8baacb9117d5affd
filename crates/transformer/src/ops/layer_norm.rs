use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp1, CustomOp3, Device, Layout, Result, Shape, Tensor, WithDType};

use super::real::{Real, elements, of_type, read, sum, sum2, vectorized};

/// Returns `x` centred and divided by the square root of its variance plus `eps`, over the last dimension.
///
/// With `affine`, times a weight plus a bias, `[d]` each.
pub(crate) fn layer_norm(x: &Tensor, affine: Option<(&Tensor, &Tensor)>, eps: f64) -> Result<Tensor> {
    let op = LayerNorm { width: x.dim(candle_core::D::Minus1)?, eps };
    let x = x.contiguous()?;
    match affine {
        Some((weight, bias)) => x.apply_op3(weight, bias, op),
        None => x.apply_op1(op),
    }
}

struct LayerNorm {
    width: usize,
    eps: f64,
}

impl LayerNorm {
    fn forward<T: Real>(&self, x: &[T], affine: Option<(&[T], &[T])>) -> Vec<T> {
        let mut y = x.to_vec();
        vectorized(|| {
            for y in y.chunks_exact_mut(self.width) {
                self.normalize(y);
                if let Some((weight, bias)) = affine {
                    for ((y, &weight), &bias) in y.iter_mut().zip(weight).zip(bias) {
                        *y = *y * weight + bias;
                    }
                }
            }
        });
        y
    }

    /// Normalizes one row in place and returns one over its scale.
    #[inline(always)]
    fn normalize<T: Real>(&self, row: &mut [T]) -> T {
        let n = T::from_f64(self.width as f64);
        let mean = sum(row, |x| x) / n;
        let variance = sum(row, |x| (x - mean) * (x - mean)) / n;
        let inverse = T::from_f64(1.0) / (variance + T::from_f64(self.eps)).sqrt();
        for x in row {
            *x = (*x - mean) * inverse;
        }
        inverse
    }

    /// Returns the gradients of x, weight and bias (the latter two as if there were a weight of ones).
    fn backward<T: Real>(&self, x: &[T], weight: Option<&[T]>, dy: &[T]) -> (Vec<T>, Vec<T>, Vec<T>) {
        let zero = T::from_f64(0.0);
        let n = T::from_f64(self.width as f64);
        let (mut d_weight, mut d_bias) = (vec![zero; self.width], vec![zero; self.width]);
        let mut dx = x.to_vec();
        let mut d_normal = vec![zero; self.width];
        vectorized(|| {
            for (row, dy) in dx.chunks_exact_mut(self.width).zip(dy.chunks_exact(self.width)) {
                let inverse = self.normalize(row); // row: the normalized input
                for (((dw, db), &x), &dy) in d_weight.iter_mut().zip(&mut d_bias).zip(&*row).zip(dy) {
                    *dw += dy * x;
                    *db += dy;
                }
                d_normal.copy_from_slice(dy);
                if let Some(weight) = weight {
                    for (d, &weight) in d_normal.iter_mut().zip(weight) {
                        *d *= weight;
                    }
                }
                let mean = sum(&d_normal, |d| d) / n;
                let along = sum2(&d_normal, row, |d, x| d * x) / n;
                for (x, &d) in row.iter_mut().zip(&d_normal) {
                    *x = inverse * (d - mean - *x * along);
                }
            }
        });
        (dx, d_weight, d_bias)
    }
}

impl CustomOp1 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer_norm_pre"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        of_type!(x.dtype(), T => {
            let y = self.forward::<T>(elements(x, layout)?, None);
            Ok((T::to_cpu_storage_owned(y), layout.shape().clone()))
        })
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        of_type!(x.dtype(), T => {
            let (dx, _, _) = read::<T, _>(x, |x| read(dy, |dy| Ok(self.backward(x, None, dy))))?;
            Ok(Some(Tensor::from_vec(dx, x.shape(), &Device::Cpu)?))
        })
    }
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        of_type!(x.dtype(), T => {
            let affine = (elements(weight, weight_layout)?, elements(bias, bias_layout)?);
            let y = self.forward::<T>(elements(x, x_layout)?, Some(affine));
            Ok((T::to_cpu_storage_owned(y), x_layout.shape().clone()))
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _bias: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        of_type!(x.dtype(), T => {
            let (dx, d_weight, d_bias) = read::<T, _>(x, |x| {
                read(weight, |weight| read(dy, |dy| Ok(self.backward(x, Some(weight), dy))))
            })?;
            Ok((
                Some(Tensor::from_vec(dx, x.shape(), &Device::Cpu)?),
                Some(Tensor::from_vec(d_weight, self.width, &Device::Cpu)?),
                Some(Tensor::from_vec(d_bias, self.width, &Device::Cpu)?),
            ))
        })
    }
}
