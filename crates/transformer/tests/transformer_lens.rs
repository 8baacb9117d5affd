//! Our logits against those of TransformerLens 3.9, on 20 random configurations.
//!
//! `tests/interop/transformer_lens_golden.py` made the files and says what is in them.

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use indexmap::IndexMap;
use safetensors::SafeTensors;
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
        let ours = model.forward(&tokens.to_dtype(DType::U32).unwrap(), &mut NoHook).unwrap();
        assert_eq!(ours.dims(), logits.dims());
        let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for (ours, theirs) in values(&ours).into_iter().zip(values(&logits)) {
            let allowed = 1e-4_f32.max(1e-5 * theirs.abs());
            assert!((ours - theirs).abs() <= allowed, "{}: {ours} against {theirs}", path.display());
            compared += 1;
        }
    }
    assert!(compared > 1000);
}
