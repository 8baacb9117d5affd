//! A model's weights, padded, and the products and normalizations that read them.

use pulp::Arch;

use super::arena::{Normalized, grown};
use super::gemm::{Left, Onto, Right, multiply};
use super::layout::{Layout, Matrix, Norm};
use super::rows::{add_rows, normalize, normalize_back};
use crate::padding::padded;

/// Padded weights, as they are and, for the backward pass, transposed.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a> {
    pub(super) layout: &'a Layout,
    pub(super) arch: Arch,
    pub(super) padded: &'a [f32],
    /// Empty where only the forward pass is run.
    pub(super) transposed: &'a [f32],
}

impl Weights<'_> {
    /// Writes `x W + b`, and `onto`, where something stands there: as many rows as the result has.
    pub(super) fn linear(
        &self,
        matrix: Matrix,
        (x, stride): (&[f32], usize),
        onto: Option<&[f32]>,
        y: &mut [f32],
    ) {
        let Matrix { k, n, at, bias, .. } = matrix;
        let rows = y.len() / matrix.stride;
        let bias = &self.padded[bias..bias + n];
        let onto = onto.map_or(Onto::Row(bias), |onto| Onto::RowAndMatrix(bias, onto));
        let left = Left { values: x, row: stride, column: 1 };
        let right = Right { values: &self.padded[at..], stride: matrix.stride };
        multiply(self.arch, [rows, k, n], left, right, (y, matrix.stride), onto);
    }

    /// Writes `dy Wᵀ`.
    pub(super) fn linear_back(
        &self,
        matrix: Matrix,
        dy: &[f32],
        (dx, stride): (&mut [f32], usize),
        onto: Onto<'_>,
    ) {
        let Matrix { k, n, transposed, transposed_stride, .. } = matrix;
        let rows = dy.len() / matrix.stride;
        let left = Left { values: dy, row: matrix.stride, column: 1 };
        let right = Right { values: &self.transposed[transposed..], stride: transposed_stride };
        multiply(self.arch, [rows, n, padded(k)], left, right, (dx, stride), onto);
    }

    /// Adds `xᵀ dy` and the rows of `dy` to the gradients of a matrix and its bias.
    pub(super) fn gradient(
        &self,
        matrix: Matrix,
        (x, stride): (&[f32], usize),
        dy: &[f32],
        gradients: &mut [f32],
    ) {
        let Matrix { k, n, at, bias, .. } = matrix;
        let rows = dy.len() / matrix.stride;
        let left = Left { values: x, row: 1, column: stride };
        let right = Right { values: dy, stride: matrix.stride };
        multiply(self.arch, [k, rows, n], left, right, (&mut gradients[at..], matrix.stride), Onto::Itself);
        let bias = &mut gradients[bias..bias + n];
        add_rows(self.arch, dy, matrix.stride, bias);
    }

    /// Returns what the next product reads: the rows normalized, or as they are where there is no normalization.
    pub(super) fn normalize<'b>(
        &self,
        norm: Option<Norm>,
        x: &'b [f32],
        normalized: &'b mut Normalized,
    ) -> &'b [f32] {
        let Some(Norm { weight, bias }) = norm else { return x };
        let Layout { stride, ref config, .. } = *self.layout;
        let Normalized { normal, inverse, y } = normalized;
        let inverse = grown(inverse, x.len() / stride);
        let (normal, y) = (grown(normal, x.len()), grown(y, x.len()));
        let [weight, bias] = [weight, bias].map(|at| &self.padded[at..at + stride]);
        let (width, eps) = (config.d_model, config.eps as f32);
        normalize(self.arch, x, width, stride, normal, inverse, y, weight, bias, eps);
        y
    }

    /// Adds `dy Wᵀ`, back through the normalization before it, to the gradient of the residual stream.
    pub(super) fn normalize_back(
        &self,
        matrix: Matrix,
        dy: &[f32],
        (norm, normalized): (Option<Norm>, &Normalized),
        scratch: &mut Vec<f32>,
        d_stream: &mut [f32],
        gradients: &mut [f32],
    ) {
        let Layout { stride, ref config, .. } = *self.layout;
        let Some(Norm { weight, bias }) = norm else {
            return self.linear_back(matrix, dy, (d_stream, stride), Onto::Itself);
        };
        let d_normal = grown(scratch, d_stream.len());
        self.linear_back(matrix, dy, (d_normal, stride), Onto::Nothing);
        let (before, after) = gradients.split_at_mut(bias);
        let (d_weight, d_bias) = (&mut before[weight..], after);
        let weight = &self.padded[weight..weight + stride];
        let (width, Normalized { normal, inverse, .. }) = (config.d_model, normalized);
        normalize_back(
            self.arch, d_normal, width, stride, normal, inverse, weight, d_weight, d_bias, d_stream,
        );
    }
}
