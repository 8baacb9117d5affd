use candle_core::{DType, Device, Tensor};
use indexmap::IndexMap;

use crate::{Config, Error, Hook, HookPoint, Normalization, Result, plain, weights};

/// A decoder with learned positions, pre-normalization and an untied unembedding.
///
/// Cloning shares the weights.
#[derive(Debug, Clone)]
pub struct Transformer {
    config: Config,
    parameters: IndexMap<String, Tensor>,
    embed: Tensor,     // [d_vocab, d_model]
    positions: Tensor, // [n_ctx, d_model]
    blocks: Vec<Block>,
    norm: Norm,
    unembed: (Tensor, Tensor), // [d_model, d_vocab], [d_vocab]
}

#[derive(Debug, Clone)]
struct Block {
    norm1: Norm,
    qkv: (Tensor, Tensor),    // [d_model, 3 * n_heads * d_head], [3 * n_heads * d_head]
    output: (Tensor, Tensor), // [n_heads * d_head, d_model], [d_model]
    mlp: Option<Mlp>,
}

#[derive(Debug, Clone)]
struct Mlp {
    norm: Norm,
    into: (Tensor, Tensor), // [d_model, d_mlp], [d_mlp]
    out: (Tensor, Tensor),  // [d_mlp, d_model], [d_model]
}

#[derive(Debug, Clone)]
enum Norm {
    Affine(Tensor, Tensor), // [d_model], [d_model]
    Plain,
    Identity,
}

impl Transformer {
    /// Makes a model of `weights`, which must be exactly the parameters of `config`.
    ///
    /// Gradients of what it gives reach the tensors: those of a `Var` can be trained through it. Queries, keys and values of
    /// all heads are laid side by side here, once: what is set into a `Var` later takes a new model.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Weights`] naming what does not fit.
    pub fn new(config: &Config, weights: IndexMap<String, Tensor>) -> Result<Self> {
        config.check()?;
        let parameters = weights::arrange(config, weights)?;
        let get = |name: &str| parameters[name].clone();
        let norm = |at: &str| match config.normalization_type {
            Normalization::LN => Norm::Affine(get(&format!("{at}.w")), get(&format!("{at}.b"))),
            Normalization::LNPre => Norm::Plain,
            Normalization::None => Norm::Identity,
        };
        let (width, heads) = (config.d_model, config.n_heads * config.d_head);
        let block = |layer: usize| {
            let at = |name: &str| format!("blocks.{layer}.{name}");
            let parts = |kind: &str| ["Q", "K", "V"].map(|part| get(&at(&format!("attn.{kind}_{part}"))));
            let qkv = Tensor::cat(&parts("W"), 0)?.transpose(0, 1)?; // [d_model, 3 * n_heads, d_head]
            let mlp = || Mlp {
                norm: norm(&at("ln2")),
                into: (get(&at("mlp.W_in")), get(&at("mlp.b_in"))),
                out: (get(&at("mlp.W_out")), get(&at("mlp.b_out"))),
            };
            Ok(Block {
                norm1: norm(&at("ln1")),
                qkv: (qkv.reshape((width, 3 * heads))?, Tensor::cat(&parts("b"), 0)?.flatten_all()?),
                output: (get(&at("attn.W_O")).reshape((heads, width))?, get(&at("attn.b_O"))),
                mlp: (!config.attn_only).then(mlp),
            })
        };
        Ok(Self {
            config: config.clone(),
            embed: get("embed.W_E"),
            positions: get("pos_embed.W_pos"),
            blocks: (0..config.n_layers).map(block).collect::<Result<_>>()?,
            norm: norm("ln_final"),
            unembed: (get("unembed.W_U"), get("unembed.b_U")),
            parameters,
        })
    }

    /// Reads weights with TransformerLens' names and shapes; what is loaded is all that `config` asks for and no more.
    ///
    /// # Errors
    /// [`Error::Weights`] for a pickle, a truncated file, a missing, unknown or misshapen tensor, one that is not of
    /// floating point, NaN or infinity; [`Error::Config`] when the configuration cannot be.
    pub fn from_safetensors(config: &Config, bytes: &[u8], dtype: DType, device: &Device) -> Result<Self> {
        Self::new(config, weights::read_weights(bytes, dtype, device)?)
    }

    /// Returns the weights as one safetensors file, TransformerLens' names and shapes, in their own dtype.
    ///
    /// # Errors
    /// When the device refuses.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        weights::write_tensors(&self.parameters)
    }

    /// Returns the model's shape.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the weights by TransformerLens' names, in the order of [`Config::parameters`].
    pub fn parameters(&self) -> &IndexMap<String, Tensor> {
        &self.parameters
    }

    /// Returns the logits of the next token after every position: u32 `[batch, pos]` to `[batch, pos, d_vocab]`.
    ///
    /// # Errors
    /// [`Error::Input`] for more than `n_ctx` positions; a tensor error for a token outside the vocabulary.
    pub fn forward(&self, tokens: &Tensor, hook: &mut (impl Hook + ?Sized)) -> Result<Tensor> {
        self.check_input(tokens)?;
        let mut x = self.embedding(tokens, hook)?; // [batch, pos, d_model]
        for (layer, block) in self.blocks.iter().enumerate() {
            x = hook.call(HookPoint::ResidPre(layer), x)?;
            x = (&x + self.attention(block, layer, &x, hook)?)?;
            if let Some(mlp) = &block.mlp {
                x = hook.call(HookPoint::ResidMid(layer), x)?;
                x = (&x + self.mlp(mlp, layer, &x, hook)?)?;
            }
            x = hook.call(HookPoint::ResidPost(layer), x)?;
        }
        let points = [HookPoint::LnFinalScale, HookPoint::LnFinalNormalized];
        let x = self.normalize(&self.norm, &x, points, hook)?;
        Ok(plain::linear(&x, &self.unembed.0, &self.unembed.1)?) // [batch, pos, d_vocab]
    }

    fn embedding(&self, tokens: &Tensor, hook: &mut (impl Hook + ?Sized)) -> Result<Tensor> {
        let (batch, pos) = tokens.dims2()?;
        let shape = (batch, pos, self.config.d_model);
        let embed = self.embed.embedding(&tokens.flatten_all()?)?.reshape(shape)?;
        let embed = hook.call(HookPoint::Embed, embed)?;
        let positions = self.positions.narrow(0, 0, pos)?.broadcast_as(shape)?;
        let positions = hook.call(HookPoint::PosEmbed, positions)?;
        Ok((embed + positions)?) // [batch, pos, d_model]
    }

    fn attention(
        &self,
        block: &Block,
        layer: usize,
        x: &Tensor,
        hook: &mut (impl Hook + ?Sized),
    ) -> Result<Tensor> {
        let Config { d_head, n_heads, .. } = self.config;
        let (batch, pos, _) = x.dims3()?;
        let points = [HookPoint::Ln1Scale(layer), HookPoint::Ln1Normalized(layer)];
        let x = self.normalize(&block.norm1, x, points, hook)?;
        let qkv =
            plain::linear(&x, &block.qkv.0, &block.qkv.1)?.reshape((batch, pos, 3 * n_heads, d_head))?;
        let part = |i: usize| qkv.narrow(2, i * n_heads, n_heads)?.contiguous();
        let q = hook.call(HookPoint::Q(layer), part(0)?)?; // [batch, pos, head, d_head]
        let k = hook.call(HookPoint::K(layer), part(1)?)?; // [batch, pos, head, d_head]
        let v = hook.call(HookPoint::V(layer), part(2)?)?; // [batch, pos, head, d_head]
        let heads_first = |x: Tensor| x.transpose(1, 2)?.contiguous(); // [batch, head, pos, d_head]
        let scores = heads_first(q)?.matmul(&heads_first(k)?.t()?)?; // [batch, head, query, key]
        let scores = (scores * (1.0 / (d_head as f64).sqrt()))?;
        let hidden =
            Tensor::full(f32::NEG_INFINITY, scores.shape(), scores.device())?.to_dtype(scores.dtype())?;
        let mask = causal_mask(pos, scores.device())?.broadcast_as(scores.shape())?;
        let scores = hook.call(HookPoint::AttnScores(layer), mask.where_cond(&scores, &hidden)?)?;
        let pattern = hook.call(HookPoint::Pattern(layer), plain::softmax(&scores)?)?;
        let z = pattern.matmul(&heads_first(v)?)?.transpose(1, 2)?.contiguous()?; // [batch, pos, head, d_head]
        let z = hook.call(HookPoint::Z(layer), z)?.reshape((batch, pos, n_heads * d_head))?;
        let out = plain::linear(&z, &block.output.0, &block.output.1)?;
        Ok(hook.call(HookPoint::AttnOut(layer), out)?) // [batch, pos, d_model]
    }

    fn mlp(&self, mlp: &Mlp, layer: usize, x: &Tensor, hook: &mut (impl Hook + ?Sized)) -> Result<Tensor> {
        let points = [HookPoint::Ln2Scale(layer), HookPoint::Ln2Normalized(layer)];
        let x = self.normalize(&mlp.norm, x, points, hook)?;
        let pre = hook.call(HookPoint::MlpPre(layer), plain::linear(&x, &mlp.into.0, &mlp.into.1)?)?; // [.., d_mlp]
        let post = hook.call(HookPoint::MlpPost(layer), plain::activation(&pre, self.config.act_fn)?)?; // [.., d_mlp]
        let out = plain::linear(&post, &mlp.out.0, &mlp.out.1)?;
        Ok(hook.call(HookPoint::MlpOut(layer), out)?) // [.., d_model]
    }

    fn normalize(
        &self,
        norm: &Norm,
        x: &Tensor,
        [scale_point, normalized_point]: [HookPoint; 2],
        hook: &mut (impl Hook + ?Sized),
    ) -> Result<Tensor> {
        let affine = match norm {
            Norm::Identity => return Ok(x.clone()),
            Norm::Plain => None,
            Norm::Affine(weight, bias) => Some((weight, bias)),
        };
        let (centred, scale) = plain::centre_and_scale(x, self.config.eps)?;
        let scale = hook.call(scale_point, scale)?; // [.., 1]
        let mut normalized = centred.broadcast_div(&scale)?;
        if let Some((weight, bias)) = affine {
            normalized = normalized.broadcast_mul(weight)?.broadcast_add(bias)?;
        }
        Ok(hook.call(normalized_point, normalized)?) // [.., d_model]
    }

    fn check_input(&self, tokens: &Tensor) -> Result<()> {
        let (batch, pos) = tokens.dims2()?;
        if tokens.dtype() != DType::U32 {
            return Err(Error::Input(format!("tokens must be u32, found {:?}", tokens.dtype())));
        }
        if batch == 0 || pos == 0 || pos > self.config.n_ctx {
            let n_ctx = self.config.n_ctx;
            return Err(Error::Input(format!(
                "expected rows of 1 to {n_ctx} tokens, found {batch} rows of {pos}"
            )));
        }
        Ok(())
    }
}

/// 1 where the key is not after the query.
fn causal_mask(pos: usize, device: &Device) -> Result<Tensor> {
    let visible: Vec<u8> = (0..pos * pos).map(|i| u8::from(i % pos <= i / pos)).collect();
    Ok(Tensor::from_vec(visible, (pos, pos), device)?) // [query, key]
}
