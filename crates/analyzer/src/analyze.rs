//! What an analysis is, and where it puts what it finds.

use std::path::Path;

use artifact::tables::Measurement;
use artifact::{Provenance, Row, write_table};

use crate::context::Context;
use crate::error::Error;

/// An analysis: its parameters, and what is done with them.
pub(crate) trait Analyze {
    /// Checks what the types of the parameters cannot say.
    ///
    /// # Errors
    /// [`Error::Config`] for the first parameter out of its range, which `at` names.
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Looks at every model on every task, writes its own tables and hands over every scalar.
    fn analyze(&self, context: &Context, output: &mut Output<'_>) -> Result<(), Error>;
}

/// Where an analysis puts what it finds.
pub(crate) struct Output<'a> {
    folder: &'a Path,
    provenance: &'a Provenance,
    /// The analysis at work.
    analysis: &'static str,
    measurements: Vec<Measurement>,
}

impl<'a> Output<'a> {
    pub(crate) fn new(folder: &'a Path, provenance: &'a Provenance) -> Output<'a> {
        Output { folder, provenance, analysis: "", measurements: Vec::new() }
    }

    /// Says whose all that follows is.
    pub(crate) fn begin(&mut self, analysis: &'static str) {
        self.analysis = analysis;
    }

    /// Writes a table of the analysis's own, `<table>.parquet`.
    pub(crate) fn table<R: Row>(&self, rows: impl IntoIterator<Item = R>) -> Result<(), Error> {
        let path = self.folder.join(format!("{}.parquet", R::TABLE));
        write_table(&path, self.provenance, rows)?;
        Ok(())
    }

    /// Keeps a scalar for `measurements.parquet`.
    pub(crate) fn measure(&mut self, measurement: Measurement) {
        self.measurements.push(Measurement { analysis: self.analysis.to_owned(), ..measurement });
    }

    /// Writes `measurements.parquet`.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let measurements = std::mem::take(&mut self.measurements);
        self.table(measurements)
    }
}
