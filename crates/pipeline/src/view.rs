//! Keeps what people see of one pipeline coherent: every folder shown was made from the others that are.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use artifact::{Manifest, found, write_whole};

use crate::desk::{Desk, list};
use crate::done::linked;
use crate::layout::root_name;
use crate::show::{COVER, hide, hide_folder, show, shown_below, shows, touch};
use crate::{Done, Error, Event, Layout, Plan, Result, Root};

/// What people see of one pipeline.
pub(crate) struct View<'a> {
    plan: &'a Plan,
    layout: &'a Layout,
    /// The jobs that read a job.
    readers: Vec<Vec<usize>>,
    /// What each job's folder shows, as far as it was looked at.
    shown: Mutex<HashMap<usize, Option<Arc<Manifest>>>>,
}

type Shown<'a> = MutexGuard<'a, HashMap<usize, Option<Arc<Manifest>>>>;

impl<'a> View<'a> {
    pub(crate) fn new(plan: &'a Plan, layout: &'a Layout) -> Self {
        let mut readers = vec![Vec::new(); plan.jobs.len()];
        for index in 0..plan.jobs.len() {
            for input in plan.inputs_of(index) {
                readers[input].push(index);
            }
        }
        Self { plan, layout, readers, shown: Mutex::default() }
    }

    /// Says whether the folder of a job shows what it should, all of it and nothing else.
    pub(crate) fn shows(&self, index: usize, done: &Done) -> Result<bool> {
        let slot = &self.plan.jobs[index].slot;
        let shows = shows(self.layout, slot, &done.manifest.key, &done.manifest)?;
        if shows && !self.plan.variant.is_empty() {
            touch(self.layout, slot); // what `--set` changed is kept for some time after it was last asked for
        }
        Ok(shows)
    }

    /// Makes the folder of a job show its finished entry; before that, folders of its descendants that were made from something else
    /// go. Says whether it showed something else until now.
    pub(crate) fn show(
        &self,
        index: usize,
        done: &Done,
        desk: &Desk,
        observe: &dyn Fn(Event<'_>),
    ) -> Result<bool> {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shows(index, done)? {
            shown.insert(index, Some(done.manifest.clone()));
            return Ok(false);
        }
        for reader in self.descendants(index) {
            let Some(manifest) = self.manifest(&mut shown, reader)? else { continue };
            if !self.fits(&mut shown, reader, &manifest, index, &done.manifest)? {
                hide(self.layout, &self.plan.jobs[reader].slot, desk)?;
                shown.insert(reader, None);
                observe(Event::Hidden { job: &self.plan.jobs[reader] });
            }
        }
        let job = &self.plan.jobs[index];
        if let Some(place) = show(self.layout, &job.slot, &done.manifest.key, &done.manifest, desk)? {
            observe(Event::Kept { job, place: &place });
        }
        shown.insert(index, Some(done.manifest.clone()));
        Ok(true)
    }

    /// Returns everything that reads `index`, itself or through others, inputs first.
    fn descendants(&self, index: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open = vec![index];
        while let Some(index) = open.pop() {
            open.extend(self.readers[index].iter().copied().filter(|reader| found.insert(*reader)));
        }
        found
    }

    fn manifest(&self, shown: &mut Shown<'_>, index: usize) -> Result<Option<Arc<Manifest>>> {
        if let Some(known) = shown.get(&index) {
            return Ok(known.clone());
        }
        let manifest = linked(self.layout, &self.plan.jobs[index].slot)?.map(|done| done.manifest);
        shown.insert(index, manifest.clone());
        Ok(manifest)
    }

    /// Whether what job `reader` shows was made from what its inputs show, once job `changed` shows `now`.
    fn fits(
        &self,
        shown: &mut Shown<'_>,
        reader: usize,
        manifest: &Manifest,
        changed: usize,
        now: &Manifest,
    ) -> Result<bool> {
        for (role, input) in self.plan.jobs[reader].roles() {
            let theirs = match input == changed {
                true => None,
                false => match self.manifest(shown, input)? {
                    Some(theirs) => Some(theirs),
                    None => return Ok(false),
                },
            };
            let theirs = theirs.as_deref().unwrap_or(now);
            let read = manifest.inputs.iter().filter_map(|(name, digest)| {
                name.strip_prefix(&role).and_then(|rest| rest.strip_prefix('/')).map(|name| (name, digest))
            });
            let contents: HashMap<&str, &String> =
                theirs.files.iter().map(|file| (file.path.as_str(), &file.content)).collect();
            for (name, digest) in read {
                if contents.get(name) != Some(&digest) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Says whether nothing is shown that this pipeline does not have any more, and covers are what they should be.
    pub(crate) fn is_tidy(&self) -> Result<bool> {
        if !self.strays()?.is_empty() {
            return Ok(false);
        }
        for (path, text) in self.covers()? {
            if read_text(&self.layout.path(&path))? != text {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes away what is shown of stages and points that this pipeline does not have any more.
    pub(crate) fn tidy(&self, desk: &Desk) -> Result<()> {
        self.strays()?.iter().try_for_each(|stray| hide_folder(self.layout, stray, desk))
    }

    /// Returns the folders that show an entry and belong to no job.
    fn strays(&self) -> Result<Vec<PathBuf>> {
        let plan = self.plan;
        let ours: BTreeSet<PathBuf> = plan.jobs.iter().map(|job| job.slot.path()).collect();
        let mut roots = vec![Path::new(root_name(Root::Results)).join(plan.shown())];
        let datasets = Path::new(root_name(Root::Datasets));
        for name in list(&self.layout.path(datasets))? {
            let Some(rest) = name.strip_prefix(&plan.name).and_then(|rest| rest.strip_suffix(&plan.variant))
            else {
                continue;
            };
            if rest.is_empty() || rest.starts_with('.') && !rest.contains('@') {
                roots.push(datasets.join(name));
            }
        }
        let mut strays = Vec::new();
        for root in roots {
            let below = shown_below(self.layout, &root)?;
            strays.extend(below.into_iter().map(|(path, _)| path).filter(|path| !ours.contains(path)));
        }
        Ok(strays)
    }

    /// Writes what stands above the points of a stage.
    pub(crate) fn cover(&self, desk: &Desk) -> Result<()> {
        for (path, text) in self.covers()? {
            let place = self.layout.path(&path);
            if read_text(&place)? == text {
                continue;
            }
            match text {
                Some(text) => write_whole(&desk.place("cover"), &place, text.as_bytes())?,
                None => artifact::remove(&place)?,
            }
        }
        Ok(())
    }

    /// Returns, for every stage with points that has one, the file above them and what should stand in it: it is about the points that
    /// are shown.
    fn covers(&self) -> Result<Vec<(PathBuf, Option<String>)>> {
        let mut covers = Vec::new();
        for cover in &self.plan.covers {
            let mut text = cover.head.clone();
            let mut any = false;
            for (index, part) in &cover.parts {
                if found(&self.layout.path(&self.plan.jobs[*index].slot.path()))?.is_some() {
                    text += part;
                    any = true;
                }
            }
            text += &cover.tail;
            text += COVER;
            covers.push((cover.path.clone(), any.then_some(text)));
        }
        Ok(covers)
    }
}

/// Returns the text at `path`; `None` where there is nothing, empty text where it is none.
fn read_text(path: &Path) -> Result<Option<String>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8(bytes).unwrap_or_default())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}
