//! Runs every job whose key has no finished folder yet, and commits its folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use artifact::Manifest;

use crate::child::{Ended, Spec, SpecFolder, SpecInput, watch};
use crate::key::Parts;
use crate::layout::TEMPORARY;
use crate::litter::{remove, remove_all};
use crate::lock::Lock;
use crate::record::{MEASURED, Outcome, RunRecord, SPEC, write_json};
use crate::select::Chosen;
use crate::state::{Found, Store, linked, target};
use crate::{Change, Done, Error, Event, Job, Layout, Options, Plan, Result, Root, State, status};

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
/// When `cancel` becomes true, children are stopped and nothing unfinished stays behind, except what can go on.
///
/// # Errors
/// [`Error::Locked`] while another runner writes there, [`Error::Failed`] for the first job that failed (those beside
/// it are still finished), [`Error::Cancelled`], [`Error::Usage`] for what cannot be selected.
pub fn run(
    plan: &Plan,
    layout: &Layout,
    options: &Options,
    cancel: &AtomicBool,
    observer: &(dyn Fn(Event<'_>) + Sync),
) -> Result<Summary> {
    let chosen = plan.choose(&options.selection)?;
    let writes = |root| {
        plan.jobs.iter().zip(&chosen).any(|(job, chosen)| chosen.considered && job.resolved.root == root)
    };
    let mut locks = Vec::new();
    for root in [Root::Datasets, Root::Results] {
        // Records and remembered digests always lie in `results/`.
        if root == Root::Results || writes(root) {
            locks.push(Lock::take(layout, root, &options.command)?);
        }
    }
    let runner = Runner { plan, layout, options, cancel, observer, chosen, store: Store::open(layout) };
    runner.clean()?;
    let result = runner.all();
    runner.store.save();
    drop(locks);
    result
}

/// Returns what [`run`] would do, without running or changing anything.
///
/// # Errors
/// As [`run`], before anything starts.
pub fn dry_run(plan: &Plan, layout: &Layout, options: &Options) -> Result<Vec<Step>> {
    let chosen = plan.choose(&options.selection)?;
    let cancel = AtomicBool::new(false);
    let runner = Runner {
        plan,
        layout,
        options,
        cancel: &cancel,
        observer: &|_| {},
        chosen,
        store: Store::open(layout),
    };
    let mut done = runner.given()?;
    let mut steps = Vec::new();
    for index in (0..plan.jobs.len()).filter(|index| runner.chosen[*index].considered) {
        let mut waiting: Vec<usize> = plan.inputs_of(index).filter(|input| done[*input].is_none()).collect();
        waiting.dedup();
        let state = if waiting.is_empty() { runner.look(index, &done)?.1 } else { State::Waiting(waiting) };
        if let State::UpToDate(found) = &state {
            done[index] = Some(found.clone());
        }
        steps.push(Step { job: index, state });
    }
    runner.store.save();
    Ok(steps)
}

struct Runner<'a> {
    plan: &'a Plan,
    layout: &'a Layout,
    options: &'a Options,
    cancel: &'a AtomicBool,
    observer: &'a (dyn Fn(Event<'_>) + Sync),
    chosen: Vec<Chosen>,
    store: Store,
}

impl Runner<'_> {
    /// Works through the plan, several jobs at once where they do not need each other.
    fn all(&self) -> Result<Summary> {
        let mut summary = Summary::default();
        let mut done = self.given()?;
        let mut open: Vec<usize> =
            (0..self.plan.jobs.len()).filter(|job| self.chosen[*job].considered).collect();
        let mut failure = None;
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            let mut running = 0;
            loop {
                while failure.is_none() && running < self.options.jobs.max(1) && !self.cancelled() {
                    let ready = |job: &usize| self.plan.inputs_of(*job).all(|input| done[input].is_some());
                    let Some(position) = open.iter().position(ready) else { break };
                    let index = open.remove(position);
                    match self.begin(index, &done) {
                        Ok(Begun::Done(found)) => {
                            done[index] = Some(found);
                            summary.skipped.push(index);
                        }
                        Ok(Begun::Run(attempt)) => {
                            running += 1;
                            let sender = sender.clone();
                            scope.spawn(move || {
                                let sent = sender.send((index, self.attempt(*attempt)));
                                sent.expect("the receiver outlives the jobs");
                            });
                        }
                        Err(error) => failure = Some(error),
                    }
                }
                if running == 0 {
                    break;
                }
                let (index, result) = receiver.recv().expect("a running job reports its end");
                running -= 1;
                match result {
                    Ok(finished) => {
                        done[index] = Some(finished);
                        summary.ran.push(index);
                    }
                    Err(error) => failure = failure.take().or(Some(error)),
                }
            }
        });
        if self.cancelled() {
            return Err(Error::Cancelled);
        }
        // Remembering the digests of what was just written makes the next run quick.
        summary
            .ran
            .iter()
            .filter_map(|index| done[*index].as_ref())
            .for_each(|done| self.store.remember(done));
        failure.map_or(Ok(summary), Err)
    }

    fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    fn observe(&self, event: Event<'_>) {
        (self.observer)(event);
    }

    /// Takes the inputs that are not to be looked at as they are linked now.
    fn given(&self) -> Result<Vec<Option<Done>>> {
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
            let Some(linked) = linked(self.layout, &job.slot)? else {
                let help =
                    Some(format!("run it first: name `{}`, or leave out --only and --from", job.stage));
                return Err(Error::usage(format!("stage {} has never run", job.title()), help));
            };
            if !matches!(&states[index], State::UpToDate(done) if done.folder == linked.folder) {
                self.observe(Event::StaleInput { job });
            }
            given[index] = Some(linked);
        }
        Ok(given)
    }

    /// Finds out whether a job whose inputs are done has to run.
    fn look(&self, index: usize, done: &[Option<Done>]) -> Result<(Parts, State)> {
        let job = &self.plan.jobs[index];
        let parts = Parts::new(self.plan, job, done, self.layout, &self.options.device)?;
        let found = self.store.find(self.layout, &job.slot, &parts.key())?;
        let state = match found {
            Found::Complete(_) if self.options.force && self.chosen[index].named => {
                State::Stale(vec![Change::Forced])
            }
            Found::Complete(done) => State::UpToDate(done),
            found => self.store.stale(self.layout, job, &parts, found)?,
        };
        Ok((parts, state))
    }

    /// Links a job that is done, or prepares to run it.
    fn begin(&self, index: usize, done: &[Option<Done>]) -> Result<Begun> {
        let job = &self.plan.jobs[index];
        let (parts, state) = self.look(index, done)?;
        self.make_room(job)?;
        if let State::UpToDate(found) = state {
            let relinked = self.link(job, &found.folder)?;
            self.observe(Event::Skipped { job, folder: &found.folder, relinked });
            return Ok(Begun::Done(found));
        }
        let key = parts.key();
        let inputs = job.inputs.iter().map(|input| SpecInput {
            role: input.role.clone(),
            many: input.many,
            folders: input.jobs.iter().map(|index| self.folder(*index, done)).collect(),
        });
        let partial = self.layout.path(&job.slot.partial(&key));
        let spec = Spec {
            parent: std::process::id(),
            pipeline: self.plan.name.clone(),
            description: self.plan.description.clone(),
            stage: job.stage.clone(),
            point: job.point.clone(),
            verb: job.verb.clone(),
            config: parts.config.clone(),
            digests: parts.inputs.clone(),
            inputs: inputs.collect(),
            out: self.layout.path(&job.slot.temporary(&key)),
            partial: job.resolved.resumable.then_some(partial),
            measured: PathBuf::new(),
            base: self.layout.base().to_owned(),
            threads: self.options.threads,
            device: self.options.device.clone(),
            external: job.external.clone(),
            key,
        };
        Ok(Begun::Run(Box::new(Attempt { index, parts, state, spec })))
    }

    fn folder(&self, index: usize, done: &[Option<Done>]) -> SpecFolder {
        let job = &self.plan.jobs[index];
        let done = done[index].as_ref().expect("inputs are done before those who read them");
        SpecFolder {
            stage: job.stage.clone(),
            verb: job.verb.clone(),
            point: job.point.clone(),
            path: done.folder.clone(),
        }
    }

    /// Runs one job to its committed folder, and keeps the record of it.
    fn attempt(&self, attempt: Attempt) -> Result<Done> {
        let Attempt { index, parts, state, spec } = attempt;
        let job = &self.plan.jobs[index];
        let mut record = RunRecord::begin(self.plan, job, &spec.key, self.layout, self.options);
        let spec = Spec { measured: record.path(self.layout, MEASURED), ..spec };
        record.write(self.layout)?;
        self.observe(Event::Started { job, state: &state });
        let result = self.child(job, &spec, &mut record).and_then(|()| {
            record.outcome = Outcome::Done;
            self.commit(job, &parts, &spec, &record)
        });
        if let Err(error) = &result {
            record.outcome =
                if matches!(error, Error::Cancelled) { Outcome::Cancelled } else { Outcome::Failed };
            record.reason = Some(error.to_string());
            remove(&spec.out)?;
        }
        record.write(self.layout)?;
        match &result {
            Ok(done) => self.observe(Event::Finished {
                job,
                folder: &done.folder,
                seconds: record.seconds.unwrap_or_default(),
                peak_bytes: record.peak_bytes,
            }),
            Err(Error::Failed { reason, .. }) => self.observe(Event::Failed { job, reason }),
            Err(error) => self.observe(Event::Failed { job, reason: &error.to_string() }),
        }
        result
    }

    /// Runs the child and checks how it ended.
    fn child(&self, job: &Job, spec: &Spec, record: &mut RunRecord) -> Result<()> {
        remove(&spec.out)?;
        std::fs::create_dir_all(&spec.out).map_err(Error::io("create", &spec.out))?;
        let file = record.path(self.layout, SPEC);
        write_json(&file, spec)?;
        let failed = |reason: String| Error::Failed { stage: job.title(), reason };
        let mut words = self.options.child.iter();
        let command = match words.next() {
            Some(program) => {
                let mut command = Command::new(program);
                command.args(words).arg(&file);
                command
            }
            None => spec.command().ok_or_else(|| failed("there is no program that does it".to_owned()))?,
        };
        let program = PathBuf::from(command.get_program());
        let ended =
            watch(command, self.cancel, &|stream, line| self.observe(Event::Line { job, stream, line }));
        remove(&file)?;
        let measured = std::fs::read(&spec.measured).unwrap_or_default(); // most stages write none
        record.measured = serde_json::from_slice(&measured).unwrap_or_default();
        remove(&spec.measured)?;
        let Ended { status, seconds, peak, cancelled } = ended.map_err(Error::io("start", &program))?;
        record.seconds = Some(seconds);
        record.peak_bytes = peak;
        record.exit = status.code();
        if cancelled {
            return Err(Error::Cancelled);
        }
        if !status.success() {
            return Err(failed(status.to_string()));
        }
        for output in job.external.iter().flat_map(|external| &external.outputs) {
            if !std::fs::symlink_metadata(spec.out.join(output)).is_ok_and(|metadata| metadata.is_file()) {
                return Err(failed(format!("the command did not write `{output}` into its output folder")));
            }
        }
        Ok(())
    }

    fn commit(&self, job: &Job, parts: &Parts, spec: &Spec, record: &RunRecord) -> Result<Done> {
        let mut run = serde_json::to_value(record).expect("text and numbers are JSON");
        for (name, value) in parts.other() {
            run[name] = value;
        }
        let manifest = Manifest {
            format: parts.format,
            pipeline: self.plan.name.clone(),
            stage: job.stage.clone(),
            point: job.point.clone(),
            verb: job.verb.clone(),
            version: parts.version,
            key: spec.key.clone(),
            config: parts.config.clone(),
            inputs: parts.inputs.clone(),
            files: Vec::new(),
            run,
        };
        let folder = target(self.layout, &job.slot, &spec.key);
        artifact::commit_folder(&spec.out, &folder, &manifest)?;
        self.link(job, &folder)?;
        if let Some(partial) = &spec.partial {
            remove(partial)?;
        }
        let manifest = artifact::read_manifest(&folder)?.ok_or_else(|| {
            let lost = std::io::Error::new(std::io::ErrorKind::NotFound, "its manifest is gone again");
            Error::io("read", &folder)(lost)
        })?;
        Ok(Done { folder, manifest: Arc::new(manifest) })
    }

    /// Makes the link of `job` show `folder`; says whether it showed another one.
    fn link(&self, job: &Job, folder: &Path) -> Result<bool> {
        let link = self.layout.path(&job.slot.link());
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        if std::fs::read_link(&link).is_ok_and(|shown| shown == Path::new(name.as_ref())) {
            return Ok(false);
        }
        artifact::swap_link(&link, &name)?;
        Ok(true)
    }

    /// Creates the folder above a job's place. A matrix makes a folder of what is a link without one.
    fn make_room(&self, job: &Job) -> Result<()> {
        let is_link = |path: &Path| path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
        let link = self.layout.path(&job.slot.link());
        if link.exists() && !is_link(&link) {
            let message = format!("{} is in the way: a link belongs there", link.display());
            return Err(Error::usage(
                message,
                Some("it may come from a matrix; move or remove it".to_owned()),
            ));
        }
        let parent = self.layout.path(&job.slot.parent);
        if job.slot.outer.is_some() && is_link(&parent) {
            std::fs::remove_file(&parent).map_err(Error::io("remove", &parent))?;
        }
        std::fs::create_dir_all(&parent).map_err(Error::io("create", &parent))
    }

    /// Removes what a killed run left half written. The locks are held: nobody else is writing.
    fn clean(&self) -> Result<()> {
        let litter =
            |name: &str| name.starts_with('.') && (name.ends_with(TEMPORARY) || name.ends_with(".replaced"));
        let considered = self.plan.jobs.iter().zip(&self.chosen).filter(|(_, chosen)| chosen.considered);
        let mut folders: Vec<PathBuf> =
            considered.map(|(job, _)| self.layout.path(&job.slot.parent)).collect();
        folders.sort();
        folders.dedup();
        for folder in folders {
            remove_all(&folder, litter)?;
        }
        remove_all(&self.layout.runs(), |name| name.ends_with(SPEC) || name.ends_with(MEASURED))
    }
}

/// What comes of a job whose inputs are done.
enum Begun {
    Done(Done),
    Run(Box<Attempt>),
}

/// One job about to run.
struct Attempt {
    index: usize,
    parts: Parts,
    state: State,
    spec: Spec,
}
