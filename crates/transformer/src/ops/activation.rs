use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor, WithDType};

use super::plain;
use super::real::{Real, elements, of_type, read, vectorized};
use crate::ActFn;

/// Returns the nonlinearity of each element.
pub(crate) fn activation(x: &Tensor, act_fn: ActFn) -> Result<Tensor> {
    match act_fn {
        ActFn::GeluNew if x.device().is_cpu() => x.contiguous()?.apply_op1(GeluNew),
        _ => plain::activation(x, act_fn),
    }
}

struct GeluNew;

impl CustomOp1 for GeluNew {
    fn name(&self) -> &'static str {
        "gelu_new"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        of_type!(x.dtype(), T => {
            let x = elements::<T>(x, layout)?;
            let y: Vec<T> = vectorized(|| x.iter().map(|&x| value(x)).collect());
            Ok((T::to_cpu_storage_owned(y), layout.shape().clone()))
        })
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        of_type!(x.dtype(), T => {
            let dx = read::<T, _>(x, |x| read::<T, _>(dy, |dy| {
                Ok(vectorized(|| x.iter().zip(dy).map(|(&x, &dy)| dy * slope(x)).collect::<Vec<T>>()))
            }))?;
            Ok(Some(Tensor::from_vec(dx, x.shape(), &Device::Cpu)?))
        })
    }
}

/// GELU's tanh form is x σ(2u) with u = √(2/π) (x + 0.044715 x³): returns σ(2u), 1 - σ(2u), and d 2u / dx.
#[inline(always)]
fn gate<T: Real>(x: T) -> (T, T, T) {
    let c = T::from_f64(2.0 * (2.0 / std::f64::consts::PI).sqrt());
    let [zero, one, a, a3] = [0.0, 1.0, 0.044715, 3.0 * 0.044715].map(T::from_f64);
    let square = x * x;
    let below = (zero - c * x * (one + a * square)).exp();
    let gate = one / (one + below);
    (gate, below * gate, c * (one + a3 * square))
}

#[inline(always)]
fn value<T: Real>(x: T) -> T {
    x * gate(x).0
}

#[inline(always)]
fn slope<T: Real>(x: T) -> T {
    let (gate, rest, slope) = gate(x);
    gate + x * gate * rest * slope
}
