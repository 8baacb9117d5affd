//! Losses by hand, AdamW by hand, the learner as one value, and PyTorch's losses from the same weights.

use std::sync::Arc;

use artifact::tables::{Example, Token};
use candle_core::{DType, Device, Tensor};
use indexmap::IndexMap;
use transformer::engine::Engine;
use transformer::{ActFn, Normalization, PositionalEmbedding};

use crate::learner::{Learner, Score};
use crate::rows::{Batch, Rows, Vocabulary};
use crate::{Checkpoints, Config, Error, Loss, Optimizer, Schedule, Span};

fn shape(n_layers: usize, d_vocab: usize, n_ctx: usize) -> transformer::Config {
    transformer::Config {
        n_layers,
        d_model: 8,
        n_ctx,
        d_head: 4,
        n_heads: 2,
        d_mlp: 16,
        d_vocab,
        act_fn: ActFn::GeluNew,
        normalization_type: Normalization::LN,
        positional_embedding_type: PositionalEmbedding::Standard,
        attn_only: false,
        eps: 1e-5,
    }
}

fn engine(shape: &transformer::Config) -> Arc<Engine> {
    Arc::new(Engine::new(shape).unwrap())
}

pub(crate) fn example(example_id: i64, tokens: &[u16], answer_start: i32, answer_length: i32) -> Example {
    Example {
        example_id,
        task: "t".into(),
        family: "arithmetic".into(),
        notation: "numeral".into(),
        domain: "integer".into(),
        unit: "pair".into(),
        parameter: 1,
        text: String::new(),
        terms: vec![],
        tokens: tokens.to_vec(),
        answer_start,
        answer_length,
        cluster: 0,
    }
}

/// So many tokens, none of which is a border.
fn vocabulary(size: i32) -> Vocabulary {
    let token = |token_id: i32| token(token_id, "value");
    Vocabulary::new(&(0..size).map(token).collect::<Vec<_>>()).unwrap()
}

fn token(token_id: i32, kind: &str) -> Token {
    Token { token_id, token: token_id.to_string(), kind: kind.into(), value: i64::from(token_id) }
}

fn rows(examples: &[Example], d_vocab: i32, loss: Loss) -> Rows {
    Rows::new("train", examples, &vocabulary(d_vocab), loss).unwrap()
}

#[test]
fn a_separator_ends_an_answer_as_well_as_the_end_does() {
    // 0 begins, 1 ends, 2 separates; the model says 2 whatever it reads.
    let kinds = ["begin", "end", "separator", "value"];
    let tokens: Vec<Token> = kinds.iter().zip(0..).map(|(kind, id)| token(id, kind)).collect();
    let examples =
        [example(0, &[0, 3, 2, 1], 3, 1), example(1, &[0, 3, 2, 3], 3, 1), example(2, &[0, 3, 2], 2, 1)];
    let rows = Rows::new("train", &examples, &Vocabulary::new(&tokens).unwrap(), Loss::Answer).unwrap();
    let batch = rows.batch(&[0, 1, 2]);
    assert_eq!(batch.answers_right(&vec![2; batch.asked.places.len()]), 2);
}

fn host(x: &Tensor) -> Vec<f64> {
    x.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

/// Two rows of other lengths: 0 1 2 1 with the answer 2 1, and 0 2 with the answer 2.
fn two_rows(loss: Loss) -> Batch {
    rows(&[example(0, &[0, 1, 2, 1], 2, 2), example(1, &[0, 2], 1, 1)], 3, loss).batch(&[0, 1])
}

#[test]
fn padding_is_never_asked_and_each_loss_scores_its_positions() {
    let all = two_rows(Loss::All);
    assert_eq!(all.asked.tokens, [0, 1, 2, 0, 0, 0]); // the last token is never an input
    assert_eq!(all.asked.places, [0, 1, 2, 3]); // of the second row, padded to 3, the first position
    assert_eq!(all.asked.targets, [1, 2, 1, 2]);
    assert_eq!(all.asked.weights, [0.25; 4]);
    let answer = two_rows(Loss::Answer);
    assert_eq!(answer.asked.places, [1, 2, 3]);
    assert_eq!(answer.asked.targets, [2, 1, 2]);
    let examples = [example(0, &[0, 1, 2, 1], 2, 2)];
    let span = rows(&examples, 3, Loss::Span(Span { from: 3 })).batch(&[0]);
    assert_eq!(span.asked.places, [1, 2]); // the whole answer is looked at,
    assert_eq!(span.asked.weights, [0.0, 1.0]); // the span alone is scored
    assert_eq!((all.scored, answer.scored, span.scored), (4, 3, 1));
}

/// A model that says 1/8, 2/8, 5/8 for the tokens 0, 1, 2, whatever it reads.
fn constant_model() -> Learner {
    let shape = shape(1, 3, 4);
    let weights: IndexMap<String, Tensor> = shape
        .parameters()
        .into_iter()
        .map(|(name, dims)| {
            let zeros = Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap();
            let biases = Tensor::new(&[0_f32, 2_f32.ln(), 5_f32.ln()], &Device::Cpu).unwrap();
            let weight = if name == "unembed.b_U" { biases } else { zeros };
            (name, weight)
        })
        .collect();
    Learner::from_weights(&shape, &engine(&shape), weights, &Optimizer::default(), 1).unwrap()
}

#[test]
fn losses_are_those_computed_by_hand() {
    let (of_one, of_two) = ((8.0_f64 / 2.0).ln(), (8.0_f64 / 5.0).ln());
    let examples = [example(0, &[0, 1, 2, 1], 2, 2), example(1, &[0, 2], 1, 1)];
    for (loss, expected) in [
        (Loss::All, (2.0 * of_one + 2.0 * of_two) / 4.0),
        (Loss::Answer, (of_one + 2.0 * of_two) / 3.0),
        (Loss::Span(Span { from: 1 }), (2.0 * of_one + 2.0 * of_two) / 4.0),
    ] {
        let mut learner = constant_model();
        let rows = rows(&examples, 3, loss);
        let Score { loss: scored, accuracy } = learner.score(&rows).unwrap().unwrap();
        assert!((f64::from(scored) - expected).abs() < 1e-6, "{loss:?}: {scored}");
        // It always says 2: wrong in the first row's second answer token, right in the second row.
        assert_eq!(accuracy, 0.5);
        let update = learner.step(&rows.batch(&[0, 1])).unwrap().ok().unwrap();
        assert!((f64::from(update.loss) - expected).abs() < 1e-6, "{loss:?}");
    }
    let mut learner = constant_model();
    let span = rows(&examples[..1], 3, Loss::Span(Span { from: 3 }));
    assert!((f64::from(learner.score(&span).unwrap().unwrap().loss) - of_one).abs() < 1e-6);
    let update = learner.step(&span.batch(&[0])).unwrap().ok().unwrap();
    // d loss / d b_U = p - onehot = (1/8, 2/8 - 1, 5/8), and nothing else has a gradient.
    let expected = (1.0_f64 / 64.0 + 36.0 / 64.0 + 25.0 / 64.0).sqrt();
    assert!((f64::from(update.gradient_norm) - expected).abs() < 1e-6);
}

fn tokens(step: u64) -> Vec<Example> {
    let row = |r: u64| {
        let tokens: Vec<u16> = (0..7).map(|c| ((r * 7 + c * c * 3 + step * 5) % 11) as u16).collect();
        example(r as i64, &tokens, 5, 2)
    };
    (0..12).map(row).collect()
}

/// The weights of tests/golden/torch_losses.py.
fn wave(shape: &transformer::Config) -> IndexMap<String, Tensor> {
    let weights = shape.parameters().into_iter().enumerate().map(|(i, (name, dims))| {
        let base = if name.ends_with(".w") { 1.0 } else { 0.0 };
        let value = |j: usize| (base + 0.2 * ((i * 31 + j) as f64 * 0.7).sin()) as f32;
        let values: Vec<f32> = (0..dims.iter().product()).map(value).collect();
        (name, Tensor::from_vec(values, dims, &Device::Cpu).unwrap())
    });
    weights.collect()
}

#[test]
fn losses_follow_those_of_pytorch_from_the_same_weights() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("../tests/golden/torch_losses.json")).unwrap();
    for case in golden.as_array().unwrap() {
        let shape: transformer::Config = serde_json::from_value(case["shape"].clone()).unwrap();
        let loss: Loss = serde_json::from_value(case["loss"].clone()).unwrap();
        let optimizer: Optimizer = serde_json::from_value(case["optimizer"].clone()).unwrap();
        let expected = case["losses"].as_array().unwrap();
        let mut learner =
            Learner::from_weights(&shape, &engine(&shape), wave(&shape), &optimizer, expected.len() as u64)
                .unwrap();
        for (step, expected) in expected.iter().enumerate() {
            let batch = rows(&tokens(step as u64), 11, loss).batch(&(0..12).collect::<Vec<_>>());
            let update = learner.step(&batch).unwrap().ok().unwrap();
            let difference = (f64::from(update.loss) - expected.as_f64().unwrap()).abs();
            let tolerance = if step < 8 { 1e-6 } else { 1e-5 }; // PyTorch in f32 and in f64 come to differ by 4e-6
            assert!(difference < tolerance, "step {step}: {} and {expected}: {difference:e}", update.loss);
        }
        let weight_norm = f64::from(learner.weight_norm().unwrap());
        assert!((weight_norm - case["weight_norm"].as_f64().unwrap()).abs() < 1e-4);
    }
}

#[test]
fn every_repeat_trains_and_another_model_changes_nothing() {
    let shape = shape(1, 11, 6);
    let optimizer = Optimizer { learning_rate: 1e-2, ..Optimizer::default() };
    let indices: Vec<usize> = (0..12).collect();
    let batch = rows(&tokens(0), 11, Loss::All).batch(&indices);
    let train = |seed: i32| {
        let mut learner = Learner::new(&shape, &engine(&shape), 0.02, &optimizer, 30, seed).unwrap();
        let losses: Vec<f32> = (0..30).map(|_| learner.step(&batch).unwrap().ok().unwrap().loss).collect();
        (losses, learner.to_safetensors().unwrap())
    };
    let alone = train(0);
    for seed in 0..20 {
        let mut other = Learner::new(&shape, &engine(&shape), 0.02, &optimizer, 30, 99).unwrap();
        other.step(&batch).unwrap().ok().unwrap();
        let (losses, weights) = train(seed);
        assert!(losses[29] < 0.8 * losses[0], "seed {seed}: {} to {}", losses[0], losses[29]);
        if seed == 0 {
            assert_eq!((losses, weights), alone);
        }
    }
}

#[test]
fn only_matrices_decay() {
    let shape = shape(1, 11, 6);
    // A learning rate so small that AdamW's step vanishes beside the decay.
    let optimizer = Optimizer { learning_rate: 1e-9, weight_decay: 1e8, ..Optimizer::default() };
    let mut learner = Learner::from_weights(&shape, &engine(&shape), wave(&shape), &optimizer, 1).unwrap();
    let batch = rows(&tokens(0), 11, Loss::All).batch(&[0, 1]);
    learner.step(&batch).unwrap().ok().unwrap();
    let bytes = learner.to_safetensors().unwrap();
    let after = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).unwrap();
    for (name, before) in wave(&shape) {
        let kept = if name.contains(".W_") { 0.9 } else { 1.0 };
        for (before, after) in host(&before).iter().zip(host(&after[&name])) {
            assert!((after - kept * before).abs() < 1e-6, "{name}: {before} to {after}");
        }
    }
}

#[test]
fn a_loss_that_is_no_number_leaves_the_model_as_it_was() {
    let shape = shape(1, 11, 6);
    let mut weights = wave(&shape);
    let huge = Tensor::full(1e38_f32, (8, 11), &Device::Cpu).unwrap();
    weights.insert("unembed.W_U".into(), huge);
    let mut learner =
        Learner::from_weights(&shape, &engine(&shape), weights, &Optimizer::default(), 2).unwrap();
    let before = learner.to_safetensors().unwrap();
    let batch = rows(&tokens(0), 11, Loss::All).batch(&[0, 1]);
    let what = learner.step(&batch).unwrap().err().unwrap();
    assert_eq!(what.quantity, "loss");
    assert_eq!((learner.done(), learner.to_safetensors().unwrap()), (0, before));
}

#[test]
fn learning_rates_rise_stay_and_fall() {
    let at = |schedule, warmup| {
        let optimizer = Optimizer { learning_rate: 1.0, warmup, schedule, ..Optimizer::default() };
        (1..=6).map(|step| optimizer.learning_rate_at(step, 6)).collect::<Vec<_>>()
    };
    assert_eq!(at(Schedule::Constant, 0), [1.0; 6]);
    assert_eq!(at(Schedule::Constant, 4), [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]);
    let cosine = at(Schedule::Cosine, 2);
    let expected = [0.5, 1.0, 1.0, 0.853_553, 0.5, 0.146_447];
    assert!(cosine.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{cosine:?}");
}

#[test]
fn checkpoints_are_spread_as_asked() {
    let at = |every, log_spaced| Checkpoints { every, log_spaced }.at(1000);
    assert_eq!(at(0, 0), [0, 1000]);
    assert_eq!(at(400, 0), [0, 400, 800, 1000]);
    assert_eq!(at(0, 3), [0, 1, 10, 100, 1000]);
    assert_eq!(Checkpoints { every: 500, log_spaced: 9 }.at(1), [0, 1]);
}

fn config(text: &str) -> Result<Config, String> {
    let config: Config = serde_json::from_str(text).map_err(|error| error.to_string())?;
    match config.check() {
        Ok(()) => Ok(config),
        Err(Error::Config { at, message, help }) => Err(format!("{at}: {message}; {help}")),
        Err(other) => Err(other.to_string()),
    }
}

#[test]
fn configs_that_cannot_be_meant_are_refused_at_their_place() {
    let with = |rest: &str| {
        config(&format!(
            r#"{{ "model": {{ "n_layers": 1, "n_heads": 4, "d_model": 64 }}, "seeds": 2, "steps": 5, {rest} }}"#
        ))
    };
    assert!(with(r#""batch": 4"#).is_ok());
    for (rest, expected) in [
        (r#""batch": 0"#, "batch: must be at least 1, found 0; name a larger number"),
        (r#""batch": 4, "loss": "last""#, "loss: `last` scores every position against the last token"),
        (r#""batch": 4, "loss": { "span": { "from": 0 } }"#, "loss.span.from: token 0 has nothing before it"),
        (
            r#""batch": 4, "optimizer": { "learning_rate": -1 }"#,
            "optimizer.learning_rate: must be a positive number, found -1",
        ),
        (
            r#""batch": 4, "optimizer": { "beta2": 1 }"#,
            "optimizer.beta2: must be at least 0 and less than 1, found 1",
        ),
        (r#""batch": 4, "optimizer": { "warmup": 5 }"#, "optimizer.warmup: 5 updates of warm-up leave none"),
        (r#""batch": 4, "optimizer": { "lr": 1 }"#, "unknown field `lr`"),
        (r#""batch": 4, "loss": "everything""#, "unknown variant `everything`"),
    ] {
        let message = with(rest).unwrap_err();
        assert!(message.starts_with(expected), "{message}");
    }
    let model = |model: &str| {
        config(&format!(r#"{{ "model": {model}, "seeds": 2, "steps": 5, "batch": 4 }}"#)).unwrap_err()
    };
    assert!(
        model(r#"{ "n_layers": 1, "n_heads": 5, "d_model": 64 }"#)
            .starts_with("model.n_heads: 5 heads do not divide")
    );
    assert!(
        model(r#"{ "n_layers": 1, "n_heads": 4, "d_model": 64, "d_mlp": 8, "attn_only": true }"#)
            .starts_with("model.d_mlp")
    );
    assert!(
        model(r#"{ "n_layers": 1, "n_heads": 0, "d_model": 64, "d_head": 4 }"#)
            .starts_with("model.n_heads: must be")
    );
    assert!(
        model(r#"{ "n_layers": 1, "n_heads": 4, "d_model": 64, "initializer_range": 0 }"#)
            .starts_with("model.initializer_range: must be a positive number, found 0")
    );
}

#[test]
fn seeds_are_a_number_or_a_list_and_mean_the_same_when_they_do() {
    let seeds = |text: &str| {
        config(&format!(
            r#"{{ "model": {{ "n_layers": 0, "n_heads": 1, "d_model": 4 }}, "seeds": {text}, "steps": 5, "batch": 4 }}"#
        ))
    };
    assert_eq!(seeds("3").unwrap().seeds.0, [0, 1, 2]);
    assert_eq!(seeds("[42, 66, 1729]").unwrap().seeds.0, [42, 66, 1729]);
    let resolved = |text: &str| serde_json::to_string(&seeds(text).unwrap().seeds).unwrap();
    assert_eq!(
        (resolved("[0, 1]"), resolved("2"), resolved("[1, 0]")),
        ("2".into(), "2".into(), "[1,0]".into())
    );
    for (text, expected) in [
        ("0", "there is no model"),
        ("[]", "there is no model"),
        ("[1, 1]", "1 stands twice"),
        ("[-1]", "-1 is negative"),
        ("-3", "expected a number of seeds"),
        ("\"two\"", "expected a number of seeds"),
    ] {
        let message = seeds(text).unwrap_err();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_resolved_config_reads_back_the_same() {
    let config =
        config(r#"{ "model": { "n_layers": 1, "n_heads": 4, "d_model": 64 }, "seeds": 8, "steps": 300, "batch": 72 }"#)
            .unwrap();
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), config);
    assert_eq!(config.model.shape(10, 20).d_mlp, 256);
    assert_eq!(config.model.shape(10, 20).d_head, 16);
    assert_eq!(config.model.shape(10, 20).n_ctx, 20);
}

#[test]
fn rows_that_cannot_be_trained_on_are_refused() {
    for (example, loss, expected) in [
        (example(7, &[0, 3], 1, 1), Loss::All, "row 7: token 3 is not in the vocabulary of 3"),
        (
            example(7, &[0, 1], 1, 2),
            Loss::All,
            "row 7: the answer (start 1, length 2) must lie in the 2 tokens",
        ),
        (example(7, &[0, 1], 0, 1), Loss::All, "row 7: the answer (start 0, length 1)"),
        (example(7, &[0, 1], 1, 0), Loss::All, "row 7: the answer (start 1, length 0)"),
        (example(7, &[0, 1], -1, 1), Loss::All, "row 7: the answer (start -1"),
        (
            example(7, &[0, 1], 1, 1),
            Loss::Span(Span { from: 2 }),
            "row 7: loss.span.from 2 leaves none of its 2 tokens",
        ),
    ] {
        let message = Rows::new("train", &[example], &vocabulary(3), loss).unwrap_err().to_string();
        assert!(message.starts_with(&format!("train rows: {expected}")), "{message}");
    }
}
