//! Losses, predictions, gradients and logits beside those of plain operations in f64.

use candle_core::{DType, Device, Tensor, Var};
use indexmap::IndexMap;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use transformer::engine::{Batch, Dropout, Predictor, Site};
use transformer::{
    ActFn, Config, HookPoint, NoHook, Normalization, PositionalEmbedding, Transformer, unflatten,
};

use crate::{engine, predictor, small};

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
