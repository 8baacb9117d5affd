use pipeline::{Problem, Role, Root, Spec};

use super::{Stage, config, input, problem};
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
    keeps_failures: false,
    resolve: |value| super::resolved(value, evaluator::Config::check, explain),
    schema: |generator| generator.subschema_for::<evaluator::Config>(),
    run,
};

const ROLES: &[Role] = &[
    Role {
        name: "data",
        many: false,
        optional: false,
        verbs: &["build"],
        reads: &[
            "train-*.parquet",
            "validation-*.parquet",
            "test-*.parquet",
            "definition.parquet",
            "vocabulary.parquet",
        ],
    },
    Role {
        name: "audit",
        many: false,
        optional: false,
        verbs: &["audit"],
        reads: &[
            "audited.parquet",
            "certificate.parquet",
            "memorizers.parquet",
            "ceilings.parquet",
            "exposure.parquet",
        ],
    },
    Role {
        name: "model",
        many: false,
        optional: false,
        verbs: &["train"],
        reads: &["checkpoints.parquet", "training.parquet", "model.json"],
    },
];

fn run(spec: &Spec) -> Result<(), Failure> {
    let (data, audit, model) = (input(spec, "data")?, input(spec, "audit")?, input(spec, "model")?);
    let inputs = evaluator::Inputs {
        train: data.shards("train")?,
        validation: data.shards("validation")?,
        test: data.shards("test")?,
        definition: data.file("definition.parquet")?,
        vocabulary: data.file("vocabulary.parquet")?,
        audited: audit.file("audited.parquet")?,
        certificate: audit.file("certificate.parquet")?,
        memorizers: audit.file("memorizers.parquet")?,
        ceilings: audit.file("ceilings.parquet")?,
        exposure: audit.file("exposure.parquet")?,
        checkpoints: model.file("checkpoints.parquet")?,
        model: model.file("model.json")?,
        training: model.file("training.parquet")?,
    };
    evaluator::run(&config(spec)?, &inputs, &spec.out, &spec.provenance())
        .map_err(|error| Failure::Stage(error.to_string()))
}

fn explain(error: evaluator::Error) -> Problem {
    match error {
        evaluator::Error::Config { at, message, help } => problem(at, message, help),
        error => problem(String::new(), error.to_string(), String::new()),
    }
}
