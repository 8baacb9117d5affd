use pulp::Arch;
use rayon::prelude::*;

use super::arena::Arena;
use super::batch::check_inputs;
use super::layout::Layout;
use super::pool::Pool;
use super::tile::{Tile, rows_of_tile};
use super::vectors;
use super::weights::Weights;
use crate::padding::PAD;
use crate::{Result, Transformer, flatten};

/// Tokens that are worth a thread of their own.
const TOKENS: usize = 512;

/// A model to be asked, its weights laid out for the engine: the forward pass alone, without gradients or hooks.
///
/// Logits are those that training computes, bit for bit, whatever the number of threads and whichever rows go together.
pub struct Predictor {
    layout: Layout,
    arch: Arch,
    weights: Vec<f32>,
    arenas: Pool<Arena>,
}

impl Predictor {
    /// Lays out the weights of a model, in f32.
    ///
    /// # Errors
    /// A tensor error for weights that cannot be brought to the processor.
    pub fn new(model: &Transformer) -> Result<Self> {
        let layout = Layout::new(model.config(), PAD);
        let mut weights = vec![0.0; layout.padded];
        layout.pad(&flatten(model.parameters())?, &mut weights);
        Ok(Self { layout, arch: vectors::arch(), weights, arenas: Pool::default() })
    }

    /// Returns the logits of the next token at some places: tokens `[rows, positions]`, `places` flat indices into them,
    /// rising, `[n]`, to `[n, d_vocab]`.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) naming what does not fit the model.
    pub fn logits(&self, tokens: &[u32], positions: usize, places: &[u32]) -> Result<Vec<f32>> {
        check_inputs(&self.layout.config, tokens, positions, places)?;
        let vocabulary = self.layout.config.d_vocab;
        let rows = tokens.len() / positions;
        let tile = rows_of_tile(positions);
        let part = TOKENS.div_ceil(positions).next_multiple_of(tile);
        let mut logits = vec![0.0; places.len() * vocabulary];
        let (mut parts, mut rest, mut before) = (Vec::new(), &mut logits[..], 0);
        for first in (0..rows).step_by(part) {
            let last = rows.min(first + part);
            let end = places.partition_point(|place| (*place as usize) < last * positions);
            let (of_part, behind) = rest.split_at_mut((end - before) * vocabulary);
            parts.push((first..last, of_part));
            (rest, before) = (behind, end);
        }
        parts.into_par_iter().with_max_len(1).for_each(|(rows, mut logits)| {
            let mut arena = self.arenas.take(Arena::default);
            for first in rows.clone().step_by(tile) {
                let rows = first..rows.end.min(first + tile);
                let tile = Tile::new(self.weights(), (tokens, positions), places, None, rows);
                let (of_tile, behind) = logits.split_at_mut(tile.selected.len() * vocabulary);
                if !of_tile.is_empty() {
                    let padded = tile.forward(&mut arena).chunks(self.layout.unembed.stride);
                    for (to, from) in of_tile.chunks_mut(vocabulary).zip(padded) {
                        to.copy_from_slice(&from[..vocabulary]);
                    }
                }
                logits = behind;
            }
            self.arenas.give(arena);
        });
        Ok(logits)
    }

    fn weights(&self) -> Weights<'_> {
        Weights { layout: &self.layout, arch: self.arch, padded: &self.weights, transposed: &[] }
    }
}

impl std::fmt::Debug for Predictor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Predictor").field("config", &self.layout.config).finish_non_exhaustive()
    }
}
