use std::ops::Range;

use pulp::Arch;

use super::Batch;
use super::attention::Head;
use super::dropout::{Dropout, Site};
use super::gemm::{Left, Onto, Right, multiply};
use super::layout::{Layout, Matrix, Norm, padded, stride};
use super::rows::{
    activate, add, add_rows, cross_entropy, embed, embed_back, normalize, normalize_back, scale,
};

/// Some sequences on their way through the model and back.
///
/// Positions meet in attention only, so behind the last one only the rows are kept that are asked for.
pub(crate) struct Tile<'a> {
    pub(super) machine: Machine<'a>,
    pub(super) tokens: &'a [u32],
    pub(super) positions: usize,
    /// Rows that are asked for: within the tile, rising.
    pub(super) asked: Vec<usize>,
    targets: &'a [u32],
    shares: &'a [f32],
    pub(super) dropout: Option<Dropout>,
    /// The first sequence's number in the batch.
    pub(super) first: usize,
}

/// Memory that a tile works in; buffers only ever grow.
#[derive(Default)]
pub(crate) struct Arena {
    /// The residual stream: of tokens, then after each attention and each MLP.
    streams: Vec<Vec<f32>>,
    blocks: Vec<Kept>,
    last: Normal,
    logits: Vec<f32>,
    residual: Vec<f32>,
    /// The gradient of the residual stream, and what it is gathered from.
    d_stream: Vec<f32>,
    d_asked: Vec<f32>,
    d_normal: Vec<f32>,
    d_hidden: Vec<f32>,
    d_qkv: Vec<f32>,
    d_z: Vec<f32>,
    d_z_asked: Vec<f32>,
    d_kept: Vec<f32>,
    keys: Vec<u32>,
    head: Head,
}

/// What the backward pass of one block needs.
#[derive(Default)]
pub(super) struct Kept {
    norm1: Normal,
    pub(super) qkv: Vec<f32>,
    /// By sequence, head, key and query: the share that the query takes of the key.
    pub(super) attention: Vec<f32>,
    z: Vec<f32>,
    z_asked: Vec<f32>,
    norm2: Normal,
    /// What the nonlinearity gives, and its slope there.
    post: Vec<f32>,
    slope: Vec<f32>,
}

/// Rows normalized, one over their scale, and weight times them plus bias.
#[derive(Default)]
struct Normal {
    normal: Vec<f32>,
    inverse: Vec<f32>,
    y: Vec<f32>,
}

/// Returns the first floats of a buffer, which grows where it has fewer.
pub(super) fn grown(buffer: &mut Vec<f32>, floats: usize) -> &mut [f32] {
    if buffer.len() < floats {
        buffer.resize(floats, 0.0);
    }
    &mut buffer[..floats]
}

impl<'a> Tile<'a> {
    /// Returns the tile of some rows of a batch, for padded weights as they are and turned.
    pub(crate) fn of(
        layout: &'a Layout,
        arch: Arch,
        (weights, turned): &'a (Vec<f32>, Vec<f32>),
        batch: &'a Batch,
        dropout: Option<Dropout>,
        rows: Range<usize>,
    ) -> Self {
        let tokens = rows.start * batch.positions..rows.end * batch.positions;
        let place = |bound: usize| batch.places.partition_point(|place| (*place as usize) < bound);
        let (first, last) = (place(tokens.start), place(tokens.end));
        let asked = batch.places[first..last].iter().map(|place| *place as usize - tokens.start).collect();
        Self {
            machine: Machine { layout, arch, weights, turned },
            tokens: &batch.tokens[tokens],
            positions: batch.positions,
            asked,
            targets: &batch.targets[first..last],
            shares: &batch.weights[first..last],
            dropout,
            first: rows.start,
        }
    }

    /// Appends the likeliest tokens to `best` and adds the gradient, where one is wanted, to `sum`; returns the loss.
    pub(crate) fn pass(&self, arena: &mut Arena, best: &mut Vec<u32>, sum: Option<&mut [f32]>) -> f64 {
        if self.asked.is_empty() {
            return 0.0;
        }
        let machine = &self.machine;
        let Layout { norm, unembed, stride, ref config, .. } = *machine.layout;
        let rows = self.asked.len();
        let current = self.forward(arena);
        let Arena { streams, last, logits, .. } = arena;
        let u = last.of(machine, norm, &streams[current][..rows * stride]);
        let logits = grown(logits, rows * unembed.stride);
        machine.linear(unembed, (u, stride), None, logits);
        let before = best.len();
        best.resize(before + rows, 0);
        let said = &mut best[before..];
        let (vocabulary, targets, shares) = (config.d_vocab, self.targets, self.shares);
        let loss = cross_entropy(machine.arch, logits, unembed.stride, vocabulary, targets, shares, said);
        if let Some(sum) = sum {
            self.backward(arena, current, sum);
        }
        loss
    }

    /// Whether only the rows that are asked for go on behind the attention of a block.
    fn selects(&self, layer: usize) -> bool {
        layer + 1 == self.machine.layout.blocks.len() && self.asked.len() < self.tokens.len()
    }

    /// Computes the residual stream at the rows that are asked for; returns the number of its buffer.
    fn forward(&self, arena: &mut Arena) -> usize {
        let machine = &self.machine;
        let Layout { ref blocks, ref config, stride: width, head, .. } = *machine.layout;
        let Arena { streams, blocks: kept, residual, keys, head: scratch, .. } = arena;
        streams.resize_with(streams.len().max(2 + 2 * blocks.len()), Vec::new);
        kept.resize_with(kept.len().max(blocks.len()), Kept::default);
        let mut rows = self.tokens.len();
        let stream = grown(&mut streams[0], rows * width);
        self.embed(stream);
        self.drop_out(Site::Embed, stream, keys);
        let mut current = 0;
        for (layer, block) in blocks.iter().enumerate() {
            let (before, after) = streams.split_at_mut(current + 1);
            let mut input = &before[current][..rows * width];
            let kept = &mut kept[layer];
            let u = kept.norm1.of(machine, block.norm1, input);
            let qkv = grown(&mut kept.qkv, rows * block.qkv.stride);
            machine.linear(block.qkv, (u, width), None, qkv);
            let z_width = stride(config.n_heads * head);
            self.attention(block.qkv, qkv, &mut kept.attention, grown(&mut kept.z, rows * z_width), scratch);
            let mut z = &kept.z[..rows * z_width];
            if self.selects(layer) {
                rows = self.asked.len();
                let (from, selected) = (&kept.z, grown(&mut kept.z_asked, rows * z_width));
                self.gather((from, z_width), selected);
                self.gather((input, width), grown(residual, rows * width));
                (z, input) = (&kept.z_asked[..rows * z_width], &residual[..rows * width]);
            }
            self.add_linear(
                Site::AttnOut(layer),
                block.out,
                (z, z_width),
                input,
                grown(&mut after[0], rows * width),
                keys,
            );
            current += 1;
            let Some(mlp) = &block.mlp else { continue };
            let (before, after) = streams.split_at_mut(current + 1);
            let input = &before[current][..rows * width];
            let u = kept.norm2.of(machine, mlp.norm, input);
            let hidden = rows * mlp.into.stride;
            let (slope, post) = (grown(&mut kept.slope, hidden), grown(&mut kept.post, hidden));
            machine.linear(mlp.into, (u, width), None, slope);
            activate(machine.arch, config.act_fn, slope, post);
            let post = (&*post, mlp.into.stride);
            self.add_linear(
                Site::MlpOut(layer),
                mlp.out,
                post,
                input,
                grown(&mut after[0], rows * width),
                keys,
            );
            current += 1;
        }
        if blocks.is_empty() {
            let (before, after) = streams.split_at_mut(1);
            self.gather((&before[0], width), grown(&mut after[0], self.asked.len() * width));
            current = 1;
        }
        current
    }

    /// Adds the gradient to `sum`, given that of the logits.
    fn backward(&self, arena: &mut Arena, mut current: usize, sum: &mut [f32]) {
        let machine = &self.machine;
        let Layout { ref blocks, ref config, norm, unembed, stride: width, head, .. } = *machine.layout;
        let Arena { streams, blocks: kept, last, logits, d_stream, d_asked, .. } = arena;
        let Arena { d_normal, d_hidden, d_qkv, d_z, d_z_asked, d_kept, keys, head: scratch, .. } = arena;
        let mut rows = self.asked.len();
        let logits = &logits[..rows * unembed.stride];
        let d = grown(d_stream, self.tokens.len().max(rows) * width);
        d[..rows * width].fill(0.0);
        let u = last.seen(norm, &streams[current]);
        machine.gradient(unembed, (u, width), logits, sum);
        machine.back(unembed, logits, (norm, last), d_normal, &mut d[..rows * width], sum);
        for (layer, block) in blocks.iter().enumerate().rev() {
            let kept = &kept[layer];
            if let Some(mlp) = &block.mlp {
                current -= 1;
                let hidden = mlp.into.stride;
                let d = &mut d[..rows * width];
                let d_out = self.dropped_out(Site::MlpOut(layer), d, d_kept, keys);
                machine.gradient(mlp.out, (&kept.post, hidden), d_out, sum);
                let d_hidden = grown(d_hidden, rows * hidden);
                machine.turned(mlp.out, d_out, (d_hidden, hidden), Onto::Nothing);
                scale(machine.arch, d_hidden, &kept.slope);
                let u = kept.norm2.seen(mlp.norm, &streams[current]);
                machine.gradient(mlp.into, (u, width), d_hidden, sum);
                machine.back(mlp.into, d_hidden, (mlp.norm, &kept.norm2), d_normal, d, sum);
            }
            current -= 1;
            let z_width = stride(config.n_heads * head);
            let selects = self.selects(layer);
            let z = if selects { &kept.z_asked } else { &kept.z };
            let d_out = self.dropped_out(Site::AttnOut(layer), &d[..rows * width], d_kept, keys);
            machine.gradient(block.out, (z, z_width), d_out, sum);
            let all = self.tokens.len();
            if selects {
                let part = grown(d_z_asked, rows * z_width);
                machine.turned(block.out, d_out, (part, z_width), Onto::Nothing);
                self.scatter((part, z_width), grown(d_z, all * z_width));
                grown(d_asked, rows * width).copy_from_slice(&d[..rows * width]);
                self.scatter((&d_asked[..rows * width], width), d);
                rows = all;
            } else {
                machine.turned(block.out, d_out, (grown(d_z, all * z_width), z_width), Onto::Nothing);
            }
            let d_qkv = grown(d_qkv, all * block.qkv.stride);
            self.attention_back(block.qkv, kept, &d_z[..all * z_width], d_qkv, scratch);
            let u = kept.norm1.seen(block.norm1, &streams[current]);
            machine.gradient(block.qkv, (u, width), d_qkv, sum);
            machine.back(block.qkv, d_qkv, (block.norm1, &kept.norm1), d_normal, &mut d[..rows * width], sum);
        }
        if blocks.is_empty() {
            grown(d_asked, rows * width).copy_from_slice(&d[..rows * width]);
            self.scatter((&d_asked[..rows * width], width), d);
        }
        let d = &mut d[..self.tokens.len() * width];
        self.drop_out(Site::Embed, d, keys);
        self.embed_back(d, sum);
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
            return self.machine.linear(matrix, x, Some(onto), y);
        }
        self.machine.linear(matrix, x, None, y);
        self.drop_out(site, y, keys);
        add(self.machine.arch, onto, y);
    }

    fn embed(&self, stream: &mut [f32]) {
        let Layout { stride, embed: at, positions: behind, ref config, .. } = *self.machine.layout;
        let (tokens, positions) = (&self.machine.weights[at..behind], &self.machine.weights[behind..]);
        let (arch, width) = (self.machine.arch, config.d_model);
        embed(arch, self.tokens, self.positions, width, stride, tokens, positions, stream);
    }

    fn embed_back(&self, d_stream: &[f32], sum: &mut [f32]) {
        let Layout { stride, embed: at, positions: behind, ref config, .. } = *self.machine.layout;
        let (tokens, positions) = sum[at..].split_at_mut(behind - at);
        let (arch, width) = (self.machine.arch, config.d_model);
        embed_back(arch, self.tokens, self.positions, width, stride, tokens, positions, d_stream);
    }

    /// Copies the rows that are asked for.
    fn gather(&self, (from, width): (&[f32], usize), to: &mut [f32]) {
        for (row, to) in self.asked.iter().zip(to.chunks_mut(width)) {
            to.copy_from_slice(&from[row * width..][..width]);
        }
    }

    /// Puts the rows that are asked for back to their places; the others are 0.
    fn scatter(&self, (from, width): (&[f32], usize), to: &mut [f32]) {
        to.fill(0.0);
        for (row, from) in self.asked.iter().zip(from.chunks(width)) {
            to[row * width..][..width].copy_from_slice(from);
        }
    }
}

impl Normal {
    /// Returns what the next product reads: the rows normalized, or as they are where there is no normalization.
    fn of<'b>(&'b mut self, machine: &Machine<'_>, norm: Option<Norm>, x: &'b [f32]) -> &'b [f32] {
        let Some(Norm { weight, bias }) = norm else { return x };
        let Layout { stride, ref config, .. } = *machine.layout;
        let inverse = grown(&mut self.inverse, x.len() / stride);
        let (normal, y) = (grown(&mut self.normal, x.len()), grown(&mut self.y, x.len()));
        let [weight, bias] = [weight, bias].map(|at| &machine.weights[at..at + stride]);
        let (width, eps) = (config.d_model, config.eps as f32);
        normalize(machine.arch, x, width, stride, normal, inverse, y, weight, bias, eps);
        &self.y[..x.len()]
    }

    /// Returns what the product read.
    fn seen<'b>(&'b self, norm: Option<Norm>, stream: &'b [f32]) -> &'b [f32] {
        if norm.is_some() { &self.y } else { stream }
    }
}

/// Weights, and what is done with them.
pub(super) struct Machine<'a> {
    pub(super) layout: &'a Layout,
    pub(super) arch: Arch,
    weights: &'a [f32],
    turned: &'a [f32],
}

impl Machine<'_> {
    /// Writes `x W + b`, and `onto`, where something stands there: as many rows as the result has.
    fn linear(&self, matrix: Matrix, (x, stride): (&[f32], usize), onto: Option<&[f32]>, y: &mut [f32]) {
        let Matrix { k, n, at, bias, .. } = matrix;
        let rows = y.len() / matrix.stride;
        let bias = &self.weights[bias..bias + n];
        let onto = onto.map_or(Onto::Row(bias), |onto| Onto::RowAndMatrix(bias, onto));
        let left = Left { values: x, row: stride, column: 1 };
        let right = Right { values: &self.weights[at..], stride: matrix.stride };
        multiply(self.arch, [rows, k, n], left, right, (y, matrix.stride), onto);
    }

    /// Writes `dy Wᵀ`.
    fn turned(&self, matrix: Matrix, dy: &[f32], (dx, stride): (&mut [f32], usize), onto: Onto<'_>) {
        let Matrix { k, n, turned, turned_stride, .. } = matrix;
        let rows = dy.len() / matrix.stride;
        let left = Left { values: dy, row: matrix.stride, column: 1 };
        let right = Right { values: &self.turned[turned..], stride: turned_stride };
        multiply(self.arch, [rows, n, padded(k)], left, right, (dx, stride), onto);
    }

    /// Adds `xᵀ dy` and the rows of `dy` to the gradients of a matrix and its bias.
    fn gradient(&self, matrix: Matrix, (x, stride): (&[f32], usize), dy: &[f32], sum: &mut [f32]) {
        let Matrix { k, n, at, bias, .. } = matrix;
        let rows = dy.len() / matrix.stride;
        let left = Left { values: x, row: 1, column: stride };
        let right = Right { values: dy, stride: matrix.stride };
        multiply(self.arch, [k, rows, n], left, right, (&mut sum[at..], matrix.stride), Onto::Itself);
        let bias = &mut sum[bias..bias + n];
        add_rows(self.arch, dy, matrix.stride, bias);
    }

    /// Adds `dy Wᵀ`, back through the normalization before it, to the gradient of the residual stream.
    fn back(
        &self,
        matrix: Matrix,
        dy: &[f32],
        (norm, kept): (Option<Norm>, &Normal),
        scratch: &mut Vec<f32>,
        d_stream: &mut [f32],
        sum: &mut [f32],
    ) {
        let Layout { stride, ref config, .. } = *self.layout;
        let Some(Norm { weight, bias }) = norm else {
            return self.turned(matrix, dy, (d_stream, stride), Onto::Itself);
        };
        let d_normal = grown(scratch, d_stream.len());
        self.turned(matrix, dy, (d_normal, stride), Onto::Nothing);
        let (before, after) = sum.split_at_mut(bias);
        let (d_weight, d_bias) = (&mut before[weight..], after);
        let weight = &self.weights[weight..weight + stride];
        let (width, Normal { normal, inverse, .. }) = (config.d_model, kept);
        normalize_back(
            self.arch, d_normal, width, stride, normal, inverse, weight, d_weight, d_bias, d_stream,
        );
    }
}
