use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor, WithDType};

use super::real::{Real, add_scaled, elements, largest, of_type, read, sum, sum2, vectorized};

/// Returns causal attention of all heads: queries, keys and values side by side, `[batch, pos, 3 * heads * d_head]`,
/// to the heads' weighted values `[batch, pos, heads * d_head]`. Scores are divided by the square root of d_head.
pub(crate) fn attention(qkv: &Tensor, heads: usize) -> Result<Tensor> {
    let (_, pos, width) = qkv.dims3()?;
    qkv.contiguous()?.apply_op1(Attention { pos, heads, d_head: width / 3 / heads })
}

struct Attention {
    pos: usize,
    heads: usize,
    d_head: usize,
}

/// One head on one row of the batch.
struct Head<T> {
    query: Vec<T>,      // [pos, d_head]
    key: Vec<T>,        // [pos, d_head]
    value: Vec<T>,      // [pos, d_head]
    transposed: Vec<T>, // [d_head, pos], keys or values
    weights: Vec<T>,    // [pos], of one query
    slopes: Vec<T>,     // [pos], of one query
}

impl Attention {
    fn head<T: Real>(&self) -> Head<T> {
        let of = |size: usize| vec![T::from_f64(0.0); size];
        let size = self.pos * self.d_head;
        let [query, key, value, transposed] = [size; 4].map(of);
        Head { query, key, value, transposed, weights: of(self.pos), slopes: of(self.pos) }
    }

    fn forward<T: Real>(&self, qkv: &[T]) -> Vec<T> {
        let (pos, d_head) = (self.pos, self.d_head);
        let inner = self.heads * d_head;
        let mut z = vec![T::from_f64(0.0); qkv.len() / 3];
        let mut head = self.head();
        vectorized(|| {
            for (qkv, z) in qkv.chunks_exact(pos * 3 * inner).zip(z.chunks_exact_mut(pos * inner)) {
                for h in 0..self.heads {
                    head.load(qkv, inner, h * d_head, d_head);
                    transpose(&head.key, &mut head.transposed, d_head);
                    for i in 0..pos {
                        head.attend(i, d_head);
                        let z = &mut z[i * inner + h * d_head..][..d_head];
                        for (&weight, value) in head.weights[..=i].iter().zip(head.value.chunks_exact(d_head))
                        {
                            add_scaled(z, weight, value);
                        }
                    }
                }
            }
        });
        z
    }

    fn backward<T: Real>(&self, qkv: &[T], dz: &[T]) -> Vec<T> {
        let (pos, d_head) = (self.pos, self.d_head);
        let inner = self.heads * d_head;
        let scale = T::from_f64(1.0 / (d_head as f64).sqrt());
        let zero = T::from_f64(0.0);
        let mut d_qkv = vec![zero; qkv.len()];
        let (mut head, mut d) = (self.head(), self.head());
        let mut values = vec![zero; pos * d_head]; // [d_head, pos]
        vectorized(|| {
            let rows = qkv.chunks_exact(pos * 3 * inner).zip(dz.chunks_exact(pos * inner));
            for ((qkv, dz), d_qkv) in rows.zip(d_qkv.chunks_exact_mut(pos * 3 * inner)) {
                for h in 0..self.heads {
                    head.load(qkv, inner, h * d_head, d_head);
                    transpose(&head.key, &mut head.transposed, d_head);
                    transpose(&head.value, &mut values, d_head);
                    for gradient in [&mut d.query, &mut d.key, &mut d.value] {
                        gradient.fill(zero);
                    }
                    for i in 0..pos {
                        head.attend(i, d_head);
                        let dz = &dz[i * inner + h * d_head..][..d_head];
                        let slopes = &mut head.slopes[..=i];
                        slopes.fill(zero);
                        for (&dz, values) in dz.iter().zip(values.chunks_exact(pos)) {
                            add_scaled(slopes, dz, values);
                        }
                        let weights = &head.weights[..=i];
                        let mean = sum2(weights, slopes, |w, s| w * s);
                        for (slope, &weight) in slopes.iter_mut().zip(weights) {
                            *slope = weight * (*slope - mean) * scale;
                        }
                        let query = &head.query[i * d_head..][..d_head];
                        let d_query = &mut d.query[i * d_head..][..d_head];
                        let to = d.key.chunks_exact_mut(d_head).zip(d.value.chunks_exact_mut(d_head));
                        let of = weights.iter().zip(&*slopes).zip(head.key.chunks_exact(d_head));
                        for (((&weight, &slope), key), (d_key, d_value)) in of.zip(to) {
                            add_scaled(d_query, slope, key);
                            add_scaled(d_key, slope, query);
                            add_scaled(d_value, weight, dz);
                        }
                    }
                    d.store(d_qkv, inner, h * d_head, d_head);
                }
            }
        });
        d_qkv
    }
}

impl<T: Real> Head<T> {
    /// Copies one head out of `[pos, 3 * inner]`.
    #[inline(always)]
    fn load(&mut self, qkv: &[T], inner: usize, at: usize, d_head: usize) {
        for (part, to) in [&mut self.query, &mut self.key, &mut self.value].into_iter().enumerate() {
            let from = qkv.chunks_exact(3 * inner);
            for (to, from) in to.chunks_exact_mut(d_head).zip(from) {
                to.copy_from_slice(&from[part * inner + at..][..d_head]);
            }
        }
    }

    /// Copies one head into `[pos, 3 * inner]`.
    #[inline(always)]
    fn store(&self, qkv: &mut [T], inner: usize, at: usize, d_head: usize) {
        for (part, from) in [&self.query, &self.key, &self.value].into_iter().enumerate() {
            let to = qkv.chunks_exact_mut(3 * inner);
            for (to, from) in to.zip(from.chunks_exact(d_head)) {
                to[part * inner + at..][..d_head].copy_from_slice(from);
            }
        }
    }

    /// Puts the attention weights of query `i` on the keys 0 to i into `weights`; needs the transposed keys.
    #[inline(always)]
    fn attend(&mut self, i: usize, d_head: usize) {
        let pos = self.weights.len();
        let scale = T::from_f64(1.0 / (d_head as f64).sqrt());
        let weights = &mut self.weights[..=i];
        weights.fill(T::from_f64(0.0));
        for (&query, keys) in self.query[i * d_head..][..d_head].iter().zip(self.transposed.chunks_exact(pos))
        {
            add_scaled(weights, query * scale, keys);
        }
        let top = largest(weights);
        for x in &mut *weights {
            *x = (*x - top).exp();
        }
        let factor = T::from_f64(1.0) / sum(weights, |x| x);
        for x in weights {
            *x *= factor;
        }
    }
}

/// `[pos, d_head]` to `[d_head, pos]`.
#[inline(always)]
fn transpose<T: Real>(from: &[T], to: &mut [T], d_head: usize) {
    let pos = from.len() / d_head;
    for (i, row) in from.chunks_exact(d_head).enumerate() {
        for (&x, column) in row.iter().zip(to.chunks_exact_mut(pos)) {
            column[i] = x;
        }
    }
}

impl CustomOp1 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(&self, qkv: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, pos, _) = layout.shape().dims3()?;
        of_type!(qkv.dtype(), T => {
            let z = self.forward::<T>(elements(qkv, layout)?);
            Ok((T::to_cpu_storage_owned(z), (batch, pos, self.heads * self.d_head).into()))
        })
    }

    fn bwd(&self, qkv: &Tensor, _z: &Tensor, dz: &Tensor) -> Result<Option<Tensor>> {
        of_type!(qkv.dtype(), T => {
            let d_qkv = read::<T, _>(qkv, |qkv| read(dz, |dz| Ok(self.backward(qkv, dz))))?;
            Ok(Some(Tensor::from_vec(d_qkv, qkv.shape(), &Device::Cpu)?))
        })
    }
}
