//! The decoding gate: within (notation, domain), group of tokens and value are one-to-one over all rows.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::codes::Map;
use crate::rows::Rows;
use crate::vocabulary::{DigitOrder, Vocabulary};

/// A row of one of the splits: index of the split, index of the row in it.
pub(crate) type Place = (usize, u64);

/// What all rows say about which tokens mean which value.
pub(crate) struct Decoding<'a> {
    vocabulary: &'a Vocabulary,
    splits: usize,
    spaces: Mutex<BTreeMap<(u64, u64), Space>>,
}

/// The groups of one (notation, domain).
#[derive(Default)]
struct Space {
    meanings: Map<Box<[u32]>, Vec<Meaning>>,
    /// By split: rows whose groups are not as many as their terms, or not worth what the vocabulary says.
    wrong: Vec<Wrong>,
    least_first: Vec<Wrong>,
    most_first: Vec<Wrong>,
}

#[derive(Clone, Copy)]
struct Meaning {
    value: i64,
    rows: u64,
    first: Place,
}

/// Rows that are wrong in one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// How many.
    pub(crate) rows: u64,
    /// The first of them.
    pub(crate) first: Option<Place>,
}

impl Wrong {
    fn add(&mut self, rows: u64, first: Option<Place>) {
        self.rows += rows;
        self.first = [self.first, first].into_iter().flatten().min();
    }
}

/// A group with two values, or a value with two groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conflict {
    /// The group of the rarer reading.
    pub(crate) group: Box<[u32]>,
    /// The value of the rarer reading.
    pub(crate) value: i64,
    /// How often the rarer reading occurs.
    pub(crate) rows: u64,
    /// The first row that reads so.
    pub(crate) at: Place,
    /// The first row that reads otherwise.
    pub(crate) against: Place,
}

/// What the gate found.
pub(crate) struct Verdict {
    /// Number of distinct (group, value).
    pub(crate) readings: u64,
    /// Readings that contradict a more frequent one, by first row.
    pub(crate) conflicts: Vec<Conflict>,
    /// By split: rows that do not say what the vocabulary says.
    pub(crate) wrong: Vec<Wrong>,
}

impl<'a> Decoding<'a> {
    pub(crate) fn new(vocabulary: &'a Vocabulary, splits: usize) -> Self {
        Self { vocabulary, splits, spaces: Mutex::default() }
    }

    /// Takes the rows of split number `split` into account.
    pub(crate) fn observe(&self, rows: &Rows, split: usize) {
        let mut spaces: BTreeMap<(u64, u64), Space> = BTreeMap::new();
        for row in 0..rows.len() {
            let space = spaces
                .entry((rows.notation[row], rows.domain[row]))
                .or_insert_with(|| Space::new(self.splits));
            let place = (split, rows.first + row as u64);
            space.observe(self.vocabulary, rows.tokens.row(row), rows.terms.row(row), place);
        }
        let mut all = self.spaces.lock().expect("no thread panics while it holds this lock");
        for (key, space) in spaces {
            all.entry(key).or_insert_with(|| Space::new(self.splits)).merge(space);
        }
    }

    pub(crate) fn finish(self) -> Verdict {
        let spaces = self.spaces.into_inner().expect("no thread panics while it holds this lock");
        let mut verdict =
            Verdict { readings: 0, conflicts: Vec::new(), wrong: vec![Wrong::default(); self.splits] };
        for space in spaces.into_values() {
            let total = |wrong: &[Wrong]| wrong.iter().map(|wrong| wrong.rows).sum::<u64>();
            // The files do not say which digit comes first; the order that fits more rows is the notation's.
            let least_first = total(&space.least_first) <= total(&space.most_first);
            let digits = if least_first { &space.least_first } else { &space.most_first };
            for ((all, wrong), digits) in verdict.wrong.iter_mut().zip(&space.wrong).zip(digits) {
                all.add(wrong.rows, wrong.first);
                all.add(digits.rows, digits.first);
            }
            verdict.readings += space.meanings.values().map(|meanings| meanings.len() as u64).sum::<u64>();
            verdict.conflicts.extend(space.conflicts());
        }
        verdict.conflicts.sort_by(|a, b| (a.at, a.value, &a.group).cmp(&(b.at, b.value, &b.group)));
        verdict
    }
}

impl Space {
    fn new(splits: usize) -> Self {
        let none = vec![Wrong::default(); splits];
        Self { meanings: Map::default(), wrong: none.clone(), least_first: none.clone(), most_first: none }
    }

    fn observe(&mut self, vocabulary: &Vocabulary, tokens: &[u32], terms: &[i64], place: Place) {
        if vocabulary.groups(tokens).count() != terms.len() {
            self.wrong[place.0].add(1, Some(place));
            return;
        }
        let (mut wrong, mut least, mut most) = (false, false, false);
        for (group, value) in vocabulary.groups(tokens).zip(terms) {
            let group = &tokens[group];
            if vocabulary.value(group).is_some_and(|said| said != *value) {
                wrong = true;
            } else if vocabulary.is_digits(group) {
                least |= vocabulary.digits(group, DigitOrder::LeastFirst) != Some(*value);
                most |= vocabulary.digits(group, DigitOrder::MostFirst) != Some(*value);
            }
            let meaning = Meaning { value: *value, rows: 1, first: place };
            match self.meanings.get_mut(group) {
                Some(known) => add(known, meaning),
                None => {
                    self.meanings.insert(group.into(), vec![meaning]);
                }
            }
        }
        for (tally, is_wrong) in [
            (&mut self.wrong, wrong),
            (&mut self.least_first, least && !wrong),
            (&mut self.most_first, most && !wrong),
        ] {
            if is_wrong {
                tally[place.0].add(1, Some(place));
            }
        }
    }

    fn merge(&mut self, other: Self) {
        for (group, meanings) in other.meanings {
            match self.meanings.get_mut(&group) {
                Some(known) => meanings.into_iter().for_each(|meaning| add(known, meaning)),
                None => {
                    self.meanings.insert(group, meanings);
                }
            }
        }
        for (mine, theirs) in [
            (&mut self.wrong, other.wrong),
            (&mut self.least_first, other.least_first),
            (&mut self.most_first, other.most_first),
        ] {
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| mine.add(theirs.rows, theirs.first));
        }
    }

    /// Returns every reading that contradicts a more frequent one.
    fn conflicts(&self) -> Vec<Conflict> {
        let mut by_value: BTreeMap<i64, Vec<(&[u32], Meaning)>> = BTreeMap::new();
        let mut conflicts = BTreeMap::new();
        for (group, meanings) in &self.meanings {
            let readings: Vec<_> = meanings.iter().map(|meaning| (&**group, *meaning)).collect();
            contradictions(&readings, &mut conflicts);
            for (group, meaning) in readings {
                by_value.entry(meaning.value).or_default().push((group, meaning));
            }
        }
        for readings in by_value.values() {
            contradictions(readings, &mut conflicts);
        }
        conflicts.into_values().collect()
    }
}

/// Adds a meaning to those of a group; the least place stays the first.
fn add(known: &mut Vec<Meaning>, meaning: Meaning) {
    match known.iter_mut().find(|known| known.value == meaning.value) {
        Some(known) => {
            known.rows += meaning.rows;
            known.first = known.first.min(meaning.first);
        }
        None => known.push(meaning),
    }
}

/// Of readings that exclude each other the most frequent (then the earliest) is right, the others are conflicts.
fn contradictions<'a>(
    readings: &[(&'a [u32], Meaning)],
    conflicts: &mut BTreeMap<(&'a [u32], i64), Conflict>,
) {
    let rank = |(group, meaning): &&(&'a [u32], Meaning)| {
        (std::cmp::Reverse(meaning.rows), meaning.first, meaning.value, *group)
    };
    let Some(right) = readings.iter().min_by_key(rank) else { return };
    for reading in readings.iter().filter(|reading| rank(reading) != rank(&right)) {
        let (group, meaning) = *reading;
        conflicts.entry((group, meaning.value)).or_insert_with(|| Conflict {
            group: group.into(),
            value: meaning.value,
            rows: meaning.rows,
            at: meaning.first,
            against: right.1.first,
        });
    }
}
