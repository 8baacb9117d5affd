//! The model of `model.rs` without hooks, fast: the loss of a batch and its gradient, and the logits of a model to be asked.
//!
//! Weights, gradients and moments are flat slabs in the order of [`Config::parameters`](crate::Config::parameters).
//! Sequences go through forward and backward pass in tiles that stay in a core's cache; a batch of several groups of tiles
//! is spread over the cores, and the groups' gradients are added up in order, so that the bits do not depend on the number
//! of threads.
//!
//! * `tile.rs`: the forward pass of some sequences, readable top to bottom; `backward.rs`: the backward pass; `arena.rs`: what
//!   they work in.
//! * `weights.rs`: products and normalizations with a model's weights; `attention.rs`: where positions meet.
//! * `gemm.rs`: products, piece by piece in registers.
//! * `rows.rs`: what happens between two products, vector by vector; `vectors.rs`: what these loops are made of.
//! * `layout.rs`: where parameters lie, flat and padded.
//! * `dropout.rs`: what an update leaves out; `optimizer.rs`: AdamW and Adam.
//! * `predictor.rs`: the forward pass alone; `batch.rs`: what goes in and comes out where something is learned.
//! * `peak.rs`: how fast any of it could be.

mod arena;
mod attention;
mod backward;
mod batch;
mod dropout;
mod gemm;
pub(crate) mod layout;
mod optimizer;
mod peak;
mod pool;
mod predictor;
mod rows;
mod tile;
mod vectors;
mod weights;

use std::ops::Range;

use pulp::Arch;
use rayon::prelude::*;

use crate::padding::PAD;
use crate::{Config, Error, Result};
use arena::Arena;
pub use batch::{Batch, Output};
pub use dropout::{Dropout, Site};
use layout::Layout;
pub use optimizer::{AdamW, Moments};
pub use peak::multiply_adds;
use pool::Pool;
pub use predictor::Predictor;
use tile::{Tile, rows_of_tile};
pub use vectors::{hold_to, isa};
use weights::Weights;

/// Tokens of a group, at least, and how many groups there are at most.
const GROUP: usize = 512;
const GROUPS: usize = 4;

/// Computes losses and gradients of models of one shape, and updates their weights.
pub struct Engine {
    layout: Layout,
    arch: Arch,
    /// By parameter, in order: its end in the flat slab, and whether it decays.
    parts: Vec<(usize, bool)>,
    /// Padded weights, as they are and transposed, of models that are at work.
    slabs: Pool<(Vec<f32>, Vec<f32>)>,
    arenas: Pool<Arena>,
    gradients: Pool<Vec<f32>>,
}

impl Engine {
    /// Returns an engine for models of this shape.
    ///
    /// # Errors
    /// [`Error::Config`] when there can be no such model.
    pub fn new(config: &Config) -> Result<Self> {
        config.check()?;
        let mut end = 0;
        // Biases of heads are two-dimensional too, but no matrices.
        let part = |(name, shape): (String, Vec<usize>)| {
            end += shape.iter().product::<usize>();
            (end, name.contains(".W_"))
        };
        Ok(Self {
            layout: Layout::new(config, PAD),
            arch: vectors::arch(),
            parts: config.parameters().into_iter().map(part).collect(),
            slabs: Pool::default(),
            arenas: Pool::default(),
            gradients: Pool::default(),
        })
    }

    /// Returns the number of parameters.
    pub fn parameters(&self) -> usize {
        self.layout.flat
    }

    /// Returns the loss of the model of these weights.
    ///
    /// # Errors
    /// [`Error::Input`] naming what of the batch does not fit the model.
    pub fn loss(&self, weights: &[f32], batch: &Batch) -> Result<Output> {
        self.run(weights, batch, None, None)
    }

    /// Returns the loss where `dropout` leaves elements out, and writes its gradient.
    ///
    /// # Errors
    /// As [`Engine::loss`].
    pub fn gradient(
        &self,
        weights: &[f32],
        batch: &Batch,
        dropout: Option<Dropout>,
        gradient: &mut [f32],
    ) -> Result<Output> {
        self.run(weights, batch, dropout, Some(gradient))
    }

    /// Returns the moments before the first update.
    pub fn moments(&self) -> Moments {
        let zeros = || vec![0.0; self.layout.flat];
        Moments { mean: zeros(), square: zeros() }
    }

    /// Updates flat weights. Matrices decay; biases and the weights of normalizations do not.
    ///
    /// # Panics
    /// When the slices are not as long as there are parameters.
    pub fn update(&self, update: AdamW, weights: &mut [f32], gradient: &[f32], moments: &mut Moments) {
        let mut start = 0;
        for (end, decays) in &self.parts {
            let part = start..*end;
            start = *end;
            let update = if *decays { update } else { AdamW { kept: 1.0, l2: 0.0, ..update } };
            let (mean, square) = (&mut moments.mean[part.clone()], &mut moments.square[part.clone()]);
            optimizer::adamw(self.arch, update, &mut weights[part.clone()], &gradient[part], mean, square);
        }
    }

    fn run(
        &self,
        weights: &[f32],
        batch: &Batch,
        dropout: Option<Dropout>,
        gradient: Option<&mut [f32]>,
    ) -> Result<Output> {
        let Layout { ref config, flat, padded, transposed, .. } = self.layout;
        if weights.len() != flat || gradient.as_ref().is_some_and(|gradient| gradient.len() != flat) {
            return Err(Error::Input(format!("expected {flat} weights, found {}", weights.len())));
        }
        batch.check(config)?;
        let mut slabs = self.slabs.take(|| (vec![0.0; padded], vec![0.0; transposed]));
        self.layout.pad(weights, &mut slabs.0);
        if gradient.is_some() {
            self.layout.transpose(&slabs.0, &mut slabs.1);
        }
        let weights =
            Weights { layout: &self.layout, arch: self.arch, padded: &slabs.0, transposed: &slabs.1 };

        let rows = batch.tokens.len() / batch.positions;
        let per_tile = rows_of_tile(batch.positions);
        let groups = (batch.tokens.len() / GROUP).clamp(1, GROUPS);
        let per_group = rows.div_ceil(groups).next_multiple_of(per_tile);
        let group = |first: usize| {
            let rows = first..rows.min(first + per_group);
            let mut sum = gradient.is_some().then(|| self.gradients.take(|| vec![0.0; padded]));
            sum.iter_mut().for_each(|sum| sum.fill(0.0));
            (self.group(weights, batch, dropout, rows, sum.as_deref_mut()), sum)
        };
        let firsts: Vec<usize> = (0..rows).step_by(per_group).collect();
        let done: Vec<(Output, Option<Vec<f32>>)> = match firsts[..] {
            [first] => vec![group(first)],
            _ => firsts.into_par_iter().with_max_len(1).map(group).collect(),
        };
        self.slabs.give(slabs);

        let mut output = Output { loss: 0.0, predicted: Vec::with_capacity(batch.places.len()) };
        let mut total: Option<Vec<f32>> = None;
        for (part, sum) in done {
            output.loss += part.loss;
            output.predicted.extend(part.predicted);
            match (&mut total, sum) {
                (Some(total), Some(sum)) => {
                    rows::add(self.arch, &sum, total);
                    self.gradients.give(sum);
                }
                (total, sum) => *total = sum,
            }
        }
        if let (Some(gradient), Some(total)) = (gradient, total) {
            self.layout.flatten(&total, gradient);
            self.gradients.give(total);
        }
        Ok(output)
    }

    /// Sends a group of rows through the model, tile by tile; adds the gradient, where one is wanted, to `sum`.
    fn group(
        &self,
        weights: Weights<'_>,
        batch: &Batch,
        dropout: Option<Dropout>,
        rows: Range<usize>,
        mut sum: Option<&mut [f32]>,
    ) -> Output {
        let per_tile = rows_of_tile(batch.positions);
        let (vocabulary, stride) = (self.layout.config.d_vocab, self.layout.unembed.stride);
        let mut arena = self.arenas.take(Arena::default);
        let mut output = Output { loss: 0.0, predicted: Vec::new() };
        for first in rows.clone().step_by(per_tile) {
            let rows = first..rows.end.min(first + per_tile);
            let tile = Tile::new(weights, (&batch.tokens, batch.positions), &batch.places, dropout, rows);
            if tile.selected.is_empty() {
                continue;
            }
            let logits = tile.forward(&mut arena);
            let before = output.predicted.len();
            output.predicted.resize(before + tile.selected.len(), 0);
            let predicted = &mut output.predicted[before..];
            let (targets, weights) =
                (&batch.targets[tile.places.clone()], &batch.weights[tile.places.clone()]);
            output.loss +=
                rows::cross_entropy(self.arch, logits, stride, vocabulary, targets, weights, predicted);
            if let Some(sum) = sum.as_deref_mut() {
                tile.backward(&mut arena, sum);
            }
        }
        self.arenas.give(arena);
        output
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Engine").field("config", &self.layout.config).finish_non_exhaustive()
    }
}
