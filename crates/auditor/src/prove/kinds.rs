//! The levels that hold out a kind of row: a step, a range, a length, a notation, a family.
//!
//! All five are one question. A row belongs to a group and has a size in it: a held-out row may only be larger than every
//! train row of its group.
//!
//! | level | group | size of a row | size that a held-out row asks for |
//! | --- | --- | --- | --- |
//! | `step` | (family, parameter or none) | 0 | 0: none may be there |
//! | `family` | family | 0 | 0: none may be there |
//! | `range` | domain | its largest value | its own |
//! | `length` | how lengths are counted | its number of terms, or of digits of the larger operand | its own |
//! | `notation` | notation | its number of terms | 3: rows of two terms may be there |

use std::collections::BTreeMap;

use crate::prove::units::Witness;
use crate::read::level::Kind;
use crate::read::rows::{Rows, UnitKind};

/// What belongs together; the second number is the parameter at level `step`, nothing where the rule has none, and elsewhere.
pub(crate) type Group = (u64, Option<i64>);

/// The largest train row of each group that held-out rows belong to, and where it is first.
pub(crate) type Largest = BTreeMap<Group, (i64, Witness)>;

/// The groups and sizes of the held-out rows.
pub(crate) struct Kinds {
    kind: Kind,
    of_row: Vec<(Group, i64)>,
    nothing: Largest,
}

const ABSENT: (i64, Witness) = (i64::MIN, Witness { row: u64::MAX, offset: 0 });

impl Kinds {
    pub(crate) fn of(kind: Kind, held: &Rows) -> Self {
        let asked = |row: usize| {
            let (group, size, _) = measure(kind, held, row);
            (group, if kind == Kind::Notation { 3 } else { size })
        };
        let of_row: Vec<(Group, i64)> = (0..held.len()).map(asked).collect();
        let nothing = of_row.iter().map(|(group, _)| (*group, ABSENT)).collect();
        Self { kind, of_row, nothing }
    }

    /// The name of the check.
    pub(crate) fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// Number of groups.
    pub(crate) fn len(&self) -> usize {
        self.nothing.len()
    }

    /// Nothing seen yet.
    pub(crate) fn nothing(&self) -> Largest {
        self.nothing.clone()
    }

    /// Looks at rows of another split.
    pub(crate) fn observe(&self, rows: &Rows, largest: &mut Largest) {
        for row in 0..rows.len() {
            let (group, size, offset) = measure(self.kind, rows, row);
            let place = Witness { row: rows.first + row as u64, offset };
            remember(largest, group, size, place);
        }
    }

    /// Returns where the largest row of the group of a held-out row stands, if it is as large as that row or larger.
    pub(crate) fn found(&self, row: usize, largest: &Largest) -> Option<Witness> {
        let (group, asked) = self.of_row[row];
        let (size, place) = largest.get(&group).copied().unwrap_or(ABSENT);
        (place != ABSENT.1 && size >= asked).then_some(place)
    }

    /// Says what of a held-out row was found, readable.
    pub(crate) fn piece(&self, held: &Rows, row: usize) -> String {
        let ((group, parameter), size) = self.of_row[row];
        let name = match held.name(group) {
            "" => "rows",
            name => name,
        };
        match self.kind {
            Kind::Step | Kind::Family => match parameter {
                Some(parameter) => format!("{name} {parameter}"),
                None => name.to_owned(),
            },
            Kind::Range => format!("{size} or more"),
            Kind::Length if group == OPERANDS => format!("operands of {size} digits or more"),
            Kind::Length => format!("{size} terms or more"),
            Kind::Notation => format!("{name}, {size} terms or more"),
        }
    }
}

/// Keeps the larger size, of equals the first place; groups that nobody asks for are left out.
pub(crate) fn remember(largest: &mut Largest, group: Group, size: i64, place: Witness) {
    if let Some(known) = largest.get_mut(&group)
        && (size > known.0 || (size == known.0 && place < known.1))
    {
        *known = (size, place);
    }
}

/// Groups at level `length`: rows that are as long as they have terms, and rows of two operands.
const TERMS: u64 = 0;
const OPERANDS: u64 = 1;

/// Returns the group of a row, its size, and the index of the term that has it.
fn measure(kind: Kind, rows: &Rows, row: usize) -> (Group, i64, u32) {
    let terms = rows.terms.row(row);
    let largest = |terms: &[i64]| {
        let least_index = |(at, value): &(usize, &i64)| (**value, std::cmp::Reverse(*at));
        terms
            .iter()
            .enumerate()
            .max_by_key(least_index)
            .map_or((i64::MIN, 0), |(at, value)| (*value, at as u32))
    };
    match kind {
        Kind::Step => ((rows.family[row], rows.parameter[row]), 0, 0),
        Kind::Family => ((rows.family[row], None), 0, 0),
        Kind::Range => {
            let (value, offset) = largest(terms);
            ((rows.domain[row], None), value, offset)
        }
        Kind::Length if rows.unit[row] == UnitKind::UnorderedPair => {
            let operands = terms.iter().take(2).map(|value| value.unsigned_abs());
            let digits = operands.max().map_or(0, |value| value.to_string().len());
            ((OPERANDS, None), digits as i64, 0)
        }
        Kind::Length => ((TERMS, None), terms.len() as i64, 0),
        Kind::Notation => ((rows.notation[row], None), terms.len() as i64, 0),
    }
}
