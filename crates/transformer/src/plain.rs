//! The operations of the model in candle's own, each with a backward pass and for every device and float type.
//!
//! (Of candle_nn, only what has a backward pass: its fused softmax and layer_norm stop gradients silently.)

use candle_core::{D, Result, Tensor};

use crate::ActFn;

/// Returns `x W + b`: `[.., n]`, `[n, m]`, `[m]` to `[.., m]`.
pub(crate) fn linear(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let (inputs, outputs) = weight.dims2()?;
    let mut shape = x.dims().to_vec();
    let rows = x.reshape(((), inputs))?; // [rows, n]
    if let Some(last) = shape.last_mut() {
        *last = outputs;
    }
    rows.matmul(weight)?.broadcast_add(bias)?.reshape(shape)
}

/// Returns `x` centred over its last dimension, and the square root of its variance plus `eps`, `[.., 1]`.
pub(crate) fn centre_and_scale(x: &Tensor, eps: f64) -> Result<(Tensor, Tensor)> {
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let scale = ((centred.sqr()?.mean_keepdim(D::Minus1)? + eps)?).sqrt()?;
    Ok((centred, scale))
}

/// Returns softmax over the last dimension; entries of minus infinity get 0.
pub(crate) fn softmax(scores: &Tensor) -> Result<Tensor> {
    candle_nn::ops::softmax(scores, D::Minus1)
}

/// Returns the nonlinearity of each element.
pub(crate) fn activation(x: &Tensor, act_fn: ActFn) -> Result<Tensor> {
    match act_fn {
        ActFn::Gelu => x.gelu_erf(),
        ActFn::Relu => x.relu(),
        // x σ(2u) with u = √(2/π) (x + 0.044715 x³); candle's own gelu cubes by powf, which is slow.
        ActFn::GeluNew => {
            let c = 2.0 * (2.0 / std::f64::consts::PI).sqrt();
            let twice = (x.sqr()?.affine(0.044715 * c, c)? * x)?;
            x * candle_nn::ops::sigmoid(&twice)?
        }
    }
}
