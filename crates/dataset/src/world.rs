//! A definition with everything that follows from it alone: the rows of each task, the tokens, the level's units.

use std::collections::{BTreeMap, HashMap, HashSet};

use sequence::{Bounds, Range, Row, Space, UnitKind, Vocabulary, Written};

use crate::{Config, Error, Level, Pin, Task, memo::Memo, piece::Piece, split::Colours, split::Split};

/// The most rows that are numbered in one dataset.
const MOST_ROWS: u64 = 1 << 62;
/// The most terms of a row.
const MOST_TERMS: i64 = 10_000;

/// A definition with everything that follows from it alone.
pub(crate) struct World {
    pub(crate) level: Level,
    pub(crate) tasks: Vec<Sequences>,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) pins: Pinned,
    pub(crate) colours: Colours,
    /// By the first task of each domain.
    pub(crate) memos: Vec<Memo>,
}

/// The rows of one task.
pub(crate) struct Sequences {
    pub(crate) name: String,
    pub(crate) task: Task,
    pub(crate) space: Space,
    /// `example_id` of row 0.
    pub(crate) offset: u64,
    /// What has a split of its own at the level.
    pub(crate) piece: Piece,
    /// The first task of the same notation: they count tokens together.
    pub(crate) script: usize,
    /// The first task of the same domain: their values are compared.
    pub(crate) domain: usize,
}

/// The split of each pinned piece, and the path of its pin.
type PiecePins = HashMap<Vec<i64>, (Split, String)>;

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

impl Pinned {
    /// Returns tasks and numbers of the rows that are pinned in a split.
    pub(crate) fn of(&self, split: Split) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.rows.iter().filter(move |pin| pin.0 == split).map(|pin| (pin.1, pin.2))
    }
}

impl World {
    /// Works out the definition, refusing what cannot be meant.
    pub(crate) fn new(config: &Config) -> Result<World, Error> {
        let mut tasks: Vec<Sequences> = Vec::new();
        let mut offset = 0_u64;
        for (name, task) in &config.tasks {
            let at = format!("tasks.{name}");
            let space = space(&at, task, config)?;
            let same = |other: &Sequences| other.task.notation == task.notation;
            let script = tasks.iter().position(same).unwrap_or(tasks.len());
            let same = |other: &Sequences| other.task.notation.domain() == task.notation.domain();
            let domain = tasks.iter().position(same).unwrap_or(tasks.len());
            let piece = Piece::new(&config.holdout.level, space.family.unit());
            let capacity = space.capacity();
            let (name, task) = (name.clone(), task.clone());
            tasks.push(Sequences { name, task, space, offset, piece, script, domain });
            offset = offset.checked_add(capacity).filter(|&sum| sum <= MOST_ROWS).ok_or_else(|| {
                Error::config(at, "the tasks have too many rows to number", "narrow the bounds or the terms")
            })?;
        }
        let words = tasks.iter().map(|task| {
            let reach = task.space.reach().unwrap_or(Range::EMPTY);
            (&task.task.family, &task.task.notation, task.task.values.unwrap_or(reach))
        });
        let vocabulary = Vocabulary::new(words).map_err(|error| Error::sequence("tasks", error))?;
        let colours = Colours::new(config, &tasks);
        let (level, memos) = (config.holdout.level.clone(), memos(&tasks));
        let mut world = World { level, tasks, vocabulary, pins: Pinned::default(), colours, memos };
        world.pins = world.pin(config)?;
        Ok(world)
    }

    /// Returns how many numbered rows there are.
    pub(crate) fn capacity(&self) -> u64 {
        self.tasks.last().map_or(0, |task| task.offset + task.space.capacity())
    }

    /// Returns the split that a pin gives to the piece.
    pub(crate) fn pinned(&self, kind: Piece, domain: usize, piece: &[i64]) -> Option<Split> {
        if self.pins.pieces.is_empty() {
            return None;
        }
        Some(self.pins.pieces.get(&(kind, domain))?.get(piece)?.0)
    }

    /// Says whether a row with these terms is pinned in the task's notation.
    pub(crate) fn is_pinned(&self, task: &Sequences, terms: &[i64]) -> bool {
        !self.pins.terms.is_empty() && self.pins.terms.contains(&(task.script, terms.to_vec()))
    }

    /// Returns every window of the terms that has the shape of some task's piece.
    pub(crate) fn windows<'a>(&'a self, terms: &'a [i64]) -> impl Iterator<Item = (Piece, &'a [i64])> + 'a {
        self.colours.shapes.iter().flat_map(move |(kind, widths)| {
            widths.iter().flat_map(move |&width| terms.windows(width).map(move |window| (*kind, window)))
        })
    }

    /// Returns the row as tokens.
    pub(crate) fn write(&self, task: &Sequences, terms: &[i64]) -> Written {
        sequence::write_row(&task.task.family, &task.task.notation, &self.vocabulary, terms)
            .expect("the vocabulary was made for every value that a row can have")
    }

    /// Puts the row as tokens in the place of another.
    pub(crate) fn write_into(&self, task: &Sequences, terms: &[i64], written: &mut Written) {
        let written = written.write(&task.task.family, &task.task.notation, &self.vocabulary, terms);
        assert!(written, "the vocabulary was made for every value that a row can have");
    }

    fn pin(&self, config: &Config) -> Result<Pinned, Error> {
        let mut pins = Pinned::default();
        let lists: [(Split, &str, &[Pin]); 3] = [
            (Split::Train, "train", &config.pins.train),
            (Split::Validation, "validation", &config.pins.validation),
            (Split::Test, "test", &config.pins.test),
        ];
        for (split, list, at_pins) in lists {
            for (i, pin) in at_pins.iter().enumerate() {
                self.pin_row(split, pin, format!("pins.{list}.{i}"), &mut pins)?;
            }
        }
        Ok(pins)
    }

    fn pin_row(&self, split: Split, pin: &Pin, at: String, pins: &mut Pinned) -> Result<(), Error> {
        let names = || self.tasks.iter().map(|task| task.name.as_str()).collect::<Vec<_>>().join(", ");
        let Some(number) = self.tasks.iter().position(|task| task.name == pin.task) else {
            let help = format!("the tasks are: {}", names());
            return Err(Error::config(at + ".task", format!("there is no task `{}`", pin.task), help));
        };
        let task = &self.tasks[number];
        let Some((index, _)) = task.space.locate(&pin.terms) else {
            let message = format!("{:?} is no row of task `{}`", pin.terms, pin.task);
            return Err(Error::config(at + ".terms", message, self.why_not(task, &pin.terms)));
        };
        if task.task.train_only && split != Split::Train {
            let message = format!("task `{}` is train_only", pin.task);
            return Err(Error::config(at, message, "pin it in `train`, or name another task"));
        }
        if !pins.terms.insert((task.script, pin.terms.clone())) {
            let message = format!("{:?} is pinned twice", pin.terms);
            return Err(Error::config(at, message, "pin it once"));
        }
        let context = task.space.family.context(pin.terms.len());
        let own = task.piece.of(&pin.terms, context).map(|piece| (task.piece, piece));
        for (kind, piece) in own.chain(self.windows(&pin.terms)) {
            let pieces = pins.pieces.entry((kind, task.domain)).or_default();
            let (other, first) =
                pieces.entry(kind.canonical(piece).into_owned()).or_insert((split, at.clone())).clone();
            if other != split {
                let message =
                    format!("it shares {piece:?} with {first}, which is pinned in `{}`", other.name());
                return Err(Error::config(at, message, "pin both in one split, or leave one out"));
            }
        }
        pins.rows.push((split, number, index, at));
        Ok(())
    }

    fn why_not(&self, task: &Sequences, terms: &[i64]) -> String {
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
}

impl Sequences {
    /// Returns the row's number over all tasks.
    pub(crate) fn example_id(&self, index: u64) -> i64 {
        (self.offset + index) as i64
    }

    /// Returns the row that the number names; only for numbers that were drawn.
    pub(crate) fn drawn(&self, index: u64) -> Row {
        self.space.row(index).expect("only numbers of rows are drawn")
    }
}

/// Returns a memo for the pairs of each domain, in the place of its first task.
fn memos(tasks: &[Sequences]) -> Vec<Memo> {
    let domains = tasks.iter().enumerate().filter(|(number, task)| task.domain == *number).count() as u64;
    let memo = |domain| {
        let same = || tasks.iter().filter(|task| task.domain == domain);
        let reach = same().filter_map(|task| task.space.reach());
        let reach =
            reach.reduce(|one, other| Range { min: one.min.min(other.min), max: one.max.max(other.max) });
        let pairs = same().fold(0_u64, |pairs, task| pairs.saturating_add(task.space.capacity()));
        Memo::new(reach.unwrap_or(Range::EMPTY), pairs, domains)
    };
    (0..tasks.len()).map(memo).collect()
}

/// Returns the widths of the windows that have the shape of some task's piece, by kind.
pub(crate) fn shapes(level: &Level, tasks: &[Sequences]) -> BTreeMap<Piece, Vec<usize>> {
    let mut shapes: BTreeMap<Piece, Vec<usize>> = BTreeMap::new();
    // At the other levels whole rows are compared, as a row's own piece.
    for task in tasks.iter().filter(|_| matches!(level, Level::Window(_) | Level::Transition)) {
        let widths = shapes.entry(task.piece).or_default();
        let lengths = task.space.bounds.lengths();
        match task.piece {
            Piece::Window(m) => widths.extend(Some(m).filter(|&m| m > 0)),
            Piece::Unit(UnitKind::Pair | UnitKind::UnorderedPair) => widths.push(2),
            Piece::Unit(UnitKind::Multiset) => widths.extend(lengths.map(|n| task.space.family.context(n))),
            Piece::Unit(UnitKind::Row) => widths.extend(lengths),
            Piece::Unit(UnitKind::None) => {}
        }
        widths.sort_unstable();
        widths.dedup();
    }
    shapes
}

/// Returns the rows of a task, refusing bounds that none fits.
fn space(at: &str, task: &Task, config: &Config) -> Result<Space, Error> {
    task.family.check().map_err(|error| Error::sequence(at, error))?;
    let terms = terms(at, task)?;
    let (natural, operands) = (task.family.natural(), task.family.natural_start());
    for (word, range, natural) in [("start", task.start, operands), ("values", task.values, natural)] {
        let Some(range) = range else { continue };
        let at = format!("{at}.{word}");
        if range.min > range.max {
            let message = format!("`min` {} is greater than `max` {}", range.min, range.max);
            return Err(Error::config(at, message, "exchange them"));
        }
        if let Some(natural) = natural.filter(|&natural| range.and(natural) != range) {
            let message = format!("{} to {} reaches outside the values of the rule", range.min, range.max);
            let help = format!("keep it from {} to {}", natural.min, natural.max);
            return Err(Error::config(at, message, help));
        }
    }
    let values = task.values.or(natural);
    let Some(start) = task.start.or(operands).or(values) else {
        let help = "give `start: { min, max }` for the first term, or `values: { min, max }` for every term";
        return Err(Error::config(at, "it has no bounds", help));
    };
    let block = config.holdout.block.unwrap_or(3 * terms.1 as u64);
    let bounds = Bounds { start, values: values.unwrap_or(Range::ALL), terms, block };
    let space = Space::new(&task.family, bounds).map_err(|error| Error::sequence(at, error))?;
    let Some(reach) = space.reach() else {
        let help = "widen `start` or `values`, or shorten `terms`";
        return Err(Error::config(at, "not one row fits its bounds", help));
    };
    task.notation
        .check(task.values.unwrap_or(reach).and(reach))
        .map_err(|error| Error::sequence(at, error))?;
    Ok(space)
}

/// Returns the fewest and the most terms of a task's rows.
fn terms(at: &str, task: &Task) -> Result<(usize, usize), Error> {
    let Some(terms) = task.terms else {
        let help = "give a number of terms, the answer included, or `{ min, max }`";
        let only = task.family.terms().map(|only| (only, only));
        return only.ok_or_else(|| Error::config(format!("{at}.terms"), "it is missing", help));
    };
    if terms.min < 2 || terms.max < terms.min || terms.max > MOST_TERMS {
        let message = format!("{} to {} terms found", terms.min, terms.max);
        let help =
            format!("a row has 2 to {MOST_TERMS} terms, the answer included, and `min` is at most `max`");
        return Err(Error::config(format!("{at}.terms"), message, help));
    }
    let terms = (terms.min as usize, terms.max as usize);
    for count in [terms.0, terms.1] {
        task.family.check_terms(count).map_err(|error| Error::sequence(at, error))?;
    }
    Ok(terms)
}
