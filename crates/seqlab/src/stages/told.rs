//! What a definition tells of a stage to those that read it, before anything runs.

use std::collections::BTreeMap;

use dataset::Outlook;
use pipeline::{Beside, Problem};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::stage::problem;

/// What is told of a `build`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Data {
    /// Tells its content from others.
    pub(crate) digest: String,
    pub(crate) tokens: Tokens,
    pub(crate) rows: Outlook,
}

/// What is told of an `audit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Audit {
    /// [`Data::digest`] of what it audits.
    pub(crate) data: String,
    /// Those of what it compares that with, sorted, each once.
    pub(crate) trained_on: Vec<String>,
}

/// What is told of a `train`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Models {
    /// With the context that was asked for, or that follows from the rows.
    pub(crate) shape: transformer::Config,
    /// Whether the context is known.
    pub(crate) exact: bool,
    pub(crate) tokens: Tokens,
    pub(crate) seeds: Vec<i32>,
    /// Rows that each seed has seen in the end.
    pub(crate) seen: u64,
    /// [`Data::digest`] and stage of every build that they saw, and those that they go on from.
    pub(crate) saw: BTreeMap<String, String>,
}

/// A vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tokens {
    pub(crate) count: usize,
    digest: String,
    /// One a line, where they are few enough to be passed on.
    list: Option<String>,
}

/// Bytes of the tokens that are passed on from stage to stage, at most.
const LIST: usize = 1 << 13;

impl Tokens {
    fn new(vocabulary: &[String]) -> Self {
        let list: String = vocabulary.iter().map(|token| format!("{token}\n")).collect();
        let digest = artifact::digest_bytes(list.as_bytes());
        Self { count: vocabulary.len(), digest, list: (list.len() <= LIST).then_some(list) }
    }

    /// Whether a model of `model` reads these tokens as others than it learned: they are neither the same, nor the first of
    /// them. False where that cannot be told.
    pub(crate) fn differ_from(&self, model: &Tokens) -> bool {
        match (&self.list, &model.list) {
            _ if self.digest == model.digest => false,
            (Some(ours), Some(theirs)) => !theirs.starts_with(ours.as_str()),
            _ => self.count == model.count,
        }
    }

    pub(crate) fn are(&self, others: &Tokens) -> bool {
        self.digest == others.digest
    }
}

impl Data {
    pub(crate) fn new(config: &Value, outlook: Outlook) -> Self {
        let digest = artifact::digest_bytes(config.to_string().as_bytes());
        Self { digest, tokens: Tokens::new(&outlook.vocabulary), rows: outlook }
    }
}

/// Reads what an input told.
pub(crate) fn read<T: DeserializeOwned>(input: &Beside<'_>) -> Option<T> {
    T::deserialize(input.told).ok()
}

/// Writes what is told.
pub(crate) fn write<T: Serialize>(told: &T) -> Value {
    serde_json::to_value(told).expect("what is told is made of JSON types")
}

/// Refuses models that do not read the rows of `data`: other tokens, or rows longer than they.
pub(crate) fn check_reads(
    models: &Models,
    model: &Beside<'_>,
    data: &Data,
    beside: &Beside<'_>,
) -> Option<Problem> {
    let (model, rows) = (model.stage, beside.stage);
    if data.tokens.differ_from(&models.tokens) {
        let message = format!("the models of `{model}` were trained on other tokens than those of `{rows}`");
        let help = format!(
            "build `{rows}` with the notations and values of the data of `{model}`, or name other models"
        );
        return Some(problem("model".to_owned(), message, help));
    }
    let needed = data.rows.longest().saturating_sub(1);
    if models.exact && needed > models.shape.n_ctx {
        let found = models.shape.n_ctx;
        let message =
            format!("the models of `{model}` read {found} tokens, but rows of `{rows}` ask for {needed}");
        let help = format!("give `{model}` a `model.n_ctx` of at least {needed}, or build shorter rows");
        return Some(problem("model".to_owned(), message, help));
    }
    None
}

/// Refuses rows of which no audit shows that the models did not see them: an audit of other data, one that compares with
/// something else than what the models saw, or none where they saw anything but these data.
pub(crate) fn check_audit(
    models: &Models,
    data: &Data,
    model: &Beside<'_>,
    rows: &Beside<'_>,
    audit: Option<Beside<'_>>,
) -> Option<Problem> {
    let names: Vec<&str> = models.saw.values().map(String::as_str).collect();
    let saw = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
    let (model, rows, list) = (model.stage, rows.stage, names.join(", "));
    let Some(audit) = audit else {
        if models.saw.keys().eq([&data.digest]) {
            return None;
        }
        let message = format!(
            "the models of `{model}` saw {saw}, so that rows of `{rows}` may be none that they never saw"
        );
        let help = format!(
            "give it `audit`, the name of a stage like `{{ audit: {{ data: {rows}, trained_on: [{list}] }} }}`"
        );
        return Some(problem("model".to_owned(), message, help));
    };
    let (told, audit) = (read::<Audit>(&audit)?, audit.stage);
    let (message, help) = if told.data != data.digest {
        (format!("`{audit}` audits other data than `{rows}`"), format!("name the audit of `{rows}`"))
    } else if models.saw.keys().eq(&told.trained_on) {
        return None;
    } else {
        let message = format!(
            "the models of `{model}` saw {saw}, but `{audit}` does not compare the rows of `{rows}` with exactly that, so a \
             score could be of rows that they have seen"
        );
        let help =
            format!("audit that pair: `{audit}: {{ audit: {{ data: {rows}, trained_on: [{list}] }} }}`");
        (message, help)
    };
    Some(problem("audit".to_owned(), message, help))
}

/// Numbers (of 4 bytes) that a pass through a model may keep at once, at most: 8 GiB.
pub(crate) const ACTIVATIONS: u128 = 1 << 31;

/// Returns about how many numbers the engine keeps at once of rows of so many positions: they go through it in tiles of some 64
/// tokens, or one by one.
pub(crate) fn tile(shape: &transformer::Config, positions: u64) -> u128 {
    shape.activations((64 / positions.max(1)).max(1), positions)
}

/// Says how much memory so many numbers take.
pub(crate) fn gibibytes(numbers: u128) -> String {
    format!("{} GiB", numbers.div_ceil(1 << 28))
}
