//! Every fused operation against the plain one, values and gradients, in both float types.

use candle_core::{D, DType, Device, Result, Tensor, Var};

use super::real::Real;
use super::*;
use crate::ActFn;

fn wave(shape: &[usize], frequency: f64) -> Tensor {
    let count: usize = shape.iter().product();
    let values: Vec<f64> = (0..count).map(|i| ((i * i) as f64 * frequency + 0.3).sin() * 1.7).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.dims(), b.dims());
    let largest = (a.to_dtype(DType::F64).unwrap() - b.to_dtype(DType::F64).unwrap()).unwrap().abs().unwrap();
    largest.flatten_all().unwrap().max(0).unwrap().to_scalar().unwrap()
}

/// Compares the values and all gradients (of a weighted sum of the output) of two ways to compute the same.
fn agree(
    inputs: &[Tensor],
    fused: impl Fn(&[Tensor]) -> Result<Tensor>,
    plain: impl Fn(&[Tensor]) -> Result<Tensor>,
) {
    for (dtype, tolerance) in [(DType::F64, 1e-12), (DType::F32, 2e-5)] {
        let vars = |dtype| -> Vec<Var> {
            inputs.iter().map(|x| Var::from_tensor(&x.to_dtype(dtype).unwrap()).unwrap()).collect()
        };
        let run = |compute: &dyn Fn(&[Tensor]) -> Result<Tensor>, vars: &[Var]| {
            let tensors: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
            let y = compute(&tensors).unwrap();
            let weights = wave(y.dims(), 0.37).to_dtype(y.dtype()).unwrap();
            let store = (&y * weights).unwrap().sum_all().unwrap().backward().unwrap();
            let gradients: Vec<Tensor> =
                vars.iter().map(|var| store.get(var).expect("a gradient").clone()).collect();
            (y, gradients)
        };
        let (y, gradients) = run(&fused, &vars(dtype));
        let (expected, expected_gradients) = run(&plain, &vars(DType::F64));
        assert!(difference(&y, &expected) < tolerance, "{dtype:?}: values {}", difference(&y, &expected));
        for (i, (gradient, expected)) in gradients.iter().zip(&expected_gradients).enumerate() {
            let difference = difference(gradient, expected);
            assert!(difference < tolerance, "{dtype:?}: gradient of input {i}: {difference}");
        }
    }
}

#[test]
fn gelu_new() {
    let x = (wave(&[7, 33], 0.11) * 3.0).unwrap();
    agree(&[x], |x| activation(&x[0], ActFn::GeluNew), |x| plain::activation(&x[0], ActFn::GeluNew));
}

#[test]
fn layer_norm_with_and_without_weights() {
    let plain = |x: &Tensor| {
        let (centred, scale) = plain::centre_and_scale(x, 1e-5)?;
        centred.broadcast_div(&scale)
    };
    for width in [5, 16, 40] {
        let x = wave(&[3, 4, width], 0.21);
        agree(std::slice::from_ref(&x), |x| layer_norm(&x[0], None, 1e-5), |x| plain(&x[0]));
        let inputs = [x, wave(&[width], 0.5), wave(&[width], 0.6)];
        agree(
            &inputs,
            |x| layer_norm(&x[0], Some((&x[1], &x[2])), 1e-5),
            |x| plain(&x[0])?.broadcast_mul(&x[1])?.broadcast_add(&x[2]),
        );
    }
}

#[test]
fn linear_with_bias() {
    let inputs = [wave(&[2, 5, 6], 0.3), wave(&[6, 21], 0.2), wave(&[21], 0.7)];
    agree(&inputs, |x| linear(&x[0], &x[1], &x[2]), |x| plain::linear(&x[0], &x[1], &x[2]));
}

#[test]
fn causal_attention_of_several_heads() {
    for (pos, heads, d_head) in [(1, 1, 1), (6, 2, 3), (19, 3, 16), (33, 1, 5)] {
        let qkv = wave(&[2, pos, 3 * heads * d_head], 0.17);
        let plain = |x: &[Tensor]| {
            let part = |i: usize| {
                let part = x[0].narrow(2, i * heads * d_head, heads * d_head)?;
                part.reshape((2, pos, heads, d_head))?.transpose(1, 2)?.contiguous() // [batch, head, pos, d_head]
            };
            let scores = (part(0)?.matmul(&part(1)?.t()?)? / (d_head as f64).sqrt())?;
            let mask: Vec<u8> = (0..pos * pos).map(|i| u8::from(i % pos <= i / pos)).collect();
            let mask = Tensor::from_vec(mask, (pos, pos), &Device::Cpu)?.broadcast_as(scores.shape())?;
            let scores =
                mask.where_cond(&scores, &Tensor::full(f64::NEG_INFINITY, scores.shape(), &Device::Cpu)?)?;
            let z = plain::softmax(&scores)?.matmul(&part(2)?)?.transpose(1, 2)?;
            z.contiguous()?.reshape((2, pos, heads * d_head))
        };
        agree(&[qkv], |x| attention(&x[0], heads), plain);
    }
}

#[test]
fn cross_entropy_of_rows() {
    let targets = Tensor::new(&[0_u32, 36, 5, 5], &Device::Cpu).unwrap();
    let logits = (wave(&[4, 37], 0.13) * 5.0).unwrap();
    agree(&[logits], |x| cross_entropy(&x[0], &targets), |x| plain::cross_entropy(&x[0], &targets));
}

#[test]
fn cross_entropy_by_hand() {
    // Softmax of (0, ln 3) is (1/4, 3/4).
    let logits = Tensor::new(&[[0.0, 3_f64.ln()], [0.0, 3_f64.ln()]], &Device::Cpu).unwrap();
    let targets = Tensor::new(&[0_u32, 1], &Device::Cpu).unwrap();
    let losses = cross_entropy(&logits, &targets).unwrap().to_vec1::<f64>().unwrap();
    assert!((losses[0] - 4_f64.ln()).abs() < 1e-15 && (losses[1] - (4.0 / 3.0_f64).ln()).abs() < 1e-15);
    let outside = Tensor::new(&[0_u32, 2], &Device::Cpu).unwrap();
    assert!(cross_entropy(&logits, &outside).unwrap_err().to_string().contains("below 2"));
}

#[test]
fn token_and_position_embedding() {
    let tokens = Tensor::new(&[[0_u32, 4, 4], [2, 0, 1]], &Device::Cpu).unwrap();
    let plain = |x: &[Tensor]| {
        let embed = x[0].embedding(&tokens.flatten_all()?)?.reshape((2, 3, 7))?;
        embed.broadcast_add(&x[1].narrow(0, 0, 3)?)
    };
    agree(&[wave(&[5, 7], 0.2), wave(&[4, 7], 0.4)], |x| embedding(&tokens, &x[0], &x[1]), plain);
}

#[test]
fn exp_is_exact_to_two_units_in_the_last_place_and_keeps_nan() {
    for i in -870_000..880_000 {
        let x = i as f32 * 1e-4;
        let (found, exact) = (Real::exp(x), f64::from(x).exp());
        assert!((f64::from(found) - exact).abs() / exact < 2.4e-7, "{x}: {found} {exact}");
    }
    assert!(Real::exp(f32::NAN).is_nan());
    assert!(Real::exp(f32::NEG_INFINITY) < 2e-38);
}

#[test]
fn softmax_of_large_scores_stays_finite() {
    let scores = Tensor::new(&[[1e4_f32, 0.0, -1e4]], &Device::Cpu).unwrap();
    let weights = plain::softmax(&scores).unwrap();
    assert_eq!(weights.to_vec2::<f32>().unwrap(), [[1.0, 0.0, 0.0]]);
    assert_eq!(weights.dim(D::Minus1).unwrap(), 3);
}
