use pipeline::{Problem, Role, Root, Spec, Together};
use serde_json::Value;

use super::stage::{self, Stage, config, input, problem};
use super::told::{self, Data, Models};
use crate::failure::Failure;

/// The stage `analyze`.
pub(crate) const STAGE: Stage = Stage {
    verb: "analyze",
    about: "Opens the models up: attention patterns, what each head and MLP is worth.",
    roles: ROLES,
    version: analyzer::VERSION,
    root: Root::Results,
    device_matters: false,
    shows_pipeline: false,
    resumable: false,
    resolve: |value| stage::resolved(value, analyzer::Config::check, explain),
    together,
    schema: |generator| generator.subschema_for::<analyzer::Config>(),
    run,
};

const ROLES: &[Role] = &[
    Role::one(
        "data",
        &["build"],
        &[
            "train-*.parquet",
            "validation-*.parquet",
            "test-*.parquet",
            "vocabulary.parquet",
            "counterfactuals.parquet",
        ],
    ),
    // Where the models saw something else than these data alone.
    Role::one("audit", &["audit"], &["audited.parquet", "certificate.parquet"]).optional(),
    Role::one(
        "model",
        &["train"],
        &["checkpoints.parquet", "model.json", "trained_on.parquet", "vocabulary.parquet"],
    ),
];

/// Refuses models that cannot read the rows, or of which nobody has shown that they did not see them.
fn together(stage: &Together<'_>) -> Result<Value, Vec<Problem>> {
    let (Some(data), Some(model)) = (stage.input("data"), stage.input("model")) else {
        return Ok(Value::Null);
    };
    let (Some(rows), Some(models)) = (told::read::<Data>(&data), told::read::<Models>(&model)) else {
        return Ok(Value::Null);
    };
    let problem = told::check_reads(&models, &model, &rows, &data);
    let problem = problem.or_else(|| told::check_audit(&models, &rows, &model, &data, stage.input("audit")));
    problem.map_or(Ok(Value::Null), |problem| Err(vec![problem]))
}

fn run(spec: &Spec) -> Result<(), Failure> {
    let (data, model) = (input(spec, "data")?, input(spec, "model")?);
    let config: analyzer::Config = config(spec)?;
    let inputs = analyzer::Inputs {
        examples: data.shards(config.split.as_str())?,
        vocabulary: data.file("vocabulary.parquet")?,
        model_vocabulary: model.file("vocabulary.parquet")?,
        counterfactuals: data.file("counterfactuals.parquet")?,
        checkpoints: model.file("checkpoints.parquet")?,
        model: model.file("model.json")?,
        trained_on: model.file("trained_on.parquet")?,
        audit: match spec.input("audit") {
            None => None,
            Some(path) => {
                let audit = stage::open(spec, "audit", path)?;
                Some((audit.file("audited.parquet")?, audit.file("certificate.parquet")?))
            }
        },
    };
    analyzer::run(&config, &inputs, &spec.out, &spec.provenance()).map_err(Failure::stage)
}

fn explain(error: analyzer::Error) -> Problem {
    match error {
        analyzer::Error::Config { at, message, help } => problem(at, message, help),
        error => problem(String::new(), error.to_string(), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_split_that_may_be_explained_is_part_of_the_key() {
        let schema = serde_json::to_value(schemars::schema_for!(analyzer::Config)).expect("a schema is JSON");
        let splits = schema["$defs"]["SplitName"]["oneOf"].as_array().expect("splits and what they are");
        assert_eq!(splits.len(), 3);
        for split in splits.iter().filter_map(|split| split["const"].as_str()) {
            assert!(ROLES[0].reads.contains(&format!("{split}-*.parquet").as_str()), "{split}");
        }
    }
}
