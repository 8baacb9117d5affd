use std::fmt;
use std::str::FromStr;

use candle_core::{Result, Tensor};

/// Receives every activation of a forward pass and may return another one in its place.
///
/// Returning the activation unchanged is looking, keeping a clone is an activation cache, returning another tensor of
/// the same shape is ablation or patching. Closures `FnMut(HookPoint, Tensor) -> Result<Tensor>` are hooks.
pub trait Hook {
    /// Takes the activation at `point` and returns the one to go on with.
    ///
    /// # Errors
    /// Whatever a tensor operation gives; the forward pass stops with it.
    fn call(&mut self, point: HookPoint, activation: Tensor) -> Result<Tensor>;
}

impl<F: FnMut(HookPoint, Tensor) -> Result<Tensor>> Hook for F {
    fn call(&mut self, point: HookPoint, activation: Tensor) -> Result<Tensor> {
        self(point, activation)
    }
}

/// The hook that does nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHook;

impl Hook for NoHook {
    fn call(&mut self, _: HookPoint, activation: Tensor) -> Result<Tensor> {
        Ok(activation)
    }
}

macro_rules! hook_points {
    (
        once { $($(#[$once_doc:meta])* $once:ident = $once_name:literal,)* }
        block { $($(#[$doc:meta])* $point:ident = $name:literal,)* }
    ) => {
        /// A place in the forward pass where a hook is called; written and parsed as TransformerLens' activation name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum HookPoint {
            $($(#[$once_doc])* $once,)*
            $($(#[$doc])* $point(usize),)*
        }

        impl HookPoint {
            /// Returns every hook point of a model with `n_layers` blocks.
            pub fn all(n_layers: usize) -> Vec<HookPoint> {
                let blocks = (0..n_layers).flat_map(|layer| [$(HookPoint::$point(layer)),*]);
                [$(HookPoint::$once),*].into_iter().chain(blocks).collect()
            }

            /// Returns the block that the point lies in; `None` for embedding and final normalization.
            pub fn layer(self) -> Option<usize> {
                match self {
                    $(HookPoint::$once => None,)*
                    $(HookPoint::$point(layer) => Some(layer),)*
                }
            }
        }

        impl fmt::Display for HookPoint {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(HookPoint::$once => formatter.write_str($once_name),)*
                    $(HookPoint::$point(layer) => write!(formatter, "blocks.{layer}.{}", $name),)*
                }
            }
        }

        impl FromStr for HookPoint {
            type Err = String;

            fn from_str(text: &str) -> std::result::Result<Self, String> {
                if let Some((layer, name)) = text.strip_prefix("blocks.").and_then(|rest| rest.split_once('.')) {
                    let point = match (layer.parse(), name) {
                        $((Ok(layer), $name) => Some(HookPoint::$point(layer)),)*
                        _ => None,
                    };
                    // Only the canonical spelling: "+1" and "01" would give one place two names.
                    if let Some(point) = point.filter(|point| point.to_string() == text) {
                        return Ok(point);
                    }
                }
                match text {
                    $($once_name => Ok(HookPoint::$once),)*
                    _ => Err(format!(
                        "no activation is called {text:?}; expected one of {} or blocks.<layer>. and one of {}",
                        [$($once_name),*].join(", "), [$($name),*].join(", "),
                    )),
                }
            }
        }
    };
}

hook_points! {
    once {
        /// Token embeddings, `[batch, pos, d_model]`.
        Embed = "hook_embed",
        /// Position embeddings, `[batch, pos, d_model]`.
        PosEmbed = "hook_pos_embed",
        /// Square root of variance plus eps in the final normalization, `[batch, pos, 1]`.
        LnFinalScale = "ln_final.hook_scale",
        /// Output of the final normalization, `[batch, pos, d_model]`.
        LnFinalNormalized = "ln_final.hook_normalized",
    }
    block {
        /// Residual stream before the block, `[batch, pos, d_model]`.
        ResidPre = "hook_resid_pre",
        /// Square root of variance plus eps before attention, `[batch, pos, 1]`.
        Ln1Scale = "ln1.hook_scale",
        /// Normalized input of attention, `[batch, pos, d_model]`.
        Ln1Normalized = "ln1.hook_normalized",
        /// Queries, `[batch, pos, head, d_head]`.
        Q = "attn.hook_q",
        /// Keys, `[batch, pos, head, d_head]`.
        K = "attn.hook_k",
        /// Values, `[batch, pos, head, d_head]`.
        V = "attn.hook_v",
        /// Masked scores, divided by the square root of d_head, `[batch, head, query, key]`.
        AttnScores = "attn.hook_attn_scores",
        /// Attention weights, `[batch, head, query, key]`.
        Pattern = "attn.hook_pattern",
        /// Weighted values of each head, `[batch, pos, head, d_head]`: where a head is ablated.
        Z = "attn.hook_z",
        /// Output of attention, `[batch, pos, d_model]`.
        AttnOut = "hook_attn_out",
        /// Residual stream between attention and MLP, `[batch, pos, d_model]`; not in a model with `attn_only`.
        ResidMid = "hook_resid_mid",
        /// Square root of variance plus eps before the MLP, `[batch, pos, 1]`.
        Ln2Scale = "ln2.hook_scale",
        /// Normalized input of the MLP, `[batch, pos, d_model]`.
        Ln2Normalized = "ln2.hook_normalized",
        /// Neurons before the nonlinearity, `[batch, pos, d_mlp]`.
        MlpPre = "mlp.hook_pre",
        /// Neurons after the nonlinearity, `[batch, pos, d_mlp]`.
        MlpPost = "mlp.hook_post",
        /// Output of the MLP, `[batch, pos, d_model]`.
        MlpOut = "hook_mlp_out",
        /// Residual stream after the block, `[batch, pos, d_model]`.
        ResidPost = "hook_resid_post",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_back() {
        for point in HookPoint::all(12) {
            assert_eq!(point.to_string().parse(), Ok(point));
        }
        assert_eq!("blocks.0.attn.hook_pattern".parse(), Ok(HookPoint::Pattern(0)));
        assert_eq!(HookPoint::Z(11).layer(), Some(11));
        assert_eq!(HookPoint::Embed.layer(), None);
    }

    #[test]
    fn other_names_are_refused() {
        for name in [
            "",
            "blocks.0",
            "blocks.x.hook_mlp_out",
            "blocks.+1.hook_mlp_out",
            "blocks.0.hook_embed",
            "hook_z",
        ] {
            let message = name.parse::<HookPoint>().unwrap_err();
            assert!(message.contains("attn.hook_pattern"), "{message}");
        }
    }
}
