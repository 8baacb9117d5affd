//! One attempt to run a job: from its inputs to its finished entry in the store.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use artifact::{Manifest, found, place, seal, swap};

use crate::child::{Spec, SpecFolder, SpecInput};
use crate::desk::{aside, clear};
use crate::done::is_damage;
use crate::ending::ending;
use crate::key::{Parts, external_files};
use crate::lock::{Lock, Wish};
use crate::process::{Ended, watch};
use crate::record::{Outcome, RunRecord};
use crate::runner::Runner;
use crate::state::Found;
use crate::{Done, Error, Event, Job, Result, State};

/// Time between two looks at whether another process has finished.
const LOOK: Duration = Duration::from_millis(50);

/// One job about to run.
pub(crate) struct Attempt {
    pub(crate) index: usize,
    pub(crate) parts: Parts,
    pub(crate) state: State,
    /// The jobs that it reads.
    pub(crate) inputs: Vec<(usize, Done)>,
    /// Whether it runs though its entry is there.
    pub(crate) forced: bool,
}

impl Runner<'_> {
    /// Runs one job to its finished entry and keeps the record of it; says whether it ran, or another process was quicker.
    pub(crate) fn attempt(&self, attempt: Attempt) -> Result<(Done, bool)> {
        let job = &self.plan.jobs[attempt.index];
        let key = attempt.parts.key();
        let _lock = self.lock(job, &key)?;
        match self.store.find(&key, Some(self.desk))? {
            Found::Complete(done) if !attempt.forced => {
                return Ok((self.skip(attempt.index, done)?, false));
            }
            Found::Damaged(_) => {
                let aside = aside(self.layout, &key);
                clear(&aside)?;
                let entry = self.layout.entry(&key);
                std::fs::rename(&entry, &aside).map_err(Error::io("rename", &entry))?;
            }
            _ => {}
        }
        let mut record = RunRecord::begin(self.plan, job, &key, self.layout, self.options);
        record.write(self.layout, self.desk)?;
        self.observe(Event::Started { job, state: &attempt.state });
        let desk = self.desk.folder(&job.stage)?;
        let result = self.work(&attempt, &key, &desk, &mut record);
        record.outcome = match &result {
            Ok(_) => Outcome::Done,
            Err(Error::Cancelled) => Outcome::Cancelled,
            Err(_) => Outcome::Failed,
        };
        record.reason = result.as_ref().err().map(ToString::to_string);
        let ended = clear(&desk).and_then(|()| record.write(self.layout, self.desk));
        let shown = result.and_then(|done| {
            ended?;
            clear(&aside(self.layout, &key))?;
            clear(&self.layout.partial(&key))?;
            self.show(attempt.index, &done)?;
            Ok((done, true))
        });
        match &shown {
            Ok(_) => self.observe(Event::Finished {
                job,
                folder: &self.layout.path(&job.slot.path()),
                seconds: record.seconds.unwrap_or_default(),
                peak_bytes: record.peak_bytes,
            }),
            Err(Error::Failed { reason, .. }) => self.observe(Event::Failed { job, reason }),
            Err(error) => self.observe(Event::Failed { job, reason: &error.to_string() }),
        }
        shown
    }

    /// Takes the lock of the entry, waiting for another process that has it.
    fn lock(&self, job: &Job, key: &str) -> Result<Lock> {
        let mut told = false;
        loop {
            match Lock::alone(self.layout, key, &self.options.command)? {
                Wish::Granted(lock) => return Ok(lock.passing(self.layout, key)),
                Wish::Held(holder) if !told => {
                    told = true;
                    self.observe(Event::Busy { job, holder: &holder });
                }
                Wish::Held(_) => {}
            }
            if self.cancelled() {
                return Err(Error::Cancelled);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Runs the child in the folder `desk` and commits what it leaves.
    fn work(&self, attempt: &Attempt, key: &str, desk: &Path, record: &mut RunRecord) -> Result<Done> {
        let job = &self.plan.jobs[attempt.index];
        self.check_inputs(attempt)?;
        let out = desk.join("out");
        std::fs::create_dir(&out).map_err(Error::io("create", &out))?;
        let spec = self.spec(attempt, key, desk);
        if spec.partial.is_some()
            && found(&self.layout.partial(key))?.is_some_and(|partial| !partial.is_dir())
        {
            clear(&self.layout.partial(key))?; // a link, say: it would be followed
        }
        self.child(job, &spec, desk, record)?;
        for output in job.external.iter().flat_map(|external| &external.outputs) {
            if !found(&out.join(output))?.is_some_and(|metadata| metadata.is_file()) {
                let reason = format!("the command did not write `{output}` into its output folder");
                return Err(Error::failed(&job.title(), reason));
            }
        }
        self.check_inputs(attempt)?;
        self.commit(attempt, key, &out, record)
    }

    fn spec(&self, attempt: &Attempt, key: &str, desk: &Path) -> Spec {
        let job = &self.plan.jobs[attempt.index];
        let relative =
            |path: PathBuf| path.strip_prefix(self.layout.base()).map(Path::to_owned).unwrap_or(path);
        let folder = |index: &usize| {
            let theirs = &self.plan.jobs[*index];
            let done = attempt.inputs.iter().find(|(input, _)| input == index);
            SpecFolder {
                stage: theirs.stage.clone(),
                verb: theirs.verb.clone(),
                point: theirs.point.clone(),
                path: relative(done.map(|(_, done)| done.folder.clone()).unwrap_or_default()),
                shown: theirs.shown(),
            }
        };
        let inputs = job.inputs.iter().map(|input| SpecInput {
            role: input.role.clone(),
            many: input.many,
            folders: input.jobs.iter().map(folder).collect(),
        });
        Spec {
            parent: std::process::id(),
            pipeline: self.plan.name.clone(),
            description: self.plan.description.clone(),
            stage: job.stage.clone(),
            point: job.point.clone(),
            verb: job.verb.clone(),
            config: attempt.parts.config.clone(),
            key: key.to_owned(),
            digests: attempt.parts.inputs.clone(),
            inputs: inputs.collect(),
            out: relative(desk.join("out")),
            partial: job.resolved.resumable.then(|| relative(self.layout.partial(key))),
            measured: relative(desk.join("measured.json")),
            base: PathBuf::new(),
            threads: self.options.threads,
            device: self.options.device.clone(),
            external: job.external.clone(),
        }
    }

    /// Checks that what the job reads is what its key says.
    fn check_inputs(&self, attempt: &Attempt) -> Result<()> {
        let job = &self.plan.jobs[attempt.index];
        for (index, done) in &attempt.inputs {
            let same =
                |manifest: Option<Manifest>| manifest.is_some_and(|m| m.digest == done.manifest.digest);
            let damage = match artifact::read_manifest(&done.folder) {
                Ok(manifest) if same(manifest.clone()) => self.store.damage(done, Some(self.desk))?,
                Ok(_) => Some("its manifest is another one".to_owned()),
                Err(error) if is_damage(&error) => Some(error.to_string()),
                Err(error) => return Err(error.into()),
            };
            if let Some(damage) = damage {
                let theirs = &self.plan.jobs[*index];
                return Err(Error::Damaged {
                    stage: theirs.title(),
                    folder: done.folder.clone(),
                    damage,
                    heal: self.plan.heal(theirs),
                });
            }
        }
        for (file, digest) in external_files(job, self.layout)? {
            if attempt.parts.inputs.get(&format!("files/{file}")) != Some(&digest) {
                let path = self.layout.base().join(&file);
                let reason = format!("{} was changed while it ran; run it again", path.display());
                return Err(Error::failed(&job.title(), reason));
            }
        }
        Ok(())
    }

    /// Runs the child and checks how it ended.
    fn child(&self, job: &Job, spec: &Spec, desk: &Path, record: &mut RunRecord) -> Result<()> {
        let file = desk.join("job.spec");
        let bytes = serde_json::to_vec(spec).expect("relative paths of ours are text");
        std::fs::write(&file, bytes).map_err(Error::io("write", &file))?;
        let mut words = self.options.child.iter();
        let mut command = match words.next() {
            Some(program) => {
                let mut command = Command::new(program);
                command.args(words).arg(&file);
                command.current_dir(self.layout.base());
                command
            }
            None => {
                let reason = || Error::failed(&job.title(), "there is no program that does it".to_owned());
                let mut spec = spec.clone();
                spec.absolute(self.layout.base());
                spec.command().ok_or_else(reason)?
            }
        };
        command.envs(self.options.environment.iter().map(|(name, value)| (name, value)));
        let program = PathBuf::from(command.get_program());
        let ended =
            watch(command, self.cancel, &|stream, line| self.observe(Event::Line { job, stream, line }));
        let measured = desk.join("measured.json");
        if found(&measured)?.is_some_and(|metadata| metadata.is_file()) {
            let bytes = std::fs::read(&measured).map_err(Error::io("read", &measured))?;
            record.measured = serde_json::from_slice(&bytes).unwrap_or_default();
        }
        let what = format!("cannot run {} in {}", program.display(), self.layout.base().display());
        let Ended { status, seconds, peak, cancelled } = ended.map_err(Error::refused(&job.title(), what))?;
        record.seconds = Some(seconds);
        record.peak_bytes = peak;
        record.exit = status.code();
        if cancelled {
            return Err(Error::Cancelled);
        }
        if !status.success() {
            return Err(Error::failed(&job.title(), ending(status)));
        }
        Ok(())
    }

    fn commit(&self, attempt: &Attempt, key: &str, out: &Path, record: &RunRecord) -> Result<Done> {
        let parts = &attempt.parts;
        let manifest = Manifest {
            format: parts.format,
            verb: parts.kind.clone(),
            version: parts.version,
            key: key.to_owned(),
            config: parts.config.clone(),
            inputs: parts.inputs.clone(),
            other: parts.other.clone(),
            files: Vec::new(),
            run: record.of_entry(),
            digest: String::new(),
        };
        let manifest = seal(out, &manifest)?;
        let folder = self.layout.entry(key);
        if attempt.forced {
            swap(out, &folder)?;
        } else if !place(out, &folder)? {
            // Another machine was quicker: the first one stays.
            let first = artifact::read_manifest(&folder)?;
            let contents = |manifest: &Manifest| {
                manifest
                    .files
                    .iter()
                    .map(|file| (file.path.clone(), file.content.clone()))
                    .collect::<Vec<_>>()
            };
            if first.as_ref().map(contents) != Some(contents(&manifest)) {
                let title = self.plan.jobs[attempt.index].title();
                tracing::warn!(
                    "{title}: an attempt elsewhere finished first, with other bytes for the same key; its result stays, and \
                     something about the stage is not deterministic: please report it"
                );
            }
        }
        let gone = || {
            let lost = std::io::Error::new(std::io::ErrorKind::NotFound, "its manifest is gone again");
            Error::io("read", &folder)(lost)
        };
        let manifest = artifact::read_manifest(&folder)?.ok_or_else(gone)?;
        Ok(Done { folder, manifest: Arc::new(manifest) })
    }
}
