//! The engine beside the model of plain operations, in f64: losses, answers, gradients.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::process::Command;
use std::sync::Once;

use candle_core::{DType, Device, Tensor, Var};
use indexmap::IndexMap;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use transformer::engine::{Batch, Dropout, Engine, Site, hold_to, isa};
use transformer::{ActFn, Config, HookPoint, Normalization, PositionalEmbedding, Transformer};

/// Leaves elements out of a batch's activations, `[rows, pos, d_model]`, by plain multiplication.
///
/// Hooks make the model go by candle's own operations alone.
fn leave_out(dropout: Option<Dropout>, point: HookPoint, x: Tensor) -> candle_core::Result<Tensor> {
    let site = match point {
        HookPoint::Embed | HookPoint::PosEmbed => Site::Embed, // of each, and so of their sum
        HookPoint::AttnOut(layer) => Site::AttnOut(layer),
        HookPoint::MlpOut(layer) => Site::MlpOut(layer),
        _ => return Ok(x),
    };
    let Some(dropout) = dropout else { return Ok(x) };
    let (rows, positions, columns) = x.dims3()?;
    let factor = |i: usize| {
        let (row, position, column) = (i / columns / positions, i / columns % positions, i % columns);
        f64::from(dropout.factor(site, row, position, column))
    };
    let factors: Vec<f64> = (0..rows * positions * columns).map(factor).collect();
    let factors = Tensor::from_vec(factors, (rows, positions, columns), x.device())?;
    x * factors
}

#[derive(Debug, Clone)]
struct Case {
    config: Config,
    rows: usize,
    positions: usize,
    /// Share of the places that are asked for, of 8.
    asked: u32,
    /// Of 8.
    dropout: u32,
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    // Not fewer than 5: LayerNorm of two numbers nearly equal is beyond f32.
    let shape = (0..3_usize, 5..40_usize, 1..4_usize, 1..20_usize, 0..40_usize, 2..50_usize);
    let kind = (0..3_u8, 0..3_u8);
    (shape, kind, 1..12_usize, 1..40_usize, 1..9_u32, 0..6_u32, any::<u64>()).prop_map(
        |(
            (n_layers, d_model, n_heads, d_head, d_mlp, d_vocab),
            (act, norm),
            positions,
            rows,
            asked,
            dropout,
            seed,
        )| {
            let config = Config {
                n_layers,
                d_model,
                n_ctx: positions + seed as usize % 3,
                d_head,
                n_heads,
                d_mlp,
                d_vocab,
                act_fn: [ActFn::Gelu, ActFn::GeluNew, ActFn::Relu][usize::from(act)],
                normalization_type: [Normalization::LN, Normalization::LNPre, Normalization::None]
                    [usize::from(norm)],
                positional_embedding_type: PositionalEmbedding::Standard,
                attn_only: d_mlp == 0,
                eps: 1e-5,
            };
            Case { config, rows, positions, asked, dropout, seed }
        },
    )
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    let Case { config, rows, positions, asked, dropout, seed } = case;
    let dropout = Dropout { rate: f64::from(*dropout) / 8.0, seed: *seed, step: 5 };
    let dropout = (dropout.rate > 0.0).then_some(dropout);
    let mut random = ChaCha8Rng::seed_from_u64(*seed);
    let engine = engine(config);
    let weights: Vec<f32> = (0..engine.parameters()).map(|_| random.random_range(-0.3..0.3)).collect();
    let tokens: Vec<u32> =
        (0..rows * positions).map(|_| random.random_range(0..config.d_vocab as u32)).collect();
    let places: Vec<u32> = (0..tokens.len() as u32).filter(|_| random.random_range(0..8) < *asked).collect();
    let targets: Vec<u32> = places.iter().map(|_| random.random_range(0..config.d_vocab as u32)).collect();
    let shares: Vec<f32> = places.iter().map(|_| random.random_range(0.0..0.1)).collect();
    let batch = Batch {
        tokens: tokens.clone(),
        positions: *positions,
        places: places.clone(),
        targets: targets.clone(),
        weights: shares.clone(),
    };
    let mut gradient = vec![f32::NAN; weights.len()];
    let said = engine.differentiate(&weights, &batch, dropout, &mut gradient).unwrap();
    prop_assert!(dropout.is_some() || engine.say(&weights, &batch).unwrap() == said);

    let device = Device::Cpu;
    let mut from = 0;
    let mut variables = IndexMap::new();
    for (name, shape) in config.parameters() {
        let count: usize = shape.iter().product();
        let values: Vec<f64> = weights[from..from + count].iter().map(|x| f64::from(*x)).collect();
        variables.insert(name, Var::from_tensor(&Tensor::from_vec(values, shape, &device).unwrap()).unwrap());
        from += count;
    }
    prop_assert_eq!(from, weights.len());
    if places.is_empty() {
        prop_assert!(said.loss == 0.0 && gradient.iter().all(|x| *x == 0.0));
        return Ok(());
    }
    let parameters = variables.iter().map(|(name, variable)| (name.clone(), variable.as_tensor().clone()));
    let model = Transformer::new(config, parameters.collect()).unwrap();
    let input = Tensor::from_vec(tokens.clone(), (*rows, *positions), &device).unwrap();
    let mut nearest = f64::INFINITY; // to the kink of relu
    let mut hook = |point, x: Tensor| {
        if matches!(point, HookPoint::MlpPre(_)) && config.act_fn == ActFn::Relu {
            nearest = nearest.min(x.abs()?.flatten_all()?.min(0)?.to_scalar()?);
        }
        leave_out(dropout, point, x)
    };
    let logits = model.forward(&input, &mut hook).unwrap();
    // There, f32 may fall on the other side of it, where the slope is another.
    prop_assume!(nearest > 1e-5);
    let logits = logits.reshape(((), config.d_vocab)).unwrap();
    let logits = logits.index_select(&Tensor::new(places.as_slice(), &device).unwrap(), 0).unwrap();
    let shifted = logits.broadcast_sub(&logits.max_keepdim(1).unwrap().detach()).unwrap();
    let total = shifted.exp().unwrap().sum_keepdim(1).unwrap().log().unwrap();
    let likelihood = shifted.broadcast_sub(&total).unwrap();
    let at = Tensor::new(targets.as_slice(), &device).unwrap().unsqueeze(1).unwrap();
    let losses = likelihood.gather(&at, 1).unwrap().squeeze(1).unwrap().neg().unwrap();
    let shares = Tensor::new(shares.as_slice(), &device).unwrap().to_dtype(DType::F64).unwrap();
    let loss = (losses * shares).unwrap().sum_all().unwrap();
    let expected = loss.to_scalar::<f64>().unwrap();
    prop_assert!((said.loss - expected).abs() <= 1e-5 * (1.0 + expected), "{} for {}", said.loss, expected);
    for (row, best) in logits.to_vec2::<f64>().unwrap().iter().zip(&said.best) {
        let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        prop_assert!(row[*best as usize] > top - 1e-4);
    }
    let store = loss.backward().unwrap();
    let expected: Vec<f64> = variables
        .values()
        .flat_map(|variable| match store.get(variable.as_tensor()) {
            Some(gradient) => gradient.flatten_all().unwrap().to_vec1::<f64>().unwrap(),
            None => vec![0.0; variable.elem_count()],
        })
        .collect();
    let norm = expected.iter().map(|x| x * x).sum::<f64>().sqrt();
    // Candle's own operations overflow where a model without normalization has grown large.
    prop_assume!(norm.is_finite());
    let off = expected.iter().zip(&gradient).map(|(x, y)| (x - f64::from(*y)).powi(2)).sum::<f64>().sqrt();
    prop_assert!(off <= 1e-4 * norm + 1e-7, "off by {} of {}", off, norm);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn losses_answers_and_gradients_are_those_of_plain_operations(case in cases()) {
        check(&case)?;
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let config = Config {
        n_layers: 2,
        d_model: 24,
        n_ctx: 9,
        d_head: 8,
        n_heads: 3,
        d_mlp: 40,
        d_vocab: 30,
        act_fn: ActFn::GeluNew,
        normalization_type: Normalization::LN,
        positional_embedding_type: PositionalEmbedding::Standard,
        attn_only: false,
        eps: 1e-5,
    };
    let engine = engine(&config);
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let weights: Vec<f32> = (0..engine.parameters()).map(|_| random.random_range(-0.3..0.3)).collect();
    let tokens: Vec<u32> = (0..700 * 9).map(|_| random.random_range(0..30)).collect();
    let places: Vec<u32> = (0..700 * 9).collect();
    let shares = vec![1.0 / 6300.0; 6300];
    let batch = Batch { tokens: tokens.clone(), positions: 9, places, targets: tokens, weights: shares };
    let dropout = Some(Dropout { rate: 0.1, seed: 1, step: 1 });
    let gradients = [1, 2, 5].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut gradient = vec![0.0; weights.len()];
        let said = pool.install(|| engine.differentiate(&weights, &batch, dropout, &mut gradient)).unwrap();
        (said.loss.to_bits(), gradient.iter().map(|x| x.to_bits()).collect::<Vec<_>>())
    });
    assert!(gradients[0] == gradients[1] && gradients[0] == gradients[2]);
}

/// Returns a model of one small layer.
fn small(d_vocab: usize) -> Config {
    Config {
        n_layers: 1,
        d_model: 8,
        n_ctx: 4,
        d_head: 4,
        n_heads: 2,
        d_mlp: 8,
        d_vocab,
        act_fn: ActFn::GeluNew,
        normalization_type: Normalization::LN,
        positional_embedding_type: PositionalEmbedding::Standard,
        attn_only: false,
        eps: 1e-5,
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let engine = engine(&small(5));
    let weights = vec![0.0; engine.parameters()];
    let fine = Batch {
        tokens: vec![0, 1, 2, 3],
        positions: 4,
        places: vec![1, 3],
        targets: vec![2, 4],
        weights: vec![0.5, 0.5],
    };
    assert!(engine.say(&weights, &fine).is_ok());
    for (wrong, message) in [
        (Batch { tokens: vec![0, 1, 2, 5], ..fine.clone() }, "expected tokens below 5, found 5"),
        (Batch { targets: vec![2, 5], ..fine.clone() }, "expected tokens below 5, found 5"),
        (Batch { tokens: vec![], ..fine.clone() }, "expected rows of 1 to 4 tokens"),
        (Batch { positions: 3, ..fine.clone() }, "expected rows of 1 to 4 tokens"),
        (Batch { places: vec![3, 1], ..fine.clone() }, "expected rising places below 4"),
        (Batch { places: vec![1, 4], ..fine.clone() }, "expected rising places below 4"),
        (Batch { weights: vec![1.0], ..fine.clone() }, "2 targets and 1 weights for 2 places"),
    ] {
        let error = engine.say(&weights, &wrong).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    assert!(engine.say(&weights[1..], &fine).is_err());
}

#[test]
fn one_number_that_is_none_makes_the_loss_none() {
    let engine = engine(&small(21));
    let shares = vec![1.0; 4];
    let batch = Batch {
        tokens: vec![0, 1, 2, 3],
        positions: 4,
        places: vec![0, 1, 2, 3],
        targets: vec![0; 4],
        weights: shares,
    };
    let mut weights = vec![0.1; engine.parameters()];
    assert!(engine.say(&weights, &batch).unwrap().loss.is_finite());
    // The last parameters are the biases of the logits, and no target is among these tokens.
    for token in 1..21 {
        let at = weights.len() - 21 + token;
        weights[at] = f32::NAN;
        let said = engine.say(&weights, &batch).unwrap();
        assert!(said.loss.is_nan() && said.best.iter().all(|token| *token < 21));
        weights[at] = 0.1;
    }
}

const ISA: &str = "TEST_ISA";

/// Returns an engine, on the vectors that these tests are to be run on.
fn engine(config: &Config) -> Engine {
    static HELD: Once = Once::new();
    HELD.call_once(|| std::env::var(ISA).iter().for_each(|isa| hold_to(isa).unwrap()));
    Engine::new(config).unwrap()
}

/// What every other test says of the widest vectors of this processor, each says of narrower ones as well.
#[test]
fn narrower_vectors_do_the_same() {
    if std::env::var_os(ISA).is_some() {
        return;
    }
    let narrower = if isa() == "avx512" { &["none", "avx2"][..] } else { &["none"] };
    for held in narrower {
        let tests = Command::new(std::env::current_exe().unwrap()).env(ISA, held).output().unwrap();
        assert!(tests.status.success(), "{held}:\n{}", String::from_utf8_lossy(&tests.stdout));
    }
    assert!(hold_to("sse").unwrap_err().to_string().contains("expected `none`, or `avx2`"));
    assert!(hold_to("none").unwrap_err().to_string().contains("too late"));
}
