//! Losses by hand, AdamW by hand, the learner as one value, and which rows can be trained on.

use std::sync::Arc;

use artifact::tables::{ExampleTokens, Token};
use artifact::{Provenance, write_table};
use candle_core::{DType, Device, Tensor};
use indexmap::IndexMap;
use transformer::engine::Engine;
use transformer::{ActFn, Normalization, PositionalEmbedding, flatten};

use self::golden::{scattered, tokens};
use crate::batch::Batch;
use crate::learner::{Learner, Score};
use crate::row::{Row, Scoring, Vocabulary};
use crate::rows::{HELD, Rows};
use crate::table::Table;
use crate::{Config, Error, Loss, Optimizer, OptimizerKind, Span};

mod config;
mod cuda;
mod golden;
mod repeats;

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

fn learner_of(
    shape: &transformer::Config,
    weights: IndexMap<String, Tensor>,
    optimizer: &Optimizer,
    steps: u64,
) -> Learner {
    Learner::from_weights(shape, &engine(shape), flatten(&weights).unwrap(), optimizer, steps)
}

fn config(text: &str) -> Result<Config, String> {
    let config: Config = serde_json::from_str(text).map_err(|error| error.to_string())?;
    match config.check() {
        Ok(()) => Ok(config),
        Err(Error::Config { at, message, help }) => Err(format!("{at}: {message}; {help}")),
        Err(other) => Err(other.to_string()),
    }
}

fn example(example_id: i64, tokens: &[u16], answer_start: i32, answer_length: i32) -> ExampleTokens {
    ExampleTokens { example_id, tokens: tokens.to_vec(), answer_start, answer_length }
}

/// So many tokens, none of which is a border.
fn vocabulary(size: i32) -> Vocabulary {
    let token = |token_id: i32| token(token_id, "value");
    Vocabulary::new(&(0..size).map(token).collect::<Vec<_>>()).unwrap()
}

fn token(token_id: i32, kind: &str) -> Token {
    Token { token_id, token: token_id.to_string(), kind: kind.into(), value: Some(token_id.into()) }
}

/// All of the rows, as one batch.
fn batch(examples: &[ExampleTokens], d_vocab: i32, loss: Loss) -> Batch {
    batch_of(examples, vocabulary(d_vocab), loss)
}

fn batch_of(examples: &[ExampleTokens], vocabulary: Vocabulary, loss: Loss) -> Batch {
    let scoring = Scoring { vocabulary, loss };
    let rows: Result<Vec<Row>, Error> =
        examples.iter().map(|example| scoring.row("train", example.clone())).collect();
    Batch::new(&rows.unwrap(), &scoring)
}

#[test]
fn a_separator_ends_an_answer_as_well_as_the_end_does() {
    // 0 begins, 1 ends, 2 separates; the model says 2 whatever it reads.
    let kinds = ["begin", "end", "separator", "value"];
    let tokens: Vec<Token> = kinds.iter().zip(0..).map(|(kind, id)| token(id, kind)).collect();
    let examples =
        [example(0, &[0, 3, 2, 1], 3, 1), example(1, &[0, 3, 2, 3], 3, 1), example(2, &[0, 3, 2], 2, 1)];
    let batch = batch_of(&examples, Vocabulary::new(&tokens).unwrap(), Loss::Answer);
    assert_eq!(batch.answers_right(&vec![2; batch.arrays.places.len()]), 2);
}

fn host(x: &Tensor) -> Vec<f64> {
    x.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

/// Two rows of other lengths: 0 1 2 1 with the answer 2 1, and 0 2 with the answer 2.
fn two_rows(loss: Loss) -> Batch {
    batch(&[example(0, &[0, 1, 2, 1], 2, 2), example(1, &[0, 2], 1, 1)], 3, loss)
}

#[test]
fn padding_is_never_asked_and_each_loss_scores_its_positions() {
    let all = two_rows(Loss::All);
    assert_eq!(all.arrays.tokens, [0, 1, 2, 0, 0, 0]); // the last token is never an input
    assert_eq!(all.arrays.places, [0, 1, 2, 3]); // of the second row, padded to 3, the first position
    assert_eq!(all.arrays.targets, [1, 2, 1, 2]);
    assert_eq!(all.arrays.weights, [0.25; 4]);
    let answer = two_rows(Loss::Answer);
    assert_eq!(answer.arrays.places, [1, 2, 3]);
    assert_eq!(answer.arrays.targets, [2, 1, 2]);
    let examples = [example(0, &[0, 1, 2, 1], 2, 2)];
    let span = batch(&examples, 3, Loss::Span(Span { from: 3 }));
    assert_eq!(span.arrays.places, [1, 2]); // the whole answer is looked at,
    assert_eq!(span.arrays.weights, [0.0, 1.0]); // the span alone is scored
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
    learner_of(&shape, weights, &Optimizer::default(), 1)
}

/// The score on these rows, of a vocabulary of three.
fn score(learner: &Learner, examples: &[ExampleTokens], loss: Loss) -> Score {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("validation.parquet");
    write_table(&path, &Provenance::default(), examples.iter().cloned()).unwrap();
    let table = Table::open("validation", &[path], Scoring { vocabulary: vocabulary(3), loss }).unwrap();
    let rows = Rows::read(&table, HELD, folder.path()).unwrap();
    learner.score(&rows).unwrap().unwrap()
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
        let Score { loss: scored, accuracy } = score(&learner, &examples, loss);
        assert!((f64::from(scored) - expected).abs() < 1e-6, "{loss:?}: {scored}");
        // It always says 2: wrong in the first row's second answer token, right in the second row.
        assert_eq!(accuracy, 0.5);
        let update = learner.step(&batch(&examples, 3, loss)).unwrap().ok().unwrap();
        assert!((f64::from(update.loss) - expected).abs() < 1e-6, "{loss:?}");
    }
    let mut learner = constant_model();
    let (span, first) = (Loss::Span(Span { from: 3 }), &examples[..1]);
    assert!((f64::from(score(&learner, first, span).loss) - of_one).abs() < 1e-6);
    let update = learner.step(&batch(first, 3, span)).unwrap().ok().unwrap();
    // d loss / d b_U = p - onehot = (1/8, 2/8 - 1, 5/8), and nothing else has a gradient.
    let expected = (1.0_f64 / 64.0 + 36.0 / 64.0 + 25.0 / 64.0).sqrt();
    assert!((f64::from(update.gradient_norm) - expected).abs() < 1e-6);
}

#[test]
fn with_the_loss_on_the_answer_nothing_behind_it_has_a_gradient_and_all_before_has() {
    let shape = shape(1, 11, 6);
    let engine = engine(&shape);
    // Of six inputs, the one at position 2 is asked for the answer, token 3; tokens 0 to 5 stand at their positions.
    let batch = batch(&[example(0, &[0, 1, 2, 3, 4, 5, 6], 3, 1)], 11, Loss::Answer);
    let weights = flatten(&scattered(&shape)).unwrap();
    let mut gradient = vec![f32::NAN; weights.len()];
    engine.gradient(&weights, &batch.arrays, None, &mut gradient).unwrap();
    let mut start = 0;
    for (name, dims) in shape.parameters() {
        let count: usize = dims.iter().product();
        let gradient = &gradient[start..start + count];
        start += count;
        if let "embed.W_E" | "pos_embed.W_pos" = name.as_str() {
            for (row, gradient) in gradient.chunks(8).enumerate() {
                assert_eq!(gradient.iter().any(|&x| x != 0.0), row <= 2, "{name}, row {row}");
            }
        }
        // Softmax does not see what a bias of the keys adds to all scores of a query.
        let touched = gradient.iter().any(|&x| x.abs() > 1e-7);
        assert!(touched || name.ends_with("b_K"), "{name} has no gradient");
    }
}

#[test]
fn only_matrices_decay() {
    let shape = shape(1, 11, 6);
    let batch = batch(&tokens(0, false)[..2], 11, Loss::All);
    let after = |optimizer| {
        let mut learner = learner_of(&shape, scattered(&shape), &optimizer, 1);
        learner.step(&batch).unwrap().ok().unwrap();
        candle_core::safetensors::load_buffer(&learner.to_safetensors().unwrap(), &Device::Cpu).unwrap()
    };
    // A learning rate so small that AdamW's step vanishes beside the decay.
    let adamw = Optimizer { learning_rate: 1e-9, weight_decay: 1e8, ..Optimizer::default() };
    // A decay so large that the first step of Adam, of the length of the learning rate, follows the weight's sign.
    let adam = OptimizerKind::Adam;
    let adam = Optimizer { kind: adam, learning_rate: 1e-3, weight_decay: 1e6, ..Optimizer::default() };
    let (decoupled, coupled) = (after(adamw), after(adam));
    for (name, before) in scattered(&shape) {
        let decays = name.contains(".W_");
        let (before, coupled) = (host(&before), host(&coupled[&name]));
        for ((before, decoupled), coupled) in before.iter().zip(host(&decoupled[&name])).zip(&coupled) {
            let kept = if decays { 0.9 } else { 1.0 };
            assert!((decoupled - kept * before).abs() < 1e-6, "{name}: {before} to {decoupled}");
            let step = before - coupled;
            assert!(!decays || (step - 1e-3 * before.signum()).abs() < 1e-6, "{name}: {before} to {coupled}");
        }
    }
}

#[test]
fn a_loss_that_is_no_number_leaves_the_model_as_it_was() {
    let shape = shape(1, 11, 6);
    let mut weights = scattered(&shape);
    let huge = Tensor::full(3e38_f32, (8, 11), &Device::Cpu).unwrap();
    weights.insert("unembed.W_U".into(), huge);
    let mut learner = learner_of(&shape, weights, &Optimizer::default(), 2);
    let before = learner.to_safetensors().unwrap();
    let batch = batch(&tokens(0, false)[..2], 11, Loss::All);
    let what = learner.step(&batch).unwrap().err().unwrap();
    assert_eq!(what.quantity, "loss");
    assert_eq!((learner.done(), learner.to_safetensors().unwrap()), (0, before));
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
        let scoring = Scoring { vocabulary: vocabulary(3), loss };
        let message = scoring.row("train", example).unwrap_err().to_string();
        assert!(message.starts_with(&format!("train rows: {expected}")), "{message}");
    }
}
