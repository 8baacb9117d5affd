//! Passes of a model with a hook: activations are looked at, or replaced.

use candle_core::{Device, Tensor};
use transformer::{Hook, HookPoint, Transformer};

use crate::component::Component;

/// Runs the model with a hook. // [row, position, token]
pub(crate) fn forward(
    model: &Transformer,
    tokens: &Tensor,
    hook: &mut impl Hook,
) -> candle_core::Result<Tensor> {
    model.forward(tokens, hook).map_err(candle_core::Error::wrap)
}

/// Runs the model and returns the activation at each point, in the order of `points`.
pub(crate) fn run_with_cache(
    model: &Transformer,
    tokens: &Tensor,
    points: &[HookPoint],
) -> candle_core::Result<Vec<Tensor>> {
    let mut cache = vec![None; points.len()];
    let mut keep = |point: HookPoint, activation: Tensor| {
        if let Some(place) = points.iter().position(|&wanted| wanted == point) {
            cache[place] = Some(activation.clone());
        }
        Ok(activation)
    };
    forward(model, tokens, &mut keep)?;
    let missing = |point: HookPoint| candle_core::Error::Msg(format!("the model has no hook {point}"));
    cache.into_iter().zip(points).map(|(tensor, &point)| tensor.ok_or_else(|| missing(point))).collect()
}

/// The mean activation per position of every head's and MLP's output over some rows.
pub(crate) struct Means {
    heads: Vec<Tensor>, // by layer: [1, position, head, d_head]
    mlps: Vec<Tensor>,  // by layer: [1, position, d_model]
}

impl Means {
    /// Returns the means over rows of one length.
    pub(crate) fn over(
        model: &Transformer,
        shape: &transformer::Config,
        tokens: &Tensor,
    ) -> candle_core::Result<Means> {
        let mut points: Vec<HookPoint> = (0..shape.n_layers).map(HookPoint::Z).collect();
        if !shape.attn_only {
            points.extend((0..shape.n_layers).map(HookPoint::MlpOut));
        }
        let seen = run_with_cache(model, tokens, &points)?;
        let means = seen.iter().map(|tensor| tensor.mean_keepdim(0)).collect::<Result<Vec<_>, _>>()?;
        let (heads, mlps) = means.split_at(shape.n_layers);
        Ok(Means { heads: heads.to_vec(), mlps: mlps.to_vec() })
    }
}

/// Replaces the output of some components, at every position, by zero or by their means.
pub(crate) struct Ablate<'a> {
    /// By layer: 1 for a head that stays, 0 for one that goes.
    heads: Vec<Vec<f32>>,
    /// By layer: whether the MLP goes.
    mlps: Vec<bool>,
    means: Option<&'a Means>,
}

impl<'a> Ablate<'a> {
    pub(crate) fn new(
        shape: &transformer::Config,
        parts: &[Component],
        means: Option<&'a Means>,
    ) -> Ablate<'a> {
        let mut heads = vec![vec![1.0; shape.n_heads]; shape.n_layers];
        let mut mlps = vec![false; shape.n_layers];
        for part in parts {
            match *part {
                Component::Head { layer, head } => heads[layer][head] = 0.0,
                Component::Mlp { layer } => mlps[layer] = true,
            }
        }
        Ablate { heads, mlps, means }
    }
}

impl Hook for Ablate<'_> {
    fn call(&mut self, point: HookPoint, activation: Tensor) -> candle_core::Result<Tensor> {
        match point {
            HookPoint::Z(layer) if self.heads[layer].contains(&0.0) => {
                let stays =
                    Tensor::from_slice(&self.heads[layer], (1, 1, self.heads[layer].len(), 1), &Device::Cpu)?;
                let kept = activation.broadcast_mul(&stays)?; // [row, position, head, d_head]
                match self.means {
                    None => Ok(kept),
                    Some(means) => {
                        let goes = stays.affine(-1.0, 1.0)?;
                        kept.broadcast_add(&means.heads[layer].broadcast_mul(&goes)?)
                    }
                }
            }
            HookPoint::MlpOut(layer) if self.mlps[layer] => match self.means {
                None => activation.zeros_like(),
                Some(means) => means.mlps[layer].broadcast_as(activation.shape())?.contiguous(),
            },
            _ => Ok(activation),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use candle_core::DType;
    use transformer::{ActFn, NoHook, Normalization, PositionalEmbedding, initial_weights};

    /// A small model of two layers.
    pub(crate) fn shape() -> transformer::Config {
        transformer::Config {
            n_layers: 2,
            d_model: 12,
            n_ctx: 6,
            d_head: 4,
            n_heads: 3,
            d_mlp: 16,
            d_vocab: 9,
            act_fn: ActFn::Gelu,
            normalization_type: Normalization::LN,
            positional_embedding_type: PositionalEmbedding::Standard,
            attn_only: false,
            eps: 1e-5,
        }
    }

    /// Random weights, fifty times as large as at initialisation so that everything matters; some set to zero.
    fn model(zeroed: impl Fn(&str, &Tensor) -> Option<Tensor>) -> Transformer {
        let mut random = stream::generator("analyzer/test", &[1]);
        let weights =
            initial_weights(&shape(), 0.02, &mut random, DType::F32, &Device::Cpu).expect("a small model");
        let weights = weights.into_iter().map(|(name, tensor)| {
            let tensor = (tensor * 50.0).expect("numbers");
            let tensor = zeroed(&name, &tensor).unwrap_or(tensor);
            (name, tensor)
        });
        Transformer::new(&shape(), weights.collect()).expect("the same names and shapes")
    }

    fn tokens() -> Tensor {
        Tensor::new(&[[0_u32, 3, 8, 1, 2], [5, 5, 7, 4, 0]], &Device::Cpu).expect("ten tokens")
    }

    fn run(model: &Transformer, hook: &mut impl Hook) -> Vec<f32> {
        let logits = forward(model, &tokens(), hook).expect("the rows fit");
        logits.flatten_all().and_then(|logits| logits.to_vec1()).expect("numbers")
    }

    /// Returns the largest difference, relative to the largest logit.
    fn difference(one: &[f32], other: &[f32]) -> f32 {
        let largest = other.iter().map(|logit| logit.abs()).fold(0.0, f32::max);
        one.iter().zip(other).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max) / largest
    }

    #[test]
    fn taking_nothing_away_is_the_plain_forward_pass() {
        let model = model(|_, _| None);
        let plain = run(&model, &mut |_, activation| Ok(activation));
        assert_eq!(run(&model, &mut NoHook), plain);
        let means = Means::over(&model, &shape(), &tokens()).expect("the rows fit");
        assert_eq!(run(&model, &mut Ablate::new(&shape(), &[], None)), plain);
        assert_eq!(run(&model, &mut Ablate::new(&shape(), &[], Some(&means))), plain);
    }

    #[test]
    fn a_head_replaced_by_zero_is_a_head_without_output_weights() {
        let whole = model(|_, _| None);
        let without = model(|name, tensor| {
            let keep = Tensor::new(&[1.0_f32, 0.0, 1.0], &Device::Cpu)
                .and_then(|k| k.reshape((3, 1, 1)))
                .expect("3");
            (name == "blocks.1.attn.W_O").then(|| tensor.broadcast_mul(&keep).expect("three heads"))
        });
        let part = [Component::Head { layer: 1, head: 1 }];
        let ablated = run(&whole, &mut Ablate::new(&shape(), &part, None));
        assert!(difference(&ablated, &run(&without, &mut NoHook)) < 1e-5);
        assert!(difference(&ablated, &run(&whole, &mut NoHook)) > 0.01);
    }

    #[test]
    fn an_mlp_replaced_by_zero_is_an_mlp_without_output() {
        let whole = model(|_, _| None);
        let without = model(|name, tensor| {
            ["blocks.0.mlp.W_out", "blocks.0.mlp.b_out"]
                .contains(&name)
                .then(|| tensor.zeros_like().expect("a tensor"))
        });
        let ablated = run(&whole, &mut Ablate::new(&shape(), &[Component::Mlp { layer: 0 }], None));
        assert!(difference(&ablated, &run(&without, &mut NoHook)) < 1e-5);
        assert!(difference(&ablated, &run(&whole, &mut NoHook)) > 0.01);
    }

    #[test]
    fn the_mean_over_one_row_is_that_row() {
        let model = model(|_, _| None);
        let row = tokens().narrow(0, 1, 1).expect("two rows");
        let means = Means::over(&model, &shape(), &row).expect("the row fits");
        let hook = &mut Ablate::new(&shape(), &Component::all(&shape()), Some(&means));
        let logits = |hook: &mut dyn FnMut(&Tensor) -> Tensor| {
            hook(&row).flatten_all().and_then(|logits| logits.to_vec1::<f32>()).expect("numbers")
        };
        let ablated = logits(&mut |row| forward(&model, row, hook).expect("the row fits"));
        let plain = logits(&mut |row| forward(&model, row, &mut NoHook).expect("the row fits"));
        assert!(difference(&ablated, &plain) < 1e-5);
    }
}
