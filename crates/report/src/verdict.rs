//! What the evaluator decided: rule or memory, over seeds and for each of them. Nothing is decided here.

use std::collections::BTreeMap;

use artifact::tables::{FEW_CLUSTERS, SeedVerdict, Verdict as Decided};

use crate::Error;
use crate::folder::Source;
use crate::number::{count, counted, share};

/// The answer to "rule or memory?".
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    /// Class of colour: `rule`, `shallow`, `mixed`, `memory`, `none`.
    pub tone: &'static str,
    /// Two or three words.
    pub headline: String,
    /// The sentence with its figures.
    pub sentence: String,
    /// On how many seeds, rows and independent clusters it rests; empty without a verdict.
    pub denominators: String,
    /// What a reader has to know beside it.
    pub caveats: Vec<String>,
    /// The borders between the words.
    pub borders: Option<Borders>,
    /// How many seeds have the rule, where seeds disagree: there a mean says nothing.
    pub counted: Option<String>,
}

/// The borders between the words, as text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Borders {
    pub rule: String,
    pub partly: String,
    pub memory: String,
    pub fitted: String,
    pub close: String,
    pub apart: String,
    pub measurable: String,
}

/// What stands in `verdicts` and `seed_verdicts`, by task.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    tasks: BTreeMap<String, Decided>,
    seeds: BTreeMap<(String, i32), SeedVerdict>,
}

impl Verdicts {
    /// Reads both tables.
    pub(crate) fn read(source: &Source) -> Result<Self, Error> {
        let tasks = source.read::<Decided>("verdicts")?.unwrap_or_default();
        let seeds = source.read::<SeedVerdict>("seed_verdicts")?.unwrap_or_default();
        Ok(Self {
            tasks: tasks.into_iter().map(|row| (row.task.clone(), row)).collect(),
            seeds: seeds.into_iter().map(|row| ((row.task.clone(), row.seed), row)).collect(),
        })
    }

    /// Returns the verdict on a task (`""` = all tasks), beside a certificate that passed or not, if there is one.
    pub(crate) fn of(&self, task: &str, certified: Option<bool>) -> Verdict {
        if certified == Some(false) {
            let text = "The certificate did not pass: held-out rows leak into training, so no score below says anything \
                        about rule or memory.";
            return Verdict { tone: "memory", ..bare("Leak", text) };
        }
        let Some(row) = self.tasks.get(task) else {
            let text = "No verdict is among the inputs: they hold no folder of an evaluation.";
            return bare("No verdict", text);
        };
        let mut caveats: Vec<String> = row.caveats.lines().map(str::to_owned).collect();
        if certified.is_none() {
            caveats.push("No certificate among the inputs: that nothing leaks is not shown here.".to_owned());
        }
        let disagree = row.verdict == "seeds_disagree";
        Verdict {
            tone: tone(&row.verdict),
            headline: row.headline.clone(),
            sentence: row.sentence.clone(),
            denominators: denominators(row),
            caveats,
            borders: Some(Borders {
                rule: share(row.rule_from),
                partly: share(row.partly_from),
                memory: share(row.memory_from),
                fitted: share(row.fitted_from),
                close: share(row.shallow_within),
                apart: share(row.disagree_above),
                measurable: share(row.measurable_to),
            }),
            counted: disagree.then(|| format!("{} of {} seeds have the rule", row.rule_seeds, row.seeds)),
        }
    }

    /// Returns how a seed came out, and its accuracy on rows that were trained.
    pub(crate) fn seed(&self, task: &str, seed: i32) -> (String, Option<f64>) {
        let row = self.seeds.get(&(task.to_owned(), seed));
        row.map_or_else(Default::default, |row| (row.verdict.clone(), row.train_accuracy))
    }
}

/// Returns `42.5 independent clusters`, and says where they are few.
pub(crate) fn clusters(effective: f64) -> String {
    let few = if effective < FEW_CLUSTERS { ", few: they bear little" } else { "" };
    format!("{effective:.1} independent clusters{few}")
}

fn denominators(row: &Decided) -> String {
    let seeds = counted(row.seeds, "seed");
    format!("{seeds}, {} {} rows: {}", count(row.n), row.split, clusters(row.n_eff))
}

fn bare(headline: &str, sentence: &str) -> Verdict {
    Verdict {
        denominators: String::new(),
        tone: "none",
        headline: headline.to_owned(),
        sentence: sentence.to_owned(),
        caveats: Vec::new(),
        borders: None,
        counted: None,
    }
}

/// Returns the colour of a word.
pub(crate) fn tone(word: &str) -> &'static str {
    match word {
        "rule" | "control_passed" => "rule",
        "shallow_rule" => "shallow",
        "partly" | "seeds_disagree" => "mixed",
        "memory" | "control_failed" => "memory",
        _ => "none",
    }
}
