//! The rows that stand in a certain split.

use std::collections::{HashMap, HashSet};

use crate::{
    Error,
    config::{Pin, Pins},
    piece::Piece,
    shapes::Shapes,
    split::Split,
    task::Sequences,
};

/// The pinned rows.
#[derive(Default)]
pub(crate) struct Pinned {
    /// By split, in the order of the definition: task, number of the row in it, path in the definition.
    pub(crate) rows: Vec<(Split, usize, u64, String)>,
    /// The split of each piece of a pinned row, and the pin's path.
    pieces: HashMap<(Piece, usize), PiecePins>,
    /// The terms of the pinned rows, by notation.
    terms: HashSet<(usize, Vec<i64>)>,
}

/// The split of each pinned piece, and the path of its pin.
type PiecePins = HashMap<Vec<i64>, (Split, String)>;

impl Pinned {
    /// Finds the pinned rows, refusing what is no row and what cannot stand together.
    pub(crate) fn new(pins: &Pins, tasks: &[Sequences], shapes: &Shapes) -> Result<Pinned, Error> {
        let mut pinned = Pinned::default();
        let lists = [&pins.train, &pins.validation, &pins.test];
        for (split, list) in Split::ALL.into_iter().zip(lists) {
            for (i, pin) in list.iter().enumerate() {
                pinned.add(tasks, shapes, split, pin, format!("pins.{}.{i}", split.name()))?;
            }
        }
        Ok(pinned)
    }

    /// Returns tasks and numbers of the rows that are pinned in a split.
    pub(crate) fn of(&self, split: Split) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.rows.iter().filter(move |pin| pin.0 == split).map(|pin| (pin.1, pin.2))
    }

    /// Returns the split that a pin gives to the piece.
    pub(crate) fn split(&self, kind: Piece, domain: usize, piece: &[i64]) -> Option<Split> {
        if self.pieces.is_empty() {
            return None;
        }
        Some(self.pieces.get(&(kind, domain))?.get(piece)?.0)
    }

    /// Says whether a row with these terms is pinned in the task's notation.
    pub(crate) fn holds(&self, task: &Sequences, terms: &[i64]) -> bool {
        !self.terms.is_empty() && self.terms.contains(&(task.script, terms.to_vec()))
    }

    fn add(
        &mut self,
        tasks: &[Sequences],
        shapes: &Shapes,
        split: Split,
        pin: &Pin,
        at: String,
    ) -> Result<(), Error> {
        let names = || tasks.iter().map(|task| task.name.as_str()).collect::<Vec<_>>().join(", ");
        let Some(number) = tasks.iter().position(|task| task.name == pin.task) else {
            let help = format!("the tasks are: {}", names());
            return Err(Error::config(at + ".task", format!("there is no task `{}`", pin.task), help));
        };
        let task = &tasks[number];
        let Some((index, _)) = task.space.locate(&pin.terms) else {
            let message = format!("{:?} is no row of task `{}`", pin.terms, pin.task);
            return Err(Error::config(at + ".terms", message, why_not(task, &pin.terms)));
        };
        if task.task.train_only && split != Split::Train {
            let message = format!("task `{}` is train_only", pin.task);
            return Err(Error::config(at, message, "pin it in `train`, or name another task"));
        }
        if !self.terms.insert((task.script, pin.terms.clone())) {
            let message = format!("{:?} is pinned twice", pin.terms);
            return Err(Error::config(at, message, "pin it once"));
        }
        let context = task.space.family.context(pin.terms.len());
        let own = task.piece.of(&pin.terms, context).map(|piece| (task.piece, piece));
        for (kind, piece) in own.chain(shapes.windows(&pin.terms)) {
            let pieces = self.pieces.entry((kind, task.domain)).or_default();
            let (other, first) =
                pieces.entry(kind.canonical(piece).into_owned()).or_insert((split, at.clone())).clone();
            if other != split {
                let message =
                    format!("it shares {piece:?} with {first}, which is pinned in `{}`", other.name());
                return Err(Error::config(at, message, "pin both in one split, or leave one out"));
            }
        }
        self.rows.push((split, number, index, at));
        Ok(())
    }
}

fn why_not(task: &Sequences, terms: &[i64]) -> String {
    let bounds = task.space.bounds;
    let (fewest, most) = bounds.terms;
    if !bounds.lengths().contains(&terms.len()) {
        return format!("its rows have {fewest} to {most} terms, this one has {}", terms.len());
    }
    match terms.iter().find(|&&term| !bounds.values.contains(term)) {
        Some(term) => format!("{term} lies outside {} to {}", bounds.values.min, bounds.values.max),
        None => "no parameter of its family makes these terms within the task's bounds".into(),
    }
}
