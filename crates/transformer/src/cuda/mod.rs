//! Many models of one shape learn side by side on a GPU.
//!
//! One kernel, compiled for the shape at run time, goes step after step without the host: a team of blocks of threads has
//! a model, computes loss and gradient of its batch tile by tile, meets, and updates the weights. The rows to learn from
//! lie in the GPU's memory once; the host says which of them make up which batch.
//!
//! * `kernel/`: the kernel in CUDA C++; `pass.cu` is the model, readable top to bottom.
//! * `source.rs`: the kernel's text for a shape.
//! * `table.rs`: rows to learn from.
//! * `fleet.rs`: what the host does.
//! * `gpu.rs` (feature `cuda`): the GPU. A test puts threads of the processor in its place.
//!
//! Losses and gradients are those of [`Engine`](crate::engine::Engine) up to rounding; sums have a fixed order, so that
//! a run repeats bit for bit with as many models on the same kind of GPU.

mod fleet;
#[cfg(feature = "cuda")]
mod gpu;
mod source;
mod table;

pub use fleet::{Batches, Device, Fleet, Job, Output, Update};
#[cfg(feature = "cuda")]
pub use gpu::{Gpu, assemble};
pub use table::Table;
