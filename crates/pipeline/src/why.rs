//! Why a stage has to run: what changed since the run that its folder shows.

use crate::change::{Change, changes, differences};
use crate::done::last_shown;
use crate::key::Parts;
use crate::{Layout, Plan, Result, State};

/// What [`why`] finds out about one job.
#[derive(Debug, Clone)]
pub struct Why {
    /// Index into [`Plan::jobs`].
    pub job: usize,
    /// How it stands.
    pub state: State,
    /// Differences between the run that the folder shows and what is asked for now, as far as they can be known before
    /// waiting inputs are rebuilt. Also where an earlier finished folder fits again and nothing has to run.
    pub changes: Vec<Change>,
}

/// Explains, for every matrix point of `stage`, what changed since its last committed run.
///
/// # Errors
/// When there is no such stage, or a folder cannot be read.
pub fn why(plan: &Plan, layout: &Layout, stage: &str, device: &str) -> Result<Vec<Why>> {
    let wanted = plan.jobs_of(stage)?;
    let states = crate::status(plan, layout, device)?;
    let mut answers = Vec::new();
    for index in wanted {
        let job = &plan.jobs[index];
        let last = last_shown(plan, layout, job)?;
        let told = match (&states[index], last) {
            (State::Stale(changes), _) => changes.clone(),
            (State::UpToDate(done), Some(last)) if done.manifest.key != last.manifest.key => {
                changes(&last.manifest, &Parts::of(&done.manifest))
            }
            (State::Waiting(_), Some(last)) => {
                let mut changes = Vec::new();
                differences("", Some(&last.manifest.config), Some(&job.resolved.config), &mut changes);
                changes
            }
            _ => Vec::new(),
        };
        answers.push(Why { job: index, state: states[index].clone(), changes: told });
    }
    Ok(answers)
}
