//! Some sequences on their way through the model, readable top to bottom.

use std::ops::Range;

use super::arena::{Activations, Arena, grown};
use super::dropout::{Dropout, Site};
use super::layout::{Layout, Matrix};
use super::rows::{activate, add, drop_out, embed};
use super::weights::Weights;
use crate::padding::stride;

/// Tokens of a tile, about: what it keeps stays in the second cache.
const TOKENS: usize = 64;

/// Returns the rows of so many positions that a tile takes.
pub(super) fn rows_of_tile(positions: usize) -> usize {
    (TOKENS / positions).max(1)
}

/// Some sequences on their way through the model.
///
/// Positions meet in attention only, so behind the last one only the selected rows are kept, those whose logits are wanted.
pub(super) struct Tile<'a> {
    pub(super) weights: Weights<'a>,
    pub(super) tokens: &'a [u32],
    pub(super) positions: usize,
    /// Within the tile, rising.
    pub(super) selected: Vec<usize>,
    /// Where these stand among the places of the batch.
    pub(super) places: Range<usize>,
    pub(super) dropout: Option<Dropout>,
    /// The first sequence's number in the batch.
    pub(super) first: usize,
}

impl<'a> Tile<'a> {
    /// Returns the tile of some rows of a batch, `[rows, positions]`, whose logits are wanted at some of these places.
    pub(super) fn new(
        weights: Weights<'a>,
        (tokens, positions): (&'a [u32], usize),
        places: &[u32],
        dropout: Option<Dropout>,
        rows: Range<usize>,
    ) -> Self {
        let of_rows = rows.start * positions..rows.end * positions;
        let before = |bound: usize| places.partition_point(|place| (*place as usize) < bound);
        let range = before(of_rows.start)..before(of_rows.end);
        Self {
            weights,
            selected: places[range.clone()].iter().map(|place| *place as usize - of_rows.start).collect(),
            places: range,
            tokens: &tokens[of_rows],
            positions,
            dropout,
            first: rows.start,
        }
    }

    /// Whether only the selected rows go on behind the attention of a block.
    pub(super) fn selects(&self, layer: usize) -> bool {
        layer + 1 == self.weights.layout.blocks.len() && self.selected.len() < self.tokens.len()
    }

    /// Computes the logits of the selected rows, `unembed.stride` apart.
    pub(super) fn forward<'b>(&self, arena: &'b mut Arena) -> &'b mut [f32] {
        self.residual(arena);
        let Layout { norm, unembed, stride: width, .. } = *self.weights.layout;
        let Arena { streams, last_stream, last, logits, .. } = arena;
        let rows = self.selected.len();
        let u = self.weights.normalize(norm, &streams[*last_stream][..rows * width], last);
        let logits = grown(logits, rows * unembed.stride);
        self.weights.linear(unembed, (u, width), None, logits);
        logits
    }

    /// Computes the residual stream behind the last block, at the selected rows.
    fn residual(&self, arena: &mut Arena) {
        let weights = &self.weights;
        let Layout { ref blocks, ref config, stride: width, head, .. } = *weights.layout;
        let Arena { streams, last_stream, blocks: activations, residual, keys, head: scratch, .. } = arena;
        streams.resize_with(streams.len().max(2 + 2 * blocks.len()), Vec::new);
        activations.resize_with(activations.len().max(blocks.len()), Activations::default);
        let mut rows = self.tokens.len();
        let stream = grown(&mut streams[0], rows * width);
        self.embed(stream);
        self.drop_out(Site::Embed, stream, keys);
        let mut current = 0;
        for (layer, block) in blocks.iter().enumerate() {
            let (before, after) = streams.split_at_mut(current + 1);
            let mut input = &before[current][..rows * width];
            let kept = &mut activations[layer];
            let u = weights.normalize(block.norm1, input, &mut kept.norm1);
            let qkv = grown(&mut kept.qkv, rows * block.qkv.stride);
            weights.linear(block.qkv, (u, width), None, qkv);
            let z_width = stride(config.n_heads * head);
            let z = grown(&mut kept.z, rows * z_width);
            weights.attention(self.positions, block.qkv, qkv, &mut kept.pattern, z, scratch);
            let mut z = &kept.z[..rows * z_width];
            if self.selects(layer) {
                rows = self.selected.len();
                let (from, selected) = (&kept.z, grown(&mut kept.z_selected, rows * z_width));
                self.gather((from, z_width), selected);
                self.gather((input, width), grown(residual, rows * width));
                (z, input) = (&kept.z_selected[..rows * z_width], &residual[..rows * width]);
            }
            let output = grown(&mut after[0], rows * width);
            self.add_linear(Site::AttnOut(layer), block.out, (z, z_width), input, output, keys);
            current += 1;
            let Some(mlp) = &block.mlp else { continue };
            let (before, after) = streams.split_at_mut(current + 1);
            let input = &before[current][..rows * width];
            let u = weights.normalize(mlp.norm, input, &mut kept.norm2);
            let hidden = rows * mlp.into.stride;
            let (slope, post) = (grown(&mut kept.slope, hidden), grown(&mut kept.post, hidden));
            weights.linear(mlp.into, (u, width), None, slope);
            activate(weights.arch, config.act_fn, slope, post);
            let output = grown(&mut after[0], rows * width);
            self.add_linear(Site::MlpOut(layer), mlp.out, (post, mlp.into.stride), input, output, keys);
            current += 1;
        }
        if blocks.is_empty() {
            let (before, after) = streams.split_at_mut(1);
            self.gather((&before[0], width), grown(&mut after[0], self.selected.len() * width));
            current = 1;
        }
        *last_stream = current;
    }

    fn embed(&self, stream: &mut [f32]) {
        let Layout { stride, embed: at, positions: behind, ref config, .. } = *self.weights.layout;
        let (tokens, positions) = (&self.weights.padded[at..behind], &self.weights.padded[behind..]);
        let (arch, width) = (self.weights.arch, config.d_model);
        embed(arch, self.tokens, self.positions, width, stride, tokens, positions, stream);
    }

    /// Writes `onto` plus what dropout leaves of `x W + b`.
    fn add_linear(
        &self,
        site: Site,
        matrix: Matrix,
        x: (&[f32], usize),
        onto: &[f32],
        y: &mut [f32],
        keys: &mut Vec<u32>,
    ) {
        if self.dropout.is_none() {
            return self.weights.linear(matrix, x, Some(onto), y);
        }
        self.weights.linear(matrix, x, None, y);
        self.drop_out(site, y, keys);
        add(self.weights.arch, onto, y);
    }

    /// Applies dropout to rows as wide as the residual stream: those of all tokens, or the selected ones.
    pub(super) fn drop_out(&self, site: Site, rows: &mut [f32], keys: &mut Vec<u32>) {
        let Some(dropout) = self.dropout else { return };
        let stride = self.weights.layout.stride;
        let all = rows.len() / stride == self.tokens.len();
        keys.clear();
        keys.extend((0..rows.len() / stride).map(|row| {
            let token = if all { row } else { self.selected[row] };
            dropout.key(site, self.first + token / self.positions, token % self.positions)
        }));
        drop_out(self.weights.arch, rows, stride, keys, dropout.rule());
    }

    /// Copies the selected rows.
    fn gather(&self, (from, width): (&[f32], usize), to: &mut [f32]) {
        for (row, to) in self.selected.iter().zip(to.chunks_mut(width)) {
            to.copy_from_slice(&from[row * width..][..width]);
        }
    }
}
