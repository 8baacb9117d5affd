//! The parts that a model is made of.

use std::fmt;

use transformer::HookPoint;

/// A part of the model that can be taken away: a head, or an MLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Component {
    Head { layer: usize, head: usize },
    Mlp { layer: usize },
}

impl Component {
    /// Returns every component of a model, layer by layer, heads before the MLP.
    pub(crate) fn all(shape: &transformer::Config) -> Vec<Component> {
        let layer = |layer| {
            let heads = (0..shape.n_heads).map(move |head| Component::Head { layer, head });
            heads.chain((!shape.attn_only).then_some(Component::Mlp { layer }))
        };
        (0..shape.n_layers).flat_map(layer).collect()
    }

    /// Returns where its output is looked at and replaced.
    pub(crate) fn hook(self) -> HookPoint {
        match self {
            Component::Head { layer, .. } => HookPoint::Z(layer),
            Component::Mlp { layer } => HookPoint::MlpOut(layer),
        }
    }

    pub(crate) fn layer(self) -> i32 {
        match self {
            Component::Head { layer, .. } | Component::Mlp { layer } => layer as i32,
        }
    }

    /// Returns the head, -1 for an MLP.
    pub(crate) fn head(self) -> i32 {
        match self {
            Component::Head { head, .. } => head as i32,
            Component::Mlp { .. } => -1,
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Component::Head { layer, head } => write!(f, "blocks.{layer}.attn.head.{head}"),
            Component::Mlp { layer } => write!(f, "blocks.{layer}.mlp"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::tests::shape;

    #[test]
    fn components_are_named_in_order() {
        let names: Vec<String> = Component::all(&shape()).iter().map(Component::to_string).collect();
        assert_eq!(names[2..5], ["blocks.0.attn.head.2", "blocks.0.mlp", "blocks.1.attn.head.0"]);
        assert_eq!(Component::all(&transformer::Config { attn_only: true, ..shape() }).len(), 6);
        let hooks = Component::all(&shape()).into_iter().map(|part| part.hook().to_string());
        assert_eq!(hooks.collect::<Vec<_>>()[2..4], ["blocks.0.attn.hook_z", "blocks.0.hook_mlp_out"]);
    }
}
