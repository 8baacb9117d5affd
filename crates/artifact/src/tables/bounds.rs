//! What columns of several tables may hold.

use std::ops::RangeInclusive;

/// Seeds of models.
pub(super) const SEEDS: RangeInclusive<i32> = 0..=i32::MAX;
/// The same, and -1 for over seeds.
pub(super) const OVER_SEEDS: RangeInclusive<i32> = -1..=i32::MAX;
/// Steps and rows seen: what a number of 64 bits floating point tells apart.
pub(super) const STEPS: RangeInclusive<i64> = 0..=1 << 53;
/// The same, and -1 for none.
pub(super) const NO_STEP: RangeInclusive<i64> = -1..=1 << 53;
/// Counts of rows and seeds, few enough to add up thousands of them.
pub(super) const COUNT: RangeInclusive<i64> = 0..=1 << 48;
/// Layers, heads, and positions of tokens.
pub(super) const PLACES: RangeInclusive<i32> = 0..=65_535;
/// The same, and -1 for none.
pub(super) const NO_PLACE: RangeInclusive<i32> = -1..=65_535;
