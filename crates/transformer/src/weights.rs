use std::fmt::Display;

use candle_core::safetensors::Load;
use candle_core::{DType, Device, Tensor};
use indexmap::IndexMap;
use safetensors::{SafeTensors, View};

use crate::error::escaped;
use crate::{Config, Error, Result};

/// Reads the weights of a model with TransformerLens' names; none but tensors of floats are among them.
pub(crate) fn read_weights(bytes: &[u8], dtype: DType, device: &Device) -> Result<IndexMap<String, Tensor>> {
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
    Ok(weights)
}

/// Returns tensors as one safetensors file, in their own dtype.
///
/// # Errors
/// When the device refuses.
pub fn write_tensors<N: AsRef<str> + Ord + Display, T: View>(
    tensors: impl IntoIterator<Item = (N, T)>,
) -> Result<Vec<u8>> {
    safetensors::serialize(tensors, None).map_err(|error| Error::Weights(error.to_string()))
}

/// Returns all weights as one list of f32, tensor after tensor.
///
/// # Errors
/// When the device refuses.
pub fn flatten(weights: &IndexMap<String, Tensor>) -> Result<Vec<f32>> {
    let flat = weights.values().map(|weight| weight.flatten_all()?.to_dtype(DType::F32));
    let flat = flat.collect::<candle_core::Result<Vec<Tensor>>>()?;
    Ok(Tensor::cat(&flat, 0)?.to_device(&Device::Cpu)?.to_vec1()?)
}

/// Returns the weights of a model of this shape by name, of a list of them all in the order of [`Config::parameters`].
///
/// # Errors
/// [`Error::Weights`] for a list of another length.
pub fn unflatten(config: &Config, flat: &[f32]) -> Result<IndexMap<String, Tensor>> {
    let wanted = config.parameter_count();
    if flat.len() as u128 != wanted {
        return Err(Error::Weights(format!("expected {wanted} weights, found {}", flat.len())));
    }
    let mut rest = flat;
    let named = config.parameters().into_iter().map(|(name, shape)| {
        let (values, behind) = rest.split_at(shape.iter().product());
        rest = behind;
        Ok((name, Tensor::from_slice(values, shape, &Device::Cpu)?))
    });
    named.collect()
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
/// [`Error::Json`] where it is none; [`Error::Config`] for what no model can have, before anything is made of it.
pub fn read_config(text: &[u8]) -> Result<Config> {
    let config: Config = serde_json::from_slice(text).map_err(Error::Json)?;
    config.check()?;
    Ok(config)
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
