//! Runs every job whose key has no finished entry yet.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use artifact::exists;

use crate::attempt::Attempt;
use crate::desk::{self, Desk};
use crate::key::Parts;
use crate::lock::{GARBAGE, Lock, Wish};
use crate::select::Chosen;
use crate::state::{Found, Store, last_shown, linked};
use crate::view::View;
use crate::{Change, Done, Error, Event, Layout, Options, Plan, Result, State, status};

/// What a run did. Indices into [`Plan::jobs`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// The jobs that ran, in the order in which they finished.
    pub ran: Vec<usize>,
    /// The jobs that were done already.
    pub skipped: Vec<usize>,
}

/// One job that a run would look at.
#[derive(Debug, Clone)]
pub struct Step {
    /// Index into [`Plan::jobs`].
    pub job: usize,
    /// How it stands: it would run unless it is up to date.
    pub state: State,
}

/// Runs what `options` select of `plan` and is not done yet.
///
/// When `cancel` becomes true, children are stopped and nothing unfinished stays behind, except what can go on. Where nothing is to do,
/// nothing is written and no lock is needed.
///
/// # Errors
/// [`Error::Locked`] while another runner is at this pipeline, [`Error::Failed`] for the first job that failed (those beside
/// it are still finished) or [`Error::Several`], [`Error::Cancelled`], [`Error::Usage`] for what cannot be selected.
pub fn run(
    plan: &Plan,
    layout: &Layout,
    options: &Options,
    cancel: &AtomicBool,
    observer: &(dyn Fn(Event<'_>) + Sync),
) -> Result<Summary> {
    let chosen = plan.choose(&options.selection)?;
    let store = Store::new(layout);
    let observe = |event: Event<'_>| observer(event);
    let survey = Survey { plan, layout, options, chosen: &chosen, store: &store, desk: None };
    let shown = plan.shown();
    if let Some(summary) = survey.settled(&observe)? {
        if desk::is_littered(layout)?
            && let Err(error) = desk::sweep_alone(layout, &shown, &options.command)
        {
            tracing::debug!("what an earlier run left stays: {error}");
        }
        return Ok(summary);
    }
    layout.prepare()?;
    let granted = |wish, what: String| match wish {
        Wish::Granted(lock) => Ok(lock),
        Wish::Held(holder) => Err(Error::Locked { what, holder }),
    };
    let project = layout.base().display();
    let _garbage = granted(Lock::shared(layout, GARBAGE)?, format!("the store in {project}"))?;
    let own = Lock::alone(layout, &shown, &options.command)?;
    let _own = granted(own, format!("pipeline {shown} in {project}"))?;
    desk::sweep(layout, &shown)?;
    let desk = Desk::new(layout, &shown)?;
    let runner = Runner {
        plan,
        layout,
        options,
        cancel,
        observer,
        chosen: &chosen,
        view: View::new(plan, layout),
        store: &store,
        desk: &desk,
    };
    let result =
        catch_unwind(AssertUnwindSafe(|| runner.all())).unwrap_or_else(|panic| Err(Error::panic(&*panic)));
    store.save(&desk);
    let cleared = desk.clear();
    let summary = result?;
    cleared?;
    Ok(summary)
}

/// Returns what [`run`] would do, without running or changing anything.
///
/// # Errors
/// As [`run`], before anything starts.
pub fn dry_run(plan: &Plan, layout: &Layout, options: &Options) -> Result<Vec<Step>> {
    let chosen = plan.choose(&options.selection)?;
    let store = Store::new(layout);
    let survey = Survey { plan, layout, options, chosen: &chosen, store: &store, desk: None };
    let mut done = survey.given(&|_| {})?;
    let mut steps = Vec::new();
    for index in (0..plan.jobs.len()).filter(|index| chosen[*index].considered) {
        let mut waiting: Vec<usize> = plan.inputs_of(index).filter(|input| done[*input].is_none()).collect();
        waiting.dedup();
        let state = if waiting.is_empty() { survey.look(index, &done)?.1 } else { State::Waiting(waiting) };
        if let State::UpToDate(found) = &state {
            done[index] = Some(found.clone());
        }
        steps.push(Step { job: index, state });
    }
    Ok(steps)
}

/// What can be found out about a run without changing anything.
#[derive(Clone, Copy)]
pub(crate) struct Survey<'a> {
    plan: &'a Plan,
    layout: &'a Layout,
    options: &'a Options,
    chosen: &'a [Chosen],
    store: &'a Store<'a>,
    desk: Option<&'a Desk>,
}

impl Survey<'_> {
    /// Returns the summary of a run that has nothing to do and nothing to show that is not shown; `None` of another.
    fn settled(&self, observe: &dyn Fn(Event<'_>)) -> Result<Option<Summary>> {
        if self.options.force {
            return Ok(None);
        }
        let (view, stale) = (View::new(self.plan, self.layout), std::cell::RefCell::new(Vec::new()));
        let mut done = self.given(&|index| stale.borrow_mut().push(index))?;
        let mut summary = Summary::default();
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
            summary.skipped.push(index);
        }
        for index in stale.into_inner() {
            observe(Event::StaleInput { job: &self.plan.jobs[index] });
        }
        for index in &summary.skipped {
            let job = &self.plan.jobs[*index];
            observe(Event::Skipped { job, folder: &self.layout.path(&job.slot.path()), relinked: false });
        }
        Ok(Some(summary))
    }

    /// Takes the inputs that are not to be looked at as they are shown now; says which of them do not fit the definition.
    fn given(&self, stale: &dyn Fn(usize)) -> Result<Vec<Option<Done>>> {
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
    fn look(&self, index: usize, done: &[Option<Done>]) -> Result<(Parts, State)> {
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

/// A run under way.
pub(crate) struct Runner<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) layout: &'a Layout,
    pub(crate) options: &'a Options,
    pub(crate) cancel: &'a AtomicBool,
    observer: &'a (dyn Fn(Event<'_>) + Sync),
    chosen: &'a [Chosen],
    view: View<'a>,
    pub(crate) store: &'a Store<'a>,
    pub(crate) desk: &'a Desk,
}

impl Runner<'_> {
    /// Works through the plan, several jobs at once where they do not need each other.
    fn all(&self) -> Result<Summary> {
        let survey = Survey {
            plan: self.plan,
            layout: self.layout,
            options: self.options,
            chosen: self.chosen,
            store: self.store,
            desk: Some(self.desk),
        };
        self.view.tidy(self.desk)?;
        let mut done =
            survey.given(&|index| self.observe(Event::StaleInput { job: &self.plan.jobs[index] }))?;
        let mut queue = Queue::new(self.plan, self.chosen);
        let mut summary = Summary::default();
        let mut failures: Vec<Error> = Vec::new();
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            let mut running = 0;
            loop {
                while (failures.is_empty() || self.options.keep_going)
                    && running < self.options.jobs.max(1)
                    && !self.cancelled()
                {
                    let Some(index) = queue.next() else { break };
                    let begun = survey.look(index, &done).and_then(|(parts, state)| match state {
                        State::UpToDate(found) => self.skip(index, found).map(Some),
                        state => {
                            let attempt = self.prepare(index, parts, state, &done);
                            let (sender, title) = (sender.clone(), self.plan.jobs[index].title());
                            let work = move || {
                                let result = catch_unwind(AssertUnwindSafe(|| self.attempt(attempt)));
                                let result =
                                    result.unwrap_or_else(|panic| Err(Error::panic(&*panic).of(&title)));
                                // The receiver outlives every job; if it should not, nobody is left to be told.
                                drop(sender.send((index, result)));
                            };
                            let started = std::thread::Builder::new().spawn_scoped(scope, work);
                            let base = self.layout.base().display();
                            let reason =
                                |error| format!("cannot start a thread for the work in {base}: {error}");
                            started.map_err(|error| {
                                Error::failed(&self.plan.jobs[index].title(), reason(error))
                            })?;
                            running += 1;
                            Ok(None)
                        }
                    });
                    match begun {
                        Ok(Some(found)) => {
                            done[index] = Some(found);
                            queue.done(index);
                            summary.skipped.push(index);
                        }
                        Ok(None) => {}
                        Err(error) => failures.push(error),
                    }
                }
                if running == 0 {
                    break;
                }
                let Ok((index, result)) = receiver.recv() else { break };
                running -= 1;
                match result {
                    Ok((finished, ran)) => {
                        done[index] = Some(finished);
                        queue.done(index);
                        if ran { summary.ran.push(index) } else { summary.skipped.push(index) }
                    }
                    Err(error) => failures.push(error),
                }
            }
        });
        self.view.cover(self.desk)?;
        if self.cancelled() {
            return Err(Error::Cancelled);
        }
        let left = queue.left(self.chosen);
        match failures.len() {
            0 => Ok(summary),
            1 if !self.options.keep_going => Err(failures.remove(0)),
            _ if !self.options.keep_going => Err(failures.remove(0)),
            1 if left == 0 => Err(failures.remove(0)),
            _ => Err(Error::Several { failures, left }),
        }
    }

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

    fn prepare(&self, index: usize, parts: Parts, state: State, done: &[Option<Done>]) -> Attempt {
        let inputs: Vec<(usize, Done)> = self
            .plan
            .inputs_of(index)
            .map(|input| (input, done[input].clone().expect("inputs are done before those who read them")))
            .collect();
        let forced = self.options.force && self.chosen[index].named;
        Attempt { index, parts, state, inputs, forced }
    }
}

/// Which jobs can begin.
struct Queue {
    /// Of every job, how many of its inputs are still to come.
    missing: Vec<usize>,
    readers: Vec<Vec<usize>>,
    ready: BTreeSet<usize>,
    finished: Vec<bool>,
}

impl Queue {
    fn new(plan: &Plan, chosen: &[Chosen]) -> Self {
        let count = plan.jobs.len();
        let mut queue = Self {
            missing: vec![0; count],
            readers: vec![Vec::new(); count],
            ready: BTreeSet::new(),
            finished: vec![false; count],
        };
        for index in (0..count).filter(|index| chosen[*index].considered) {
            let inputs: BTreeSet<usize> =
                plan.inputs_of(index).filter(|input| chosen[*input].considered).collect();
            queue.missing[index] = inputs.len();
            for input in &inputs {
                queue.readers[*input].push(index);
            }
            if inputs.is_empty() {
                queue.ready.insert(index);
            }
        }
        queue
    }

    fn next(&mut self) -> Option<usize> {
        self.ready.pop_first()
    }

    fn done(&mut self, index: usize) {
        self.finished[index] = true;
        for reader in std::mem::take(&mut self.readers[index]) {
            self.missing[reader] -= 1;
            if self.missing[reader] == 0 {
                self.ready.insert(reader);
            }
        }
    }

    /// Returns how many jobs wait for something that did not come.
    fn left(&self, chosen: &[Chosen]) -> usize {
        (0..chosen.len()).filter(|index| chosen[*index].considered && self.missing[*index] > 0).count()
    }
}
