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

/// tanh(√(2/π) (x + 0.044715 x³)), and the inner derivative.
#[inline(always)]
fn inner<T: Real>(x: T) -> (T, T) {
    let c = T::from_f64((2.0 / std::f64::consts::PI).sqrt());
    let [one, two, a] = [1.0, 2.0, 0.044715].map(T::from_f64);
    let square = x * x;
    let u = c * x * (one + a * square);
    let tanh = one - two / ((two * u).exp() + one);
    (tanh, c * (one + (two + one) * a * square))
}

#[inline(always)]
fn value<T: Real>(x: T) -> T {
    T::from_f64(0.5) * x * (T::from_f64(1.0) + inner(x).0)
}

#[inline(always)]
fn slope<T: Real>(x: T) -> T {
    let [half, one] = [0.5, 1.0].map(T::from_f64);
    let (tanh, du) = inner(x);
    half * (one + tanh) + half * x * (one - tanh * tanh) * du
}
