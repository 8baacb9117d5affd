//! Attention, head by head: the one place where positions meet.

use super::arena::{Activations, Head, grown};
use super::gemm::{Left, Onto, Right, multiply};
use super::layout::{Layout, Matrix};
use super::rows::{causal_softmax, causal_softmax_back};
use super::weights::Weights;
use crate::padding::{padded, stride};

impl Weights<'_> {
    /// Attends within sequences of so many positions: `qkv [tokens, 3 heads]` to `z [tokens, heads]`.
    pub(super) fn attention(
        &self,
        positions: usize,
        matrix: Matrix,
        qkv: &[f32],
        pattern: &mut Vec<f32>,
        z: &mut [f32],
        head: &mut Head,
    ) {
        let Layout { ref config, head: width, .. } = *self.layout;
        let (arch, n_heads) = (self.arch, config.n_heads);
        let (queries, z_stride) = (padded(positions), stride(n_heads * width));
        let factor = 1.0 / (config.d_head as f32).sqrt();
        let sequences = qkv.len() / matrix.stride / positions;
        let all = grown(pattern, sequences * n_heads * positions * queries);
        for (number, pattern) in all.chunks_mut(positions * queries).enumerate() {
            let (sequence, of) = (number / n_heads, number % n_heads);
            let first = sequence * positions;
            let [q, k, v] =
                [0, 1, 2].map(|part| &qkv[first * matrix.stride + (part * n_heads + of) * width..]);
            let keys = Left { values: k, row: matrix.stride, column: 1 };
            self.scores(positions, keys, (q, matrix.stride), &mut head.transposed, pattern);
            causal_softmax(arch, pattern, queries, factor);
            let left = Left { values: pattern, row: 1, column: queries };
            let right = Right { values: v, stride: matrix.stride };
            let z = &mut z[first * z_stride + of * width..];
            multiply(arch, [positions, positions, width], left, right, (z, z_stride), Onto::Nothing);
        }
    }

    /// Writes the gradient of `qkv`, given that of `z`.
    pub(super) fn attention_back(
        &self,
        positions: usize,
        matrix: Matrix,
        activations: &Activations,
        d_z: &[f32],
        d_qkv: &mut [f32],
        head: &mut Head,
    ) {
        let Layout { ref config, head: width, .. } = *self.layout;
        let (arch, n_heads) = (self.arch, config.n_heads);
        let (queries, z_stride) = (padded(positions), stride(n_heads * width));
        let factor = 1.0 / (config.d_head as f32).sqrt();
        let sequences = d_qkv.len() / matrix.stride / positions;
        let Head { transposed, d_scores } = head;
        let d_scores = grown(d_scores, positions * queries);
        let all = &activations.pattern[..sequences * n_heads * positions * queries];
        for (number, pattern) in all.chunks(positions * queries).enumerate() {
            let (sequence, of) = (number / n_heads, number % n_heads);
            let first = sequence * positions;
            let at = [0, 1, 2].map(|part| first * matrix.stride + (part * n_heads + of) * width);
            let [q, k, v] = at.map(|at| &activations.qkv[at..]);
            let d_z = &d_z[first * z_stride + of * width..];
            let values = Left { values: v, row: matrix.stride, column: 1 };
            self.scores(positions, values, (d_z, z_stride), transposed, d_scores);
            causal_softmax_back(arch, d_scores, pattern, queries, factor);
            let by_query = Left { values: d_scores, row: 1, column: queries };
            let by_key = |values| Left { values, row: queries, column: 1 };
            let of = |values| Right { values, stride: matrix.stride };
            let d_z = Right { values: d_z, stride: z_stride };
            for (at, left, right) in
                [(at[0], by_query, of(k)), (at[1], by_key(d_scores), of(q)), (at[2], by_key(pattern), d_z)]
            {
                let d = (&mut d_qkv[at..], matrix.stride);
                multiply(arch, [positions, positions, width], left, right, d, Onto::Nothing);
            }
        }
    }

    /// Writes the product of each key with each query: a row by key, a column by query.
    ///
    /// Columns behind the last query hold anything: no product reads them, and columns do not meet.
    fn scores(
        &self,
        positions: usize,
        keys: Left<'_>,
        (queries, stride): (&[f32], usize),
        transposed: &mut Vec<f32>,
        products: &mut [f32],
    ) {
        let d_head = self.layout.config.d_head;
        let width = padded(positions);
        let transposed = grown(transposed, d_head * width);
        transpose((queries, stride), positions, d_head, (&mut *transposed, width));
        let right = Right { values: transposed, stride: width };
        let shape = [positions, d_head, width];
        multiply(self.arch, shape, keys, right, (products, width), Onto::Nothing);
    }
}

/// Writes rows as columns.
fn transpose((from, stride): (&[f32], usize), rows: usize, columns: usize, (to, width): (&mut [f32], usize)) {
    let row = |row: usize| &from[row * stride..][..columns];
    let fours = rows - rows % 4;
    for first in (0..fours).step_by(4) {
        let [a, b, c, d] = [0, 1, 2, 3].map(|next| row(first + next));
        for ((((to, a), b), c), d) in to.chunks_exact_mut(width).zip(a).zip(b).zip(c).zip(d) {
            to[first..first + 4].copy_from_slice(&[*a, *b, *c, *d]);
        }
    }
    for at in fours..rows {
        to.chunks_exact_mut(width).zip(row(at)).for_each(|(to, x)| to[at] = *x);
    }
}
