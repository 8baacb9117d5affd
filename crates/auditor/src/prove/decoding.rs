//! The decoding gate: within (notation, domain), group of tokens and value are one-to-one over all rows.
//!
//! Where the vocabulary says what a group is worth (a token with a value that no other token has, decimal digits), a row
//! either says the same or is wrong, and nothing has to be remembered. Digits are one-to-one where they have no leading
//! zeros, or all one width; a notation that writes `7` and `07` is not. Only readings that the vocabulary does not settle,
//! such as words, are kept, one for each distinct group.

use std::collections::BTreeMap;

use crate::prove::codes::Map;
use crate::read::rows::Rows;
use crate::read::vocabulary::{Vocabulary, Worth};

/// A row of one of the splits: index of the split, index of the row in it.
pub(crate) type Place = (usize, u64);

/// The readings of each (notation, domain).
pub(crate) type Spaces = BTreeMap<(u64, u64), Space>;

/// What the rows of one (notation, domain) say about which tokens mean which value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Space {
    /// What the vocabulary does not settle.
    pub(crate) readings: Map<Box<[u32]>, Vec<Meaning>>,
    /// By split: rows whose groups are not as many as their terms, or not worth what the vocabulary says.
    pub(crate) wrong: BTreeMap<usize, Wrong>,
    /// Digits with the ones first, and as people write.
    pub(crate) orders: [Order; 2],
}

/// Digits read in one order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Order {
    /// By split: rows with digits that are not worth their terms.
    pub(crate) wrong: BTreeMap<usize, Wrong>,
    /// By number of digits and whether a zero leads: the terms written so.
    pub(crate) forms: BTreeMap<(usize, bool), Meaning>,
}

/// A value that a group has: in how many terms, and the first row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meaning {
    pub(crate) value: i64,
    pub(crate) terms: u64,
    pub(crate) first: Place,
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
    pub(crate) fn add(&mut self, other: Self) {
        self.rows = self.rows.saturating_add(other.rows);
        self.first = [self.first, other.first].into_iter().flatten().min();
    }
}

/// Two ways to read or write the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conflict {
    /// The rarer way, readable.
    pub(crate) piece: String,
    /// How many terms are written in the rarer way.
    pub(crate) terms: u64,
    /// The first row with the rarer way.
    pub(crate) at: Place,
    /// The first row with the other.
    pub(crate) against: Place,
}

/// What the gate found.
#[derive(Default)]
pub(crate) struct Verdict {
    /// The rarer ways, by first row.
    pub(crate) conflicts: Vec<Conflict>,
    /// By split: rows that do not say what the vocabulary says.
    pub(crate) wrong: BTreeMap<usize, Wrong>,
}

/// Takes the rows of split number `split` into account.
pub(crate) fn observe(spaces: &mut Spaces, vocabulary: &Vocabulary, rows: &Rows, split: usize) {
    let mut row = 0;
    while row < rows.len() {
        // Rows of one space mostly follow each other.
        let key = (rows.notation[row], rows.domain[row]);
        let space = spaces.entry(key).or_default();
        while row < rows.len() && (rows.notation[row], rows.domain[row]) == key {
            let place = (split, rows.first + row as u64);
            space.observe(vocabulary, rows.tokens.row(row), rows.terms.row(row), place);
            row += 1;
        }
    }
}

/// Adds what another thread, or another shard, has read.
pub(crate) fn merge(spaces: &mut Spaces, others: Spaces) {
    for (key, other) in others {
        spaces.entry(key).or_default().merge(other);
    }
}

/// Judges what all rows say together.
pub(crate) fn judge(spaces: &Spaces, vocabulary: &Vocabulary) -> Verdict {
    let mut verdict = Verdict::default();
    for space in spaces.values() {
        // The files do not say which digit comes first; the order that fits more rows is the notation's.
        let order = &space.orders[usize::from(space.orders[1].wrong() < space.orders[0].wrong())];
        for (split, wrong) in space.wrong.iter().chain(&order.wrong) {
            verdict.wrong.entry(*split).or_default().add(*wrong);
        }
        verdict.conflicts.extend(space.conflicts(vocabulary));
        verdict.conflicts.extend(order.conflicts());
    }
    verdict.conflicts.sort_by(|a, b| (a.at, &a.piece).cmp(&(b.at, &b.piece)));
    verdict
}

impl Space {
    fn observe(&mut self, vocabulary: &Vocabulary, tokens: &[u32], terms: &[i64], place: Place) {
        let mut groups = vocabulary.groups(tokens);
        let (mut wrong, mut disagree) = (false, [false; 2]);
        for term in terms {
            let Some(group) = groups.next() else {
                wrong = true;
                break;
            };
            let group = &tokens[group];
            match vocabulary.worth(group) {
                Worth::Value(value) if value != *term => wrong = true,
                Worth::Value(_) if vocabulary.is_only(group[0]) => (),
                Worth::Digits(digits) => {
                    let readings = [digits.least_first, digits.most_first];
                    for ((order, disagrees), (value, padded)) in
                        self.orders.iter_mut().zip(&mut disagree).zip(readings)
                    {
                        if value == Some(*term) {
                            order.form(
                                (digits.count, padded),
                                Meaning { value: *term, terms: 1, first: place },
                            );
                        } else {
                            *disagrees = true;
                        }
                    }
                }
                Worth::Value(_) | Worth::Unknown => {
                    self.read(group, Meaning { value: *term, terms: 1, first: place });
                }
            }
        }
        wrong |= groups.next().is_some();
        let one = Wrong { rows: 1, first: Some(place) };
        if wrong {
            self.wrong.entry(place.0).or_default().add(one);
            return;
        }
        for (order, _) in self.orders.iter_mut().zip(disagree).filter(|(_, disagrees)| *disagrees) {
            order.wrong.entry(place.0).or_default().add(one);
        }
    }

    /// Adds one reading of a group.
    pub(crate) fn read(&mut self, group: &[u32], meaning: Meaning) {
        match self.readings.get_mut(group) {
            Some(known) => match known.iter_mut().find(|known| known.value == meaning.value) {
                Some(known) => known.add(meaning),
                None => known.push(meaning),
            },
            None => {
                self.readings.insert(group.into(), vec![meaning]);
            }
        }
    }

    fn merge(&mut self, other: Self) {
        for (group, meanings) in other.readings {
            meanings.into_iter().for_each(|meaning| self.read(&group, meaning));
        }
        for (split, wrong) in other.wrong {
            self.wrong.entry(split).or_default().add(wrong);
        }
        for (mine, theirs) in self.orders.iter_mut().zip(other.orders) {
            theirs.forms.into_iter().for_each(|(form, meaning)| mine.form(form, meaning));
            for (split, wrong) in theirs.wrong {
                mine.wrong.entry(split).or_default().add(wrong);
            }
        }
    }

    /// Returns every reading that contradicts a more frequent one.
    fn conflicts(&self, vocabulary: &Vocabulary) -> Vec<Conflict> {
        let mut by_value: BTreeMap<i64, Vec<(&[u32], Meaning)>> = BTreeMap::new();
        let mut conflicts = BTreeMap::new();
        for (group, meanings) in &self.readings {
            let readings: Vec<_> = meanings.iter().map(|meaning| (&**group, *meaning)).collect();
            contradictions(&readings, vocabulary, &mut conflicts);
            for (group, meaning) in readings {
                by_value.entry(meaning.value).or_default().push((group, meaning));
            }
        }
        for readings in by_value.values() {
            contradictions(readings, vocabulary, &mut conflicts);
        }
        conflicts.into_values().collect()
    }
}

impl Order {
    /// Adds terms written in a form; the meaning is the first of them.
    pub(crate) fn form(&mut self, form: (usize, bool), meaning: Meaning) {
        self.forms.entry(form).and_modify(|known| known.add(meaning)).or_insert(meaning);
    }

    /// Returns the most frequent form with leading zeros, if there is one.
    fn padded(&self) -> Option<((usize, bool), &Meaning)> {
        let padded = self.forms.iter().filter(|((_, padded), _)| *padded);
        let main = padded.max_by_key(|(_, form)| (form.terms, std::cmp::Reverse(form.first)));
        main.map(|(form, meaning)| (*form, meaning))
    }

    /// Returns the number of digits that shorter values are filled up to with zeros, where they are.
    pub(crate) fn width(&self) -> Option<usize> {
        self.padded().map(|((digits, _), _)| digits)
    }

    /// Returns the number of rows with digits that are not worth their terms.
    pub(crate) fn wrong(&self) -> u64 {
        self.wrong.values().fold(0, |sum: u64, wrong| sum.saturating_add(wrong.rows))
    }

    /// Returns the forms that can write a value which another form writes too: beside values filled up with zeros to one
    /// width, shorter ones and other widths.
    fn conflicts(&self) -> Vec<Conflict> {
        let Some((width, main)) = self.padded() else { return Vec::new() };
        let other =
            |(digits, padded): (usize, bool)| if padded { digits != width.0 } else { digits < width.0 };
        let forms = self.forms.iter().filter(|(form, _)| other(**form));
        let conflict = |((digits, _), form): (&(usize, bool), &Meaning)| Conflict {
            piece: format!("{digits} digits for {}, where {} has {}", form.value, main.value, width.0),
            terms: form.terms,
            at: form.first,
            against: main.first,
        };
        forms.map(conflict).collect()
    }
}

impl Meaning {
    /// Adds terms; the first of them stays.
    fn add(&mut self, other: Self) {
        self.terms = self.terms.saturating_add(other.terms);
        if (other.first, other.value) < (self.first, self.value) {
            (self.first, self.value) = (other.first, other.value);
        }
    }
}

/// Of readings that exclude each other the most frequent (then the earliest) is right, the others are conflicts.
fn contradictions<'a>(
    readings: &[(&'a [u32], Meaning)],
    vocabulary: &Vocabulary,
    conflicts: &mut BTreeMap<(&'a [u32], i64), Conflict>,
) {
    let rank = |(group, meaning): &&(&'a [u32], Meaning)| {
        (std::cmp::Reverse(meaning.terms), meaning.first, meaning.value, *group)
    };
    let Some(right) = readings.iter().min_by_key(rank) else { return };
    for reading in readings.iter().filter(|reading| rank(reading) != rank(&right)) {
        let (group, meaning) = *reading;
        conflicts.entry((group, meaning.value)).or_insert_with(|| Conflict {
            piece: format!("{}` beside `{}", vocabulary.text(group.iter().copied()), meaning.value),
            terms: meaning.terms,
            at: meaning.first,
            against: right.1.first,
        });
    }
}
