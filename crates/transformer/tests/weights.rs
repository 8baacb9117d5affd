//! Weights in and out, and `model.json`.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use candle_core::{DType, Device, Tensor};
use indexmap::IndexMap;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use transformer::{
    ActFn, Config, NoHook, Normalization, Transformer, flatten, initial_weights, read_config, read_tensors,
    unflatten, write_tensors,
};

fn config() -> Config {
    serde_json::from_str(
        r#"{ "n_layers": 1, "d_model": 4, "n_ctx": 3, "d_head": 2, "n_heads": 2, "d_mlp": 8, "d_vocab": 5,
             "act_fn": "gelu_new", "normalization_type": "LN", "attn_only": false, "eps": 1e-5 }"#,
    )
    .unwrap()
}

fn weights(seed: u64) -> IndexMap<String, Tensor> {
    initial_weights(&config(), 0.02, &mut ChaCha8Rng::seed_from_u64(seed), DType::F32, &Device::Cpu).unwrap()
}

fn load(weights: &IndexMap<String, Tensor>) -> Result<Transformer, String> {
    load_bytes(&safetensors::serialize(weights, None).unwrap())
}

fn load_bytes(bytes: &[u8]) -> Result<Transformer, String> {
    Transformer::from_safetensors(&config(), bytes, DType::F32, &Device::Cpu)
        .map_err(|error| error.to_string())
}

#[test]
fn weights_survive_a_file_bit_for_bit() {
    let model = Transformer::new(&config(), weights(1)).unwrap();
    let bytes = model.to_safetensors().unwrap();
    let again = load_bytes(&bytes).unwrap();
    assert_eq!(again.to_safetensors().unwrap(), bytes);
    let flat = flatten(model.parameters()).unwrap();
    assert_eq!(write_tensors(unflatten(&config(), &flat).unwrap()).unwrap(), bytes);
    for (name, tensor) in model.parameters() {
        let bits = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(bits(tensor), bits(&again.parameters()[name]), "{name}");
    }
    let tokens = Tensor::new(&[[1_u32, 2, 3]], &Device::Cpu).unwrap();
    let logits = |model: &Transformer| model.forward(&tokens, &mut NoHook).unwrap().to_vec3::<f32>().unwrap();
    assert_eq!(logits(&model), logits(&again));
}

#[test]
fn names_and_shapes_are_those_of_transformer_lens() {
    let shapes: Vec<String> =
        config().parameters().iter().map(|(name, shape)| format!("{name} {shape:?}")).collect();
    let expected = "embed.W_E [5, 4]|pos_embed.W_pos [3, 4]|blocks.0.ln1.w [4]|blocks.0.ln1.b [4]|\
        blocks.0.attn.W_Q [2, 4, 2]|blocks.0.attn.b_Q [2, 2]|blocks.0.attn.W_K [2, 4, 2]|blocks.0.attn.b_K [2, 2]|\
        blocks.0.attn.W_V [2, 4, 2]|blocks.0.attn.b_V [2, 2]|blocks.0.attn.W_O [2, 2, 4]|blocks.0.attn.b_O [4]|\
        blocks.0.ln2.w [4]|blocks.0.ln2.b [4]|blocks.0.mlp.W_in [4, 8]|blocks.0.mlp.b_in [8]|\
        blocks.0.mlp.W_out [8, 4]|blocks.0.mlp.b_out [4]|ln_final.w [4]|ln_final.b [4]|unembed.W_U [4, 5]|\
        unembed.b_U [5]";
    assert_eq!(shapes.join("|"), expected);
}

#[test]
fn files_that_do_not_fit_are_refused_with_the_reason() {
    let refused = |change: &dyn Fn(&mut IndexMap<String, Tensor>)| {
        let mut weights = weights(1);
        change(&mut weights);
        load(&weights).map(|_| ()).unwrap_err()
    };
    let tensor = |values: &[f32]| Tensor::new(values, &Device::Cpu).unwrap();
    assert_eq!(refused(&|w| drop(w.swap_remove("ln_final.w"))), "weights: ln_final.w [4] is missing");
    assert_eq!(
        refused(&|w| drop(w.insert("ln_final.w".into(), tensor(&[1.0, 2.0])))),
        "weights: ln_final.w has the shape [2], the model configuration asks for [4]"
    );
    assert_eq!(
        refused(&|w| drop(w.insert("blocks.1.ln1.w".into(), tensor(&[1.0])))),
        "weights: blocks.1.ln1.w is no parameter of this model (expected 22 tensors, found 1 more)"
    );
    assert_eq!(
        refused(&|w| drop(w.insert("ln_final.w".into(), tensor(&[1.0, f32::NAN, 0.0, 0.0])))),
        "weights: ln_final.w holds NaN at flat index 1, expected finite numbers"
    );
    assert_eq!(
        refused(&|w| drop(w.insert("ln_final.b".into(), tensor(&[1.0, 0.0, f32::INFINITY, 0.0])))),
        "weights: ln_final.b holds inf at flat index 2, expected finite numbers"
    );
    let bytes = safetensors::serialize(&weights(1), None).unwrap();
    for end in [0, 7, 100, bytes.len() - 1] {
        let message = load_bytes(&bytes[..end]).unwrap_err();
        assert!(message.starts_with("weights: not a complete safetensors file"), "{end}: {message}");
    }
    let header = br#"{"ln_final.w":{"dtype":"F32","shape":[0,9223372036854775808,4],"data_offsets":[0,0]}}"#;
    let message = load_bytes(&[&(header.len() as u64).to_le_bytes()[..], header].concat()).unwrap_err();
    assert!(
        message.starts_with("weights: ln_final.w has the shape [0, 9223372036854775808, 4]"),
        "{message}"
    );
    for pickle in [b"PK\x03\x04rest".as_slice(), b"\x80\x02}q\x00."] {
        assert!(load_bytes(pickle).unwrap_err().contains("pickle"));
    }
}

#[test]
fn initial_weights_follow_their_stream() {
    let values = |seed| weights(seed)["embed.W_E"].flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(values(1), values(1));
    assert_ne!(values(1), values(2));
    let mut wide = config();
    (wide.d_model, wide.d_vocab) = (64, 500);
    let drawn =
        initial_weights(&wide, 0.02, &mut ChaCha8Rng::seed_from_u64(1), DType::F64, &Device::Cpu).unwrap();
    let drawn = drawn["embed.W_E"].flatten_all().unwrap().to_vec1::<f64>().unwrap();
    let n = drawn.len() as f64;
    let moment = |power: i32| drawn.iter().map(|x| (x / 0.02).powi(power)).sum::<f64>() / n;
    // Mean, variance and kurtosis of a normal distribution, within four standard errors.
    assert!(moment(1).abs() < 4.0 / n.sqrt());
    assert!((moment(2) - 1.0).abs() < 4.0 * (2.0 / n).sqrt());
    assert!((moment(4) - 3.0).abs() < 4.0 * (96.0 / n).sqrt());
    assert!(weights(1)["blocks.0.ln1.w"].to_vec1::<f32>().unwrap().iter().all(|&x| x == 1.0));
    assert!(weights(1)["blocks.0.mlp.b_in"].to_vec1::<f32>().unwrap().iter().all(|&x| x == 0.0));
}

#[test]
fn model_json_is_read_back_and_no_normalization_is_null() {
    let mut none = config();
    (none.normalization_type, none.act_fn) = (Normalization::None, ActFn::Gelu);
    let text = serde_json::to_string(&none).unwrap();
    assert!(text.contains(r#""normalization_type":null"#) && text.contains(r#""act_fn":"gelu""#), "{text}");
    assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), none);
}

#[test]
fn configurations_that_cannot_be_are_refused() {
    let refused = |change: &dyn Fn(&mut Config)| {
        let mut config = config();
        change(&mut config);
        config.check().unwrap_err().to_string()
    };
    assert_eq!(refused(&|c| c.n_heads = 0), "model configuration: n_heads: must be at least 1, found 0");
    assert_eq!(
        refused(&|c| c.attn_only = true),
        "model configuration: d_mlp: must be 0 in a model with attn_only, found 8"
    );
    assert_eq!(
        refused(&|c| c.eps = f64::NAN),
        "model configuration: eps: must be a positive number, found NaN"
    );
}

/// A file whose header says what it is told to, over so many zero bytes.
fn file_of(header: &serde_json::Value, bytes: usize) -> Vec<u8> {
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &vec![0; bytes]].concat()
}

#[test]
fn headers_and_configurations_are_not_believed() {
    let entry = |shape: &[u64], kind: &str, bytes: usize| {
        let header =
            serde_json::json!({ "a": { "dtype": kind, "shape": shape, "data_offsets": [0, bytes] } });
        read_tensors(&file_of(&header, bytes)).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(entry(&[2, 3], "F32", 24), Ok(()));
    // Products of sizes that are no numbers of 64 bits, once behind an empty size.
    for shape in [vec![0, 1 << 63, 1 << 63], vec![1 << 63, 0], vec![1 << 40, 1 << 40]] {
        assert!(entry(&shape, "F32", 0).is_err(), "{shape:?}");
    }
    assert!(entry(&[1], "F8_E8M0", 1).unwrap_err().contains("which cannot be calculated with"));
    assert!(entry(&[7], "U64", 56).unwrap_err().contains("which cannot be calculated with"));
    let obeyed = serde_json::json!({ "\u{1b}[2J": { "dtype": "U8", "shape": [0], "data_offsets": [0, 0] } });
    let error = read_tensors(&file_of(&obeyed, 0)).unwrap_err().to_string();
    assert!(!error.contains('\u{1b}'), "{error}");

    let read = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut value = serde_json::to_value(config()).unwrap();
        change(&mut value);
        let config = read_config(value.to_string().as_bytes()).map_err(|error| error.to_string())?;
        let bytes = safetensors::serialize(&weights(1), None).unwrap();
        let model = Transformer::from_safetensors(&config, &bytes, DType::F32, &Device::Cpu);
        model.map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(read(&|_| ()), Ok(()));
    let extremes = [0_u64, 2, (1 << 31) - 1, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, u64::MAX];
    for field in ["n_layers", "d_model", "n_ctx", "d_head", "n_heads", "d_mlp", "d_vocab"] {
        for extreme in extremes {
            let known = serde_json::to_value(config()).unwrap()[field] == extreme;
            assert_eq!(read(&|value| value[field] = extreme.into()).is_ok(), known, "{field} {extreme}");
        }
        for odd in
            [serde_json::json!(-1), serde_json::json!(1e308), serde_json::json!("x"), serde_json::json!([])]
        {
            assert!(read(&|value| value[field] = odd.clone()).is_err(), "{field} {odd}");
        }
    }
}
