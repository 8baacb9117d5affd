//! Runs every job whose key has no finished entry yet.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;

use crate::attempt::Attempt;
use crate::desk::{self, Desk};
use crate::key::Parts;
use crate::lock::{GARBAGE, Lock, Wish};
use crate::queue::Queue;
use crate::runner::Runner;
use crate::state::Store;
use crate::survey::Survey;
use crate::view::View;
use crate::{Done, Error, Event, Layout, Options, Plan, Result, State};

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
    if let Some(skipped) = survey.settled(&observe)? {
        if desk::is_littered(layout)?
            && let Err(error) = desk::sweep_alone(layout, &shown, &options.command)
        {
            tracing::debug!("what an earlier run left stays: {error}");
        }
        return Ok(Summary { skipped, ..Summary::default() });
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
                            let what = format!("cannot start a thread for the work in {base}");
                            started.map_err(Error::refused(&self.plan.jobs[index].title(), what))?;
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
            1 if left == 0 => Err(failures.remove(0)),
            _ if !self.options.keep_going => Err(failures.remove(0)),
            _ => Err(Error::Several { failures, left }),
        }
    }

    /// Collects what an attempt of job `index` needs.
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
