//! What was asked: tasks, level, seeds, steps, rows, model.

use std::collections::{BTreeMap, BTreeSet};

use artifact::tables::Example;
use artifact::{guarantee, row_count};
use serde::Serialize;
use serde_json::Value;

use crate::Error;
use crate::folder::{Source, each_row};
use crate::number::{count, counted};

/// Splits larger than this are counted by their footers alone, not by task.
const COUNTED_BY_TASK: u64 = 200_000;
/// Sample rows shown of each task and split.
const SAMPLES: usize = 2;

/// What the dataset says of its definition, as far as the page speaks of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Build {
    /// Null where no table says it.
    pub config: Value,
}

impl Build {
    /// Reads the table `definition`.
    pub(crate) fn read(source: &Source) -> Result<Self, Error> {
        Ok(Self { config: source.definition()? })
    }

    fn tasks(&self) -> Vec<(&String, &Value)> {
        self.config["tasks"].as_object().map(|tasks| tasks.iter().collect()).unwrap_or_default()
    }
}

/// Writes a config value in one line: `geometric (ratio 2)`, `min 1, max 4999`, `5`.
pub(crate) fn brief(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(brief).collect::<Vec<_>>().join(", "),
        Value::Object(map) => match map.iter().next() {
            Some((name, inner @ Value::Object(fields))) if map.len() == 1 => {
                if fields.is_empty() {
                    name.clone()
                } else {
                    format!("{name} ({})", brief(inner))
                }
            }
            _ => map
                .iter()
                .map(|(name, inner)| format!("{name} {}", brief(inner)))
                .collect::<Vec<_>>()
                .join(", "),
        },
        other => other.to_string(),
    }
}

/// One line of the list of facts.
#[derive(Debug, Serialize)]
pub(crate) struct Fact {
    name: &'static str,
    value: String,
}

/// One task of the data.
#[derive(Debug, Serialize)]
struct Task {
    name: String,
    family: String,
    details: String,
    /// Rows by split; empty where a split is too large to be counted by task.
    rows: Vec<String>,
}

/// Rows as they stand in the data.
#[derive(Debug, Serialize)]
struct Sample {
    split: &'static str,
    task: String,
    texts: Vec<String>,
}

/// The section.
#[derive(Debug, Serialize)]
pub(crate) struct Asked {
    facts: Vec<Fact>,
    tasks: Vec<Task>,
    samples: Vec<Sample>,
}

/// What one pass over the examples finds.
#[derive(Default)]
struct Pass {
    by_task: BTreeMap<(&'static str, String), i64>,
    counted: BTreeSet<&'static str>,
    samples: BTreeMap<(&'static str, String), Vec<String>>,
    /// What rows may not share.
    units: BTreeSet<String>,
}

const SPLITS: [&str; 3] = ["train", "validation", "test"];

/// Builds the section.
pub(crate) fn build(source: &Source, build: &Build, seeds: &[i32]) -> Result<Asked, Error> {
    let mut pass = Pass::default();
    let mut sizes = Vec::new();
    for split in SPLITS {
        let shards = source.examples(split);
        let mut size = 0;
        for shard in &shards {
            size += row_count(shard)?;
        }
        if shards.is_empty() {
            continue;
        }
        sizes.push(format!("{} {split}", count(i64::try_from(size).unwrap_or(i64::MAX))));
        if size > COUNTED_BY_TASK {
            continue;
        }
        pass.counted.insert(split);
        each_row(&shards, |row: Example| {
            if !pass.units.contains(&row.unit) {
                pass.units.insert(row.unit.clone());
            }
            let key = (split, row.task);
            let samples = pass.samples.entry(key.clone()).or_default();
            if samples.len() < SAMPLES {
                samples.push(row.text);
            }
            *pass.by_task.entry(key).or_default() += 1;
        })?;
    }
    let facts = facts(source, build, seeds, &sizes, &pass)?;
    let tasks = build.tasks().into_iter().map(|(name, task)| task_line(name, task, &pass)).collect();
    let samples = pass.samples.into_iter().map(|((split, task), texts)| Sample { split, task, texts });
    let mut samples: Vec<_> = samples.collect();
    samples.sort_by_key(|sample| SPLITS.iter().rev().position(|split| *split == sample.split));
    samples.truncate(12);
    Ok(Asked { facts, tasks, samples })
}

fn facts(
    source: &Source,
    build: &Build,
    seeds: &[i32],
    sizes: &[String],
    pass: &Pass,
) -> Result<Vec<Fact>, Error> {
    let train = source.config("checkpoints");
    let mut facts = Vec::new();
    let mut fact = |name, value: String| {
        if !value.is_empty() {
            facts.push(Fact { name, value });
        }
    };
    let level = match &build.config["holdout"]["level"] {
        Value::Null => String::new(),
        level => {
            let units = pass.units.iter().map(String::as_str);
            format!("{} – {}", brief(level), guarantee::guarantee(level, units))
        }
    };
    fact("Held out by", level);
    fact("Rows", sizes.join(" · "));
    fact("Seeds", if seeds.is_empty() { String::new() } else { seed_range(seeds) });
    let plan = ["steps", "batch", "loss"].iter().filter(|name| !train[**name].is_null());
    fact(
        "Training",
        plan.map(|name| format!("{name} {}", brief(&train[*name]))).collect::<Vec<_>>().join(" · "),
    );
    fact("Optimizer", if train["optimizer"].is_null() { String::new() } else { brief(&train["optimizer"]) });
    if let Some(model) = source.model()? {
        let names = ["n_layers", "n_heads", "d_model", "d_mlp", "d_head", "n_ctx", "d_vocab", "act_fn"];
        let mut words: Vec<_> = names
            .iter()
            .filter(|name| !model[**name].is_null())
            .map(|name| format!("{name} {}", brief(&model[*name])))
            .collect();
        words.extend(model["normalization_type"].as_str().map(|norm| format!("norm {norm}")));
        words.extend((model["attn_only"] == true).then(|| "attention only".to_owned()));
        fact("Model", words.join(" · "));
    }
    if let Some(path) = source.table("vocabulary") {
        let tokens = artifact::read_vocabulary(&path)?;
        let mut kinds = BTreeMap::<String, i64>::new();
        tokens.iter().for_each(|token| *kinds.entry(token.kind.clone()).or_default() += 1);
        let kinds: Vec<_> = kinds.iter().map(|(kind, n)| format!("{} {kind}", count(*n))).collect();
        fact("Vocabulary", format!("{} ({})", counted(tokens.len() as i64, "token"), kinds.join(", ")));
    }
    Ok(facts)
}

fn task_line(name: &str, task: &Value, pass: &Pass) -> Task {
    let details = task.as_object().into_iter().flatten().filter(|(word, value)| {
        let unset =
            value.is_null() || **value == Value::Bool(false) || value.as_array().is_some_and(Vec::is_empty);
        *word != "family" && !unset
    });
    let words: Vec<_> = details
        .map(
            |(word, value)| {
                if *value == Value::Bool(true) { word.clone() } else { format!("{word} {}", brief(value)) }
            },
        )
        .collect();
    let rows = SPLITS
        .iter()
        .filter(|split| pass.counted.contains(*split))
        .map(|split| count(pass.by_task.get(&(*split, name.to_owned())).copied().unwrap_or(0)) + " " + split);
    Task {
        name: name.to_owned(),
        family: brief(&task["family"]),
        details: words.join(" · "),
        rows: rows.collect(),
    }
}

/// Returns `8 (0 to 7)`, or the list where numbers are missing.
fn seed_range(seeds: &[i32]) -> String {
    let (first, last) = (seeds[0], seeds[seeds.len() - 1]);
    if seeds.len() > 1 && i64::from(last) - i64::from(first) + 1 == seeds.len() as i64 {
        return format!("{} ({first} to {last})", seeds.len());
    }
    let list: Vec<_> = seeds.iter().map(i32::to_string).collect();
    format!("{} ({})", seeds.len(), list.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn configs_are_written_in_one_line() {
        assert_eq!(brief(&json!({"geometric": {"ratio": 2}})), "geometric (ratio 2)");
        assert_eq!(
            brief(&json!({"digits": {"width": 5, "order": "least_first"}})),
            "digits (width 5, order least_first)"
        );
        assert_eq!(brief(&json!({"min": 1, "max": 4999})), "min 1, max 4999");
        assert_eq!(brief(&json!([1, 2])), "1, 2");
        assert_eq!(brief(&json!({"numeral": {}})), "numeral");
        assert_eq!(brief(&json!({})), "");
    }

    #[test]
    fn seeds_are_named() {
        assert_eq!(
            (seed_range(&[0, 1, 2]), seed_range(&[4]), seed_range(&[0, 5])),
            ("3 (0 to 2)".into(), "1 (4)".into(), "2 (0, 5)".into())
        );
    }
}
