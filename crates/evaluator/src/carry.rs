//! Whether a wrong number is the right calculation, digit by digit, with a carry left out.

use sequence::Family;

/// What the digits of an answer are calculated from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Sum(u64, u64),
    Difference(u64, u64),
    /// By a factor of one digit.
    Product(u64, u64),
}

/// Says whether `predicted` is what the family's rule gives after the terms `shown`, with at least one carry (or borrow) left out
/// and every other digit right.
pub(crate) fn is_missed(predicted: i64, shown: &[i64], family: &Family, parameter: Option<i64>) -> bool {
    let (Some(work), Ok(predicted)) = (Work::of(shown, family, parameter), u64::try_from(predicted)) else {
        return false;
    };
    work.misses(predicted)
}

impl Work {
    fn of(shown: &[i64], family: &Family, parameter: Option<i64>) -> Option<Work> {
        let last = u64::try_from(*shown.last()?).ok()?;
        let before = || shown.len().checked_sub(2).and_then(|at| u64::try_from(shown[at]).ok());
        match family {
            Family::Arithmetic(_) => match parameter? {
                step @ 0.. => Some(Work::Sum(last, step.unsigned_abs())),
                step => Some(Work::Difference(last, step.unsigned_abs())),
            },
            Family::Addition(_) | Family::Fibonacci(_) => Some(Work::Sum(last, before()?)),
            Family::Geometric(_) => match parameter? {
                ratio @ 2..=9 => Some(Work::Product(last, ratio.unsigned_abs())),
                _ => None,
            },
            _ => None,
        }
    }

    /// Goes from the last digit to the first: each is right with what is carried to it, or, once at least, right without.
    fn misses(self, mut predicted: u64) -> bool {
        let (Work::Sum(mut one, mut other)
        | Work::Difference(mut one, mut other)
        | Work::Product(mut one, mut other)) = self;
        let (mut carried, mut missed) = (0, false);
        while one > 0 || predicted > 0 || carried != 0 || (other > 0 && !matches!(self, Work::Product(..))) {
            let (a, b) = ((one % 10) as i64, (other % 10) as i64);
            let digit = match self {
                Work::Sum(..) => a + b,
                Work::Difference(..) => a - b,
                Work::Product(..) => a * other as i64,
            };
            let next = (predicted % 10) as i64;
            let right = next == (digit + carried).rem_euclid(10);
            if !right && (carried == 0 || next != digit.rem_euclid(10)) {
                return false;
            }
            missed |= !right;
            carried = (digit + if right { carried } else { 0 }).div_euclid(10);
            (one, predicted) = (one / 10, predicted / 10);
            if !matches!(self, Work::Product(..)) {
                other /= 10;
            }
            if one == 0 && other == 0 && predicted == 0 && carried < 0 {
                // More was taken away than there is.
                return false;
            }
        }
        missed
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every number that comes out when any of the carries is left out, by going through all choices.
    fn brute(digits: &[i64], carried: i64, missed: bool, place: i64, sum: i64, found: &mut BTreeSet<i64>) {
        let (digit, rest) = match digits.split_first() {
            Some((digit, rest)) => (*digit, rest),
            None if carried == 0 => {
                if missed && sum >= 0 {
                    found.insert(sum);
                }
                return;
            }
            None if carried < 0 => return,
            None => (0, digits),
        };
        let mut choose = |carried: i64, missed: bool| {
            let whole = digit + carried;
            let here = sum + whole.rem_euclid(10) * place;
            brute(rest, whole.div_euclid(10), missed, place * 10, here, found);
        };
        choose(carried, missed);
        if carried != 0 {
            choose(0, true);
        }
    }

    fn digits(mut one: i64, mut other: i64, of: fn(i64, i64) -> i64) -> Vec<i64> {
        let mut digits = Vec::new();
        while one > 0 || other > 0 {
            digits.push(of(one % 10, other % 10));
            (one, other) = (one / 10, other / 10);
        }
        digits
    }

    #[test]
    fn every_choice_of_carries_is_found_and_nothing_else() {
        for one in 0..130_i64 {
            for other in 0..60_i64 {
                let mut sums = BTreeSet::new();
                brute(&digits(one, other, |a, b| a + b), 0, false, 1, 0, &mut sums);
                let right = one + other;
                sums.remove(&right);
                let predicted = |predicted: i64| Work::Sum(one as u64, other as u64).misses(predicted as u64);
                let found: BTreeSet<i64> =
                    (0..300).filter(|&number| predicted(number) && number != right).collect();
                assert_eq!(found, sums, "{one} + {other}");
                if one >= other {
                    let mut differences = BTreeSet::new();
                    brute(&digits(one, other, |a, b| a - b), 0, false, 1, 0, &mut differences);
                    let predicted =
                        |predicted: i64| Work::Difference(one as u64, other as u64).misses(predicted as u64);
                    let found: BTreeSet<i64> = (0..300).filter(|&number| predicted(number)).collect();
                    assert_eq!(found, differences, "{one} - {other}");
                }
            }
        }
    }

    #[test]
    fn by_hand() {
        // 95 + 98 = 193: without the last carry 93, without the first 183, without both 83.
        let sum = |predicted| Work::Sum(95, 98).misses(predicted);
        assert_eq!([193, 93, 183, 83, 192, 203, 13].map(sum), [false, true, true, true, false, false, false]);
        // 67 * 2 = 134: 34, 124, 24. 67 * 4 = 268: the 2 that is carried is left out whole, 248; and 68, 48.
        assert_eq!(
            [134, 34, 124, 24, 133].map(|predicted| Work::Product(67, 2).misses(predicted)),
            [false, true, true, true, false]
        );
        assert_eq!(
            [268, 248, 68, 48, 258].map(|predicted| Work::Product(67, 4).misses(predicted)),
            [false, true, true, true, false]
        );
        // 20 - 2 = 18: without the borrow 28.
        assert_eq!(
            [18, 28, 22].map(|predicted| Work::Difference(20, 2).misses(predicted)),
            [false, true, false]
        );
        assert!(!Work::Sum(12, 2).misses(4));
    }
}
