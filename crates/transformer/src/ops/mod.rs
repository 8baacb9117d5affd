//! The operations of the model, each one file: a forward and a backward pass in one sweep over memory.
//!
//! `plain.rs` has the same operations in candle's own ones: for hooks, for other devices, and as the oracle of the
//! tests. (candle_nn's fused softmax and layer_norm have no backward pass and stop gradients silently.)

mod activation;
mod attention;
mod cross_entropy;
mod embedding;
mod layer_norm;
mod linear;
pub(crate) mod plain;
pub(crate) mod real;

pub(crate) use activation::activation;
pub(crate) use attention::attention;
pub use cross_entropy::cross_entropy;
pub(crate) use embedding::embedding;
pub(crate) use layer_norm::layer_norm;
pub(crate) use linear::linear;

#[cfg(test)]
mod tests;
