//! What the pipeline asks of those who know the stages.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Tells the pipeline which kinds of stages there are. It never learns what they do.
pub trait Verbs {
    /// Returns all verbs (kinds of stages), for messages. The verb `run` belongs to the pipeline itself.
    fn names(&self) -> Vec<&'static str>;

    /// Returns the inputs that `verb` takes. Asked only for verbs in [`Verbs::names`].
    fn roles(&self, verb: &str) -> &'static [Role];

    /// Checks the content under the verb (the roles taken out) and fills in its defaults.
    ///
    /// # Errors
    /// Every mistake that was found.
    fn resolve(&self, verb: &str, config: &Value) -> Result<Resolved, Vec<Problem>>;

    /// Checks a stage together with what it reads, and returns what those that read it have to know of it.
    ///
    /// What a definition already shows is said before anything runs: a context too short for the rows, an earlier run of
    /// another shape. Asked once for each distinct combination of contents, inputs first.
    ///
    /// # Errors
    /// Every mistake that was found; paths are inside the content, or name a role.
    fn together(&self, stage: &Together<'_>) -> Result<Value, Vec<Problem>> {
        let _ = stage;
        Ok(Value::Null)
    }

    /// Returns the file that stands above the folders of a stage's matrix points, and what it says of the point in `folder`
    /// (`k=10/loss=all`), in a pipeline called `name`.
    fn cover(&self, verb: &str, name: &str, folder: &str) -> Option<Cover> {
        let _ = (verb, name, folder);
        None
    }
}

/// A stage with what it reads, for [`Verbs::together`].
#[derive(Debug, Clone)]
pub struct Together<'a> {
    /// The pipeline's name.
    pub pipeline: &'a str,
    /// What the pipeline asks.
    pub description: &'a str,
    /// What kind of stage it is.
    pub verb: &'a str,
    /// Its checked content.
    pub config: &'a Value,
    /// The inputs of its roles, in order; of a role that takes a list as many as it has.
    pub inputs: Vec<Beside<'a>>,
}

/// An input of a stage, for [`Verbs::together`].
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// What it is for.
    pub role: &'a str,
    /// Its stage, for messages.
    pub stage: &'a str,
    /// What [`Verbs::together`] returned for it.
    pub told: &'a Value,
}

impl Together<'_> {
    /// Returns the first input of a role.
    #[must_use]
    pub fn input(&self, role: &str) -> Option<Beside<'_>> {
        self.inputs.iter().copied().find(|input| input.role == role)
    }
}

/// A file above the folders of matrix points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    /// Its name.
    pub file: &'static str,
    /// Its beginning, the same for all points.
    pub head: String,
    /// What it says of one point.
    pub part: String,
    /// Its end, the same for all points.
    pub tail: String,
}

/// One input of a stage, named by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Role {
    /// The key that names it in the definition.
    pub name: &'static str,
    /// Whether it takes a list of stages.
    pub many: bool,
    /// Whether it gathers all matrix points that the stage itself does not use; else the stage has the axes of what it reads.
    pub gathers: bool,
    /// Whether it may be left out.
    pub optional: bool,
    /// The verbs a stage in this role may have; empty for any.
    pub verbs: &'static [&'static str],
    /// The files of the input that the stage reads, relative to its folder; `*` stands for any characters.
    pub reads: &'static [&'static str],
}

impl Role {
    /// Describes an input that is one stage, of one of `verbs`, of whose folder `reads` are read.
    #[must_use]
    pub const fn one(
        name: &'static str,
        verbs: &'static [&'static str],
        reads: &'static [&'static str],
    ) -> Self {
        Self { name, many: false, gathers: false, optional: false, verbs, reads }
    }

    /// Describes the same input where it may be left out.
    #[must_use]
    pub const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// Describes the same input where it is a list of stages.
    #[must_use]
    pub const fn many(self) -> Self {
        Self { many: true, ..self }
    }

    /// Describes the same list where it gathers matrix points.
    #[must_use]
    pub const fn gathering(self) -> Self {
        Self { gathers: true, ..self }
    }
}

/// Where a stage's folder lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Root {
    /// `datasets/<pipeline>` for the stage named `data`, `datasets/<pipeline>.<stage>` for others.
    Datasets,
    /// `results/<pipeline>/<stage>`.
    Results,
}

/// A stage's checked content with everything that makes up its key.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The content under the verb, defaults filled in, in the order that the typed struct gives it.
    pub config: Value,
    /// The stage's algorithm version.
    pub version: u32,
    /// Where its folder lies.
    pub root: Root,
    /// Whether the kind of device (CPU, CUDA) changes its results.
    pub device_matters: bool,
    /// Whether it shows the pipeline's name and description, which are then part of its key.
    pub shows_pipeline: bool,
    /// Whether it can go on from what an interrupted run left in its partial folder.
    pub resumable: bool,
}

/// One mistake in the content under a verb.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problem {
    /// Path inside the content, `tasks.x2.terms` or `analyses[1]`; empty for the whole.
    pub at: String,
    /// Whether the mistake is in the key itself rather than in its value.
    pub on_key: bool,
    /// What is wrong, lower-case, one line.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The names that would have been right; a close one is offered as help.
    pub allowed: Vec<String>,
}

/// Reads `config` as a `T`, and says in the words of a definition what is wrong with it.
///
/// All unknown keys are reported, then the first other mistake.
///
/// # Errors
/// The problems, with their paths.
pub fn typed<T: DeserializeOwned>(config: &Value) -> Result<T, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut config = config.clone();
    loop {
        match serde_path_to_error::deserialize::<_, T>(&config) {
            Ok(value) if problems.is_empty() => return Ok(value),
            Ok(_) => return Err(problems),
            Err(error) => {
                let path = error.path().to_string();
                let path = if path == "." { String::new() } else { path };
                let problem = explain(&path, &error.into_inner().to_string());
                let again = problem.on_key && problems.len() < 20 && remove(&mut config, &problem.at);
                problems.push(problem);
                if !again {
                    return Err(problems);
                }
            }
        }
    }
}

/// Turns serde's sentence about the value at `path` into a problem.
fn explain(path: &str, message: &str) -> Problem {
    let ticked: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let names = |skip: usize| ticked.iter().skip(skip).map(|name| (*name).to_owned()).collect::<Vec<_>>();
    if message.starts_with("unknown field") && !ticked.is_empty() {
        let name = ticked[0];
        // The path may or may not already end in the unknown key.
        let at = match path.strip_suffix(name) {
            Some(parent) if parent.is_empty() || parent.ends_with('.') => path.to_owned(),
            _ if path.is_empty() => name.to_owned(),
            _ => format!("{path}.{name}"),
        };
        let message = format!("unknown key `{name}`");
        return Problem { at, on_key: true, message, allowed: names(1), help: None };
    }
    if message.starts_with("unknown variant") && !ticked.is_empty() {
        let message = format!("unknown name `{}`", ticked[0]);
        return Problem { at: path.to_owned(), on_key: false, message, allowed: names(1), help: None };
    }
    let message = match message.strip_prefix("missing field ") {
        Some(name) => format!("missing key {name}"),
        None => plain(message).unwrap_or_else(|| message.to_owned()),
    };
    Problem { at: path.to_owned(), message, ..Problem::default() }
}

/// Says "invalid type: string \"x\", expected u32" without the words of a programming language.
fn plain(message: &str) -> Option<String> {
    let rest = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "))?;
    let (found, expected) = rest.rsplit_once(", expected ")?;
    let expected = match expected {
        "f32" | "f64" => "a number",
        "u8" | "u16" | "u32" | "u64" | "usize" | "nonzero u32" | "nonzero u64" => {
            "a whole number, not negative"
        }
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "a string" => "text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "a mapping",
        expected if expected.starts_with("struct ") => "a mapping",
        expected => expected,
    };
    let found = match found {
        "sequence" => "a list".to_owned(),
        "map" => "a mapping".to_owned(),
        "null" | "unit value" => "nothing".to_owned(),
        found => found
            .replace('`', "")
            .replace("integer ", "")
            .replace("floating point ", "")
            .replace("boolean ", ""),
    };
    Some(format!("expected {expected}, found {}", found.replacen("string ", "text ", 1)))
}

/// Removes the entry at `path`; false where there is none.
fn remove(config: &mut Value, path: &str) -> bool {
    let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
    let pointer = parent.replace(['.', '['], "/").replace(']', "");
    let pointer = if parent.is_empty() { pointer } else { format!("/{pointer}") };
    match config.pointer_mut(&pointer) {
        Some(Value::Object(map)) => map.shift_remove(name).is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Train {
        steps: u32,
        model: Model,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Model {
        width: u32,
        act: Act,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Act {
        Gelu,
        Relu,
    }

    #[test]
    fn all_unknown_keys_are_told_and_the_next_mistake_too() {
        let config = json!({ "stepz": 1, "steps": 2, "model": { "widht": 3, "width": 4, "act": "gelo" } });
        let problems = typed::<Train>(&config).expect_err("three mistakes");
        let seen: Vec<_> = problems.iter().map(|p| (p.at.as_str(), p.message.as_str())).collect();
        assert_eq!(
            seen,
            [
                ("stepz", "unknown key `stepz`"),
                ("model.widht", "unknown key `widht`"),
                ("model.act", "unknown name `gelo`")
            ]
        );
        assert_eq!(problems[0].allowed, ["steps", "model"]);
        assert_eq!(problems[2].allowed, ["gelu", "relu"]);
    }

    #[test]
    fn a_wrong_type_and_a_missing_key_say_where() {
        let problems = typed::<Train>(&json!({ "steps": "x", "model": {} })).expect_err("a text");
        assert_eq!(problems[0].at, "steps");
        assert_eq!(problems[0].message, "expected a whole number, not negative, found text \"x\"");
        let problems = typed::<Train>(&json!({ "steps": 1, "model": { "width": 1 } })).expect_err("no act");
        assert_eq!((problems[0].at.as_str(), problems[0].message.as_str()), ("model", "missing key `act`"));
    }
}
