//! What is refused when the definition is read.

use std::collections::BTreeMap;

use sequence::UnitKind;

use crate::{Config, Error, Level, draw, split, world::World};

impl Config {
    /// Refuses what cannot be meant, at its path in the definition. Cheap and pure.
    ///
    /// # Errors
    /// [`Error::Config`] with the first mistake found.
    pub fn check(&self) -> Result<(), Error> {
        self.check_shape()?;
        let world = World::new(self)?;
        self.check_levels(&world)?;
        self.check_notations(&world)?;
        self.check_capacity(&world)?;
        self.check_keys(&world)?;
        self.check_answerable(&world)
    }

    fn check_shape(&self) -> Result<(), Error> {
        if self.tasks.is_empty() {
            return Err(Error::config("tasks", "there is no task", "name at least one"));
        }
        let shares = [("test", self.holdout.test), ("validation", self.holdout.validation)];
        for (name, share) in shares {
            if !(0.0..1.0).contains(&share) {
                let at = format!("holdout.{name}");
                return Err(Error::config(
                    at,
                    format!("{share} is no share"),
                    "a share is at least 0 and below 1",
                ));
            }
        }
        if self.holdout.test + self.holdout.validation >= 1.0 {
            let message = format!(
                "test and validation take {} of the keys",
                self.holdout.test + self.holdout.validation
            );
            return Err(Error::config(
                "holdout",
                message,
                "leave a share for training: their sum is below 1",
            ));
        }
        if self.holdout.block == Some(0) {
            return Err(Error::config("holdout.block", "0 found", "a block has at least 1 unit"));
        }
        let none = [
            (
                "test",
                self.holdout.test,
                self.pins.test.len() as u64,
                self.holdout.min_rows.test,
                self.rows.test,
            ),
            (
                "validation",
                self.holdout.validation,
                self.pins.validation.len() as u64,
                self.holdout.min_rows.validation,
                self.rows.validation,
            ),
        ];
        for (name, share, pins, least, rows) in none {
            if share == 0.0 && pins < least.min(rows.unwrap_or(u64::MAX)) {
                let message = format!(
                    "nothing but {pins} pinned rows is held out, but at least {least} rows are asked for"
                );
                let help = format!("raise the share, or set `min_rows: {{ {name}: {pins} }}`");
                return Err(Error::config(format!("holdout.{name}"), message, help));
            }
        }
        for (name, pins, rows) in [
            ("train", self.pins.train.len(), self.rows.train),
            ("validation", self.pins.validation.len(), self.rows.validation),
            ("test", self.pins.test.len(), self.rows.test),
        ] {
            if rows.is_some_and(|rows| rows < pins as u64) {
                let message = format!("fewer rows than the {pins} that are pinned there");
                return Err(Error::config(format!("rows.{name}"), message, "keep more rows"));
            }
        }
        self.check_tasks()
    }

    fn check_tasks(&self) -> Result<(), Error> {
        let mut seen: Vec<(&String, &crate::Task)> = Vec::new();
        for (name, task) in &self.tasks {
            let at = format!("tasks.{name}");
            if name.trim().is_empty() {
                return Err(Error::config("tasks", "a task has an empty name", "give it a name"));
            }
            if let Some((other, _)) = seen.iter().find(|(_, other)| *other == task) {
                return Err(Error::config(at, format!("it is task `{other}` again"), "leave one out"));
            }
            if !(task.weight > 0.0 && task.weight.is_finite()) {
                let at = format!("{at}.weight");
                return Err(Error::config(
                    at,
                    format!("{} is no weight", task.weight),
                    "a weight is above 0",
                ));
            }
            let limited = [self.rows.train, self.rows.validation, self.rows.test].iter().any(Option::is_some);
            if task.weight != 1.0 && !limited {
                let at = format!("{at}.weight");
                let help = "say how many rows are kept in `rows`, or leave the weight out";
                return Err(Error::config(at, "all rows are kept, so a weight has no effect", help));
            }
            seen.push((name, task));
        }
        match self.tasks.values().all(|task| task.train_only) {
            true if self.holdout.min_rows.test + self.holdout.min_rows.validation > 0 => {
                let help = "take `train_only` from the task that is asked about";
                Err(Error::config("tasks", "every task is train_only, so nothing can be held out", help))
            }
            _ => Ok(()),
        }
    }

    fn check_levels(&self, world: &World) -> Result<(), Error> {
        let level = self.holdout.level.name();
        for task in &world.tasks {
            let allowed = task.space.family.levels();
            if !allowed.contains(&level) {
                let message = format!("`{}` makes no sense at level `{level}`", task.space.family.name());
                let help = format!("its levels are: {}", allowed.join(", "));
                return Err(Error::config(format!("tasks.{}.family", task.name), message, help));
            }
        }
        Ok(())
    }

    /// One name of a notation stands for one way of writing, so that tokens and values stay one-to-one.
    fn check_notations(&self, world: &World) -> Result<(), Error> {
        let mut known: BTreeMap<&str, &crate::world::Sequences> = BTreeMap::new();
        for task in &world.tasks {
            let first = known.entry(task.task.notation.name()).or_insert(task);
            if first.task.notation != task.task.notation {
                let message =
                    format!("task `{}` writes `{}` in another way", first.name, task.task.notation.name());
                let help = "give both the same parameters: the same tokens would mean two values";
                return Err(Error::config(format!("tasks.{}.notation", task.name), message, help));
            }
        }
        Ok(())
    }

    fn check_capacity(&self, world: &World) -> Result<(), Error> {
        let capacity = world.capacity();
        let limits =
            [("train", self.rows.train), ("validation", self.rows.validation), ("test", self.rows.test)];
        let asked = limits.iter().fold(0_u64, |sum, (_, rows)| sum.saturating_add(rows.unwrap_or(0)));
        if asked > capacity {
            let message = format!("{asked} rows are asked for, but the tasks have only {capacity}");
            return Err(Error::config("rows", message, "ask for fewer, widen the bounds, or add tasks"));
        }
        if capacity > draw::MOST_ENUMERATED
            && let Some((name, _)) = limits.iter().find(|(_, rows)| rows.is_none())
        {
            let message = format!("the tasks have {capacity} rows, too many to keep all");
            let help = format!("say in `rows` how many to keep of each split; `{name}` is missing");
            return Err(Error::config("rows", message, help));
        }
        Ok(())
    }

    fn check_keys(&self, world: &World) -> Result<(), Error> {
        if self.holdout.test + self.holdout.validation == 0.0 {
            return Ok(());
        }
        for task in world.tasks.iter().filter(|task| !task.task.train_only) {
            for parameter in task.space.family.parameters() {
                let keys = split::population(task, parameter).take(3).count();
                if keys < 3 {
                    let of = if parameter == sequence::NONE {
                        String::new()
                    } else {
                        format!(" of parameter {parameter}")
                    };
                    let message = format!("{keys} stretches{of} are too few to share out over three splits");
                    let help = "widen the bounds, set a smaller `holdout.block`, or leave the parameter out";
                    return Err(Error::config(format!("tasks.{}", task.name), message, help));
                }
            }
        }
        Ok(())
    }

    /// With one injective rule and one token a value, a held-out answer is never a target of training.
    fn check_answerable(&self, world: &World) -> Result<(), Error> {
        let pinned = self.pins.test.len() + self.pins.validation.len() > 0;
        let held = self.holdout.test + self.holdout.validation > 0.0 || pinned;
        if self.holdout.level == Level::Random || !held || self.holdout.min_seen == 0 {
            return Ok(());
        }
        for task in world.tasks.iter().filter(|task| !task.task.train_only && task.task.notation.one_token())
        {
            let same = world.tasks.iter().filter(|other| other.script == task.script);
            let mut rules: Vec<_> = same
                .flat_map(|other| {
                    other.space.family.parameters().into_iter().map(|p| (other.space.family.name(), p))
                })
                .collect();
            rules.sort_unstable();
            rules.dedup();
            let injective = task.space.family.injective() && task.kind == UnitKind::Pair;
            if injective && rules.len() == 1 {
                let message = "no held-out row could be answered: each answer follows one value only, so holding that \
                               step out leaves its token untrained";
                let help = "write digits, give more steps or ratios, or add a second task that is train_only";
                return Err(Error::config(format!("tasks.{}.notation", task.name), message, help));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
