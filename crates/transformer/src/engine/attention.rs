//! Attention, head by head: the one place where positions meet.

use super::gemm::{Left, Onto, Right, multiply};
use super::layout::{Layout, Matrix, padded, stride};
use super::pass::{Kept, Tile, grown};
use super::rows::{attend, attend_back};

/// What the attention of one head needs for a moment.
#[derive(Default)]
pub(super) struct Head {
    /// Keys, or values, turned.
    turned: Vec<f32>,
    d_scores: Vec<f32>,
    /// By query: 0 for the keys it may see, very negative for the others.
    hidden: Vec<f32>,
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
        let (keys, z_stride) = (padded(positions), stride(n_heads * width));
        head.prepare(positions, config.d_head);
        let factor = 1.0 / (config.d_head as f32).sqrt();
        let sequences = self.tokens.len() / positions;
        let all = grown(shares, sequences * n_heads * positions * keys);
        for (number, shares) in all.chunks_mut(positions * keys).enumerate() {
            let (sequence, of) = (number / n_heads, number % n_heads);
            let first = sequence * positions;
            let [q, k, v] =
                [0, 1, 2].map(|part| &qkv[first * matrix.stride + (part * n_heads + of) * width..]);
            turn((k, matrix.stride), positions, config.d_head, (&mut head.turned, keys));
            let left = Left { values: q, row: matrix.stride, column: 1 };
            let right = Right { values: &head.turned, stride: keys };
            multiply(arch, [positions, config.d_head, keys], left, right, (shares, keys), Onto::Nothing);
            attend(arch, shares, &head.hidden, keys, factor);
            let left = Left { values: shares, row: keys, column: 1 };
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
        let (keys, z_stride) = (padded(positions), stride(n_heads * width));
        let factor = 1.0 / (config.d_head as f32).sqrt();
        let sequences = self.tokens.len() / positions;
        let all = &kept.attention[..sequences * n_heads * positions * keys];
        for (number, shares) in all.chunks(positions * keys).enumerate() {
            let (sequence, of) = (number / n_heads, number % n_heads);
            let first = sequence * positions;
            let at = [0, 1, 2].map(|part| first * matrix.stride + (part * n_heads + of) * width);
            let [q, k, v] = at.map(|at| Right { values: &kept.qkv[at..], stride: matrix.stride });
            let d_z = &d_z[first * z_stride + of * width..];
            turn((v.values, matrix.stride), positions, config.d_head, (&mut head.turned, keys));
            let left = Left { values: d_z, row: z_stride, column: 1 };
            let right = Right { values: &head.turned, stride: keys };
            let d_scores = grown(&mut head.d_scores, positions * keys);
            multiply(arch, [positions, config.d_head, keys], left, right, (d_scores, keys), Onto::Nothing);
            attend_back(arch, d_scores, shares, keys, factor);
            let by_query = Left { values: d_scores, row: keys, column: 1 };
            let by_key = |values| Left { values, row: 1, column: keys };
            let d_z = Right { values: d_z, stride: z_stride };
            for (at, left, right) in
                [(at[0], by_query, k), (at[1], by_key(d_scores), q), (at[2], by_key(shares), d_z)]
            {
                let d = (&mut d_qkv[at..], matrix.stride);
                multiply(arch, [positions, positions, width], left, right, d, Onto::Nothing);
            }
        }
    }
}

impl Head {
    fn prepare(&mut self, positions: usize, d_head: usize) {
        const NEVER: f32 = -1e30;
        let keys = padded(positions);
        self.hidden.clear();
        let hidden = |at: usize| if at % keys <= at / keys { 0.0 } else { NEVER };
        self.hidden.extend((0..positions * keys).map(hidden));
        // Keys that are padding are 0.
        self.turned.clear();
        self.turned.resize(d_head * keys, 0.0);
    }
}

/// Writes rows as columns.
fn turn((from, stride): (&[f32], usize), rows: usize, columns: usize, (to, width): (&mut [f32], usize)) {
    for row in 0..rows {
        for (column, x) in from[row * stride..][..columns].iter().enumerate() {
            to[column * width + row] = *x;
        }
    }
}
