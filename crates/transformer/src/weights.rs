use std::fmt::Display;

use candle_core::safetensors::Load;
use candle_core::{DType, Device, Tensor};
use indexmap::IndexMap;
use safetensors::SafeTensors;

use crate::{Config, Error, Result, Transformer};

impl Transformer {
    /// Reads weights with TransformerLens' names and shapes; what is loaded is all that `config` asks for and no more.
    ///
    /// # Errors
    /// [`Error::Weights`] for a pickle, a truncated file, a missing, unknown or misshapen tensor, one that is not of
    /// floating point, NaN or infinity; [`Error::Config`] when the configuration cannot be.
    pub fn from_safetensors(config: &Config, bytes: &[u8], dtype: DType, device: &Device) -> Result<Self> {
        // The header's length may begin with these bytes too, but then the header itself begins with a brace.
        let pickle = bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\x80");
        if pickle && bytes.get(8) != Some(&b'{') {
            return Err(Error::Weights(
                "this is a pickle, which can run code when loaded; save it as safetensors".to_owned(),
            ));
        }
        let mut weights = IndexMap::new();
        for (name, tensor) in read_tensors(bytes)? {
            if !tensor.dtype().is_float() {
                let shown = name.escape_debug();
                return Err(Error::Weights(format!("{shown} must hold floats, found {:?}", tensor.dtype())));
            }
            weights.insert(name, tensor.to_dtype(dtype)?.to_device(device)?);
        }
        Self::new(config, weights)
    }

    /// Returns the weights as one safetensors file, TransformerLens' names and shapes, in their own dtype.
    ///
    /// # Errors
    /// When the device refuses.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        safetensors::serialize(self.parameters(), None).map_err(|error| Error::Weights(error.to_string()))
    }
}

/// Reads the tensors of a safetensors file by name, on the processor; floats among them are finite.
///
/// What the header says is checked before room is made for anything: a tensor without a number, or of a type that cannot be
/// calculated with, is refused.
///
/// # Errors
/// [`Error::Weights`] naming the tensor.
pub fn read_tensors(bytes: &[u8]) -> Result<IndexMap<String, Tensor>> {
    let incomplete =
        |error: &dyn Display| Error::Weights(format!("not a complete safetensors file: {}", escaped(error)));
    let file = SafeTensors::deserialize(bytes).map_err(|error| incomplete(&error))?;
    let mut tensors = IndexMap::new();
    for (name, view) in file.tensors() {
        let shown = name.escape_debug();
        let (shape, kind) = (view.shape(), view.dtype());
        // Strides are products of sizes: with an empty one among them, the others may be anything.
        if shape.contains(&0) {
            return Err(Error::Weights(format!("{shown} has the shape {shape:?}, expected sizes from 1 on")));
        }
        use safetensors::Dtype::{BF16, F16, F32, F64, I16, I32, I64, U8, U32};
        if !matches!(kind, BF16 | F16 | F32 | F64 | I16 | I32 | I64 | U8 | U32) {
            return Err(Error::Weights(format!(
                "{shown} is of type {kind:?}, which cannot be calculated with"
            )));
        }
        let tensor = view.load(&Device::Cpu)?;
        if tensor.dtype().is_float() {
            let values = tensor.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
            if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                let value = values[at];
                return Err(Error::Weights(format!(
                    "{shown} holds {value} at flat index {at}, expected finite numbers"
                )));
            }
        }
        tensors.insert(name, tensor);
    }
    Ok(tensors)
}

/// Reads `model.json`.
///
/// # Errors
/// In words: what no model can have is refused here, before anything is made of it.
pub fn read_config(text: &[u8]) -> std::result::Result<Config, String> {
    let config: Config = serde_json::from_slice(text).map_err(|error| escaped(&error))?;
    config.check().map_err(|error| error.to_string())?;
    Ok(config)
}

/// What a parser says may repeat what the file says.
fn escaped(words: &dyn Display) -> String {
    words
        .to_string()
        .chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect()
}

/// Checks that `weights` are exactly the parameters of `config` and returns them in its order.
pub(crate) fn arrange(
    config: &Config,
    mut weights: IndexMap<String, Tensor>,
) -> Result<IndexMap<String, Tensor>> {
    let mut arranged = IndexMap::new();
    // Each layer has tensors of its own: their names are written down for no more layers than there can be.
    if config.n_layers > weights.len() {
        let (layers, found) = (config.n_layers, weights.len());
        return Err(Error::Weights(format!(
            "expected the tensors of {layers} layers, found {found} tensors"
        )));
    }
    for (name, shape) in config.parameters() {
        let Some(tensor) = weights.swap_remove(&name) else {
            return Err(Error::Weights(format!("{name} {shape:?} is missing")));
        };
        if tensor.dims() != shape {
            return Err(Error::Weights(format!(
                "{name} has the shape {:?}, the model configuration asks for {shape:?}",
                tensor.dims()
            )));
        }
        arranged.insert(name, tensor);
    }
    match weights.keys().min() {
        None => Ok(arranged),
        Some(name) => Err(Error::Weights(format!(
            "{} is no parameter of this model (expected {} tensors, found {} more)",
            name.escape_debug(),
            arranged.len(),
            weights.len()
        ))),
    }
}
