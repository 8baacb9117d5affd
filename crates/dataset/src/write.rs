//! Writes the folder: tables, and a card that lets Hugging Face `datasets` load them.

use std::{
    fmt::Write as _,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use artifact::{
    Provenance, ROWS_PER_GROUP, TableWriter, guarantee,
    tables::{Counterfactual, Example, Token},
};
use sequence::Written;
use serde_json::{Value, json};
use tracing::info;

use crate::{
    Config, Error, assignment::first_8, counterfactual::Corruptor, draw::Drawing, split::Split,
    targets::Targets, task::Sequences, world::World,
};

/// The most rows of one file; what a split has beyond them goes into further files.
pub(crate) const ROWS_PER_FILE: u64 = 10_000_000;

/// Writes the files of a split and returns how often each token is a target in it.
pub(crate) fn examples(
    drawing: &Drawing,
    split: Split,
    rows_per_file: u64,
    out: &Path,
    provenance: &Provenance,
) -> Result<Targets, Error> {
    let (world, total) = (drawing.world(), drawing.rows(split));
    let targets = Mutex::new(Targets::none(world));
    let progress = Progress::new(split.name(), total);
    let files = total.div_ceil(rows_per_file).max(1);
    for file in 0..files {
        let path = out.join(format!("{}-{file:05}-of-{files:05}.parquet", split.name()));
        let (first, end) = (file * rows_per_file, total.min((file + 1) * rows_per_file));
        let mut writer = TableWriter::<Example>::create(&path, provenance)?;
        writer.push_groups((end - first).div_ceil(ROWS_PER_GROUP), |number, group| {
            let from = first + number * ROWS_PER_GROUP;
            let places = from..end.min(from + ROWS_PER_GROUP);
            let (mut maker, mut own) = (Maker::new(world), Targets::none(world));
            for (task, index) in drawing.list(split, places.clone()) {
                let row = maker.make(task, index);
                own.count(world, &world.tasks[task], &row.terms, &row.tokens);
                group.push(row)?;
            }
            targets.lock().unwrap_or_else(PoisonError::into_inner).add(&own);
            progress.add(places.end - places.start);
            Ok(())
        })?;
        writer.finish()?;
    }
    Ok(targets.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Makes rows one after another in the same memory.
struct Maker<'a> {
    world: &'a World,
    /// The task of the row that was made last.
    last: Option<usize>,
    row: Example,
    written: Written,
}

impl<'a> Maker<'a> {
    fn new(world: &'a World) -> Maker<'a> {
        let row = Example {
            example_id: 0,
            task: String::new(),
            family: String::new(),
            notation: String::new(),
            domain: String::new(),
            unit: String::new(),
            parameter: None,
            text: String::new(),
            terms: Vec::new(),
            tokens: Vec::new(),
            answer_start: 0,
            answer_length: 0,
            cluster: 0,
        };
        Maker { world, last: None, row, written: Written::default() }
    }

    /// Returns the row with its number: a pure function of the definition, the task and the number.
    fn make(&mut self, number: usize, index: u64) -> &Example {
        let Maker { world, last, row, written } = self;
        let task = &world.tasks[number];
        let (family, notation) = (&task.space.family, &task.task.notation);
        row.example_id = task.example_id(index);
        let parameter = task.space.row_into(index, &mut row.terms).expect("only numbers of rows are drawn");
        row.parameter = sequence::given(parameter);
        world.write_into(task, &row.terms, written);
        std::mem::swap(&mut row.tokens, &mut written.tokens);
        std::mem::swap(&mut row.text, &mut written.text);
        row.answer_start = written.answer_start as i32;
        row.answer_length = written.answer_length as i32;
        row.cluster = cluster(task, parameter, &row.terms).unwrap_or(row.example_id);
        if last.replace(number) != Some(number) {
            row.task.clone_from(&task.name);
            row.family = family.name().into();
            row.notation = notation.name().into();
            row.domain = notation.domain().into_owned();
            row.unit = family.unit().name().into();
        }
        row
    }
}

/// Returns what the row's answer shares with other answers: the hash of the key of its unit, if it has one.
fn cluster(task: &Sequences, parameter: i64, terms: &[i64]) -> Option<i64> {
    let (unit, context) = (task.space.family.unit(), task.space.family.context(terms.len()));
    let answer = unit.units(terms, context).last()?;
    let mut cluster = None;
    task.space.keys(&unit.canonical(answer), &mut |under, key| {
        if under == parameter {
            cluster = Some(first_8(&blake3::hash(&key.bytes())) as i64);
        }
    });
    cluster
}

/// Says how far the writing of a table is, from all threads.
struct Progress<'a> {
    task: &'a str,
    done: AtomicU64,
    total: u64,
}

impl<'a> Progress<'a> {
    fn new(task: &'a str, total: u64) -> Progress<'a> {
        Progress { task, done: AtomicU64::new(0), total }
    }

    fn add(&self, rows: u64) {
        let done = self.done.fetch_add(rows, Ordering::Relaxed) + rows;
        info!(target: "progress", task = self.task, done, total = self.total, unit = "rows", "");
    }
}

/// Writes what readers need of the definition: all that is not in the rows, and nothing that is.
pub(crate) fn definition(config: &Config, out: &Path, provenance: &Provenance) -> Result<(), Error> {
    let map = |value: serde_json::Result<Value>| match value {
        Ok(Value::Object(map)) => map,
        _ => unreachable!("the sections of a config are maps of JSON types"),
    };
    let holdout = json!({ "level": config.holdout.level, "block": config.holdout.block });
    let sections = [
        ("holdout", map(Ok(holdout))),
        ("tasks", map(serde_json::to_value(&config.tasks))),
        ("pins", map(serde_json::to_value(&config.pins))),
    ];
    artifact::write_definition(&out.join("definition.parquet"), provenance, sections)?;
    Ok(())
}

/// Writes the table of tokens.
pub(crate) fn vocabulary(world: &World, out: &Path, provenance: &Provenance) -> Result<(), Error> {
    let tokens = world.vocabulary.tokens().iter().zip(0..).map(|(token, token_id)| Token {
        token_id,
        token: token.token.clone(),
        kind: token.kind.name().into(),
        value: sequence::given(token.value),
    });
    artifact::write_table(&out.join("vocabulary.parquet"), provenance, tokens)?;
    Ok(())
}

/// Writes the corrupted rows of every held-out row: for each, one after another, all copies of each kind.
pub(crate) fn counterfactuals(
    config: &Config,
    drawing: &Drawing,
    out: &Path,
    provenance: &Provenance,
) -> Result<(), Error> {
    let world = drawing.world();
    let (corruptor, kinds) = (Corruptor::new(world, config.seed), &config.counterfactuals.kinds);
    let missing: Vec<AtomicU64> = kinds.iter().map(|_| AtomicU64::new(0)).collect();
    let of_a_row = kinds.len() as u64 * u64::from(config.counterfactuals.per_row);
    let clean_rows = (ROWS_PER_GROUP / of_a_row.max(1)).max(1);
    let mut writer = TableWriter::<Counterfactual>::create(&out.join("counterfactuals.parquet"), provenance)?;
    for split in [Split::Validation, Split::Test].into_iter().filter(|_| of_a_row > 0) {
        let total = drawing.rows(split);
        writer.push_groups(total.div_ceil(clean_rows), |number, group| {
            let from = number * clean_rows;
            for (task, index) in drawing.list(split, from..total.min(from + clean_rows)) {
                for (kind, missing) in kinds.iter().zip(&missing) {
                    for copy in 0..config.counterfactuals.per_row {
                        match corruptor.corrupt(&world.tasks[task], index, *kind, copy) {
                            Some(row) => group.push(&row)?,
                            None => drop(missing.fetch_add(1, Ordering::Relaxed)),
                        }
                    }
                }
            }
            Ok(())
        })?;
    }
    let made = writer.finish()?;
    info!("{made} counterfactual rows");
    for (kind, missing) in kinds.iter().zip(missing.into_iter().map(AtomicU64::into_inner)) {
        if missing > 0 {
            let kind = kind.name();
            info!(
                "{missing} rows have no counterfactual `{kind}`: none is as long and goes on with another answer"
            );
        }
    }
    Ok(())
}

/// Says what the split cost: by task, the rows kept and the rows dropped.
pub(crate) fn log_price(drawing: &Drawing) {
    for (task, price) in drawing.world().tasks.iter().zip(drawing.prices()) {
        info!("{}: {price}", task.name);
    }
    let [train, validation, test] = Split::ALL.map(|split| drawing.rows(split));
    info!("kept {train} train, {validation} validation, {test} test rows");
}

/// Writes the card, whose front matter tells `load_dataset` which file is which split.
pub(crate) fn card(config: &Config, drawing: &Drawing, out: &Path) -> Result<(), Error> {
    let mut text = String::from("---\nconfigs:\n- config_name: default\n  default: true\n  data_files:\n");
    for split in Split::ALL {
        let _ = writeln!(text, "  - split: {0}\n    path: {0}-*.parquet", split.name());
    }
    for table in ["vocabulary", "counterfactuals", "definition"] {
        let _ = writeln!(text, "- config_name: {table}\n  data_files: {table}.parquet");
    }
    text.push_str("---\n\n# Sequences\n\n");
    let level = &config.holdout.level;
    let form = serde_json::to_value(level).expect("names and numbers are JSON");
    let tasks = drawing.world().tasks.iter().map(|task| &task.space.family);
    let units: Vec<&str> = tasks.map(|family| family.unit().name()).collect();
    let _ = write!(text, "Held out at level `{}`: {}", level.name(), guarantee::guarantee(&form, units));
    text.push_str("\n\n| task | train | validation | test |\n| --- | --- | --- | --- |\n");
    for (task, price) in drawing.world().tasks.iter().zip(drawing.prices()) {
        let [train, validation, test] = price.kept;
        let _ = writeln!(text, "| `{}` | {train} | {validation} | {test} |", task.name);
    }
    text.push_str(
        "\nColumns: `terms` are the values of a row, the answer last; `tokens` are the row as token ids, with the answer \
         (and `END`, where a value may take several tokens) at `answer_start`, `answer_length` tokens long; `text` is the row as a person writes it, in decimal numbers whatever the order of the digits. \
         `vocabulary.parquet` says what each token is, `counterfactuals.parquet` holds corrupted rows, `definition.parquet` \
         what the tasks are and what is held out.\n\n\
         ```python\nfrom datasets import load_dataset\n\nrows = load_dataset(\"path/of/this/folder\")\n\
         tokens = load_dataset(\"path/of/this/folder\", \"vocabulary\")\n```\n",
    );
    let path = out.join("README.md");
    std::fs::write(&path, text).map_err(|source| Error::Io { path, source })
}
