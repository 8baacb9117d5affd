//! Where the parameters lie: in one flat slab in the order of [`Config::parameters`], and padded for the kernels.

use crate::padding::{PAD, padded};
use crate::{Config, Normalization};

/// A matrix `[k, n]` and a bias `[n]` in the padded slab.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix {
    pub(crate) k: usize,
    /// Columns, padded.
    pub(crate) n: usize,
    /// Floats from one row to the next.
    pub(crate) stride: usize,
    pub(crate) at: usize,
    pub(crate) bias: usize,
    /// The same matrix transposed, `[n, k]`, in the slab of transposed ones: first float, and from one row to the next.
    pub(crate) transposed: usize,
    pub(crate) transposed_stride: usize,
}

/// Weight and bias of a LayerNorm in the padded slab; without an own weight it is 1, and the bias 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Norm {
    pub(crate) weight: usize,
    pub(crate) bias: usize,
}

/// One block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(crate) norm1: Option<Norm>,
    /// Query, key and value of all heads side by side, each head padded.
    pub(crate) qkv: Matrix,
    pub(crate) out: Matrix,
    pub(crate) mlp: Option<Mlp>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Mlp {
    pub(crate) norm: Option<Norm>,
    pub(crate) into: Matrix,
    pub(crate) out: Matrix,
}

/// Some rows of a parameter, flat and padded.
#[derive(Debug, Clone, Copy)]
struct Rows {
    flat: usize,
    padded: usize,
    rows: usize,
    columns: usize,
    stride: usize,
    decays: bool,
}

/// Both layouts of a shape.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) config: Config,
    /// Floats of a head, padded.
    pub(crate) head: usize,
    /// Rows `stride` apart.
    pub(crate) embed: usize,
    pub(crate) positions: usize,
    /// Floats from one row of the residual stream to the next.
    pub(crate) stride: usize,
    pub(crate) blocks: Vec<Block>,
    pub(crate) norm: Option<Norm>,
    pub(crate) unembed: Matrix,
    /// Floats of the flat slab, of the padded one, and of the one of transposed matrices.
    pub(crate) flat: usize,
    pub(crate) padded: usize,
    pub(crate) transposed: usize,
    rows: Vec<Rows>,
    /// Weights that are 1 and no parameter.
    ones: Vec<usize>,
}

/// Places one parameter after the other.
#[derive(Default)]
struct Builder {
    /// Floats between one padded row and the next.
    gap: usize,
    flat: usize,
    padded: usize,
    transposed: usize,
    rows: Vec<Rows>,
    ones: Vec<usize>,
}

impl Builder {
    /// Reserves padded floats.
    fn reserve(&mut self, floats: usize) -> usize {
        self.padded += floats;
        self.padded - floats
    }

    fn stride(&self, columns: usize) -> usize {
        padded(columns) + self.gap
    }

    /// Places the next rows of the flat slab.
    fn place(&mut self, [rows, columns]: [usize; 2], padded: usize, stride: usize, decays: bool) {
        self.rows.push(Rows { flat: self.flat, padded, rows, columns, stride, decays });
        self.flat += rows * columns;
    }

    fn table(&mut self, rows: usize, columns: usize, decays: bool) -> usize {
        let stride = self.stride(columns);
        let at = self.reserve(rows * stride);
        self.place([rows, columns], at, stride, decays);
        at
    }

    fn norm(&mut self, config: &Config) -> Option<Norm> {
        let width = config.d_model;
        match config.normalization_type {
            Normalization::None => None,
            Normalization::LN => {
                let (weight, bias) = (self.table(1, width, false), self.table(1, width, false));
                Some(Norm { weight, bias })
            }
            Normalization::LNPre => {
                let width = self.stride(width);
                let (weight, bias) = (self.reserve(width), self.reserve(width));
                self.ones.push(weight);
                Some(Norm { weight, bias })
            }
        }
    }

    /// Reserves a matrix whose rows and bias are placed by the caller.
    fn matrix(&mut self, k: usize, n: usize) -> Matrix {
        let (stride, transposed_stride) = (self.stride(n), self.stride(k));
        let (at, bias, transposed) = (self.reserve(k * stride), self.reserve(stride), self.transposed);
        self.transposed += padded(n) * transposed_stride;
        Matrix { k, n: padded(n), stride, at, bias, transposed, transposed_stride }
    }

    fn linear(&mut self, k: usize, n: usize) -> Matrix {
        let matrix = self.matrix(k, n);
        self.place([k, n], matrix.at, matrix.stride, true);
        self.place([1, n], matrix.bias, matrix.stride, false);
        matrix
    }
}

impl Layout {
    /// Returns the layouts of a shape; `gap` floats lie between one padded row and the next.
    pub(crate) fn new(config: &Config, gap: usize) -> Self {
        let Config { n_layers, d_model, n_ctx, d_head, n_heads, d_mlp, d_vocab, .. } = *config;
        let mut builder = Builder { gap, ..Builder::default() };
        let (head, width) = (padded(d_head), builder.stride(d_model));
        let embed = builder.table(d_vocab, d_model, true);
        let positions = builder.table(n_ctx, d_model, true);
        let blocks = (0..n_layers).map(|_| {
            let norm1 = builder.norm(config);
            let qkv = builder.matrix(d_model, 3 * n_heads * head);
            for part in 0..3 {
                let column = |number: usize| (part * n_heads + number) * head;
                for (rows, at) in [(d_model, qkv.at), (1, qkv.bias)] {
                    for number in 0..n_heads {
                        builder.place([rows, d_head], at + column(number), qkv.stride, at == qkv.at);
                    }
                }
            }
            let out = builder.matrix(n_heads * head, d_model);
            for number in 0..n_heads {
                builder.place([d_head, d_model], out.at + number * head * out.stride, out.stride, true);
            }
            builder.place([1, d_model], out.bias, out.stride, false);
            let mlp = (!config.attn_only).then(|| Mlp {
                norm: builder.norm(config),
                into: builder.linear(d_model, d_mlp),
                out: builder.linear(d_mlp, d_model),
            });
            Block { norm1, qkv, out, mlp }
        });
        let blocks = blocks.collect();
        let norm = builder.norm(config);
        let unembed = builder.linear(d_model, d_vocab);
        let Builder { flat, padded, transposed, rows, ones, .. } = builder;
        Self {
            config: config.clone(),
            head,
            embed,
            positions,
            stride: width,
            blocks,
            norm,
            unembed,
            flat,
            padded,
            transposed,
            rows,
            ones,
        }
    }

    /// Returns all matrices.
    fn matrices(&self) -> impl Iterator<Item = Matrix> {
        let blocks = self.blocks.iter().flat_map(|block| {
            let mlp = block.mlp.iter().flat_map(|mlp| [mlp.into, mlp.out]);
            [block.qkv, block.out].into_iter().chain(mlp)
        });
        blocks.chain([self.unembed])
    }

    /// Writes flat weights into a slab whose padding is zero.
    pub(crate) fn pad(&self, flat: &[f32], slab: &mut [f32]) {
        for Rows { flat: from, padded, rows, columns, stride, .. } in &self.rows {
            for row in 0..*rows {
                slab[padded + row * stride..][..*columns]
                    .copy_from_slice(&flat[from + row * columns..][..*columns]);
            }
        }
        for at in &self.ones {
            slab[*at..at + self.config.d_model].fill(1.0);
        }
    }

    /// Writes the matrices of a padded slab, transposed, into a slab whose padding is zero.
    pub(crate) fn transpose(&self, slab: &[f32], transposed: &mut [f32]) {
        for Matrix { k, n, stride, at, transposed: to, transposed_stride, .. } in self.matrices() {
            for first in (0..k).step_by(PAD) {
                for column in 0..n {
                    for row in first..k.min(first + PAD) {
                        transposed[to + column * transposed_stride + row] = slab[at + row * stride + column];
                    }
                }
            }
        }
    }

    /// Returns of every [`PAD`] floats of the padded slab whether they hold parameters, and whether these decay.
    pub(crate) fn learned(&self) -> Vec<Option<bool>> {
        let mut learned = vec![None; self.padded / PAD];
        for Rows { padded, rows, columns, stride, decays, .. } in &self.rows {
            for row in 0..*rows {
                let first = (padded + row * stride) / PAD;
                learned[first..first + columns.div_ceil(PAD)].fill(Some(*decays));
            }
        }
        learned
    }

    /// Writes a padded slab into a flat one.
    pub(crate) fn flatten(&self, slab: &[f32], flat: &mut [f32]) {
        for Rows { flat: to, padded, rows, columns, stride, .. } in &self.rows {
            for row in 0..*rows {
                flat[to + row * columns..][..*columns]
                    .copy_from_slice(&slab[padded + row * stride..][..*columns]);
            }
        }
    }
}
