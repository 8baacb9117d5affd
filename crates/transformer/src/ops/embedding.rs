use std::ops::Range;

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp2, Device, Layout, Result, Shape, Tensor, WithDType, bail};

use super::real::{Real, add_scaled, elements, of_type, read, vectorized};

/// Returns the sum of token and position embeddings: `[d_vocab, d]`, `[n_ctx, d]`, u32 `[batch, pos]` to
/// `[batch, pos, d]`.
pub(crate) fn embedding(tokens: &Tensor, embed: &Tensor, positions: &Tensor) -> Result<Tensor> {
    let (_, pos) = tokens.dims2()?;
    let op = Embedding { tokens: tokens.flatten_all()?.to_vec1()?, shape: tokens.shape().clone(), pos };
    embed.contiguous()?.apply_op2(&positions.contiguous()?, op)
}

struct Embedding {
    tokens: Vec<u32>, // [batch * pos]
    shape: Shape,     // [batch, pos]
    pos: usize,
}

impl Embedding {
    /// For each position in turn: its number, the elements of its token's vector, of its position's vector.
    fn places(&self, width: usize) -> impl Iterator<Item = (usize, Range<usize>, Range<usize>)> + '_ {
        let at = move |row: usize| row * width..(row + 1) * width;
        self.tokens.iter().enumerate().map(move |(i, &token)| (i, at(token as usize), at(i % self.pos)))
    }
}

impl CustomOp2 for Embedding {
    fn name(&self) -> &'static str {
        "embedding"
    }

    fn cpu_fwd(
        &self,
        embed: &CpuStorage,
        embed_layout: &Layout,
        positions: &CpuStorage,
        positions_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (d_vocab, width) = embed_layout.shape().dims2()?;
        if let Some(token) = self.tokens.iter().find(|&&token| token as usize >= d_vocab) {
            bail!("token {token} is not in the vocabulary of {d_vocab}");
        }
        of_type!(embed.dtype(), T => {
            let (embed, positions) = (elements::<T>(embed, embed_layout)?, elements::<T>(positions, positions_layout)?);
            let mut sums = Vec::with_capacity(self.tokens.len() * width);
            for (_, token, position) in self.places(width) {
                sums.extend(embed[token].iter().zip(&positions[position]).map(|(a, b)| a + b));
            }
            let [batch, pos] = [self.shape.dims()[0], self.pos];
            Ok((T::to_cpu_storage_owned(sums), (batch, pos, width).into()))
        })
    }

    fn bwd(
        &self,
        embed: &Tensor,
        positions: &Tensor,
        _sums: &Tensor,
        d_sums: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        of_type!(embed.dtype(), T => {
            let (d_embed, d_positions) = read::<T, _>(d_sums, |d_sums| Ok(self.scatter(embed, positions, d_sums)))?;
            Ok((
                Some(Tensor::from_vec(d_embed, embed.shape(), &Device::Cpu)?),
                Some(Tensor::from_vec(d_positions, positions.shape(), &Device::Cpu)?),
            ))
        })
    }
}

impl Embedding {
    fn scatter<T: Real>(&self, embed: &Tensor, positions: &Tensor, d_sums: &[T]) -> (Vec<T>, Vec<T>) {
        let width = d_sums.len() / self.tokens.len();
        let zeros = |x: &Tensor| vec![T::from_f64(0.0); x.elem_count()];
        let (mut d_embed, mut d_positions) = (zeros(embed), zeros(positions));
        vectorized(|| {
            for (i, token, position) in self.places(width) {
                let d = &d_sums[i * width..(i + 1) * width];
                add_scaled(&mut d_embed[token], T::from_f64(1.0), d);
                add_scaled(&mut d_positions[position], T::from_f64(1.0), d);
            }
        });
        (d_embed, d_positions)
    }
}
