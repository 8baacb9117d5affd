//! The engine beside the model of plain operations, in f64: losses, predictions, gradients, logits.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::process::Command;
use std::sync::Once;

use candle_core::{DType, Device, Tensor, Var};
use indexmap::IndexMap;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use transformer::engine::{Batch, Dropout, Engine, Predictor, Site, hold_to, isa};
use transformer::{
    ActFn, Config, HookPoint, NoHook, Normalization, PositionalEmbedding, Transformer, unflatten,
};

/// Leaves elements out of a batch's activations, `[rows, pos, d_model]`, by plain multiplication.
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
    let output = engine.gradient(&weights, &batch, dropout, &mut gradient).unwrap();
    prop_assert!(dropout.is_some() || engine.loss(&weights, &batch).unwrap() == output);

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
    let predictor = predictor(config, &weights);
    let predicted = predictor.logits(&tokens, *positions, &places).unwrap();
    if places.is_empty() {
        prop_assert!(output.loss == 0.0 && gradient.iter().all(|x| *x == 0.0) && predicted.is_empty());
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
    prop_assert!(
        (output.loss - expected).abs() <= 1e-5 * (1.0 + expected),
        "{} for {}",
        output.loss,
        expected
    );
    for (row, predicted) in logits.to_vec2::<f64>().unwrap().iter().zip(&output.predicted) {
        let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        prop_assert!(row[*predicted as usize] > top - 1e-4);
    }
    check_logits(case, (&predictor, &tokens, &places), &predicted)?;
    if dropout.is_none() {
        let best = predicted.chunks(config.d_vocab).map(|row| {
            row.iter().enumerate().fold(0, |best, (token, x)| if *x > row[best] { token } else { best })
                as u32
        });
        prop_assert!(best.eq(output.predicted.iter().copied()));
        let expected = logits.to_vec2::<f64>().unwrap().concat();
        let largest = expected.iter().fold(1.0, |largest: f64, x| largest.max(x.abs()));
        for (found, expected) in predicted.iter().zip(expected) {
            prop_assert!((f64::from(*found) - expected).abs() < 1e-5 * largest, "{} for {}", found, expected);
        }
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

/// Logits are the same bits whichever rows go together, and wherever else they are wanted.
fn check_logits(
    case: &Case,
    (predictor, tokens, places): (&Predictor, &[u32], &[u32]),
    found: &[f32],
) -> Result<(), TestCaseError> {
    let (positions, width) = (case.positions, case.config.d_vocab);
    let everywhere: Vec<u32> = (0..tokens.len() as u32).collect();
    let all = predictor.logits(tokens, positions, &everywhere).unwrap();
    let row = |values: &[f32], at: usize| -> Vec<u32> {
        values[at * width..][..width].iter().map(|x| x.to_bits()).collect()
    };
    for (at, place) in places.iter().enumerate() {
        prop_assert_eq!(row(found, at), row(&all, *place as usize));
    }
    let last = tokens.len() / positions - 1;
    let alone = &tokens[last * positions..];
    let (rows, before) =
        (predictor.logits(alone, positions, &everywhere[..positions]).unwrap(), last * positions);
    for position in 0..positions {
        prop_assert_eq!(row(&rows, position), row(&all, before + position));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn losses_answers_and_gradients_are_those_of_plain_operations(case in cases()) {
        check(&case)?;
    }
}

/// Longer than a vector is wide, and than two.
#[test]
fn long_sequences_do_the_same() {
    for (positions, n_heads, d_head, seed) in [(19, 3, 16, 1), (33, 1, 5, 2), (70, 2, 8, 3)] {
        let config = Config { n_ctx: positions, n_heads, d_head, n_layers: 2, d_vocab: 13, ..small(13) };
        check(&Case { config, rows: 9, positions, asked: 4, dropout: 0, seed }).unwrap();
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let config = Config { n_layers: 2, d_model: 24, n_ctx: 9, d_head: 8, n_heads: 3, d_mlp: 40, ..small(30) };
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
        let output = pool.install(|| engine.gradient(&weights, &batch, dropout, &mut gradient)).unwrap();
        let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let predictor = predictor(&config, &weights);
        let logits = pool.install(|| predictor.logits(&batch.tokens, 9, &batch.places)).unwrap();
        (output.loss.to_bits(), bits(&gradient), bits(&logits))
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
    assert!(engine.loss(&weights, &fine).is_ok());
    for (wrong, message) in [
        (Batch { tokens: vec![0, 1, 2, 5], ..fine.clone() }, "expected tokens below 5, found 5"),
        (Batch { targets: vec![2, 5], ..fine.clone() }, "expected tokens below 5, found 5"),
        (Batch { tokens: vec![], ..fine.clone() }, "expected rows of 1 to 4 tokens"),
        (Batch { positions: 3, ..fine.clone() }, "expected rows of 1 to 4 tokens"),
        (Batch { places: vec![3, 1], ..fine.clone() }, "expected rising places below 4"),
        (Batch { places: vec![1, 4], ..fine.clone() }, "expected rising places below 4"),
        (Batch { weights: vec![1.0], ..fine.clone() }, "2 targets and 1 weights for 2 places"),
    ] {
        let error = engine.loss(&weights, &wrong).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    assert!(engine.loss(&weights[1..], &fine).is_err());
    let predictor = predictor(&small(5), &weights);
    assert_eq!(predictor.logits(&[0, 1, 2, 3], 4, &[1, 3]).unwrap().len(), 10);
    for (tokens, positions, places, message) in [
        (&[0, 1, 2, 5][..], 4, &[0][..], "expected tokens below 5, found 5"),
        (&[], 4, &[], "expected rows of 1 to 4 tokens"),
        (&[0, 1, 2, 3, 4], 5, &[], "expected rows of 1 to 4 tokens"),
        (&[0, 1], 2, &[1, 1], "expected rising places below 2"),
        (&[0, 1], 2, &[2], "expected rising places below 2"),
    ] {
        let error = predictor.logits(tokens, positions, places).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
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
    assert!(engine.loss(&weights, &batch).unwrap().loss.is_finite());
    // The last parameters are the biases of the logits, and no target is among these tokens.
    for token in 1..21 {
        let at = weights.len() - 21 + token;
        weights[at] = f32::NAN;
        let output = engine.loss(&weights, &batch).unwrap();
        assert!(output.loss.is_nan() && output.predicted.iter().all(|token| *token < 21));
        weights[at] = 0.1;
    }
}

#[test]
fn losses_and_logits_are_those_computed_by_hand() {
    let engine = engine(&small(2));
    let mut weights = vec![0.0; engine.parameters()];
    let bias = weights.len() - 2;
    // Softmax of (0, ln 3) is (1/4, 3/4).
    weights[bias + 1] = 3_f32.ln();
    let mut batch = Batch {
        tokens: vec![0, 1],
        positions: 1,
        places: vec![0, 1],
        targets: vec![0, 1],
        weights: vec![1.0, 0.0],
    };
    let losses = |batch: &Batch, weights: &[f32]| engine.loss(weights, batch).unwrap().loss;
    assert!((losses(&batch, &weights) - 4_f64.ln()).abs() < 1e-6);
    assert_eq!(predictor(&small(2), &weights).logits(&[0, 1], 1, &[1]).unwrap(), [0.0, 3_f32.ln()]);
    batch.weights = vec![0.0, 2.0];
    assert!((losses(&batch, &weights) - 2.0 * (4.0 / 3.0_f64).ln()).abs() < 1e-6);
    // Far apart, they neither overflow nor become no number.
    weights[bias + 1] = 1e4;
    assert_eq!(losses(&batch, &weights), 0.0);
    batch.weights = vec![1.0, 0.0];
    assert_eq!(losses(&batch, &weights), 1e4);
}

#[test]
fn attention_of_scores_far_apart_is_on_the_largest() {
    let config = Config { n_layers: 1, d_mlp: 0, attn_only: true, ..small(5) };
    let engine = engine(&config);
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let weights: Vec<f32> = (0..engine.parameters()).map(|_| random.random_range(-300.0..300.0)).collect();
    let tokens = [0, 3, 1, 4];
    let found = predictor(&config, &weights).logits(&tokens, 4, &[0, 1, 2, 3]).unwrap();
    let named = unflatten(&config, &weights).unwrap();
    let named = named.into_iter().map(|(name, weight)| (name, weight.to_dtype(DType::F64).unwrap()));
    let model = Transformer::new(&config, named.collect()).unwrap();
    let input = Tensor::from_slice(&tokens, (1, 4), &Device::Cpu).unwrap();
    let expected = model.forward(&input, &mut NoHook).unwrap().flatten_all().unwrap();
    for (found, expected) in found.iter().zip(expected.to_vec1::<f64>().unwrap()) {
        assert!(
            (f64::from(*found) - expected).abs() < 1e-4 * expected.abs().max(1e5),
            "{found} for {expected}"
        );
    }
}

#[test]
fn a_model_of_wide_numbers_is_asked_in_f32() {
    let config = small(5);
    let mut random = ChaCha8Rng::seed_from_u64(4);
    // Numbers that f16 has too.
    let weights: Vec<f32> =
        (0..engine(&config).parameters()).map(|_| random.random_range(-64..64) as f32 / 128.0).collect();
    let of = |dtype| {
        let named = unflatten(&config, &weights).unwrap();
        let named = named.into_iter().map(|(name, weight)| (name, weight.to_dtype(dtype).unwrap()));
        let model = Transformer::new(&config, named.collect()).unwrap();
        Predictor::new(&model).unwrap().logits(&[0, 1, 2, 3], 4, &[1, 2, 3]).unwrap()
    };
    let single = of(DType::F32);
    assert!(of(DType::F64) == single && of(DType::F16) == single && single.iter().any(|x| *x != 0.0));
    assert!(unflatten(&config, &weights[1..]).unwrap_err().to_string().contains("weights, found"));
}

const ISA: &str = "TEST_ISA";

/// Returns the model of these weights, to be asked.
fn predictor(config: &Config, weights: &[f32]) -> Predictor {
    Predictor::new(&Transformer::new(config, unflatten(config, weights).unwrap()).unwrap()).unwrap()
}

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
