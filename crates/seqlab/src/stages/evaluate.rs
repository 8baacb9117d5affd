use pipeline::{Problem, Role, Root, Spec, Together};
use serde_json::Value;

use super::stage::{self, Stage, config, input, problem};
use super::told::{self, ACTIVATIONS, Data, Models};
use crate::failure::Failure;

/// The stage `evaluate`.
pub(crate) const STAGE: Stage = Stage {
    verb: "evaluate",
    about: "Scores checkpoints beside the memorisers, the untrained model and the rule itself.",
    roles: ROLES,
    version: evaluator::VERSION,
    root: Root::Results,
    device_matters: false,
    shows_pipeline: false,
    resumable: false,
    resolve: |value| stage::resolved(value, evaluator::Config::check, explain),
    together,
    schema: |generator| generator.subschema_for::<evaluator::Config>(),
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
            "definition.parquet",
            "vocabulary.parquet",
        ],
    ),
    Role::one(
        "audit",
        &["audit"],
        &[
            "audited.parquet",
            "certificate.parquet",
            "memorizers.parquet",
            "ceilings.parquet",
            "exposure.parquet",
            "ranges.parquet",
        ],
    ),
    Role::one(
        "model",
        &["train"],
        &[
            "checkpoints.parquet",
            "training.parquet",
            "trained_on.parquet",
            "vocabulary.parquet",
            "model.json",
        ],
    ),
];

/// Refuses models that cannot read the rows, the audit of other rows, and passes that no memory holds.
fn together(stage: &Together<'_>) -> Result<Value, Vec<Problem>> {
    let (Some(data), Some(model)) = (stage.input("data"), stage.input("model")) else {
        return Ok(Value::Null);
    };
    let (Some(built), Some(models)) = (told::read::<Data>(&data), told::read::<Models>(&model)) else {
        return Ok(Value::Null);
    };
    let mut problems: Vec<Problem> = told::check_reads(&models, &model, &built, &data).into_iter().collect();
    if problems.is_empty() {
        // Where the model cannot read the rows at all, that is what is wrong.
        problems.extend(told::check_audit(&models, &built, &model, &data, stage.input("audit")));
    }
    let config: evaluator::Config = pipeline::typed(stage.config)?;
    let (positions, batch) = (built.rows.longest() as u64, built.rows.most().min(config.batch as u64));
    // Rows go through the model in tiles, as in training; of all of them the logits are kept, at most of every position.
    let (tile, row) =
        (told::tile(&models.shape, positions), u128::from(positions) * models.shape.d_vocab as u128);
    let numbers = tile + u128::from(batch) * row;
    if numbers > ACTIVATIONS {
        let fits = ACTIVATIONS.saturating_sub(tile) / row.max(1);
        let (asked, possible) = (told::gibibytes(numbers), told::gibibytes(ACTIVATIONS));
        let message = format!(
            "a pass over {batch} rows of {positions} tokens takes about {asked}, of at most {possible}"
        );
        let help = match fits {
            0 => "build shorter rows, or train a smaller model".to_owned(),
            fits => format!("give at most {fits}"),
        };
        problems.push(problem("batch".to_owned(), message, help));
    }
    if problems.is_empty() { Ok(Value::Null) } else { Err(problems) }
}

fn run(spec: &Spec) -> Result<(), Failure> {
    let (data, audit, model) = (input(spec, "data")?, input(spec, "audit")?, input(spec, "model")?);
    let inputs = evaluator::Inputs {
        train: data.shards("train")?,
        validation: data.shards("validation")?,
        test: data.shards("test")?,
        definition: data.file("definition.parquet")?,
        vocabulary: data.file("vocabulary.parquet")?,
        model_vocabulary: model.file("vocabulary.parquet")?,
        trained_on: model.file("trained_on.parquet")?,
        audited: audit.file("audited.parquet")?,
        certificate: audit.file("certificate.parquet")?,
        memorizers: audit.file("memorizers.parquet")?,
        ceilings: audit.file("ceilings.parquet")?,
        exposure: audit.file("exposure.parquet")?,
        ranges: audit.file("ranges.parquet")?,
        checkpoints: model.file("checkpoints.parquet")?,
        model: model.file("model.json")?,
        training: model.file("training.parquet")?,
    };
    evaluator::run(&config(spec)?, &inputs, &spec.out, &spec.provenance()).map_err(|error| {
        let stage = |role| spec.folders(role).first().map_or("", |folder| folder.stage.as_str());
        match error {
            // The builds are known by their digests alone here; the stages have names.
            evaluator::Error::Uncertified(artifact::Uncertified::NotCompared { .. }) => {
                let (audit, data, model) = (stage("audit"), stage("data"), stage("model"));
                let help = format!(
                    "help: `{audit}: {{ audit: {{ data: {data}, trained_on: [...] }} }}`, with each build that `{model}` and the \
                     trainings before it read"
                );
                Failure::Stage { source: error.into(), more: Some(help) }
            }
            error => Failure::stage(error),
        }
    })
}

fn explain(error: evaluator::Error) -> Problem {
    match error {
        evaluator::Error::Config { at, message, help } => problem(at, message, help),
        error => problem(String::new(), error.to_string(), String::new()),
    }
}
