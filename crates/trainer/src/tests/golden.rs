//! PyTorch's losses from the same weights on the same tokens.

use super::*;

/// The tokens of tests/golden/torch_losses.py.
pub(super) fn tokens(step: u64, ragged: bool) -> Vec<ExampleTokens> {
    let row = |r: u64| {
        let length = if ragged { 7 - r % 3 } else { 7 };
        let tokens: Vec<u16> = (0..length).map(|c| ((r * 7 + c * c * 3 + step * 5) % 11) as u16).collect();
        example(r as i64, &tokens, length as i32 - 2, 2)
    };
    (0..12).map(row).collect()
}

/// The weights of tests/golden/torch_losses.py.
pub(super) fn scattered(shape: &transformer::Config) -> IndexMap<String, Tensor> {
    let hashed = |x: usize| {
        let x = (x as u32).wrapping_mul(0x9e37_79b9);
        let x = (x ^ (x >> 16)).wrapping_mul(0x21f0_aaad);
        let x = (x ^ (x >> 15)).wrapping_mul(0x735a_2d97);
        f64::from(x ^ (x >> 15)) / 2.0_f64.powi(31) - 1.0
    };
    let weights = shape.parameters().into_iter().enumerate().map(|(i, (name, dims))| {
        let base = if name.ends_with(".w") { 1.0 } else { 0.0 };
        let value = |j: usize| (base + 0.2 * hashed(1000 * i + j)) as f32;
        let values: Vec<f32> = (0..dims.iter().product()).map(value).collect();
        (name, Tensor::from_vec(values, dims, &Device::Cpu).unwrap())
    });
    weights.collect()
}

#[test]
fn losses_follow_those_of_pytorch_from_the_same_weights() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/golden/torch_losses.json")).unwrap();
    let cases = golden.as_array().unwrap();
    assert!(cases.len() >= 10);
    for (number, case) in cases.iter().enumerate() {
        let shape: transformer::Config = serde_json::from_value(case["shape"].clone()).unwrap();
        let loss: Loss = serde_json::from_value(case["loss"].clone()).unwrap();
        let optimizer: Optimizer = serde_json::from_value(case["optimizer"].clone()).unwrap();
        let expected = case["losses"].as_array().unwrap();
        let steps = expected.len() as u64;
        assert_eq!(steps, 500);
        let mut learner = learner_of(&shape, scattered(&shape), &optimizer, steps);
        let mut off = 0.0_f64;
        for (step, expected) in (0..steps).zip(expected) {
            let batch = batch(&tokens(step, case["ragged"] == true), 11, loss);
            let update = learner.step(&batch).unwrap().ok().unwrap();
            off = off.max((f64::from(update.loss) - expected.as_f64().unwrap()).abs());
        }
        let narrow = &case["f32_is_off_by"];
        assert!(off < 1e-5, "case {number}: off by {off:e}, PyTorch in f32 by {narrow}");
        let weight_norm = f64::from(learner.weight_norm());
        let expected = case["weight_norm"].as_f64().unwrap();
        assert!((weight_norm - expected).abs() < 1e-4, "case {number}: {weight_norm} for {expected}");
    }
}
