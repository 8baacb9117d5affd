//! What kind of mistake a wrong answer is.

/// The kinds of answers, in the order in which they are tried: the first that fits is the class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
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
    /// Another of the terms shown.
    CopyOther,
    /// Outside the smallest and largest term of the task's train rows.
    OutOfRange,
    /// The right last decimal digit.
    LastDigitRight,
    /// None of these.
    Other,
}

impl ErrorClass {
    /// Every class, in the order in which they are tried.
    pub const ALL: [ErrorClass; 9] = [
        ErrorClass::Correct,
        ErrorClass::Malformed,
        ErrorClass::CopyLast,
        ErrorClass::PlusOne,
        ErrorClass::OffByOne,
        ErrorClass::CopyOther,
        ErrorClass::OutOfRange,
        ErrorClass::LastDigitRight,
        ErrorClass::Other,
    ];

    /// Returns the name as written in tables.
    pub fn name(self) -> &'static str {
        match self {
            ErrorClass::Correct => "correct",
            ErrorClass::Malformed => "malformed",
            ErrorClass::CopyLast => "copy_last",
            ErrorClass::PlusOne => "plus_one",
            ErrorClass::OffByOne => "off_by_one",
            ErrorClass::CopyOther => "copy_other",
            ErrorClass::OutOfRange => "out_of_range",
            ErrorClass::LastDigitRight => "last_digit_right",
            ErrorClass::Other => "other",
        }
    }

    /// Returns the class of a wrong answer: `said` is the one value it spells (none when it spells none),
    /// `range` the smallest and largest term of the task in train.
    pub(crate) fn of_wrong(
        said: Option<i64>,
        answer: i64,
        context: &[i64],
        range: Option<(i64, i64)>,
    ) -> ErrorClass {
        let Some(said) = said else { return ErrorClass::Malformed };
        let last = context.last().copied();
        if last == Some(said) {
            ErrorClass::CopyLast
        } else if last.and_then(|last| last.checked_add(1)) == Some(said) {
            ErrorClass::PlusOne
        } else if said.abs_diff(answer) == 1 {
            ErrorClass::OffByOne
        } else if context.contains(&said) {
            ErrorClass::CopyOther
        } else if range.is_some_and(|(least, most)| said < least || said > most) {
            ErrorClass::OutOfRange
        } else if said.unsigned_abs() % 10 == answer.unsigned_abs() % 10 {
            ErrorClass::LastDigitRight
        } else {
            ErrorClass::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_answer() {
        // 10 12 14 -> 16, values 0..=199
        let class = |said| ErrorClass::of_wrong(said, 16, &[10, 12, 14], Some((0, 199)));
        let expected = [
            (None, ErrorClass::Malformed),
            (Some(14), ErrorClass::CopyLast),
            (Some(15), ErrorClass::PlusOne),
            (Some(17), ErrorClass::OffByOne),
            (Some(12), ErrorClass::CopyOther),
            (Some(-1), ErrorClass::OutOfRange),
            (Some(200), ErrorClass::OutOfRange),
            (Some(26), ErrorClass::LastDigitRight),
            (Some(40), ErrorClass::Other),
        ];
        for (said, name) in expected {
            assert_eq!(class(said), name, "{said:?}");
        }
    }

    #[test]
    fn the_borders_of_numbers_do_not_overflow() {
        assert_eq!(ErrorClass::of_wrong(Some(i64::MIN), i64::MAX, &[i64::MAX], None), ErrorClass::Other);
    }

    #[test]
    fn names_are_distinct() {
        let names: std::collections::BTreeSet<_> = ErrorClass::ALL.iter().map(|class| class.name()).collect();
        assert_eq!(names.len(), ErrorClass::ALL.len());
    }
}
