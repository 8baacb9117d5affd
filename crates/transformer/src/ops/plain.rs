//! The same operations in candle's own ones, slower and for every device.

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
        // candle's own gelu cubes by powf, which is slow.
        ActFn::GeluNew => {
            let cubic = ((x.sqr()? * x)? * 0.044715)?;
            let inner = ((x + cubic)? * (2.0 / std::f64::consts::PI).sqrt())?;
            (x * 0.5)? * (inner.tanh()? + 1.0)?
        }
    }
}

/// Returns the negative log-likelihood, in nats, of each row's target: logits `[n, vocab]`, u32 targets `[n]` to `[n]`.
pub(crate) fn cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let largest = logits.max_keepdim(D::Minus1)?.detach();
    let shifted = logits.broadcast_sub(&largest)?; // [n, vocab]
    let normalizer = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?; // [n, 1]
    let right = shifted.gather(&targets.unsqueeze(1)?, 1)?; // [n, 1]
    (normalizer - right)?.squeeze(1)
}
