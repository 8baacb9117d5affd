use artifact::tables::{Checkpoint, Training};

/// What a seed leaves behind.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) training: Vec<Training>,
    pub(crate) checkpoints: Vec<Checkpoint>,
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

/// Returns the folder of a seed's checkpoints, relative to the run's.
pub(crate) fn checkpoint_folder(seed: i32) -> String {
    format!("checkpoints/seed-{seed:03}")
}
