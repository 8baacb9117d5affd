use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor, WithDType};

use super::plain;
use super::real::{Real, elements, of_type, read, vectorized};

/// Returns `x W + b`: `[.., n]`, `[n, m]`, `[m]` to `[.., m]`.
pub(crate) fn linear(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    if !x.device().is_cpu() {
        return plain::linear(x, weight, bias);
    }
    let (inputs, outputs) = weight.dims2()?;
    let mut shape = x.dims().to_vec();
    if let Some(last) = shape.last_mut() {
        *last = outputs;
    }
    let rows = x.contiguous()?.reshape(((), inputs))?; // [rows, n]
    rows.apply_op3(&weight.contiguous()?, bias, Linear)?.reshape(shape)
}

struct Linear;

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear"
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
        let (rows, inputs) = x_layout.shape().dims2()?;
        let (_, outputs) = weight_layout.shape().dims2()?;
        let product = x.matmul(weight, (1, rows, outputs, inputs), x_layout, weight_layout)?; // [rows, m]
        of_type!(x.dtype(), T => {
            let bias = elements::<T>(bias, bias_layout)?;
            let mut y = T::cpu_storage_data(product)?;
            vectorized(|| {
                for y in y.chunks_exact_mut(outputs) {
                    for (y, &bias) in y.iter_mut().zip(bias) {
                        *y += bias;
                    }
                }
            });
            Ok((T::to_cpu_storage_owned(y), (rows, outputs).into()))
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let dy = dy.contiguous()?;
        let d_bias = of_type!(x.dtype(), T => {
            let d_bias = read::<T, _>(&dy, |dy| Ok(column_sums(dy, bias.elem_count())))?;
            Tensor::from_vec(d_bias, bias.shape(), &Device::Cpu)?
        });
        Ok((Some(dy.matmul(&weight.t()?)?), Some(x.t()?.matmul(&dy)?), Some(d_bias)))
    }
}

fn column_sums<T: Real>(rows: &[T], width: usize) -> Vec<T> {
    let mut sums = vec![T::from_f64(0.0); width];
    vectorized(|| {
        for row in rows.chunks_exact(width) {
            for (sum, &x) in sums.iter_mut().zip(row) {
                *sum += x;
            }
        }
    });
    sums
}
