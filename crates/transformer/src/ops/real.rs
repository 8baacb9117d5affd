//! Floats of both widths, their storage, and loops compiled for the processor at hand.

use candle_core::{CpuStorage, Layout, Result, Storage, Tensor, WithDType, bail};

/// A float that kernels are written for. `exp` is free of branches, so that loops over it become vector code.
pub(crate) trait Real: WithDType {
    fn exp(self) -> Self;
    fn ln(self) -> Self;
    fn sqrt(self) -> Self;
}

/// Cephes' expf: e^x is 2^n e^r, with n the integer next to x / ln 2, and e^r is 1 + r + r^2 p(r).
pub(crate) mod expf {
    /// 1.5 x 2^23: adding it leaves an integer in the lowest bits.
    pub(crate) const ROUND: f32 = 12_582_912.0;
    /// ln 2 in two parts.
    pub(crate) const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    /// Coefficients of p, from the highest power down.
    pub(crate) const POWERS: [f32; 6] =
        [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
}

impl Real for f64 {
    #[inline(always)]
    fn exp(self) -> f64 {
        f64::exp(self)
    }

    #[inline(always)]
    fn ln(self) -> f64 {
        f64::ln(self)
    }

    #[inline(always)]
    fn sqrt(self) -> f64 {
        f64::sqrt(self)
    }
}

impl Real for f32 {
    /// Within 2 units in the last place (Cephes' expf); clamped to where the result is a normal number.
    #[inline(always)]
    fn exp(self) -> f32 {
        use expf::{LN_2, POWERS, ROUND};
        let x = if self < -87.0 { -87.0 } else { self };
        let x = if x > 88.0 { 88.0 } else { x };
        let shifted = x * std::f32::consts::LOG2_E + ROUND;
        let n = shifted - ROUND;
        let r = x - n * LN_2[0] - n * LN_2[1];
        let p = POWERS[1..].iter().fold(POWERS[0], |p, c| p * r + c);
        let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
        (p * r * r + r + 1.0) * f32::from_bits(exponent)
    }

    #[inline(always)]
    fn ln(self) -> f32 {
        f32::ln(self)
    }

    #[inline(always)]
    fn sqrt(self) -> f32 {
        f32::sqrt(self)
    }
}

/// Runs `loops` compiled for the widest vectors that this processor has. Bits do not depend on it: no operation is
/// fused, and sums have a fixed number of lanes.
#[inline(always)]
pub(crate) fn vectorized<R>(loops: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(loops)
}

const LANES: usize = 16;

/// Returns the sum of `f` of the pairs of `a` and `b`, in a fixed order.
#[inline(always)]
pub(crate) fn sum2<T: Real>(a: &[T], b: &[T], f: impl Fn(T, T) -> T) -> T {
    let zero = T::from_f64(0.0);
    let mut lanes = [zero; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let mut rest = zero;
    for (&a, &b) in a_chunks.remainder().iter().zip(b_chunks.remainder()) {
        rest += f(a, b);
    }
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += f(a, b);
        }
    }
    lanes.iter().fold(rest, |sum, &lane| sum + lane)
}

/// Returns the sum of `f` of the elements, in a fixed order.
#[inline(always)]
pub(crate) fn sum<T: Real>(a: &[T], f: impl Fn(T) -> T) -> T {
    sum2(a, a, |x, _| f(x))
}

/// Returns the largest element; minus infinity of none.
#[inline(always)]
pub(crate) fn largest<T: Real>(a: &[T]) -> T {
    let larger = |a: T, b: T| if b > a { b } else { a };
    let mut lanes = [T::from_f64(f64::NEG_INFINITY); LANES];
    let chunks = a.chunks_exact(LANES);
    let rest = chunks.remainder().iter().fold(lanes[0], |a, &b| larger(a, b));
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, x);
        }
    }
    lanes.iter().fold(rest, |a, &b| larger(a, b))
}

/// Adds `factor` times `x` to `y`.
#[inline(always)]
pub(crate) fn add_scaled<T: Real>(y: &mut [T], factor: T, x: &[T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}

/// Returns the elements of a contiguous tensor of type `T` on the CPU.
pub(crate) fn elements<'a, T: Real>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!(
            "expected a contiguous tensor, found strides {:?} of shape {:?}",
            layout.stride(),
            layout.dims()
        );
    };
    Ok(&T::cpu_storage_as_slice(storage)?[start..end])
}

/// Calls `read` with the elements of a tensor of type `T` on the CPU.
pub(crate) fn read<T: Real, R>(x: &Tensor, read: impl FnOnce(&[T]) -> Result<R>) -> Result<R> {
    let x = x.contiguous()?;
    let (storage, layout) = x.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => read(elements(storage, layout)?),
        _ => bail!("expected a tensor on the CPU, found one on {:?}", x.device()),
    }
}

/// Runs `$body` with `$T` the float type that `$dtype` names.
macro_rules! of_type {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            candle_core::DType::F32 => {
                type $T = f32;
                $body
            }
            candle_core::DType::F64 => {
                type $T = f64;
                $body
            }
            other => candle_core::bail!("expected f32 or f64, found {other:?}"),
        }
    };
}
pub(crate) use of_type;
