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
        let broken = |error: &dyn std::fmt::Display| {
            Error::Weights(format!("not a complete safetensors file: {error}"))
        };
        let header = SafeTensors::deserialize(bytes).map_err(|error| broken(&error))?;
        for (name, tensor) in header.tensors() {
            // Of an empty tensor the other dimensions may be anything, and their product overflow.
            let mut sizes = tensor.shape().iter().filter(|size| **size > 0);
            if sizes.try_fold(1_usize, |product, size| product.checked_mul(*size)).is_none() {
                let shape = tensor.shape();
                return Err(Error::Weights(format!(
                    "{name} has the shape {shape:?}, which nothing can have"
                )));
            }
        }
        let found =
            candle_core::safetensors::load_buffer(bytes, &Device::Cpu).map_err(|error| broken(&error))?;
        let mut weights = IndexMap::new();
        for (name, tensor) in found {
            if !tensor.dtype().is_float() {
                return Err(Error::Weights(format!("{name} must hold floats, found {:?}", tensor.dtype())));
            }
            let values = tensor.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
            if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                let value = values[at];
                return Err(Error::Weights(format!(
                    "{name} holds {value} at flat index {at}, expected finite numbers"
                )));
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

/// Checks that `weights` are exactly the parameters of `config` and returns them in its order.
pub(crate) fn arrange(
    config: &Config,
    mut weights: IndexMap<String, Tensor>,
) -> Result<IndexMap<String, Tensor>> {
    let mut arranged = IndexMap::new();
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
            "{name} is no parameter of this model (expected {} tensors, found {} more)",
            arranged.len(),
            weights.len()
        ))),
    }
}
