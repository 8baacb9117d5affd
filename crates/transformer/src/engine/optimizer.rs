use bytemuck::{Pod, Zeroable};

use super::vectors::for_all_vectors;

/// One update by AdamW or Adam (Loshchilov and Hutter 2019, algorithm 2, as PyTorch computes them).
///
/// What follows from the decay rates is taken in f64: in f32, 1 - 0.999 is off by a part in 80,000.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct AdamW {
    /// 1 - beta1.
    pub mean_rate: f32,
    /// beta2, and 1 - beta2.
    pub square_kept: f32,
    /// See above.
    pub square_rate: f32,
    /// AdamW: 1 - learning rate x weight decay, for the parameters that decay; 1 in Adam.
    pub kept: f32,
    /// Adam: weight decay, the share of each of these parameters that is added to its gradient; 0 in AdamW.
    pub l2: f32,
    /// Learning rate / (1 - beta1^t).
    pub rate: f32,
    /// 1 / sqrt(1 - beta2^t).
    pub root: f32,
    /// Added to the root of the mean square.
    pub eps: f32,
    /// What clipping leaves of the gradient.
    pub scale: f32,
}

/// AdamW's two moments of each weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// Running mean of the gradients.
    pub mean: Vec<f32>,
    /// Running mean of their squares.
    pub square: Vec<f32>,
}

for_all_vectors! {
    /// Updates weights and their moments.
    fn adamw<'a>(
        _simd,
        update: AdamW,
        weights: &'a mut [f32],
        gradient: &'a [f32],
        mean: &'a mut [f32],
        square: &'a mut [f32],
    ) -> () {
        let moments = mean.iter_mut().zip(square);
        for ((weight, gradient), (mean, square)) in weights.iter_mut().zip(gradient).zip(moments) {
            let gradient = gradient * update.scale + update.l2 * *weight;
            *mean += update.mean_rate * (gradient - *mean);
            *square = update.square_kept * *square + update.square_rate * gradient * gradient;
            *weight = *weight * update.kept - update.rate * *mean / (square.sqrt() * update.root + update.eps);
        }
    }
}
