use std::process::ExitCode;

/// Everything that ends a command, with the exit code that says so.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The pipeline could not be read, planned or run.
    #[error(transparent)]
    Pipeline(#[from] pipeline::Error),
    /// A stage could not do its work, or an audit found a leak.
    #[error("{0}")]
    Stage(String),
    /// The command asks for what is not there.
    #[error("{0}")]
    Usage(String),
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

impl Failure {
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
            Self::Pipeline(_) | Self::Stage(_) | Self::Io { .. } => 1,
        })
    }
}

impl From<artifact::Error> for Failure {
    fn from(error: artifact::Error) -> Self {
        Self::Stage(error.to_string())
    }
}
