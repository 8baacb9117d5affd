use std::process::ExitCode;

/// Everything that ends a command, with the exit code that says so.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The pipeline could not be read, planned or run.
    #[error(transparent)]
    Pipeline(#[from] pipeline::Error),
    /// A stage could not do its work.
    #[error("{source}{}", more.iter().map(|line| format!("\n  {line}")).collect::<String>())]
    Stage {
        /// What went wrong.
        source: Source,
        /// What else there is to say: what to do, or where something lies.
        more: Option<String>,
    },
    /// The command asks for what is not there.
    #[error(transparent)]
    Usage(Source),
    /// A signal ended the run.
    #[error("interrupted; the same command goes on with what is not done")]
    Signal(u8),
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: String,
        /// The system's own words.
        source: std::io::Error,
    },
}

/// Any error, with those that caused it; or words alone.
pub(crate) type Source = Box<dyn std::error::Error + Send + Sync>;

impl Failure {
    pub(crate) fn stage(error: impl Into<Source>) -> Self {
        Self::Stage { source: error.into(), more: None }
    }

    pub(crate) fn usage(error: impl Into<Source>) -> Self {
        Self::Usage(error.into())
    }

    pub(crate) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = artifact::printable(&path.display().to_string()).into_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Pipeline(pipeline::Error::Definition(_) | pipeline::Error::Usage { .. }) => 2,
            Self::Pipeline(pipeline::Error::Locked { .. }) => 75,
            Self::Usage(_) => 2,
            Self::Signal(number) => 128 + number,
            Self::Pipeline(_) | Self::Stage { .. } | Self::Io { .. } => 1,
        })
    }
}

impl From<artifact::Error> for Failure {
    fn from(error: artifact::Error) -> Self {
        Self::stage(error)
    }
}
