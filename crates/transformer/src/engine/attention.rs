//! Attention, head by head: the one place where positions meet.

use super::gemm::{Left, Onto, Right, multiply};
use super::layout::{Layout, Matrix, padded, stride};
use super::pass::{Kept, Tile, grown};
use super::rows::{attend, attend_back};

/// What the attention of one head needs for a moment.
#[derive(Default)]
pub(super) struct Head {
    /// Queries, or the gradient of what they get, turned.
    turned: Vec<f32>,
    d_scores: Vec<f32>,
}

impl Tile<'_> {
    /// Attends: `qkv [tokens, 3 heads]` to `z [tokens, heads]`.
    pub(super) fn attention(
        &self,
        matrix: Matrix,
        qkv: &[f32],
        shares: &mut Vec<f32>,
        z: &mut [f32],
        head: &mut Head,
    ) {
        let Layout { ref config, head: width, .. } = *self.machine.layout;
        let (arch, n_heads, positions) = (self.machine.arch, config.n_heads, self.positions);
        let (queries, z_stride) = (padded(positions), stride(n_heads * width));
        let factor = 1.0 / (config.d_head as f32).sqrt();
        let sequences = self.tokens.len() / positions;
        let all = grown(shares, sequences * n_heads * positions * queries);
        for (number, shares) in all.chunks_mut(positions * queries).enumerate() {
            let (sequence, of) = (number / n_heads, number % n_heads);
            let first = sequence * positions;
            let [q, k, v] =
                [0, 1, 2].map(|part| &qkv[first * matrix.stride + (part * n_heads + of) * width..]);
            let keys = Left { values: k, row: matrix.stride, column: 1 };
            self.meet(keys, (q, matrix.stride), &mut head.turned, shares);
            attend(arch, shares, queries, factor);
            let left = Left { values: shares, row: 1, column: queries };
            let right = Right { values: v, stride: matrix.stride };
            let z = &mut z[first * z_stride + of * width..];
            multiply(arch, [positions, positions, width], left, right, (z, z_stride), Onto::Nothing);
        }
    }

    pub(super) fn attention_back(
        &self,
        matrix: Matrix,
        kept: &Kept,
        d_z: &[f32],
        d_qkv: &mut [f32],
        head: &mut Head,
    ) {
        let Layout { ref config, head: width, .. } = *self.machine.layout;
        let (arch, n_heads, positions) = (self.machine.arch, config.n_heads, self.positions);
        let (queries, z_stride) = (padded(positions), stride(n_heads * width));
        let factor = 1.0 / (config.d_head as f32).sqrt();
        let sequences = self.tokens.len() / positions;
        let Head { turned, d_scores } = head;
        let d_scores = grown(d_scores, positions * queries);
        let all = &kept.attention[..sequences * n_heads * positions * queries];
        for (number, shares) in all.chunks(positions * queries).enumerate() {
            let (sequence, of) = (number / n_heads, number % n_heads);
            let first = sequence * positions;
            let at = [0, 1, 2].map(|part| first * matrix.stride + (part * n_heads + of) * width);
            let [q, k, v] = at.map(|at| &kept.qkv[at..]);
            let d_z = &d_z[first * z_stride + of * width..];
            let values = Left { values: v, row: matrix.stride, column: 1 };
            self.meet(values, (d_z, z_stride), turned, d_scores);
            attend_back(arch, d_scores, shares, queries, factor);
            let by_query = Left { values: d_scores, row: 1, column: queries };
            let by_key = |values| Left { values, row: queries, column: 1 };
            let of = |values| Right { values, stride: matrix.stride };
            let d_z = Right { values: d_z, stride: z_stride };
            for (at, left, right) in
                [(at[0], by_query, of(k)), (at[1], by_key(d_scores), of(q)), (at[2], by_key(shares), d_z)]
            {
                let d = (&mut d_qkv[at..], matrix.stride);
                multiply(arch, [positions, positions, width], left, right, d, Onto::Nothing);
            }
        }
    }

    /// Writes the product of each key with each query: a row by key, a column by query.
    ///
    /// Columns behind the last query hold anything: no product reads them, and columns do not meet.
    fn meet(
        &self,
        keys: Left<'_>,
        (queries, stride): (&[f32], usize),
        turned: &mut Vec<f32>,
        products: &mut [f32],
    ) {
        let (positions, d_head) = (self.positions, self.machine.layout.config.d_head);
        let width = padded(positions);
        let turned = grown(turned, d_head * width);
        turn((queries, stride), positions, d_head, (&mut *turned, width));
        let right = Right { values: turned, stride: width };
        let shape = [positions, d_head, width];
        multiply(self.machine.arch, shape, keys, right, (products, width), Onto::Nothing);
    }
}

/// Writes rows as columns.
fn turn((from, stride): (&[f32], usize), rows: usize, columns: usize, (to, width): (&mut [f32], usize)) {
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
