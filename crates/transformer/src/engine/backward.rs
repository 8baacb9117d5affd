//! The backward pass of some sequences: `tile.rs` from its last line to its first.

use super::arena::{Arena, Normalized, grown};
use super::dropout::Site;
use super::gemm::Onto;
use super::layout::{Layout, Norm};
use super::rows::{embed_back, scale};
use super::tile::Tile;
use crate::padding::stride;

impl Tile<'_> {
    /// Adds the gradient to `gradients`, given that of the logits, which stands in their place.
    pub(super) fn backward(&self, arena: &mut Arena, gradients: &mut [f32]) {
        let weights = &self.weights;
        let Layout { ref blocks, ref config, norm, unembed, stride: width, head, .. } = *weights.layout;
        let Arena { streams, last_stream, blocks: activations, last, logits, d_stream, d_selected, .. } =
            arena;
        let Arena { d_normal, d_hidden, d_qkv, d_z, d_z_selected, d_dropped, keys, head: scratch, .. } =
            arena;
        let mut current = *last_stream;
        let mut rows = self.selected.len();
        let logits = &logits[..rows * unembed.stride];
        let d = grown(d_stream, self.tokens.len().max(rows) * width);
        d[..rows * width].fill(0.0);
        let u = seen(norm, last, &streams[current]);
        weights.gradient(unembed, (u, width), logits, gradients);
        weights.normalize_back(unembed, logits, (norm, last), d_normal, &mut d[..rows * width], gradients);
        for (layer, block) in blocks.iter().enumerate().rev() {
            let kept = &activations[layer];
            if let Some(mlp) = &block.mlp {
                current -= 1;
                let hidden = mlp.into.stride;
                let d = &mut d[..rows * width];
                let d_out = self.drop_out_back(Site::MlpOut(layer), d, d_dropped, keys);
                weights.gradient(mlp.out, (&kept.post, hidden), d_out, gradients);
                let d_hidden = grown(d_hidden, rows * hidden);
                weights.linear_back(mlp.out, d_out, (d_hidden, hidden), Onto::Nothing);
                scale(weights.arch, d_hidden, &kept.slope);
                let u = seen(mlp.norm, &kept.norm2, &streams[current]);
                weights.gradient(mlp.into, (u, width), d_hidden, gradients);
                weights.normalize_back(mlp.into, d_hidden, (mlp.norm, &kept.norm2), d_normal, d, gradients);
            }
            current -= 1;
            let z_width = stride(config.n_heads * head);
            let selects = self.selects(layer);
            let z = if selects { &kept.z_selected } else { &kept.z };
            let d_out = self.drop_out_back(Site::AttnOut(layer), &d[..rows * width], d_dropped, keys);
            weights.gradient(block.out, (z, z_width), d_out, gradients);
            let all = self.tokens.len();
            if selects {
                let part = grown(d_z_selected, rows * z_width);
                weights.linear_back(block.out, d_out, (part, z_width), Onto::Nothing);
                self.scatter((part, z_width), grown(d_z, all * z_width));
                grown(d_selected, rows * width).copy_from_slice(&d[..rows * width]);
                self.scatter((&d_selected[..rows * width], width), d);
                rows = all;
            } else {
                weights.linear_back(block.out, d_out, (grown(d_z, all * z_width), z_width), Onto::Nothing);
            }
            let d_qkv = grown(d_qkv, all * block.qkv.stride);
            weights.attention_back(self.positions, block.qkv, kept, &d_z[..all * z_width], d_qkv, scratch);
            let u = seen(block.norm1, &kept.norm1, &streams[current]);
            weights.gradient(block.qkv, (u, width), d_qkv, gradients);
            let d = &mut d[..rows * width];
            weights.normalize_back(block.qkv, d_qkv, (block.norm1, &kept.norm1), d_normal, d, gradients);
        }
        if blocks.is_empty() {
            grown(d_selected, rows * width).copy_from_slice(&d[..rows * width]);
            self.scatter((&d_selected[..rows * width], width), d);
        }
        let d = &mut d[..self.tokens.len() * width];
        self.drop_out(Site::Embed, d, keys);
        self.embed_back(d, gradients);
    }

    fn embed_back(&self, d_stream: &[f32], gradients: &mut [f32]) {
        let Layout { stride, embed: at, positions: behind, ref config, .. } = *self.weights.layout;
        let (tokens, positions) = gradients[at..].split_at_mut(behind - at);
        let (arch, width) = (self.weights.arch, config.d_model);
        embed_back(arch, self.tokens, self.positions, width, stride, tokens, positions, d_stream);
    }

    /// Returns the gradient of what dropout was applied to, given that of what it left.
    fn drop_out_back<'b>(
        &self,
        site: Site,
        d: &'b [f32],
        d_dropped: &'b mut Vec<f32>,
        keys: &mut Vec<u32>,
    ) -> &'b [f32] {
        if self.dropout.is_none() {
            return d;
        }
        let d_dropped = grown(d_dropped, d.len());
        d_dropped.copy_from_slice(d);
        self.drop_out(site, d_dropped, keys);
        d_dropped
    }

    /// Puts the selected rows back to their places; the others are 0.
    fn scatter(&self, (from, width): (&[f32], usize), to: &mut [f32]) {
        to.fill(0.0);
        for (row, from) in self.selected.iter().zip(from.chunks(width)) {
            to[row * width..][..width].copy_from_slice(from);
        }
    }
}

/// Returns what the product behind a normalization read.
fn seen<'a>(norm: Option<Norm>, normalized: &'a Normalized, stream: &'a [f32]) -> &'a [f32] {
    if norm.is_some() { &normalized.y } else { stream }
}
