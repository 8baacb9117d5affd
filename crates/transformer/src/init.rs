use candle_core::{DType, Device, Tensor};
use indexmap::IndexMap;
use rand::RngCore;

use crate::{Config, Result};

/// Standard deviation of GPT-2's initial matrices.
pub const INITIALIZER_RANGE: f64 = 0.02;

/// Returns the weights of an untrained model: matrices normal with standard deviation `initializer_range`, normalization
/// weights 1, biases 0.
///
/// Draws happen in the order of [`Config::parameters`], in f64, so one stream gives one model whatever the `dtype`.
///
/// # Errors
/// When the configuration cannot be or the device refuses.
pub fn initial_weights(
    config: &Config,
    initializer_range: f64,
    random: &mut impl RngCore,
    dtype: DType,
    device: &Device,
) -> Result<IndexMap<String, Tensor>> {
    config.check()?;
    let mut weights = IndexMap::new();
    for (name, shape) in config.parameters() {
        let tensor = if name.contains(".W_") {
            let count = shape.iter().product();
            let values: Vec<f64> = (0..count).map(|_| initializer_range * normal(random)).collect();
            Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)?.to_device(device)?
        } else if name.ends_with(".w") {
            Tensor::ones(shape, dtype, device)?
        } else {
            Tensor::zeros(shape, dtype, device)?
        };
        weights.insert(name, tensor);
    }
    Ok(weights)
}

/// One standard normal draw (Box and Muller 1958), from 53 bits each so that it cannot be infinite.
fn normal(random: &mut impl RngCore) -> f64 {
    let mut uniform = || ((random.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64; // (0, 1)
    let radius = (-2.0 * uniform().ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform()).cos()
}
