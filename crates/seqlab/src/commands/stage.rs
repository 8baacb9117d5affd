use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use pipeline::Spec;

use crate::failure::Failure;
use crate::stages;

/// The environment of a process that trains. Seeds run in parallel, each in one thread: candle's own pool would only
/// get in their way, and it reads its width when it starts.
pub(crate) const ONE_THREAD: [(&str, &str); 2] = [("CANDLE_NUM_THREADS", "1"), ("RAYON_NUM_THREADS", "1")];

/// Do the work of one stage: how `seqlab run` calls itself
#[derive(Debug, Args)]
pub(crate) struct Stage {
    /// The file that says what to do
    spec: PathBuf,
}

pub(crate) fn stage(arguments: &Stage) -> Result<ExitCode, Failure> {
    let spec = Spec::read(&arguments.spec)?;
    pipeline::die_with_parent(spec.parent).map_err(Failure::io("follow", &arguments.spec))?;
    if spec.external.is_some() {
        return Err(spec.exec().into());
    }
    threads(spec.threads)?;
    let stage = stages::find(&spec.verb)
        .ok_or_else(|| Failure::Usage(format!("there is no kind of stage `{}`", spec.verb)))?;
    (stage.run)(&spec)?;
    Ok(ExitCode::SUCCESS)
}

/// Gives the pool that stages work on its width. Only now: the environment speaks to candle alone.
pub(crate) fn threads(count: usize) -> Result<(), Failure> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(count)
        .build_global()
        .map_err(|error| Failure::Stage(format!("cannot start {count} threads: {error}")))
}
