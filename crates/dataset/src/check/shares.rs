//! What is refused of the shares: those that leave a split, or training, with nothing.

use crate::{Config, Error, assignment::population, split::Split, world::World};

impl Config {
    /// Refuses shares that are none, or that the level has no use for.
    pub(super) fn check_shares(&self) -> Result<(), Error> {
        let (holdout, level) = (&self.holdout, &self.holdout.level);
        let shares = [("test", holdout.test), ("validation", holdout.validation)];
        for ((name, share), named) in shares.into_iter().zip([level.names_test(), level.names_validation()]) {
            let at = || format!("holdout.{name}");
            if share.is_some() && named {
                let message = format!("level `{}` says itself what the {name} rows are", level.name());
                return Err(Error::config(at(), message, "leave the share out"));
            }
            if let Some(share) = share.filter(|share| !(0.0..1.0).contains(share)) {
                let message = format!("{share:?} is no share");
                return Err(Error::config(at(), message, "a share is at least 0 and below 1"));
            }
        }
        let [test, validation] = holdout.shares();
        if test + validation >= 1.0 {
            let message = format!("test and validation take {} of the keys", test + validation);
            let help = "leave a share for training: their sum is below 1";
            return Err(Error::config("holdout", message, help));
        }
        if holdout.block == Some(0) {
            return Err(Error::config("holdout.block", "0 found", "a block has at least 1 unit"));
        }
        let least = &holdout.min_rows;
        for (split, share, pins, least, rows) in [
            (Split::Test, holdout.test, self.pins.test.len(), least.test, self.rows.test),
            (
                Split::Validation,
                holdout.validation,
                self.pins.validation.len(),
                least.validation,
                self.rows.validation,
            ),
        ] {
            let (name, pins) = (split.name(), pins as u64);
            if share == Some(0.0) && pins < least.min(rows.unwrap_or(u64::MAX)) {
                let message = format!(
                    "nothing but {pins} pinned rows is held out, but at least {least} rows are asked for"
                );
                let help = format!("raise the share, or set `min_rows: {{ {name}: {pins} }}`");
                return Err(Error::config(format!("holdout.{name}"), message, help));
            }
        }
        Ok(())
    }

    /// Refuses populations of which the shares leave nothing: each share is one key at least.
    pub(super) fn check_keys(&self, world: &World) -> Result<(), Error> {
        let [test, validation] = self.holdout.shares();
        if test + validation == 0.0 {
            return Ok(());
        }
        let kinds = world.level.names_test();
        let splits = if kinds { 2 } else { 3 };
        // From so many keys on, rounding up cannot take the last one.
        let enough = (1.0 / (1.0 - test - validation)).ceil().min(1e6) as usize + 3;
        for task in world.tasks.iter().filter(|task| !task.task.train_only) {
            for parameter in task.space.family.parameters() {
                let keys = population(&*world.level, task, parameter).take(enough).count();
                let held: usize = world.assignment.counts(keys).iter().sum();
                if (kinds && keys == 0) || (keys >= splits && (keys == enough || held < keys)) {
                    continue;
                }
                let of = match parameter {
                    sequence::NONE => String::new(),
                    parameter => format!(" of parameter {parameter}"),
                };
                let what = task.piece.plural();
                let (message, help) = if keys < splits {
                    let few = format!("{keys} {what}{of} are too few to share out over {splits} splits");
                    (few, "widen the bounds, set a smaller `holdout.block`, or leave the parameter out")
                } else {
                    let help = "lower `holdout.test` or `holdout.validation`, or widen the bounds";
                    (format!("the shares hold out all {keys} {what}{of}, and leave none to train"), help)
                };
                return Err(Error::config(format!("tasks.{}", task.name), message, help));
            }
        }
        Ok(())
    }
}
