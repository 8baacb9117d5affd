//! Looking at activations, and replacing them: the two hooks that all analyses are made of.

use std::fmt;

use candle_core::{Device, Tensor};
use transformer::{Hook, HookPoint, Transformer};

use crate::intervention::forward;

/// A part of the model that can be taken away: a head, or an MLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Component {
    Head { layer: usize, head: usize },
    Mlp { layer: usize },
}

impl Component {
    /// Returns every component of a model, layer by layer, heads before the MLP.
    pub(crate) fn all(shape: &transformer::Config) -> Vec<Component> {
        let layer = |layer| {
            let heads = (0..shape.n_heads).map(move |head| Component::Head { layer, head });
            heads.chain((!shape.attn_only).then_some(Component::Mlp { layer }))
        };
        (0..shape.n_layers).flat_map(layer).collect()
    }

    pub(crate) fn layer(self) -> i32 {
        match self {
            Component::Head { layer, .. } | Component::Mlp { layer } => layer as i32,
        }
    }

    /// Returns the head, -1 for an MLP.
    pub(crate) fn head(self) -> i32 {
        match self {
            Component::Head { head, .. } => head as i32,
            Component::Mlp { .. } => -1,
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Component::Head { layer, head } => write!(f, "blocks.{layer}.attn.head.{head}"),
            Component::Mlp { layer } => write!(f, "blocks.{layer}.mlp"),
        }
    }
}

/// Keeps the activations of some points.
pub(crate) struct Watch {
    points: Vec<HookPoint>,
    seen: Vec<Option<Tensor>>,
}

impl Watch {
    /// Runs the model and returns the activation of each point, in the order of `points`.
    pub(crate) fn run(
        model: &Transformer,
        tokens: &Tensor,
        points: Vec<HookPoint>,
    ) -> candle_core::Result<Vec<Tensor>> {
        let mut watch = Watch { seen: vec![None; points.len()], points };
        forward(model, tokens, &mut watch)?;
        let missing = || candle_core::Error::Msg("the model has no such hook".to_owned());
        watch.seen.into_iter().map(|tensor| tensor.ok_or_else(missing)).collect()
    }
}

impl Hook for Watch {
    fn call(&mut self, point: HookPoint, activation: Tensor) -> candle_core::Result<Tensor> {
        if let Some(place) = self.points.iter().position(|&wanted| wanted == point) {
            self.seen[place] = Some(activation.clone());
        }
        Ok(activation)
    }
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
        let seen = Watch::run(model, tokens, points)?;
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
