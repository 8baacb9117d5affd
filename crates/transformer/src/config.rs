use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result};

/// Shape of a model, with the field names of TransformerLens' `HookedTransformerConfig`; stored as `model.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Number of blocks; 0 is allowed (embedding and unembedding only).
    pub n_layers: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Longest input, in tokens.
    pub n_ctx: usize,
    /// Width of one head.
    pub d_head: usize,
    /// Heads in each block.
    pub n_heads: usize,
    /// Neurons of each MLP; 0 with `attn_only`.
    pub d_mlp: usize,
    /// Number of tokens in the vocabulary.
    pub d_vocab: usize,
    /// The MLP's nonlinearity.
    pub act_fn: ActFn,
    /// Normalization before attention, MLP and unembedding; `null` in JSON is none.
    #[serde(with = "null_is_none")]
    pub normalization_type: Normalization,
    /// How positions enter.
    #[serde(default)]
    pub positional_embedding_type: PositionalEmbedding,
    /// Blocks without an MLP.
    pub attn_only: bool,
    /// Added to the variance in a normalization.
    pub eps: f64,
}

/// Nonlinearity of the MLP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActFn {
    /// x Φ(x), exactly.
    Gelu,
    /// GELU by its tanh approximation, 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))), as in GPT-2.
    #[default]
    GeluNew,
    /// max(x, 0).
    Relu,
}

/// Normalization before attention, MLP and unembedding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Normalization {
    /// LayerNorm with weight and bias.
    #[default]
    LN,
    /// LayerNorm without weight and bias.
    LNPre,
    /// No normalization.
    #[serde(rename = "none")]
    None,
}

/// How positions enter the model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PositionalEmbedding {
    /// One learned vector a position, added to the token's.
    #[default]
    Standard,
}

impl Config {
    /// Checks that a model of this shape can exist.
    ///
    /// # Errors
    /// [`Error::Config`] naming the first field that is wrong.
    pub fn check(&self) -> Result<()> {
        let positive = |at: &'static str, value: usize| match value {
            0 => Err(Error::Config { at, message: "must be at least 1, found 0".to_owned() }),
            _ => Ok(()),
        };
        positive("d_model", self.d_model)?;
        positive("n_ctx", self.n_ctx)?;
        positive("d_vocab", self.d_vocab)?;
        positive("n_heads", self.n_heads)?;
        positive("d_head", self.d_head)?;
        if self.attn_only && self.d_mlp != 0 {
            let message = format!("must be 0 in a model with attn_only, found {}", self.d_mlp);
            return Err(Error::Config { at: "d_mlp", message });
        }
        if !self.attn_only {
            positive("d_mlp", self.d_mlp)?;
        }
        if !(self.eps.is_finite() && self.eps > 0.0) {
            let message = format!("must be a positive number, found {}", self.eps);
            return Err(Error::Config { at: "eps", message });
        }
        Ok(())
    }

    /// Returns the name and shape of every parameter, in the order of the forward pass (TransformerLens' names).
    pub fn parameters(&self) -> IndexMap<String, Vec<usize>> {
        let Config { n_layers, d_model, n_ctx, d_head, n_heads, d_mlp, d_vocab, .. } = *self;
        let mut shapes = IndexMap::new();
        let mut add = |name: String, shape: &[usize]| shapes.insert(name, shape.to_vec());
        add("embed.W_E".to_owned(), &[d_vocab, d_model]);
        add("pos_embed.W_pos".to_owned(), &[n_ctx, d_model]);
        for layer in 0..n_layers {
            let at = |name: &str| format!("blocks.{layer}.{name}");
            if self.normalization_type == Normalization::LN {
                add(at("ln1.w"), &[d_model]);
                add(at("ln1.b"), &[d_model]);
            }
            for part in ["Q", "K", "V"] {
                add(at(&format!("attn.W_{part}")), &[n_heads, d_model, d_head]);
                add(at(&format!("attn.b_{part}")), &[n_heads, d_head]);
            }
            add(at("attn.W_O"), &[n_heads, d_head, d_model]);
            add(at("attn.b_O"), &[d_model]);
            if !self.attn_only {
                if self.normalization_type == Normalization::LN {
                    add(at("ln2.w"), &[d_model]);
                    add(at("ln2.b"), &[d_model]);
                }
                add(at("mlp.W_in"), &[d_model, d_mlp]);
                add(at("mlp.b_in"), &[d_mlp]);
                add(at("mlp.W_out"), &[d_mlp, d_model]);
                add(at("mlp.b_out"), &[d_model]);
            }
        }
        if self.normalization_type == Normalization::LN {
            add("ln_final.w".to_owned(), &[d_model]);
            add("ln_final.b".to_owned(), &[d_model]);
        }
        add("unembed.W_U".to_owned(), &[d_model, d_vocab]);
        add("unembed.b_U".to_owned(), &[d_vocab]);
        shapes
    }
}

/// TransformerLens writes "no normalization" as `null`.
mod null_is_none {
    use super::{Deserialize, Deserializer, Normalization, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Normalization, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Normalization::None => serializer.serialize_none(),
            other => other.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Normalization, D::Error> {
        Ok(Option::<Normalization>::deserialize(deserializer)?.unwrap_or(Normalization::None))
    }
}
