//! Where work lies before it has a name, and what is cleared of earlier runs that did not get to do it themselves.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use artifact::{Clock, found, remove};

use crate::lock::{GARBAGE, Lock, Wish};
use crate::{Error, Layout, Result};

/// Separates, in the name of a folder of `.seqlab/attempts/`, the lock of its owner from the rest.
const OF: char = '~';
/// Stands there in the name of a damaged entry that was put aside; no pipeline is called so.
const DAMAGED: &str = "_damaged";

/// The folder of one run in `.seqlab/attempts/`: attempts of stages, and files on their way to where they belong.
#[derive(Debug)]
pub(crate) struct Desk {
    path: PathBuf,
    next: AtomicU64,
    pub(crate) clock: Clock,
}

impl Desk {
    /// Makes the folder; the caller holds the lock `owner`.
    pub(crate) fn new(layout: &Layout, owner: &str) -> Result<Self> {
        let name = format!("{owner}{OF}{}", unique());
        let path = layout.state("attempts").join(name);
        std::fs::create_dir(&path).map_err(Error::io("create", &path))?;
        let clock = Clock::new(path.join("clock"));
        Ok(Self { path, next: AtomicU64::new(0), clock })
    }

    /// Returns a path on it that was not used before.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.path.join(format!("{}-{name}", self.next.fetch_add(1, Ordering::Relaxed)))
    }

    /// Makes a folder on it.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.place(name);
        std::fs::create_dir(&path).map_err(Error::io("create", &path))?;
        Ok(path)
    }

    /// Removes it with everything that still lies on it.
    pub(crate) fn clear(self) -> Result<()> {
        clear(&self.path)
    }
}

/// Returns a name that no other process and no other call gives: time, machine, process, and a number.
pub(crate) fn unique() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let host: String =
        host().unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).take(32).collect();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{}-{host}-{}-{number}", now.as_millis(), std::process::id())
}

/// Returns the name of the machine, where it can be read; it is said, never relied on.
pub(crate) fn host() -> Option<String> {
    std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned())
}

/// Removes `path`, trying once more where the system refused.
pub(crate) fn clear(path: &Path) -> Result<()> {
    remove(path).or_else(|error| {
        tracing::debug!("{error}; once more");
        Ok(remove(path)?)
    })
}

/// Returns the place for a damaged entry until its stage has run again.
pub(crate) fn aside(layout: &Layout, key: &str) -> PathBuf {
    layout.state("attempts").join(format!("{DAMAGED}{OF}{key}"))
}

/// Says whether something lies about that no run is working on, or may.
pub(crate) fn is_littered(layout: &Layout) -> Result<bool> {
    Ok(!list(&layout.state("attempts"))?.is_empty())
}

/// Removes what killed runs left. The caller shares the lock on garbage, so that nobody is removing anything else.
pub(crate) fn sweep(layout: &Layout, own: &str) -> Result<()> {
    let attempts = layout.state("attempts");
    for name in list(&attempts)? {
        if owner(&name) == own || is_dead(layout, &name)? {
            clear(&attempts.join(&name))?;
        }
    }
    Ok(())
}

fn owner(name: &str) -> &str {
    name.split_once(OF).map_or("", |(owner, _)| owner)
}

/// Says whether `name` in `.seqlab/attempts/` is a damaged entry.
pub(crate) fn is_aside(name: &str) -> bool {
    owner(name) == DAMAGED
}

/// Says whether `name` in `.seqlab/attempts/` is nobody's any more.
pub(crate) fn is_dead(layout: &Layout, name: &str) -> Result<bool> {
    match name.strip_prefix(DAMAGED).and_then(|rest| rest.strip_prefix(OF)) {
        // It is not needed any more once there is a whole one.
        Some(key) => Ok(found(&layout.entry(key))?.is_some()),
        // While garbage is removed, nobody else looks.
        None => Ok(owner(name) == GARBAGE || !Lock::is_held(layout, owner(name))?),
    }
}

/// Returns the names in `folder`, sorted; none where there is no such folder.
pub(crate) fn list(folder: &Path) -> Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("list", folder)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::io("list", folder))?;
        // What is not called in UTF-8 is not ours.
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// Takes the lock on `owner` to sweep with, if nobody has it.
pub(crate) fn sweep_alone(layout: &Layout, owner: &str, command: &str) -> Result<()> {
    let Wish::Granted(_garbage) = Lock::shared(layout, GARBAGE)? else { return Ok(()) };
    match Lock::alone(layout, owner, command)? {
        Wish::Granted(_own) => sweep(layout, owner),
        Wish::Held(_) => Ok(()),
    }
}
