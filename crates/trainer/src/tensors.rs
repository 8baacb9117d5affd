use std::collections::HashMap;
use std::path::Path;

use candle_core::Tensor;
use safetensors::{Dtype, SafeTensors};

use crate::{Error, file};

/// A safetensors file of which lists of numbers are asked by name and length: nothing that it says of itself decides how
/// much is read.
pub(crate) struct Tensors<'a>(SafeTensors<'a>);

impl<'a> Tensors<'a> {
    /// Reads the header.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        SafeTensors::deserialize(bytes)
            .map(Self)
            .map_err(|error| format!("not a complete safetensors file: {error}"))
    }

    /// Returns `count` finite numbers.
    pub(crate) fn floats(&self, name: &str, count: usize) -> Result<Vec<f32>, String> {
        let bytes = self.numbers(name, Dtype::F32, count)?;
        let (chunks, _) = bytes.as_chunks();
        let values: Vec<f32> = chunks.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        match values.iter().find(|value| !value.is_finite()) {
            None => Ok(values),
            Some(value) => Err(format!("`{name}` holds {value}, expected finite numbers")),
        }
    }

    /// Returns one number, which counts something.
    pub(crate) fn count(&self, name: &str) -> Result<u64, String> {
        let bytes = self.numbers(name, Dtype::I64, 1)?;
        let (chunks, _) = bytes.as_chunks();
        let count = chunks.first().map_or(-1, |bytes| i64::from_le_bytes(*bytes));
        u64::try_from(count).map_err(|_| format!("`{name}` is {count}, expected a count"))
    }

    fn numbers(&self, name: &str, dtype: Dtype, count: usize) -> Result<&'a [u8], String> {
        let tensor = self.0.tensor(name).map_err(|_| format!("`{name}` is missing"))?;
        if tensor.dtype() != dtype || tensor.shape() != [count] {
            let (found, shape) = (tensor.dtype(), tensor.shape());
            return Err(format!("`{name}` should be {dtype:?} [{count}], found {found:?} {shape:?}"));
        }
        Ok(tensor.data())
    }
}

/// Writes tensors as a safetensors file and returns its digest.
pub(crate) fn write_tensors(path: &Path, tensors: HashMap<&str, Tensor>) -> Result<String, Error> {
    let bytes = safetensors::serialize(tensors, None)
        .map_err(|error| transformer::Error::Weights(error.to_string()))?;
    file::write(path, &bytes)?;
    Ok(artifact::digest_bytes(&bytes))
}
