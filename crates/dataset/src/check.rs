//! What is refused when the definition is read.

use std::collections::BTreeMap;

use crate::{
    Config, Error,
    config::Counterfactuals,
    draw,
    task::{Sequences, Task},
    world::World,
};

/// Corrupted rows of one kind for a row, at most.
const MOST_OF_A_ROW: u32 = 100;

mod levels;
mod shares;

impl Config {
    /// Refuses what cannot be meant, at its path in the definition. Cheap and pure.
    ///
    /// # Errors
    /// [`Error::Config`] with the first mistake found.
    pub fn check(&self) -> Result<(), Error> {
        self.check_shape()?;
        let world = World::new(self)?;
        self.check_level(&world)?;
        self.check_notations(&world)?;
        self.check_capacity(&world)?;
        self.check_keys(&world)?;
        self.check_answerable(&world)?;
        self.check_fair(&world)
    }

    fn check_shape(&self) -> Result<(), Error> {
        if self.tasks.is_empty() {
            return Err(Error::config("tasks", "there is no task", "name at least one"));
        }
        self.check_shares()?;
        self.check_pins()?;
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
        self.check_counterfactuals()?;
        self.check_tasks()
    }

    /// Refuses more corrupted rows than are of use: each is searched for.
    fn check_counterfactuals(&self) -> Result<(), Error> {
        let Counterfactuals { kinds, per_row } = &self.counterfactuals;
        if *per_row > MOST_OF_A_ROW {
            let message = format!("{per_row} of each kind for a row");
            let help = format!("give 0 to {MOST_OF_A_ROW}");
            return Err(Error::config("counterfactuals.per_row", message, help));
        }
        match (1..kinds.len()).find(|&place| kinds[..place].contains(&kinds[place])) {
            Some(place) => {
                let message = format!("`{}` is named twice", kinds[place].name());
                Err(Error::config(format!("counterfactuals.kinds.{place}"), message, "name it once"))
            }
            None => Ok(()),
        }
    }

    fn check_tasks(&self) -> Result<(), Error> {
        let mut seen: Vec<(&String, &Task)> = Vec::new();
        for (name, task) in &self.tasks {
            let at = format!("tasks.{name}");
            if name.trim().is_empty() {
                return Err(Error::config("tasks", "a task has an empty name", "give it a name"));
            }
            if let Some((other, _)) = seen.iter().find(|(_, other)| *other == task) {
                return Err(Error::config(at, format!("it is task `{other}` again"), "leave one out"));
            }
            if !(1e-6..=1e6).contains(&task.weight) {
                let (at, message) = (format!("{at}.weight"), format!("{:?} is no weight", task.weight));
                return Err(Error::config(at, message, "a weight is from 0.000001 to 1000000"));
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
            true if (self.holdout.min_rows.test, self.holdout.min_rows.validation) != (0, 0) => {
                let help = "take `train_only` from the task that is asked about";
                Err(Error::config("tasks", "every task is train_only, so nothing can be held out", help))
            }
            _ => Ok(()),
        }
    }

    /// One name of a notation stands for one way of writing, so that tokens and values stay one-to-one.
    fn check_notations(&self, world: &World) -> Result<(), Error> {
        let mut known: BTreeMap<&str, &Sequences> = BTreeMap::new();
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
}

#[cfg(test)]
mod tests;
