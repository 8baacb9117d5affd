//! Writes the folder: tables, and a card that lets Hugging Face `datasets` load them.

use std::{fmt::Write as _, path::Path};

use artifact::{
    Provenance, TableWriter,
    tables::{Counterfactual, Example, Token},
};
use rayon::prelude::*;
use tracing::{info, warn};

use crate::{
    Config, Error, Level,
    counterfactual::Corruptor,
    draw::{Drawn, Price},
    split::{Reason, Split, first_8},
    world::World,
};

/// Rows made at once, in parallel, before they are written.
const CHUNK: usize = 1 << 16;

/// Writes one table for each split.
pub(crate) fn examples(
    world: &World,
    drawn: &Drawn,
    out: &Path,
    provenance: &Provenance,
) -> Result<(), Error> {
    for split in Split::ALL {
        let rows = &drawn.rows[split as usize];
        let path = out.join(format!("{}-00000-of-00001.parquet", split.name()));
        let mut writer = TableWriter::<Example>::create(&path, provenance)?;
        for chunk in rows.chunks(CHUNK) {
            let examples: Vec<Example> =
                chunk.par_iter().map(|&(task, index)| example(world, task as usize, index)).collect();
            for example in &examples {
                writer.push(example)?;
            }
        }
        writer.finish()?;
    }
    Ok(())
}

/// Returns the row with its number: a pure function of the definition, the task and the number.
pub(crate) fn example(world: &World, number: usize, index: u64) -> Example {
    let task = &world.tasks[number];
    let family = &task.space.family;
    let row = task.drawn(index);
    let written = world.write(task, &row.terms);
    let unit = family.unit();
    let mut cluster = None;
    if let Some(answer) = unit.units(&row.terms, family.context(row.terms.len())).last() {
        task.space.keys(&unit.canonical(answer), &mut |parameter, key| {
            if parameter == row.parameter {
                cluster = Some(first_8(&blake3::hash(&key.bytes())) as i64);
            }
        });
    }
    Example {
        example_id: task.example_id(index),
        task: task.name.clone(),
        family: family.name().into(),
        notation: task.task.notation.name().into(),
        domain: task.task.notation.domain().into_owned(),
        unit: unit.name().into(),
        parameter: row.parameter,
        text: written.text,
        terms: row.terms,
        tokens: written.tokens,
        answer_start: written.answer_start as i32,
        answer_length: written.answer_length as i32,
        cluster: cluster.unwrap_or(task.example_id(index)),
    }
}

/// Writes the table of tokens.
pub(crate) fn vocabulary(world: &World, out: &Path, provenance: &Provenance) -> Result<(), Error> {
    let tokens = world.vocabulary.tokens().iter().zip(0..).map(|(token, token_id)| Token {
        token_id,
        token: token.token.clone(),
        kind: token.kind.name().into(),
        value: token.value,
    });
    artifact::write_table(&out.join("vocabulary.parquet"), provenance, tokens)?;
    Ok(())
}

/// Writes the corrupted rows of every held-out row.
pub(crate) fn counterfactuals(
    config: &Config,
    world: &World,
    drawn: &Drawn,
    out: &Path,
    provenance: &Provenance,
) -> Result<(), Error> {
    let corruptor = Corruptor::new(world, config.seed);
    let mut writer = TableWriter::<Counterfactual>::create(&out.join("counterfactuals.parquet"), provenance)?;
    let mut missing = vec![0_u64; config.counterfactuals.kinds.len()];
    for split in [Split::Validation, Split::Test] {
        for chunk in drawn.rows[split as usize].chunks(CHUNK) {
            let kinds = config.counterfactuals.kinds.iter().enumerate();
            for (place, &kind) in kinds {
                let made: Vec<Option<Counterfactual>> = chunk
                    .par_iter()
                    .flat_map_iter(|&(task, index)| {
                        let (corruptor, task) = (&corruptor, &world.tasks[task as usize]);
                        (0..config.counterfactuals.per_row)
                            .map(move |copy| corruptor.corrupt(task, index, kind, copy))
                    })
                    .collect();
                for row in made {
                    match row {
                        Some(row) => writer.push(&row)?,
                        None => missing[place] += 1,
                    }
                }
            }
        }
    }
    let made = writer.finish()?;
    info!("{made} counterfactual rows");
    for (kind, missing) in
        config.counterfactuals.kinds.iter().zip(missing).filter(|(_, missing)| *missing > 0)
    {
        warn!("{missing} counterfactual rows `{}` left out: none is as long as its clean row", kind.name());
    }
    Ok(())
}

/// Says what the split cost: by task, the rows kept and the rows dropped.
pub(crate) fn log_price(world: &World, drawn: &Drawn) {
    for (task, price) in world.tasks.iter().zip(&drawn.prices) {
        let [train, validation, test] = price.kept;
        let dropped = words(price);
        let seen = price.seen;
        info!("{}: of {seen} rows {train} train, {validation} validation, {test} test{dropped}", task.name);
    }
    let [train, validation, test] = Split::ALL.map(|split| drawn.rows[split as usize].len());
    info!("kept {train} train, {validation} validation, {test} test rows");
}

/// Returns the dropped rows by reason: `; dropped 12 (9 ...; 3 ...)`, or nothing.
pub(crate) fn words(price: &Price) -> String {
    let dropped: u64 = price.dropped.iter().sum();
    let reasons: Vec<String> = Reason::ALL
        .iter()
        .filter(|(reason, _)| price.dropped[*reason as usize] > 0)
        .map(|(reason, words)| format!("{} {words}", price.dropped[*reason as usize]))
        .collect();
    let undrawn = price.seen - dropped - price.kept.iter().sum::<u64>();
    let mut text = String::new();
    if undrawn > 0 {
        let _ = write!(text, ", {undrawn} not asked for");
    }
    if dropped > 0 {
        let _ = write!(text, "; dropped {dropped} ({})", reasons.join("; "));
    }
    text
}

/// Writes the card, whose front matter tells `load_dataset` which file is which split.
pub(crate) fn card(config: &Config, world: &World, drawn: &Drawn, out: &Path) -> Result<(), Error> {
    let mut text = String::from("---\nconfigs:\n- config_name: default\n  default: true\n  data_files:\n");
    for split in Split::ALL {
        let _ = writeln!(text, "  - split: {0}\n    path: {0}-*.parquet", split.name());
    }
    for table in ["vocabulary", "counterfactuals"] {
        let _ = writeln!(text, "- config_name: {table}\n  data_files: {table}.parquet");
    }
    text.push_str("---\n\n# Sequences\n\n");
    text.push_str(match config.holdout.level {
        Level::Random => {
            "Held out at level `random`: no row stands in two splits, but its pieces do. A look-up table may score well."
        }
        Level::Transition => {
            "Held out at level `transition`: no adjacent pair of terms (no unit of any task) of a test row stands in the \
             train or validation rows, and none of a validation row in the train rows."
        }
    });
    text.push_str("\n\n| task | train | validation | test |\n| --- | --- | --- | --- |\n");
    for (task, price) in world.tasks.iter().zip(&drawn.prices) {
        let [train, validation, test] = price.kept;
        let _ = writeln!(text, "| `{}` | {train} | {validation} | {test} |", task.name);
    }
    text.push_str(
        "\nColumns: `terms` are the values of a row, the answer last; `tokens` are the row as token ids, with the answer \
         (and `END`, where a value may take several tokens) at `answer_start`, `answer_length` tokens long; `text` is the row as a person reads it. \
         `vocabulary.parquet` says what each token is, `counterfactuals.parquet` holds corrupted rows.\n\n\
         ```python\nfrom datasets import load_dataset\n\nrows = load_dataset(\"path/of/this/folder\")\n\
         tokens = load_dataset(\"path/of/this/folder\", \"vocabulary\")\n```\n",
    );
    let path = out.join("README.md");
    std::fs::write(&path, text).map_err(|source| Error::Io { path, source })
}
