//! What is refused, what does not depend on circumstances, and what was worked out by hand.

use candle_core::DType;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use transformer::engine::{Batch, Dropout, Predictor};
use transformer::{Config, Transformer, unflatten};

use crate::{engine, predictor, small};

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
