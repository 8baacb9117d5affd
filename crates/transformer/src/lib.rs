//! The hooked tiny transformer: a value, a forward pass, a backward pass, weights in and out.
