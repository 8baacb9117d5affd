//! What can be found out about a run before it begins: what is done, what is not, and what stands in its way.

use artifact::exists;

use crate::desk::Desk;
use crate::done::{last_shown, linked};
use crate::key::Parts;
use crate::select::Chosen;
use crate::state::{Found, Store};
use crate::view::View;
use crate::{Change, Done, Error, Event, Layout, Options, Plan, Result, State, status};

/// What can be found out about a run without changing anything.
#[derive(Clone, Copy)]
pub(crate) struct Survey<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) layout: &'a Layout,
    pub(crate) options: &'a Options,
    pub(crate) chosen: &'a [Chosen],
    pub(crate) store: &'a Store<'a>,
    pub(crate) desk: Option<&'a Desk>,
}

impl Survey<'_> {
    /// Returns the jobs of a run that has nothing to do and nothing to show that is not shown; `None` of another.
    pub(crate) fn settled(&self, observe: &dyn Fn(Event<'_>)) -> Result<Option<Vec<usize>>> {
        if self.options.force {
            return Ok(None);
        }
        let (view, stale) = (View::new(self.plan, self.layout), std::cell::RefCell::new(Vec::new()));
        let mut done = self.given(&|index| stale.borrow_mut().push(index))?;
        let mut skipped = Vec::new();
        if !view.is_tidy()? {
            return Ok(None);
        }
        for index in (0..self.plan.jobs.len()).filter(|index| self.chosen[*index].considered) {
            let (_, State::UpToDate(found)) = self.look(index, &done)? else { return Ok(None) };
            let left = self.plan.jobs[index].resolved.resumable
                && exists(&self.layout.partial(&found.manifest.key))?;
            if left || !view.shows(index, &found)? {
                return Ok(None);
            }
            done[index] = Some(found);
            skipped.push(index);
        }
        for index in stale.into_inner() {
            observe(Event::StaleInput { job: &self.plan.jobs[index] });
        }
        for index in &skipped {
            let job = &self.plan.jobs[*index];
            observe(Event::Skipped { job, folder: &self.layout.path(&job.slot.path()), relinked: false });
        }
        Ok(Some(skipped))
    }

    /// Takes the inputs that are not to be looked at as they are shown now; says which of them do not fit the definition.
    pub(crate) fn given(&self, stale: &dyn Fn(usize)) -> Result<Vec<Option<Done>>> {
        let mut given = vec![None; self.plan.jobs.len()];
        let considered = (0..given.len()).filter(|job| self.chosen[*job].considered);
        let mut needed: Vec<usize> = considered.flat_map(|job| self.plan.inputs_of(job)).collect();
        needed.retain(|job| !self.chosen[*job].considered);
        needed.sort_unstable();
        needed.dedup();
        if needed.is_empty() {
            return Ok(given);
        }
        let states = status(self.plan, self.layout, &self.options.device)?;
        for index in needed {
            let job = &self.plan.jobs[index];
            // What `--set` changes may be about the stages alone that read it.
            let linked = match (linked(self.layout, &job.slot)?, &states[index]) {
                (Some(linked), _) => Some(linked),
                (None, State::UpToDate(done)) => Some(done.clone()),
                (None, _) => last_shown(self.plan, self.layout, job)?,
            };
            let Some(linked) = linked else {
                let help =
                    Some(format!("run it first: name `{}`, or leave out --only and --from", job.stage));
                return Err(Error::usage(format!("stage {} has no result to read", job.title()), help));
            };
            if let Some(damage) = self.store.damage(&linked, self.desk)? {
                return Err(Error::Damaged {
                    stage: job.title(),
                    folder: linked.folder,
                    damage,
                    heal: self.plan.heal(job),
                });
            }
            if !matches!(&states[index], State::UpToDate(done) if done.folder == linked.folder) {
                stale(index);
            }
            given[index] = Some(linked);
        }
        Ok(given)
    }

    /// Finds out whether a job whose inputs are done has to run.
    pub(crate) fn look(&self, index: usize, done: &[Option<Done>]) -> Result<(Parts, State)> {
        let job = &self.plan.jobs[index];
        let parts = Parts::new(self.plan, job, done, self.layout, &self.options.device)?;
        let key = parts.key();
        let state = match self.store.find(&key, self.desk)? {
            Found::Complete(_) if self.options.force && self.chosen[index].named => {
                State::Stale(vec![Change::Forced])
            }
            Found::Complete(done) => State::UpToDate(done),
            found => self.store.stale(self.plan, job, &key, &parts, found)?,
        };
        Ok((parts, state))
    }
}
