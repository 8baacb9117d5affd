//! What the audit of a folder found, and its tables.

use std::path::{Path, PathBuf};

use artifact::tables::{Certificate, Leakage};
use artifact::{Provenance, write_table};

use crate::error::{Leak, Result};

/// What the audit of a folder found.
#[derive(Debug, Clone, PartialEq)]
pub struct FolderAudit {
    /// The dataset's folder below the one that was audited; empty for that itself.
    pub point: PathBuf,
    /// The level whose guarantee was the gate.
    pub level: String,
    /// The splits with their numbers of rows, from the strictest to the one that is trained on.
    pub splits: Vec<(String, u64)>,
    /// One row per check, pair of splits and view.
    pub certificates: Vec<Certificate>,
    /// One row per held-out row; none with `only_windows`.
    pub leakage: Vec<Leakage>,
    /// Every violated gate with its first witness.
    pub leaks: Vec<Leak>,
    /// Files that were left out because somebody asked for it: nothing is said of them.
    pub skipped: Vec<PathBuf>,
    /// Columns that are called like ours in a folder that is not: they were not believed.
    pub unbelieved: Vec<String>,
}

impl FolderAudit {
    /// Tells whether no gate is violated.
    pub fn is_clean(&self) -> bool {
        self.leaks.is_empty()
    }

    /// Writes `certificate.parquet`, and `leakage.parquet` where there is something in it, into an existing folder.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, out: &Path) -> Result<()> {
        let provenance = Provenance::default();
        write_table(&out.join("certificate.parquet"), &provenance, self.certificates.iter().cloned())?;
        if !self.leakage.is_empty() {
            write_table(&out.join("leakage.parquet"), &provenance, self.leakage.iter().cloned())?;
        }
        Ok(())
    }
}
