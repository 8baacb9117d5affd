//! The hooked tiny transformer: a value, a forward pass, a backward pass, weights in and out.
//!
//! * [`Config`]: the shape of a model, with the field names of TransformerLens; `model.json` is this.
//! * [`Transformer`]: named weights and the forward pass in candle's own operations (`model.rs` and `plain.rs`, readable top
//!   to bottom): to be looked into, and what the others are compared with.
//! * [`HookPoint`], [`Hook`]: one mechanism for looking at an activation and for changing it.
//! * [`engine`]: the same model on a processor, fast: losses, gradients and updates, and logits without gradients.
//! * [`cuda`]: the same model on a GPU, many of them learning side by side.
//! * [`initial_weights`]: weights of an untrained model from a random stream.
//!
//! Nothing here knows Parquet, YAML or a clock. Every operation has a backward pass, which a test asserts for every
//! parameter of every kind of configuration.

mod config;
pub mod cuda;
pub mod engine;
mod error;
mod hook;
mod init;
mod model;
mod padding;
mod plain;
mod weights;

pub use config::{ActFn, Config, Normalization, PositionalEmbedding, WIDEST};
pub use error::{Error, Result};
pub use hook::{Hook, HookPoint, NoHook};
pub use init::initial_weights;
pub use model::Transformer;
pub use weights::{flatten, read_config, read_tensors, unflatten, write_tensors};
