//! Finished entries, as they lie in the store and as folders show them.

use std::path::PathBuf;
use std::sync::Arc;

use artifact::{Manifest, found};

use crate::layout::Slot;
use crate::show::shown;
use crate::{Job, Layout, Plan, Result};

/// A finished job.
#[derive(Debug, Clone)]
pub struct Done {
    /// Its folder.
    pub folder: PathBuf,
    /// What the folder holds.
    pub manifest: Arc<Manifest>,
}

/// Returns the finished entry of `key` as it lies there, whole or not; `None` where it has no readable manifest.
pub(crate) fn entry(layout: &Layout, key: &str) -> Result<Option<Done>> {
    let folder = layout.entry(key);
    if !found(&folder)?.is_some_and(|metadata| metadata.is_dir()) {
        return Ok(None);
    }
    match artifact::read_manifest(&folder) {
        Ok(manifest) => Ok(manifest.map(|manifest| Done { folder, manifest: Arc::new(manifest) })),
        Err(error) if is_damage(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether an error says that a manifest is none, and not that it could not be read.
pub(crate) fn is_damage(error: &artifact::Error) -> bool {
    use artifact::Error::{Demand, Manifest, NoFile};
    matches!(error, Manifest { .. } | NoFile { .. } | Demand { .. })
}

/// Returns the finished entry that the folder of `job` shows; where it shows none and `--set` changes something, that of the definition's own.
pub(crate) fn last_shown(plan: &Plan, layout: &Layout, job: &Job) -> Result<Option<Done>> {
    match linked(layout, &job.slot)? {
        None if !plan.variant.is_empty() => linked(layout, &job.slot_of_definition(&plan.name)),
        shown => Ok(shown),
    }
}

/// Returns the finished entry that the folder of `slot` shows.
pub(crate) fn linked(layout: &Layout, slot: &Slot) -> Result<Option<Done>> {
    Ok(match shown(layout, slot)? {
        Some(key) => entry(layout, &key)?,
        None => None,
    })
}
