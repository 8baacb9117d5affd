use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result};

/// Parameters of a model, at most: 1 GiB of weights, and about 13 GiB for each seed that trains at a time.
const MOST_PARAMETERS: u64 = 1 << 28;
/// Numbers of a padded slab of them, at most: rows are padded, which counts where they are very narrow.
const MOST_PADDED: u128 = 1 << 29;
/// What rows are padded to, and by how much.
const PAD: u128 = crate::padding::PAD as u128;
/// Blocks, at most.
const DEEPEST: usize = 1 << 10;
/// Widths, heads, positions and tokens of a model, each at most.
pub const WIDEST: usize = 1 << 20;

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
    /// Checks that a model of this shape can exist, and that it is one that memory can hold.
    ///
    /// The bounds are those of any machine, so that a definition is right or wrong everywhere.
    ///
    /// # Errors
    /// [`Error::Config`] naming the first field that is wrong.
    pub fn check(&self) -> Result<()> {
        let bounds = [
            ("n_layers", self.n_layers, 0, DEEPEST),
            ("d_model", self.d_model, 1, WIDEST),
            ("n_ctx", self.n_ctx, 1, WIDEST),
            ("d_vocab", self.d_vocab, 1, WIDEST),
            ("n_heads", self.n_heads, 1, WIDEST),
            ("d_head", self.d_head, 1, WIDEST),
            ("d_mlp", self.d_mlp, usize::from(!self.attn_only), WIDEST),
        ];
        for (at, found, least, most) in bounds {
            let message = match found {
                found if found < least => format!("must be at least {least}, found {found}"),
                found if found > most => format!("must be at most {most}, found {found}"),
                _ => continue,
            };
            return Err(Error::Config { at, message });
        }
        if self.attn_only && self.d_mlp != 0 {
            let message = format!("must be 0 in a model with attn_only, found {}", self.d_mlp);
            return Err(Error::Config { at: "d_mlp", message });
        }
        if !(self.eps.is_finite() && self.eps > 0.0) {
            let message = format!("must be a positive number, found {}", self.eps);
            return Err(Error::Config { at: "eps", message });
        }
        let (count, padded) =
            (self.count(|columns| columns), self.count(|columns| columns.next_multiple_of(PAD) + PAD));
        if count > MOST_PARAMETERS.into() {
            let message = format!("makes a model of {count} parameters, of at most {MOST_PARAMETERS}");
            return Err(Error::Config { at: self.largest(), message });
        }
        if padded > MOST_PADDED {
            let message = format!(
                "makes a model whose rows take the place of {padded} numbers, padded to whole vectors of {PAD}, of at most \
                 {MOST_PADDED}"
            );
            return Err(Error::Config { at: self.largest(), message });
        }
        Ok(())
    }

    /// Returns the number of parameters.
    pub fn parameter_count(&self) -> u128 {
        self.count(|columns| columns)
    }

    /// Returns the numbers of all parameters, where a row of so many takes the place of so many.
    fn count(&self, row: impl Fn(u128) -> u128) -> u128 {
        let wide = |n: usize| n as u128; // no usize has more than 128 bits
        let [layers, model, heads] = [self.n_layers, self.d_model, self.n_heads].map(wide);
        let [context, head, mlp, vocabulary] = [self.n_ctx, self.d_head, self.d_mlp, self.d_vocab].map(wide);
        let norm = if self.normalization_type == Normalization::LN { 2 * row(model) } else { 0 };
        let attention = norm + 3 * heads * (model + 1) * row(head) + (heads * head + 1) * row(model);
        let neurons = norm + (model + 1) * row(mlp) + (mlp + 1) * row(model);
        let block = attention + if self.attn_only { 0 } else { neurons };
        (vocabulary + context) * row(model) + layers * block + norm + (model + 1) * row(vocabulary)
    }

    /// Returns the field that adds most to the number of parameters.
    fn largest(&self) -> &'static str {
        let without = [
            ("d_model", Config { d_model: 1, ..self.clone() }),
            ("d_mlp", Config { d_mlp: 1, ..self.clone() }),
            ("n_heads", Config { n_heads: 1, ..self.clone() }),
            ("d_head", Config { d_head: 1, ..self.clone() }),
            ("n_layers", Config { n_layers: 1, ..self.clone() }),
            ("n_ctx", Config { n_ctx: 1, ..self.clone() }),
            ("d_vocab", Config { d_vocab: 1, ..self.clone() }),
        ];
        let left = |config: &Config| config.count(|columns| columns);
        without.iter().min_by_key(|(_, config)| left(config)).map_or("d_model", |(at, _)| at)
    }

    /// Returns about how many numbers a pass over so many rows of so many positions keeps at once.
    ///
    /// Attention keeps the weight that each position gives to each other one; everything else grows with the positions.
    pub fn activations(&self, rows: u64, positions: u64) -> u128 {
        let row = |n: usize| (n as u128).next_multiple_of(PAD) + PAD;
        let heads = self.n_heads as u128;
        let [rows, positions] = [rows, positions].map(u128::from);
        let position =
            6 * row(self.d_model) + 4 * heads * row(self.d_head) + 2 * row(self.d_mlp) + heads * positions;
        rows * positions * ((self.n_layers as u128).max(1) * position + row(self.d_vocab))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config {
            n_layers: 2,
            d_model: 24,
            n_ctx: 9,
            d_head: 5,
            n_heads: 3,
            d_mlp: 40,
            d_vocab: 17,
            act_fn: ActFn::default(),
            normalization_type: Normalization::LN,
            positional_embedding_type: PositionalEmbedding::default(),
            attn_only: false,
            eps: 1e-5,
        }
    }

    #[test]
    fn parameters_are_counted_as_they_are_listed() {
        for normalization_type in [Normalization::LN, Normalization::LNPre, Normalization::None] {
            for (n_layers, d_mlp) in [(2, 40), (2, 0), (0, 40)] {
                let config =
                    Config { n_layers, d_mlp, attn_only: d_mlp == 0, normalization_type, ..config() };
                let listed: usize =
                    config.parameters().values().map(|shape| shape.iter().product::<usize>()).sum();
                assert_eq!(config.parameter_count(), listed as u128, "{config:?}");
            }
        }
    }

    #[test]
    fn what_no_memory_holds_is_refused_without_being_computed() {
        let refused = |change: &dyn Fn(&mut Config, usize), value| {
            let mut config = config();
            change(&mut config, value);
            config.check().err().map(|error| error.to_string())
        };
        type Set = fn(&mut Config, usize);
        let fields: [(&str, Set); 7] = [
            ("n_layers", |config, value| config.n_layers = value),
            ("d_model", |config, value| config.d_model = value),
            ("n_ctx", |config, value| config.n_ctx = value),
            ("d_head", |config, value| config.d_head = value),
            ("n_heads", |config, value| config.n_heads = value),
            ("d_mlp", |config, value| config.d_mlp = value),
            ("d_vocab", |config, value| config.d_vocab = value),
        ];
        for (at, set) in fields {
            for value in [WIDEST + 1, 1 << 31, 1 << 32, (1 << 53) + 1, i64::MAX as usize, usize::MAX] {
                let message = refused(&set, value).unwrap_or_default();
                assert!(
                    message.starts_with(&format!("model configuration: {at}: must be at most")),
                    "{message}"
                );
                assert!(message.ends_with(&format!("found {value}")), "{message}");
            }
        }
        assert_eq!(refused(&|config, value| config.d_mlp = value, 65_535), None);
        let message = refused(&|config, value| (config.d_model, config.d_mlp) = (value, value), 1 << 16);
        let message = message.unwrap_or_default();
        assert!(
            message.contains("d_model: makes a model of 17") && message.ends_with("at most 268435456"),
            "{message}"
        );
        // 2^20 heads of width 1 are 2^26 parameters, in rows of 32.
        let message = refused(
            &|config, value| (config.n_heads, config.d_head, config.d_model) = (value, 1, 16),
            1 << 20,
        );
        assert!(
            message.as_deref().is_some_and(|message| message.contains("n_heads: makes a model whose rows")),
            "{message:?}"
        );
    }
}
