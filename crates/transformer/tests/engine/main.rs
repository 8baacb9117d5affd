//! The engine: beside the model of plain operations in f64, and on numbers that were worked out by hand.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod numbers;
mod oracle;

use std::process::Command;
use std::sync::Once;

use transformer::engine::{Engine, Predictor, hold_to, isa};
use transformer::{ActFn, Config, Normalization, PositionalEmbedding, Transformer, unflatten};

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
