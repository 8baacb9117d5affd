//! Our logits, by plain operations and by the engine, against those of TransformerLens 3.9, on 20 random configurations.
//!
//! `tests/interop/transformer_lens_golden.py` made the files and says what is in them.

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use indexmap::IndexMap;
use safetensors::SafeTensors;
use transformer::engine::Predictor;
use transformer::{Config, NoHook, Transformer};

#[test]
fn logits_are_those_of_transformer_lens() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop/golden");
    let mut compared = 0;
    for index in 0..20 {
        let path = folder.join(format!("{index:02}.safetensors"));
        let bytes = std::fs::read(&path).expect("the golden files are in the repository");
        let (_, header) = SafeTensors::read_metadata(&bytes).expect("it is safetensors");
        let config = &header.metadata().as_ref().expect("it has metadata")["config"];
        let config: Config = serde_json::from_str(config).expect("its fields are those of our config");
        let loaded = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).expect("it is safetensors");
        let mut tensors: IndexMap<String, Tensor> = loaded.into_iter().collect();
        let tokens = tensors.swap_remove("tokens").expect("it has tokens"); // [batch, pos]
        let logits = tensors.swap_remove("logits").expect("it has logits"); // [batch, pos, d_vocab]
        let model = Transformer::new(&config, tensors).expect("names and shapes are the same");
        let tokens = tokens.to_dtype(DType::U32).unwrap();
        let plain = model.forward(&tokens, &mut NoHook).unwrap();
        assert_eq!(plain.dims(), logits.dims());
        let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let (rows, positions) = tokens.dims2().unwrap();
        let (tokens, places) =
            (tokens.flatten_all().unwrap(), (0..(rows * positions) as u32).collect::<Vec<_>>());
        let predictor = Predictor::new(&model).unwrap();
        let fast = predictor.logits(&tokens.to_vec1().unwrap(), positions, &places).unwrap();
        for ours in [values(&plain), fast] {
            assert_eq!(ours.len(), logits.elem_count());
            for (ours, theirs) in ours.into_iter().zip(values(&logits)) {
                let allowed = 1e-4_f32.max(1e-5 * theirs.abs());
                assert!((ours - theirs).abs() <= allowed, "{}: {ours} against {theirs}", path.display());
                compared += 1;
            }
        }
    }
    assert!(compared > 2000);
}
