//! Memory that a tile works in; buffers only ever grow.

/// All that a tile works in.
#[derive(Default)]
pub(super) struct Arena {
    /// The residual stream: of tokens, then after each attention and each MLP.
    pub(super) streams: Vec<Vec<f32>>,
    /// The number of the stream that goes into the last normalization.
    pub(super) last_stream: usize,
    pub(super) blocks: Vec<Activations>,
    pub(super) last: Normalized,
    pub(super) logits: Vec<f32>,
    pub(super) residual: Vec<f32>,
    /// The gradient of the residual stream, and what it is gathered from.
    pub(super) d_stream: Vec<f32>,
    pub(super) d_selected: Vec<f32>,
    pub(super) d_normal: Vec<f32>,
    pub(super) d_hidden: Vec<f32>,
    pub(super) d_qkv: Vec<f32>,
    pub(super) d_z: Vec<f32>,
    pub(super) d_z_selected: Vec<f32>,
    pub(super) d_dropped: Vec<f32>,
    pub(super) keys: Vec<u32>,
    pub(super) head: Head,
}

/// Activations of a block that its backward pass needs.
#[derive(Default)]
pub(super) struct Activations {
    pub(super) norm1: Normalized,
    pub(super) qkv: Vec<f32>,
    /// By sequence, head, key and query: the weight that the query gives to the key.
    pub(super) pattern: Vec<f32>,
    pub(super) z: Vec<f32>,
    pub(super) z_selected: Vec<f32>,
    pub(super) norm2: Normalized,
    /// What the nonlinearity gives, and its slope there.
    pub(super) post: Vec<f32>,
    pub(super) slope: Vec<f32>,
}

/// Rows normalized, one over their scale, and weight times them plus bias.
#[derive(Default)]
pub(super) struct Normalized {
    pub(super) normal: Vec<f32>,
    pub(super) inverse: Vec<f32>,
    pub(super) y: Vec<f32>,
}

/// What the attention of one head needs for a moment.
#[derive(Default)]
pub(super) struct Head {
    /// Queries, or the gradient of what they get, transposed.
    pub(super) transposed: Vec<f32>,
    pub(super) d_scores: Vec<f32>,
}

/// Returns the first floats of a buffer, which grows where it has fewer.
pub(super) fn grown(buffer: &mut Vec<f32>, floats: usize) -> &mut [f32] {
    if buffer.len() < floats {
        buffer.resize(floats, 0.0);
    }
    &mut buffer[..floats]
}
