//! What was asked: tasks, level, seeds, steps, rows, model.

use std::collections::{BTreeMap, BTreeSet};

use artifact::tables::Example;
use artifact::{guarantee, row_count};
use maud::{Markup, html};
use serde_json::Value;

use crate::Error;
use crate::folder::each_row;
use crate::number::{count, counted};
use crate::point::Point;
use crate::section::{Limit, Section};
use crate::words::brief;

pub(crate) const SECTION: Section = Section {
    id: "settings",
    title: "What was asked, and how",
    table: "",
    limit: Limit::NONE,
    build,
    script: "",
};

/// Splits larger than this are counted by their footers alone, not by task.
const COUNTED_BY_TASK: u64 = 200_000;
/// Sample rows shown of each task and split.
const SAMPLES: usize = 2;

/// One line of the list of facts.
type Fact = (&'static str, String);

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

fn build(point: &Point<'_>, _: usize) -> Result<Option<Markup>, Error> {
    let mut pass = Pass::default();
    let mut sizes = Vec::new();
    for split in SPLITS {
        let shards = point.source.examples(split);
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
    let facts = facts(point, &sizes, &pass)?;
    let tasks = point.definition["tasks"].as_object();
    Ok(Some(html! {
        @if facts.is_empty() && tasks.is_none() { p.note { "Nothing among the inputs says it: no examples and no training table." } }
        @if !facts.is_empty() { dl.facts { @for (name, value) in &facts { div { dt { (name) } dd { (value) } } } } }
        @if let Some(tasks) = tasks {
            div.scroll { table {
                thead { tr { @for name in ["Task", "Rule", "Rows", "Written as"] { th scope="col" { (name) } } } }
                tbody { @for (name, task) in tasks { (task_line(name, task, &pass)) } }
            } }
        }
        (samples(&pass))
    }))
}

fn samples(pass: &Pass) -> Markup {
    let mut samples: Vec<_> = pass.samples.iter().collect();
    samples.sort_by_key(|((split, _), _)| SPLITS.iter().rev().position(|other| other == split));
    html! {
        @if !samples.is_empty() { details { summary { "Rows as they stand in the data" }
            div.scroll { table {
                thead { tr { @for name in ["Split", "Task", "Text"] { th scope="col" { (name) } } } }
                tbody { @for ((split, task), texts) in samples.into_iter().take(12) { tr {
                    td { (split) } td { (task) } td { @for text in texts { div { code { (text) } } } }
                } } }
            } }
        } }
    }
}

fn facts(point: &Point<'_>, sizes: &[String], pass: &Pass) -> Result<Vec<Fact>, Error> {
    let source = point.source;
    let train = source.config("checkpoints");
    let mut facts = Vec::new();
    let mut fact = |name, value: String| {
        if !value.is_empty() {
            facts.push((name, value));
        }
    };
    let level = match &point.definition["holdout"]["level"] {
        Value::Null => String::new(),
        level => {
            let units = pass.units.iter().map(String::as_str);
            format!("{} – {}", brief(level), guarantee::guarantee(level, units))
        }
    };
    fact("Held out by", level);
    fact("Rows", sizes.join(" · "));
    fact("Seeds", seed_range(&point.seeds()));
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

fn task_line(name: &str, task: &Value, pass: &Pass) -> Markup {
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
    html! { tr {
        th scope="row" { (name) } td { (brief(&task["family"])) } td.nowrap { @for rows in rows { div { (rows) } } } td { (words.join(" · ")) }
    } }
}

/// Returns `8 (0 to 7)`, or the list where numbers are missing.
fn seed_range(seeds: &[i32]) -> String {
    let (Some(&first), Some(&last)) = (seeds.first(), seeds.last()) else { return String::new() };
    if seeds.len() > 1 && i64::from(last) - i64::from(first) + 1 == seeds.len() as i64 {
        return format!("{} ({first} to {last})", seeds.len());
    }
    let list: Vec<_> = seeds.iter().map(i32::to_string).collect();
    format!("{} ({})", seeds.len(), list.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_named() {
        assert_eq!(
            (seed_range(&[0, 1, 2]), seed_range(&[4]), seed_range(&[0, 5])),
            ("3 (0 to 2)".into(), "1 (4)".into(), "2 (0, 5)".into())
        );
    }
}
