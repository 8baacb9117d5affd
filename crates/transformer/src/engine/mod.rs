//! The loss of a batch and its gradient as one operation, for training many small models fast.
//!
//! The model is the one of `model.rs`, without hooks. Weights, gradients and moments are flat slabs in the order of
//! [`Config::parameters`](crate::Config::parameters). Sequences go through forward and backward pass in tiles that stay in
//! a core's cache; a batch of several groups of tiles is shared out, and the groups' gradients are added up in order, so
//! that the bits do not depend on the number of threads.
//!
//! * `gemm.rs`: products, tile by tile in registers.
//! * `rows.rs`: what happens between two products, vector by vector; `vectors.rs`: what these loops are made of.
//! * `layout.rs`: where parameters lie, flat and padded.
//! * `pass.rs`: forward and backward pass of one tile, readable top to bottom; `attention.rs`: where its positions meet.
//! * `dropout.rs`: what an update leaves out.
//! * `optimizer.rs`: AdamW and Adam.
//! * `op.rs`: all of it as one operation of candle on one flat tensor.
//! * `peak.rs`: how fast any of it could be.

mod attention;
mod dropout;
pub(crate) mod gemm;
pub(crate) mod layout;
mod op;
mod optimizer;
mod pass;
mod peak;
mod rows;
mod vectors;

use std::sync::Mutex;

use pulp::Arch;
use rayon::prelude::*;

use crate::{Config, Error, Result};
pub use dropout::{Dropout, Site};
pub(crate) use gemm::PAD;
use layout::Layout;
pub use optimizer::{AdamW, Moments};
use pass::Arena;
pub use peak::multiply_adds;
pub use vectors::{hold_to, isa};

/// Tokens of a tile, about: what it keeps stays in the second cache.
const TILE: usize = 64;
/// Tokens of a group, at least, and how many groups there are at most.
const GROUP: usize = 512;
const GROUPS: usize = 4;

/// Computes losses and gradients of models of one shape.
pub struct Engine {
    layout: Layout,
    arch: Arch,
    /// By parameter, in order: its end in the flat slab, and whether it decays.
    parts: Vec<(usize, bool)>,
    /// Padded weights, as they are and turned, of models that are at work.
    slabs: Mutex<Vec<(Vec<f32>, Vec<f32>)>>,
    arenas: Mutex<Vec<Arena>>,
    gradients: Mutex<Vec<Vec<f32>>>,
}

/// Rows of one length, and the places where the model is asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Inputs, `[rows, positions]`.
    pub tokens: Vec<u32>,
    /// Positions of a row.
    pub positions: usize,
    /// Flat indices into `[rows * positions]`, rising, `[n]`.
    pub places: Vec<u32>,
    /// The right next tokens there, `[n]`.
    pub targets: Vec<u32>,
    /// Weight of each in the loss, `[n]`.
    pub weights: Vec<f32>,
}

/// What a model says to a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Weighted sum of the negative log-likelihoods of the targets, in nats.
    pub loss: f64,
    /// The likeliest token at each place asked, of equals the least, `[n]`.
    pub best: Vec<u32>,
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
            layout: Layout::new(config, gemm::PAD),
            arch: vectors::arch(),
            parts: config.parameters().into_iter().map(part).collect(),
            slabs: Mutex::default(),
            arenas: Mutex::default(),
            gradients: Mutex::default(),
        })
    }

    /// Returns the number of parameters.
    pub fn parameters(&self) -> usize {
        self.layout.flat
    }

    /// Returns what the model of these weights says.
    ///
    /// # Errors
    /// [`Error::Input`] naming what of the batch does not fit the model.
    pub fn say(&self, weights: &[f32], batch: &Batch) -> Result<Said> {
        self.run(weights, batch, None, None)
    }

    /// Returns what the model says where `dropout` leaves elements out, and writes the gradient of its loss.
    ///
    /// # Errors
    /// As [`Engine::say`].
    pub fn differentiate(
        &self,
        weights: &[f32],
        batch: &Batch,
        dropout: Option<Dropout>,
        gradient: &mut [f32],
    ) -> Result<Said> {
        self.run(weights, batch, dropout, Some(gradient))
    }

    fn run(
        &self,
        weights: &[f32],
        batch: &Batch,
        dropout: Option<Dropout>,
        gradient: Option<&mut [f32]>,
    ) -> Result<Said> {
        self.check(weights, batch, gradient.as_deref())?;
        let Layout { padded, turned, .. } = self.layout;
        let mut slabs = take(&self.slabs).unwrap_or_else(|| (vec![0.0; padded], vec![0.0; turned]));
        self.layout.pad(weights, &mut slabs.0, &mut slabs.1);

        let rows = batch.tokens.len() / batch.positions;
        let per_tile = (TILE / batch.positions).max(1);
        let groups = (batch.tokens.len() / GROUP).clamp(1, GROUPS);
        let per_group = rows.div_ceil(groups).next_multiple_of(per_tile);
        let group = |first: usize| {
            let mut sum =
                gradient.is_some().then(|| take(&self.gradients).unwrap_or_else(|| vec![0.0; padded]));
            sum.iter_mut().for_each(|sum| sum.fill(0.0));
            let mut arena = take(&self.arenas).unwrap_or_default();
            let mut said = Said { loss: 0.0, best: Vec::new() };
            for first in (first..rows.min(first + per_group)).step_by(per_tile) {
                let last = rows.min(first + per_group).min(first + per_tile);
                let tile = pass::Tile::of(&self.layout, self.arch, &slabs, batch, dropout, first..last);
                said.loss += tile.pass(&mut arena, &mut said.best, sum.as_deref_mut());
            }
            give(&self.arenas, arena);
            (said, sum)
        };
        let firsts: Vec<usize> = (0..rows).step_by(per_group).collect();
        let done: Vec<(Said, Option<Vec<f32>>)> = match firsts[..] {
            [first] => vec![group(first)],
            _ => firsts.into_par_iter().with_max_len(1).map(group).collect(),
        };
        give(&self.slabs, slabs);

        let mut said = Said { loss: 0.0, best: Vec::with_capacity(batch.places.len()) };
        let mut total: Option<Vec<f32>> = None;
        for (part, sum) in done {
            said.loss += part.loss;
            said.best.extend(part.best);
            match (&mut total, sum) {
                (Some(total), Some(sum)) => {
                    rows::add(self.arch, &sum, total);
                    give(&self.gradients, sum);
                }
                (total, sum) => *total = sum,
            }
        }
        if let (Some(gradient), Some(total)) = (gradient, total) {
            self.layout.flatten(&total, gradient);
            give(&self.gradients, total);
        }
        Ok(said)
    }

    fn check(&self, weights: &[f32], batch: &Batch, gradient: Option<&[f32]>) -> Result<()> {
        let config = &self.layout.config;
        let Batch { tokens, positions, places, targets, weights: shares } = batch;
        let positions = *positions;
        let fail = |message: String| Err(Error::Input(message));
        let wanted = self.layout.flat;
        if weights.len() != wanted || gradient.is_some_and(|gradient| gradient.len() != wanted) {
            return fail(format!("expected {wanted} weights, found {}", weights.len()));
        }
        if tokens.is_empty()
            || positions == 0
            || positions > config.n_ctx
            || !tokens.len().is_multiple_of(positions)
        {
            let (n_ctx, found) = (config.n_ctx, tokens.len());
            return fail(format!(
                "expected rows of 1 to {n_ctx} tokens, found {found} in rows of {positions}"
            ));
        }
        if let Some(token) = tokens.iter().chain(targets).find(|token| **token as usize >= config.d_vocab) {
            return fail(format!("expected tokens below {}, found {token}", config.d_vocab));
        }
        if targets.len() != places.len() || shares.len() != places.len() {
            return fail(format!(
                "{} targets and {} weights for {} places",
                targets.len(),
                shares.len(),
                places.len()
            ));
        }
        let rising = places.windows(2).all(|pair| pair[0] < pair[1]);
        if !rising || places.last().is_some_and(|place| *place as usize >= tokens.len()) {
            return fail(format!("expected rising places below {}", tokens.len()));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Engine").field("config", &self.layout.config).finish_non_exhaustive()
    }
}

fn take<T>(pool: &Mutex<Vec<T>>) -> Option<T> {
    pool.lock().expect("no thread panics while it holds this lock").pop()
}

fn give<T>(pool: &Mutex<Vec<T>>, used: T) {
    pool.lock().expect("no thread panics while it holds this lock").push(used);
}
