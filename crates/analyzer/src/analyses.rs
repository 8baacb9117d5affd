//! The list of analyses: one file and one line each, in alphabetical order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::analyze::Analyze;
use crate::named;

mod ablation;
mod attention;

/// Makes the enum of the analyses from a line for each: its module, which gives the name, its parameters, and what it does.
macro_rules! analyses {
    ($($module:ident $analysis:ident $summary:literal;)*) => {
        /// An analysis with its parameters, as a definition names it.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        #[schemars(transform = named::alone)]
        pub enum Analysis { $(#[doc = $summary] $analysis($module::$analysis),)* }

        impl Analysis {
            /// Returns every analysis with its default parameters, in alphabetical order.
            pub fn all() -> Vec<Analysis> {
                vec![$(Analysis::$analysis($module::$analysis::default()),)*]
            }

            /// Returns the name in a definition and in the column `analysis`.
            pub fn name(&self) -> &'static str {
                match self { $(Analysis::$analysis(_) => stringify!($module),)* }
            }

            /// Returns what it does, in one sentence.
            pub fn summary(&self) -> &'static str {
                match self { $(Analysis::$analysis(_) => $summary,)* }
            }

            pub(crate) fn get(&self) -> &dyn Analyze {
                match self { $(Analysis::$analysis(analysis) => analysis,)* }
            }
        }
    };
}

analyses! {
    ablation Ablation "Replaces each head and MLP by zero and by its mean, and says how much of the answer is lost.";
    attention Attention "Says where each head looks: mean patterns, weight by offset, previous-token and duplicate scores.";
}
