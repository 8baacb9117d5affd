use std::sync::atomic::{AtomicBool, Ordering};

use crate::desk::{self, Desk};
use crate::select::Chosen;
use crate::state::Store;
use crate::view::View;
use crate::{Done, Event, Layout, Options, Plan, Result};

/// A run under way.
pub(crate) struct Runner<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) layout: &'a Layout,
    pub(crate) options: &'a Options,
    pub(crate) cancel: &'a AtomicBool,
    pub(crate) observer: &'a (dyn Fn(Event<'_>) + Sync),
    pub(crate) chosen: &'a [Chosen],
    pub(crate) view: View<'a>,
    pub(crate) store: &'a Store<'a>,
    pub(crate) desk: &'a Desk,
}

impl Runner<'_> {
    pub(crate) fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    pub(crate) fn observe(&self, event: Event<'_>) {
        (self.observer)(event);
    }

    /// Lets people see a job that was done already.
    pub(crate) fn skip(&self, index: usize, found: Done) -> Result<Done> {
        let relinked = self.show(index, &found)?;
        desk::clear(&self.layout.partial(&found.manifest.key))?; // left where the end of the attempt failed
        let job = &self.plan.jobs[index];
        self.observe(Event::Skipped { job, folder: &self.layout.path(&job.slot.path()), relinked });
        Ok(found)
    }

    /// Lets people see a finished job; says whether they saw something else until now.
    pub(crate) fn show(&self, index: usize, done: &Done) -> Result<bool> {
        self.view.show(index, done, self.desk, &|event| self.observe(event))
    }
}
