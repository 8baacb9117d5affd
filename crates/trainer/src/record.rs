use std::path::Path;

use artifact::tables::{Checkpoint, Resume, Training};
use artifact::{Provenance, write_table};

use crate::{Error, file};

/// What a seed leaves behind.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) training: Vec<Training>,
    pub(crate) checkpoints: Vec<Checkpoint>,
    /// Once it has ended.
    pub(crate) resume: Option<Resume>,
}

impl Record {
    /// Returns the step of the lowest validation loss, of equals the first.
    pub(crate) fn best_step(&self) -> Option<i64> {
        let measured = self.training.iter().filter_map(|row| Some((row.validation_loss?, row.step)));
        measured.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, step)| step)
    }

    /// Returns the last one measured.
    pub(crate) fn validation_loss(&self) -> Option<f32> {
        self.training.iter().rev().find_map(|row| row.validation_loss)
    }

    /// Says what the last losses were.
    pub(crate) fn losses(&self) -> String {
        let said = |name: &str, loss: Option<f32>| {
            loss.map_or(String::new(), |loss| format!(", {name} loss {loss:.4}"))
        };
        let train = self.training.last().and_then(|row| row.train_loss);
        said("train", train) + &said("validation", self.validation_loss())
    }
}

/// Returns where the checkpoint of a seed after a step lies, relative to the run's folder.
pub(crate) fn checkpoint_path(seed: i32, step: i64) -> String {
    format!("{}/step-{step:06}.safetensors", checkpoint_folder(seed))
}

/// Returns the folder of a seed's checkpoints, relative to the run's.
pub(crate) fn checkpoint_folder(seed: i32) -> String {
    format!("checkpoints/seed-{seed:03}")
}

/// Writes what the seeds have written down, and checks that what they have kept is what they wrote.
pub(crate) fn write_tables(out: &Path, provenance: &Provenance, records: Vec<Record>) -> Result<(), Error> {
    for record in &records {
        let kept = record.checkpoints.iter().map(|kept| (&kept.path, &kept.digest));
        for (path, digest) in kept.chain(record.resume.iter().map(|kept| (&kept.path, &kept.digest))) {
            file::verify(&out.join(path), digest)?;
        }
    }
    let (mut training, mut checkpoints, mut resume) = (Vec::new(), Vec::new(), Vec::new());
    for record in records {
        training.extend(record.training);
        checkpoints.extend(record.checkpoints);
        resume.extend(record.resume);
    }
    write_table(&out.join("training.parquet"), provenance, training)?;
    write_table(&out.join("resume.parquet"), provenance, resume)?;
    write_table(&out.join("checkpoints.parquet"), provenance, checkpoints)?;
    Ok(())
}
