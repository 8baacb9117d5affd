use std::fmt;
use std::path::PathBuf;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong between a definition file and a finished folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The definition is wrong; every mistake that was found, the most helpful first.
    #[error("{}", join(.0))]
    Definition(Vec<Diagnostic>),
    /// The command names something that is not there, or asks for what cannot be.
    #[error("{message}{}", help.as_ref().map(|help| format!("\n  help: {help}")).unwrap_or_default())]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// Another process is at the same pipeline, or removes garbage.
    #[error("{what} is in use by {holder}; wait until it has finished, or stop it")]
    Locked {
        /// What is locked, and where.
        what: String,
        /// Process id and command of the holder.
        holder: String,
    },
    /// A stage failed; its own words went to the observer.
    #[error("stage {stage} failed: {reason}")]
    Failed {
        /// Stage and matrix point.
        stage: String,
        /// What happened: an exit status, a signal, a missing output.
        reason: String,
        /// The system's own words, where it refused: the end of the reason.
        source: Option<std::io::Error>,
    },
    /// Several stages failed, or one and others need it.
    #[error("{}", several(failures, *left))]
    Several {
        /// What failed.
        failures: Vec<Error>,
        /// How many jobs could not run for it.
        left: usize,
    },
    /// A finished folder that is to be read is not what was written.
    #[error(
        "{}: {damage}; the result of stage {stage} is damaged and is not read\n  help: `{heal}` makes it again",
        folder.display()
    )]
    Damaged {
        /// Stage and matrix point.
        stage: String,
        /// Its folder in the store.
        folder: PathBuf,
        /// What is wrong with it.
        damage: String,
        /// The command that makes it again.
        heal: String,
    },
    /// The run was cancelled; nothing unfinished is left but what can be resumed.
    #[error("interrupted; run the same command to go on")]
    Cancelled,
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried ("read", "create", ...).
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// A manifest or table could not be read or written.
    #[error(transparent)]
    Artifact(#[from] artifact::Error),
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn failed(stage: &str, reason: impl Into<String>) -> Self {
        Self::Failed { stage: stage.to_owned(), reason: reason.into(), source: None }
    }

    /// Returns the error for a stage that the system did not let do `what`.
    pub(crate) fn refused(stage: &str, what: impl fmt::Display) -> impl FnOnce(std::io::Error) -> Self {
        let (stage, what) = (stage.to_owned(), what.to_string());
        move |source| Self::Failed { stage, reason: format!("{what}: {source}"), source: Some(source) }
    }

    /// Returns the error for a panic that was caught: what should never happen fails what it happened to, and nothing else.
    pub(crate) fn panic(panic: &(dyn std::any::Any + Send)) -> Self {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words =
            words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
        Self::failed("", format!("internal fault: {words}; please report it"))
    }

    /// Names the stage of a failure.
    pub(crate) fn of(self, title: &str) -> Self {
        match self {
            Self::Failed { reason, source, .. } => Self::Failed { stage: title.to_owned(), reason, source },
            other => other,
        }
    }

    pub(crate) fn usage(message: impl Into<String>, help: Option<String>) -> Self {
        Self::Usage { message: message.into(), help }
    }
}

fn several(failures: &[Error], left: usize) -> String {
    let mut lines: Vec<String> = failures.iter().map(ToString::to_string).collect();
    if left > 0 {
        lines.push(format!("{left} more could not run for it"));
    }
    lines.join("\n")
}

fn join(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// One mistake in a definition, with its place and the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where it stands.
    pub place: Place,
    /// What is wrong, lower-case, one line.
    pub message: String,
    /// The names that would have been right, if that is the question.
    pub allowed: Vec<String>,
    /// What to do.
    pub help: Option<String>,
}

/// Where a mistake stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the definition file; line and column count from 1, columns in characters.
    File {
        /// The file as it was named.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// In a `--set` of the command line, as it was typed.
    Set(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line, column } => write!(f, "{}:{line}:{column}", file.display()),
            Self::Set(text) => write!(f, "--set {text}"),
        }
    }
}

impl fmt::Display for Diagnostic {
    /// Writes one line each for the mistake, what would have been right, and what to do. What the definition says is
    /// quoted so that it can neither steer a terminal nor fill it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", printable(&self.place.to_string()), printable(&self.message))?;
        if !self.allowed.is_empty() {
            let label = if self.allowed.len() == 1 { "expected" } else { "expected one of" };
            write!(f, "\n  {label}: {}", printable(&few(&self.allowed)))?;
        }
        match &self.help {
            Some(help) => write!(f, "\n  help: {}", printable(help)),
            None => Ok(()),
        }
    }
}

/// Names that a message lists, at most.
const LISTED: usize = 40;
/// Characters of a line of a message, at most.
const LINE: usize = 1_000;

/// Returns the names in a row: all of them, or the first and how many there are.
pub(crate) fn few<S: AsRef<str>>(names: &[S]) -> String {
    let listed: Vec<&str> = names.iter().take(LISTED).map(AsRef::as_ref).collect();
    let more = if names.len() > LISTED { format!(", ... ({} in all)", names.len()) } else { String::new() };
    listed.join(", ") + &more
}

/// Returns `text` as one line for people; the middle of what is very long is left out.
fn printable(text: &str) -> String {
    let count = text.chars().count();
    if count <= LINE {
        return artifact::printable(text).into_owned();
    }
    let (head, tail) = (LINE * 3 / 4, LINE / 4);
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    format!(
        "{} [... {} characters ...] {}",
        artifact::printable(&start),
        count - head - tail,
        artifact::printable(&end)
    )
}

/// Returns "did you mean `steps`?" when one of `allowed` is close to `found`.
#[must_use]
pub(crate) fn did_you_mean<S: AsRef<str>>(
    found: &str,
    allowed: impl IntoIterator<Item = S>,
) -> Option<String> {
    // Comparing takes as much time and room as the product of both lengths.
    let comparable = |name: &str| name.len() <= 100;
    let limit = (found.chars().count() / 3).max(1);
    allowed
        .into_iter()
        .filter(|name| comparable(found) && comparable(name.as_ref()))
        .map(|name| (strsim::damerau_levenshtein(&found.to_lowercase(), &name.as_ref().to_lowercase()), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| format!("did you mean `{}`?", name.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_name_is_offered_and_a_far_one_is_not() {
        assert_eq!(did_you_mean("stepz", ["batch", "steps"]).as_deref(), Some("did you mean `steps`?"));
        assert_eq!(did_you_mean("Data", ["data"]).as_deref(), Some("did you mean `data`?"));
        assert_eq!(did_you_mean("colour", ["batch", "steps"]), None);
        assert_eq!(did_you_mean(&"a".repeat(1 << 20), ["a".repeat(1 << 20)]), None);
    }

    #[test]
    fn what_is_quoted_stays_in_its_line_and_does_not_steer_the_terminal() {
        let place = Place::Set("train.\u{1b}[31m=1".to_owned());
        let mut told = Diagnostic {
            place,
            message: "`a\nb\u{202e}c` \"é\"".to_owned(),
            allowed: vec!["\u{200b}x".to_owned(); 50],
            help: Some("y\u{7}".to_owned()),
        };
        let said = told.to_string();
        let mut lines = said.lines();
        let first = "--set train.\\u{1b}[31m=1: `a\\nb\\u{202e}c` \"é\"";
        assert_eq!(lines.next(), Some(first));
        let allowed = lines.next().expect("the names");
        assert!(allowed.ends_with("\\u{200b}x, ... (50 in all)"), "{allowed}");
        assert_eq!(lines.next(), Some("  help: y\\u{7}"));
        told.message = "é".repeat(1 << 20);
        let said = told.to_string();
        assert!(said.len() < 8_000 && said.contains(" [... 1047576 characters ...] "), "{}", said.len());
    }
}
