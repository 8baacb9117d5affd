//! The verb `run`: any external command, as one more stage.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::verbs::typed;
use crate::{Problem, Resolved, Root};

/// The verb whose stages are external commands.
pub const RUN: &str = "run";
/// Raised when the same command would be run in another way.
const VERSION: u32 = 1;

/// The content of a `run` stage, its `inputs` (role to stage, or to a list of stages, or a plain list) left out.
///
/// The command runs in the folder of the pipelines. In each word, `{out}` stands for the folder to write into and
/// `{inputs.ROLE}` for an input's folder; a word that is nothing but the folders of a list becomes several words.
/// The same is in the environment: `SEQLAB_OUT` and `SEQLAB_INPUT_<ROLE>` (a list is separated by colons).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct External {
    /// Program and arguments; no shell looks at them.
    pub command: Vec<String>,
    /// Files that the command must leave in its output folder, relative to it.
    pub outputs: Vec<String>,
    /// Files beside the inputs that the command reads (its script), relative to the folder of the pipelines: when
    /// their content changes, the stage runs again.
    #[serde(default)]
    pub files: Vec<String>,
}

/// Checks the content of a `run` stage whose inputs are called `roles`.
pub(crate) fn resolve(config: &Value, roles: &[&str]) -> Result<(External, Resolved), Vec<Problem>> {
    let external: External = typed(config)?;
    let mut problems = Vec::new();
    let mut problem = |at: String, message: String, help: &str| {
        problems.push(Problem { at, message, help: Some(help.to_owned()), ..Problem::default() });
    };
    if external.command.first().is_none_or(String::is_empty) {
        problem(
            "command".to_owned(),
            "the command is empty".to_owned(),
            "for example `[python3, verdict.py, \"{out}\"]`",
        );
    }
    for (index, word) in external.command.iter().enumerate() {
        let at = || format!("command[{index}]");
        for name in placeholders(word) {
            if !roles.contains(&name) {
                let known = if roles.is_empty() {
                    "it has no inputs".to_owned()
                } else {
                    format!("its inputs are {}", roles.join(", "))
                };
                problem(at(), format!("`{{inputs.{name}}}` is no input of this stage"), &known);
            }
        }
        if word.contains('\0') {
            problem(at(), "a word of a command cannot contain a NUL character".to_owned(), "remove it");
        }
    }
    if external.outputs.is_empty() {
        problem(
            "outputs".to_owned(),
            "the command has no outputs".to_owned(),
            "name the files that it writes into `{out}`",
        );
    }
    for (list, paths) in [("outputs", &external.outputs), ("files", &external.files)] {
        let mut seen = HashSet::new();
        for (index, path) in paths.iter().enumerate() {
            let known = !seen.insert(path);
            let at = format!("{list}[{index}]");
            if path.starts_with(['/', '\\', '~']) {
                problem(
                    at,
                    format!("`{path}` is not a relative path"),
                    "give it relative to the stage's own folder",
                );
            } else if path.split(['/', '\\']).any(|part| part == "..") {
                problem(at, format!("`{path}` leads out of its folder"), "remove the `..`");
            } else if path.split('/').any(|part| part.is_empty() || part == ".") || path.contains('\0') {
                problem(
                    at,
                    format!("`{path}` is not a plain path to a file"),
                    "write it without `.` and empty parts",
                );
            } else if known {
                problem(at, format!("`{path}` is given twice"), "remove one of the two");
            } else if list == "outputs" && path == artifact::MANIFEST_FILE {
                problem(at, format!("`{path}` is written by the pipeline itself"), "choose another name");
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let resolved = Resolved {
        config: serde_json::to_value(&external).expect("lists of text are JSON"),
        version: VERSION,
        root: Root::Results,
        device_matters: false,
        shows_pipeline: false,
        resumable: false,
    };
    Ok((external, resolved))
}

/// Returns the roles named by the `{inputs.ROLE}` in `word`.
fn placeholders(word: &str) -> impl Iterator<Item = &str> {
    word.split("{inputs.").skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

/// Returns the words of `command` with the placeholders filled in.
pub(crate) fn words(command: &[String], out: &OsStr, inputs: &[(String, Vec<OsString>)]) -> Vec<OsString> {
    let mut words = Vec::new();
    for word in command {
        match inputs.iter().find(|(role, _)| *word == format!("{{inputs.{role}}}")) {
            Some((_, folders)) => words.extend(folders.iter().cloned()),
            None => words.push(filled(word, out, inputs)),
        }
    }
    words
}

/// Returns `word` with the placeholders in it filled in; what they stand for is not looked through again.
fn filled(word: &str, out: &OsStr, inputs: &[(String, Vec<OsString>)]) -> OsString {
    let mut text = OsString::new();
    let mut rest = word;
    while let Some(at) = rest.find('{') {
        text.push(&rest[..at]);
        rest = &rest[at..];
        let known = inputs
            .iter()
            .map(|(role, folders)| (format!("{{inputs.{role}}}"), folders.join(OsStr::new(":"))));
        let mut known = known.chain([("{out}".to_owned(), out.to_owned())]);
        match known.find(|(placeholder, _)| rest.starts_with(placeholder.as_str())) {
            Some((placeholder, value)) => {
                text.push(value);
                rest = &rest[placeholder.len()..];
            }
            None => {
                text.push("{");
                rest = &rest[1..];
            }
        }
    }
    text.push(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn placeholders_are_filled_in_and_other_braces_left_alone() {
        let inputs =
            [("a".to_owned(), vec!["/1".into(), "/2".into()]), ("b".to_owned(), vec!["/{out}".into()])];
        let command =
            ["{inputs.a}", "--b={inputs.b}", "--a={inputs.a}", "{out}/x", "{x: 1}"].map(str::to_owned);
        let expected = ["/1", "/2", "--b=/{out}", "--a=/1:/2", "/o/x", "{x: 1}"];
        assert_eq!(words(&command, OsStr::new("/o"), &inputs), expected);
    }

    #[test]
    fn outputs_stay_in_the_folder() {
        for output in ["../x", "a/../../x", "/etc/x", "~/x", "a//b", "./a", "", "manifest.json"] {
            let config = json!({ "command": ["true"], "outputs": [output] });
            let problems = resolve(&config, &[]).expect_err(output);
            assert_eq!(problems[0].at, "outputs[0]", "{output}");
        }
        assert!(resolve(&json!({ "command": ["true"], "outputs": ["a/b.csv", "..c"] }), &[]).is_ok());
    }
}
