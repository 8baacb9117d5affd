use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Tensor};
use indexmap::IndexMap;
use transformer::read_tensors;

use crate::{Error, file};

/// A safetensors file of which lists of numbers are asked by name and length.
pub(crate) struct Tensors(IndexMap<String, Tensor>);

impl Tensors {
    /// Reads all of it; floats are finite.
    pub(crate) fn read(bytes: &[u8]) -> transformer::Result<Self> {
        read_tensors(bytes).map(Self)
    }

    /// Returns `count` finite numbers.
    pub(crate) fn floats(&self, name: &str, count: usize) -> transformer::Result<Vec<f32>> {
        Ok(self.numbers(name, DType::F32, count)?.to_vec1()?)
    }

    /// Returns one number, which counts something.
    pub(crate) fn count(&self, name: &str) -> transformer::Result<u64> {
        let count = self.numbers(name, DType::I64, 1)?.to_vec1::<i64>()?[0];
        u64::try_from(count)
            .map_err(|_| transformer::Error::Weights(format!("`{name}` is {count}, expected a count")))
    }

    fn numbers(&self, name: &str, dtype: DType, count: usize) -> transformer::Result<&Tensor> {
        let error = |message| Err(transformer::Error::Weights(message));
        match self.0.get(name) {
            None => error(format!("`{name}` is missing")),
            Some(tensor) if tensor.dtype() != dtype || tensor.dims() != [count] => {
                let (found, shape) = (tensor.dtype(), tensor.dims());
                error(format!("`{name}` should be {dtype:?} [{count}], found {found:?} {shape:?}"))
            }
            Some(tensor) => Ok(tensor),
        }
    }
}

/// Writes tensors as a safetensors file and returns its digest.
pub(crate) fn write_tensors(path: &Path, tensors: HashMap<&str, Tensor>) -> Result<String, Error> {
    let bytes = transformer::write_tensors(tensors)?;
    file::write(path, &bytes)?;
    Ok(artifact::digest_bytes(&bytes))
}
