use candle_core::{DType, Device, Tensor};
use indexmap::IndexMap;

use crate::{Config, Error, Hook, HookPoint, Normalization, Result, ops, weights};

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
    query: (Tensor, Tensor),  // [n_heads, d_model, d_head], [n_heads, d_head]
    key: (Tensor, Tensor),    // [n_heads, d_model, d_head], [n_heads, d_head]
    value: (Tensor, Tensor),  // [n_heads, d_model, d_head], [n_heads, d_head]
    output: (Tensor, Tensor), // [n_heads, d_head, d_model], [d_model]
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
    /// The tensors are used as they are: those of a `Var` are trained through it.
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
        let blocks = (0..config.n_layers).map(|layer| {
            let at = |name: &str| format!("blocks.{layer}.{name}");
            let pair = |part: &str, name: &str| {
                (get(&at(&format!("{part}.W_{name}"))), get(&at(&format!("{part}.b_{name}"))))
            };
            Block {
                norm1: norm(&at("ln1")),
                query: pair("attn", "Q"),
                key: pair("attn", "K"),
                value: pair("attn", "V"),
                output: pair("attn", "O"),
                mlp: (!config.attn_only).then(|| Mlp {
                    norm: norm(&at("ln2")),
                    into: pair("mlp", "in"),
                    out: pair("mlp", "out"),
                }),
            }
        });
        Ok(Self {
            config: config.clone(),
            embed: get("embed.W_E"),
            positions: get("pos_embed.W_pos"),
            blocks: blocks.collect(),
            norm: norm("ln_final"),
            unembed: (get("unembed.W_U"), get("unembed.b_U")),
            parameters,
        })
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
        let (batch, pos) = self.check_input(tokens)?;
        let rows = self.residual(tokens, None, hook)?;
        Ok(self.unembed(&rows)?.reshape((batch, pos, self.config.d_vocab))?)
    }

    /// Returns the logits at some positions only: `rows` are u32 `[n]` indices into the flattened `[batch * pos]`.
    ///
    /// Computes no more of the last block than these rows need. No hook: it would see a part of the rows.
    ///
    /// # Errors
    /// As [`Transformer::forward`].
    pub fn forward_at(&self, tokens: &Tensor, rows: &Tensor) -> Result<Tensor> {
        self.check_input(tokens)?;
        let rows = self.residual(tokens, Some(rows), &mut crate::NoHook)?;
        self.unembed(&rows) // [n, d_vocab]
    }

    /// The normalized residual stream before unembedding, `[batch, pos, d_model]` or `[n, d_model]` at `rows`.
    fn residual(
        &self,
        tokens: &Tensor,
        rows: Option<&Tensor>,
        hook: &mut (impl Hook + ?Sized),
    ) -> Result<Tensor> {
        let d_model = self.config.d_model;
        let mut x = self.embedding(tokens, hook)?; // [batch, pos, d_model]
        let select = |x: Tensor| match rows {
            Some(rows) => x.reshape(((), d_model))?.index_select(rows, 0), // [n, d_model]
            None => Ok(x),
        };
        let last = self.blocks.len().checked_sub(1);
        for (layer, block) in self.blocks.iter().enumerate() {
            x = hook.call(HookPoint::ResidPre(layer), x)?;
            x = (&x + self.attention(block, layer, &x, hook)?)?;
            if Some(layer) == last {
                x = select(x)?; // attention was the last place where positions meet
            }
            if let Some(mlp) = &block.mlp {
                x = hook.call(HookPoint::ResidMid(layer), x)?;
                x = (&x + self.mlp(mlp, layer, &x, hook)?)?;
            }
            x = hook.call(HookPoint::ResidPost(layer), x)?;
        }
        if last.is_none() {
            x = select(x)?;
        }
        self.normalize(&self.norm, &x, [HookPoint::LnFinalScale, HookPoint::LnFinalNormalized], hook)
    }

    fn embedding(&self, tokens: &Tensor, hook: &mut (impl Hook + ?Sized)) -> Result<Tensor> {
        if fused(tokens, hook) {
            return Ok(ops::embedding(tokens, &self.embed, &self.positions)?); // [batch, pos, d_model]
        }
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
        let Config { d_model, d_head, n_heads, .. } = self.config;
        let (batch, pos, _) = x.dims3()?;
        let x = self.normalize(
            &block.norm1,
            x,
            [HookPoint::Ln1Scale(layer), HookPoint::Ln1Normalized(layer)],
            hook,
        )?;
        let parts = [&block.query, &block.key, &block.value];
        let weight = Tensor::cat(&parts.map(|(weight, _)| weight), 0)?; // [3 * head, d_model, d_head]
        let weight = weight.transpose(0, 1)?.reshape((d_model, 3 * n_heads * d_head))?;
        let bias = Tensor::cat(&parts.map(|(_, bias)| bias), 0)?.flatten_all()?;
        let qkv = ops::linear(&x, &weight, &bias)?; // [batch, pos, 3 * head * d_head]
        let z = if fused(&qkv, hook) {
            ops::attention(&qkv, n_heads)?
        } else {
            let qkv = qkv.reshape((batch, pos, 3 * n_heads, d_head))?;
            self.attention_with_hooks(layer, &qkv, hook)?
        };
        let (weight, bias) = &block.output;
        let out = ops::linear(&z, &weight.reshape((n_heads * d_head, d_model))?, bias)?;
        Ok(hook.call(HookPoint::AttnOut(layer), out)?) // [batch, pos, d_model]
    }

    fn attention_with_hooks(
        &self,
        layer: usize,
        qkv: &Tensor,
        hook: &mut (impl Hook + ?Sized),
    ) -> Result<Tensor> {
        let Config { d_head, n_heads, .. } = self.config;
        let (batch, pos, _, _) = qkv.dims4()?;
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
        let pattern = hook.call(HookPoint::Pattern(layer), ops::plain::softmax(&scores)?)?;
        let z = pattern.matmul(&heads_first(v)?)?.transpose(1, 2)?.contiguous()?; // [batch, pos, head, d_head]
        Ok(hook.call(HookPoint::Z(layer), z)?.reshape((batch, pos, n_heads * d_head))?)
    }

    fn mlp(&self, mlp: &Mlp, layer: usize, x: &Tensor, hook: &mut (impl Hook + ?Sized)) -> Result<Tensor> {
        let x = self.normalize(
            &mlp.norm,
            x,
            [HookPoint::Ln2Scale(layer), HookPoint::Ln2Normalized(layer)],
            hook,
        )?;
        let pre = hook.call(HookPoint::MlpPre(layer), ops::linear(&x, &mlp.into.0, &mlp.into.1)?)?; // [.., d_mlp]
        let post = hook.call(HookPoint::MlpPost(layer), ops::activation(&pre, self.config.act_fn)?)?; // [.., d_mlp]
        let out = ops::linear(&post, &mlp.out.0, &mlp.out.1)?;
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
        if fused(x, hook) {
            return Ok(ops::layer_norm(x, affine, self.config.eps)?); // [.., d_model]
        }
        let (centred, scale) = ops::plain::centre_and_scale(x, self.config.eps)?;
        let scale = hook.call(scale_point, scale)?; // [.., 1]
        let mut normalized = centred.broadcast_div(&scale)?;
        if let Some((weight, bias)) = affine {
            normalized = normalized.broadcast_mul(weight)?.broadcast_add(bias)?;
        }
        Ok(hook.call(normalized_point, normalized)?) // [.., d_model]
    }

    fn unembed(&self, x: &Tensor) -> Result<Tensor> {
        Ok(ops::linear(x, &self.unembed.0, &self.unembed.1)?) // [.., d_vocab]
    }

    fn check_input(&self, tokens: &Tensor) -> Result<(usize, usize)> {
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
        Ok((batch, pos))
    }
}

/// Whether nobody looks into an operation and it can run as one.
fn fused(x: &Tensor, hook: &(impl Hook + ?Sized)) -> bool {
    !hook.watches() && x.device().is_cpu()
}

/// 1 where the key is not after the query.
fn causal_mask(pos: usize, device: &Device) -> Result<Tensor> {
    let visible: Vec<u8> = (0..pos * pos).map(|i| u8::from(i % pos <= i / pos)).collect();
    Ok(Tensor::from_vec(visible, (pos, pos), device)?) // [query, key]
}
