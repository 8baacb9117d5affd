//! The kinds of stages: one adapter each, between the pipeline and the crate that does the work.

use pipeline::{Cover, Problem, Resolved, Role, Together, Verbs};
use serde_json::Value;

use self::stage::Stage;

mod analyze;
mod audit;
mod build;
mod evaluate;
mod fits;
mod report;
mod stage;
mod told;
mod train;

/// Every kind of stage, in alphabetical order.
pub(crate) const STAGES: &[Stage] =
    &[analyze::STAGE, audit::STAGE, build::STAGE, evaluate::STAGE, report::STAGE, train::STAGE];

/// Returns the stage with this verb.
pub(crate) fn find(verb: &str) -> Option<&'static Stage> {
    STAGES.iter().find(|stage| stage.verb == verb)
}

/// What the pipeline asks of the stages.
pub(crate) struct Known;

impl Verbs for Known {
    fn names(&self) -> Vec<&'static str> {
        STAGES.iter().map(|stage| stage.verb).collect()
    }

    fn roles(&self, verb: &str) -> &'static [Role] {
        find(verb).map_or(&[], |stage| stage.roles)
    }

    fn resolve(&self, verb: &str, config: &Value) -> Result<Resolved, Vec<Problem>> {
        let stage = find(verb).expect("the pipeline asks only for verbs that it was told");
        Ok(Resolved {
            config: (stage.resolve)(config)?,
            version: stage.version,
            root: stage.root,
            device_matters: stage.device_matters,
            shows_pipeline: stage.shows_pipeline,
            resumable: stage.resumable,
        })
    }

    fn cover(&self, verb: &str, name: &str, folder: &str) -> Option<Cover> {
        (verb == build::STAGE.verb).then(|| build::cover(name, folder))
    }

    fn together(&self, stage: &Together<'_>) -> Result<Value, Vec<Problem>> {
        find(stage.verb).map_or(Ok(Value::Null), |known| (known.together)(stage))
    }
}
