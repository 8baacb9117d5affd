//! What kind of mistake a wrong answer is.

/// The kinds of answers, in the order in which they are tried: the first that fits is the class.
///
/// Of an answer of several terms the first wrong one decides; the right ones before it count as shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ErrorClass {
    /// The right answer.
    Correct,
    /// The tokens do not spell a value of the notation, or END never comes.
    Malformed,
    /// The last term shown is said again.
    CopyLast,
    /// The last term shown plus one, where the rule says otherwise.
    PlusOne,
    /// Beside the right answer: one more or one less.
    OffByOne,
    /// The right calculation, digit by digit, with a carry or a borrow left out.
    MissedCarry,
    /// Another of the terms shown.
    CopyOther,
    /// Outside what was trained: smaller or larger than every term of the rows that the model was trained on, of whatever task,
    /// in the same domain.
    OutOfRange,
    /// The right last decimal digit, of values that are numbers.
    LastDigitRight,
    /// None of these.
    Other,
}

impl ErrorClass {
    /// Every class, in the order in which they are tried.
    #[cfg(test)]
    const ALL: [ErrorClass; 10] = [
        ErrorClass::Correct,
        ErrorClass::Malformed,
        ErrorClass::CopyLast,
        ErrorClass::PlusOne,
        ErrorClass::OffByOne,
        ErrorClass::MissedCarry,
        ErrorClass::CopyOther,
        ErrorClass::OutOfRange,
        ErrorClass::LastDigitRight,
        ErrorClass::Other,
    ];

    /// Returns the name as written in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ErrorClass::Correct => "correct",
            ErrorClass::Malformed => "malformed",
            ErrorClass::CopyLast => "copy_last",
            ErrorClass::PlusOne => "plus_one",
            ErrorClass::OffByOne => "off_by_one",
            ErrorClass::MissedCarry => "missed_carry",
            ErrorClass::CopyOther => "copy_other",
            ErrorClass::OutOfRange => "out_of_range",
            ErrorClass::LastDigitRight => "last_digit_right",
            ErrorClass::Other => "other",
        }
    }

    /// Returns the class of a wrong term: `predicted` stands where `answer` should, after the terms `shown`; `misses_carry` says
    /// whether that is what is wrong with it.
    pub(crate) fn of_wrong(
        predicted: i64,
        answer: i64,
        shown: &[i64],
        scale: Scale,
        misses_carry: impl FnOnce() -> bool,
    ) -> ErrorClass {
        let last = shown.last().copied();
        if last == Some(predicted) {
            ErrorClass::CopyLast
        } else if last.is_some_and(|last| scale.follows(last, predicted)) {
            ErrorClass::PlusOne
        } else if scale.follows(answer, predicted) || scale.follows(predicted, answer) {
            ErrorClass::OffByOne
        } else if misses_carry() {
            ErrorClass::MissedCarry
        } else if shown.contains(&predicted) {
            ErrorClass::CopyOther
        } else if scale.range.is_none_or(|(least, most)| predicted < least || predicted > most) {
            ErrorClass::OutOfRange
        } else if scale.decimal && predicted.unsigned_abs() % 10 == answer.unsigned_abs() % 10 {
            ErrorClass::LastDigitRight
        } else {
            ErrorClass::Other
        }
    }
}

/// What the values of a task are measured by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// The smallest and the largest value of the domain in train; nothing where it has none, so that all lie outside.
    pub(crate) range: Option<(i64, i64)>,
    /// After how many values they come round again.
    pub(crate) period: Option<i64>,
    /// Whether the values are numbers, with decimal digits.
    pub(crate) decimal: bool,
}

impl Scale {
    /// Says whether the second value is the first plus one; January is December plus one.
    fn follows(self, first: i64, second: i64) -> bool {
        match (i128::from(second) - i128::from(first), self.period) {
            (1, _) => true,
            (apart, Some(period)) => apart == 1 - i128::from(period),
            (_, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_answer() {
        // 10 12 14 -> 16, values 0..=199
        let scale = Scale { range: Some((0, 199)), period: None, decimal: true };
        let class = |predicted| ErrorClass::of_wrong(predicted, 16, &[10, 12, 14], scale, || predicted == 6);
        let expected = [
            (14, ErrorClass::CopyLast),
            (15, ErrorClass::PlusOne),
            (17, ErrorClass::OffByOne),
            (6, ErrorClass::MissedCarry),
            (12, ErrorClass::CopyOther),
            (-1, ErrorClass::OutOfRange),
            (200, ErrorClass::OutOfRange),
            (26, ErrorClass::LastDigitRight),
            (40, ErrorClass::Other),
        ];
        for (predicted, name) in expected {
            assert_eq!(class(predicted), name, "{predicted:?}");
        }
    }

    #[test]
    fn the_borders_of_numbers_do_not_overflow() {
        let scale = Scale { range: None, period: None, decimal: true };
        assert_eq!(
            ErrorClass::of_wrong(i64::MIN, i64::MAX, &[i64::MAX], scale, || false),
            ErrorClass::OutOfRange
        );
    }

    #[test]
    fn a_year_comes_round_and_months_have_no_digits() {
        // October December -> February
        let scale = Scale { range: Some((1, 12)), period: Some(12), decimal: false };
        let class = |predicted| ErrorClass::of_wrong(predicted, 2, &[10, 12], scale, || false);
        assert_eq!(
            [class(1), class(3), class(10)],
            [ErrorClass::PlusOne, ErrorClass::OffByOne, ErrorClass::CopyOther]
        );
        assert_eq!(ErrorClass::of_wrong(12, 1, &[9, 11], scale, || false), ErrorClass::PlusOne);
        assert_eq!(ErrorClass::of_wrong(12, 1, &[7, 10], scale, || false), ErrorClass::OffByOne);
        assert_eq!(ErrorClass::of_wrong(11, 1, &[7, 4], scale, || false), ErrorClass::Other);
    }

    #[test]
    fn names_are_distinct() {
        let names: std::collections::BTreeSet<_> = ErrorClass::ALL.iter().map(|class| class.name()).collect();
        assert_eq!(names.len(), ErrorClass::ALL.len());
    }
}
