//! The model against properties that do not share its code: causality, gradients by differences, hooks, refusals.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use candle_core::{DType, Device, Tensor, Var};
use indexmap::IndexMap;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use transformer::{
    ActFn, Config, Hook, HookPoint, NoHook, Normalization, PositionalEmbedding, Transformer, initial_weights,
};

fn config(n_layers: usize, act_fn: ActFn, normalization_type: Normalization, attn_only: bool) -> Config {
    Config {
        n_layers,
        d_model: 8,
        n_ctx: 6,
        d_head: 3, // not d_model / n_heads
        n_heads: 2,
        d_mlp: if attn_only { 0 } else { 16 },
        d_vocab: 11,
        act_fn,
        normalization_type,
        positional_embedding_type: PositionalEmbedding::Standard,
        attn_only,
        eps: 1e-5,
    }
}

fn all_configs() -> Vec<Config> {
    let mut configs = Vec::new();
    for n_layers in [0, 1, 2] {
        for normalization in [Normalization::LN, Normalization::LNPre, Normalization::None] {
            for act_fn in [ActFn::Gelu, ActFn::GeluNew, ActFn::Relu] {
                configs.push(config(n_layers, act_fn, normalization, false));
            }
            configs.push(config(n_layers, ActFn::GeluNew, normalization, true));
        }
    }
    configs
}

/// Weights far from the symmetric start, so that no gradient is small by accident.
fn weights(config: &Config, dtype: DType) -> IndexMap<String, Tensor> {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut weights = initial_weights(config, 0.02, &mut random, dtype, &Device::Cpu).unwrap();
    for (i, weight) in weights.values_mut().enumerate() {
        let count = weight.elem_count();
        let wave =
            Tensor::from_iter((0..count).map(|j| ((i * 31 + j) as f64 * 0.7).sin() * 0.4), &Device::Cpu)
                .unwrap();
        *weight = (&*weight + wave.reshape(weight.shape()).unwrap().to_dtype(dtype).unwrap()).unwrap();
    }
    weights
}

fn tokens() -> Tensor {
    Tensor::new(&[[1_u32, 5, 2, 10, 0, 7], [3, 3, 9, 4, 8, 6]], &Device::Cpu).unwrap()
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    let [a, b] =
        [a, b].map(|x| x.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap());
    assert_eq!(a.len(), b.len());
    a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

fn loss(model: &Transformer) -> Tensor {
    let targets = Tensor::new(&[4_u32, 2, 10, 0, 7, 1, 3, 9, 4, 8, 6, 5], &Device::Cpu).unwrap();
    let logits = model.forward(&tokens(), &mut NoHook).unwrap().reshape((12, 11)).unwrap();
    let normalizer = logits.exp().unwrap().sum_keepdim(1).unwrap().log().unwrap();
    let right = logits.gather(&targets.unsqueeze(1).unwrap(), 1).unwrap();
    (normalizer - right).unwrap().mean_all().unwrap()
}

#[test]
fn every_parameter_of_every_configuration_receives_the_gradient_that_differences_give() {
    for config in all_configs() {
        let vars: IndexMap<String, Var> = weights(&config, DType::F64)
            .into_iter()
            .map(|(name, weight)| (name, Var::from_tensor(&weight).unwrap()))
            .collect();
        let loss = || {
            let weights = vars.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone()));
            loss(&Transformer::new(&config, weights.collect()).unwrap())
        };
        let gradients = loss().backward().unwrap();
        for (name, var) in &vars {
            let gradient =
                gradients.get(var.as_tensor()).unwrap_or_else(|| panic!("{name} gets none in {config:?}"));
            let gradient = gradient.flatten_all().unwrap().to_vec1::<f64>().unwrap();
            // b_K shifts all scores of a query alike, which softmax does not see.
            let moves = gradient.iter().any(|x| x.abs() > 1e-9);
            assert!(moves || name.ends_with("b_K"), "{name} gets zeros in {config:?}");
            // One element, by central differences.
            let at = gradient.len() / 2;
            let before = var.as_tensor().copy().unwrap();
            let shifted = |by: f64| {
                let mut values = before.flatten_all().unwrap().to_vec1::<f64>().unwrap();
                values[at] += by;
                var.set(&Tensor::from_vec(values, before.shape(), &Device::Cpu).unwrap()).unwrap();
                loss().to_scalar::<f64>().unwrap()
            };
            let expected = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
            var.set(&before).unwrap();
            assert!((gradient[at] - expected).abs() < 1e-6, "{name}[{at}]: {} and {expected}", gradient[at]);
        }
    }
}

#[test]
fn later_tokens_change_nothing_before_them() {
    for config in all_configs() {
        let model = Transformer::new(&config, weights(&config, DType::F32)).unwrap();
        let whole = model.forward(&tokens(), &mut NoHook).unwrap();
        for length in 1..6 {
            let part = model.forward(&tokens().narrow(1, 0, length).unwrap(), &mut NoHook).unwrap();
            assert!(largest_difference(&part, &whole.narrow(1, 0, length).unwrap()) < 1e-5);
        }
    }
}

#[test]
fn f32_follows_f64() {
    for config in all_configs() {
        let [single, double] = [DType::F32, DType::F64].map(|dtype| {
            Transformer::new(&config, weights(&config, dtype)).unwrap().forward(&tokens(), &mut NoHook)
        });
        assert!(largest_difference(&single.unwrap(), &double.unwrap()) < 2e-5, "{config:?}");
    }
}

struct Record(Vec<(HookPoint, Vec<usize>)>);

impl Hook for Record {
    fn call(&mut self, point: HookPoint, activation: Tensor) -> candle_core::Result<Tensor> {
        self.0.push((point, activation.dims().to_vec()));
        Ok(activation)
    }
}

#[test]
fn hooks_see_every_point_once_in_its_documented_shape_and_looking_changes_nothing() {
    for config in all_configs() {
        let model = Transformer::new(&config, weights(&config, DType::F64)).unwrap();
        let mut record = Record(Vec::new());
        let seen = model.forward(&tokens(), &mut record).unwrap();
        assert!(largest_difference(&seen, &model.forward(&tokens(), &mut NoHook).unwrap()) < 1e-12);
        let mut expected: Vec<HookPoint> = HookPoint::all(config.n_layers);
        expected.retain(|point| {
            let name = point.to_string();
            let normalizes = config.normalization_type != Normalization::None;
            let mlp = name.contains("mlp") || name.contains("ln2") || name.contains("resid_mid");
            (normalizes || !name.contains("ln")) && (!config.attn_only || !mlp)
        });
        let mut points: Vec<HookPoint> = record.0.iter().map(|(point, _)| *point).collect();
        points.sort();
        expected.sort();
        assert_eq!(points, expected);
        for (point, shape) in record.0 {
            let expected = match point {
                HookPoint::Q(_) | HookPoint::K(_) | HookPoint::V(_) | HookPoint::Z(_) => vec![2, 6, 2, 3],
                HookPoint::AttnScores(_) | HookPoint::Pattern(_) => vec![2, 2, 6, 6],
                HookPoint::MlpPre(_) | HookPoint::MlpPost(_) => vec![2, 6, 16],
                HookPoint::Ln1Scale(_) | HookPoint::Ln2Scale(_) | HookPoint::LnFinalScale => vec![2, 6, 1],
                _ => vec![2, 6, 8],
            };
            assert_eq!(shape, expected, "{point}");
        }
    }
}

#[test]
fn a_hook_that_returns_zeros_at_z_leaves_the_output_bias_alone() {
    let config = config(1, ActFn::GeluNew, Normalization::LN, false);
    let model = Transformer::new(&config, weights(&config, DType::F64)).unwrap();
    let mut out = None;
    let mut ablate = |point: HookPoint, activation: Tensor| match point {
        HookPoint::Z(0) => activation.zeros_like(),
        HookPoint::AttnOut(0) => {
            out = Some(activation.clone());
            Ok(activation)
        }
        _ => Ok(activation),
    };
    model.forward(&tokens(), &mut ablate).unwrap();
    let bias = model.parameters()["blocks.0.attn.b_O"].broadcast_as((2, 6, 8)).unwrap();
    assert!(largest_difference(&out.unwrap(), &bias) == 0.0);
}

#[test]
fn pattern_rows_sum_to_one_and_are_zero_after_the_query() {
    let config = config(1, ActFn::Relu, Normalization::LNPre, true);
    let model = Transformer::new(&config, weights(&config, DType::F64)).unwrap();
    let mut seen = None;
    let mut record = |point: HookPoint, activation: Tensor| {
        if point == HookPoint::Pattern(0) {
            seen = Some(activation.clone());
        }
        Ok(activation)
    };
    model.forward(&tokens(), &mut record).unwrap();
    let rows = seen.unwrap().reshape((24, 6)).unwrap().to_vec2::<f64>().unwrap();
    for (i, row) in rows.iter().enumerate() {
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(row.iter().enumerate().all(|(key, &weight)| (key <= i % 6) == (weight > 0.0)));
    }
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let config = config(1, ActFn::Relu, Normalization::LN, false);
    let model = Transformer::new(&config, weights(&config, DType::F32)).unwrap();
    let refuse = |tokens: Tensor| model.forward(&tokens, &mut NoHook).unwrap_err().to_string();
    let long = Tensor::zeros((1, 7), DType::U32, &Device::Cpu).unwrap();
    assert_eq!(refuse(long), "input: expected rows of 1 to 6 tokens, found 1 rows of 7");
    assert!(refuse(Tensor::new(&[[11_u32]], &Device::Cpu).unwrap()).starts_with("tensor operation"));
    assert!(refuse(Tensor::new(&[[1_i64]], &Device::Cpu).unwrap()).contains("must be u32"));
}
