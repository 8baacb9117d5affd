use std::fmt::Write;

use crate::engine::Dropout;
use crate::engine::layout::{Layout, Matrix, Norm};
use crate::padding::padded;
use crate::{ActFn, Config, Normalization};

/// The kernel, for shapes that the text before it names.
const KERNEL: [&str; 6] = [
    include_str!("kernel/product.cu"),
    include_str!("kernel/rows.cu"),
    include_str!("kernel/attention.cu"),
    include_str!("kernel/dropout.cu"),
    include_str!("kernel/pass.cu"),
    include_str!("kernel/train.cu"),
];

/// Blocks of threads that a multiprocessor holds at once; the compiler keeps to the registers that this leaves.
pub(super) const BLOCKS_PER_PROCESSOR: usize = 2;

/// Returns the program for models of this shape that read rows of `positions` tokens, `sequences` of them at a time, and
/// leave a share of their activations out when they learn.
pub(super) fn source(
    config: &Config,
    layout: &Layout,
    positions: usize,
    sequences: usize,
    dropout: f64,
) -> String {
    let mut text = String::new();
    let mut add = |line: String| writeln!(text, "{line}").expect("a string takes all that is written");
    let number = |name: &str, value: usize| format!("constexpr int {name} = {value};");
    let Config { n_layers, d_model, d_head, n_heads, d_mlp, d_vocab, act_fn, .. } = *config;
    for (name, value) in [
        ("RELU", 0),
        ("GELU_NEW", 1),
        ("GELU", 2),
        ("LAYERS", n_layers),
        ("WIDTH", d_model),
        ("HEADS", n_heads),
        ("HEAD", d_head),
        ("HIDDEN", d_mlp),
        ("VOCABULARY", d_vocab),
        ("POSITIONS", positions),
        ("SEQUENCES", sequences),
        ("BLOCKS_PER_PROCESSOR", BLOCKS_PER_PROCESSOR),
    ] {
        add(number(name, value));
    }
    let act = match act_fn {
        ActFn::Relu => "RELU",
        ActFn::GeluNew => "GELU_NEW",
        ActFn::Gelu => "GELU",
    };
    add(format!("constexpr int ACT = {act};"));
    add(format!("constexpr bool NORMED = {};", config.normalization_type != Normalization::None));
    let rule = Dropout { rate: dropout, seed: 0, step: 0 }.rule();
    add(format!("constexpr bool DROPS = {};", dropout > 0.0));
    add(format!("constexpr unsigned LEFT_OUT = {}u;", rule.below));
    add(format!("constexpr float DROPOUT_SCALE = {:e}f;", rule.factor));
    add(format!("constexpr float EPS = {:e}f;", config.eps as f32));

    // Layers are alike: the offsets of the first, and how far the next lies behind it.
    add("template <int K_, int N_, int AT_, int BIAS_> struct Matrix { \
         static constexpr int K = K_, N = N_, AT = AT_, BIAS = BIAS_; };"
        .to_owned());
    add("template <int WEIGHT_, int BIAS_> struct Norm { static constexpr int WEIGHT = WEIGHT_, BIAS = BIAS_; };"
        .to_owned());
    let matrix = |name: &str, Matrix { k, n, at, bias, .. }: Matrix| {
        format!("using {name} = Matrix<{k}, {n}, {at}, {bias}>;")
    };
    let norm = |name: &str, norm: Option<Norm>| {
        let (weight, bias) = norm.map_or((0, 0), |norm| (norm.weight, norm.bias));
        format!("using {name} = Norm<{weight}, {bias}>;")
    };
    // Without layers, or without an MLP, what is not there is never used but has to be known by name.
    let none =
        Matrix { k: 16, n: padded(d_model), stride: 0, at: 0, bias: 0, transposed: 0, transposed_stride: 0 };
    let first = layout.blocks.first();
    let mlp = first.and_then(|block| block.mlp);
    for line in [
        number("EMBED", layout.embed),
        number("PLACES", layout.positions),
        number("SLAB", layout.padded),
        number("BLOCK_SIZE", layout.blocks.get(1).map_or(0, |next| next.qkv.at - layout.blocks[0].qkv.at)),
        norm("Norm1", first.and_then(|block| block.norm1)),
        matrix("Attend", first.map_or(none, |block| block.qkv)),
        matrix("Out", first.map_or(none, |block| block.out)),
        norm("Norm2", mlp.and_then(|mlp| mlp.norm)),
        matrix("Into", mlp.map_or(none, |mlp| mlp.into)),
        matrix("Back", mlp.map_or(none, |mlp| mlp.out)),
        norm("Last", layout.norm),
        matrix("Unembed", layout.unembed),
    ] {
        add(line);
    }
    text + &KERNEL.concat()
}
