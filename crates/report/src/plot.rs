//! Axes, panels and marks of pictures that fit any width: what lies across stands in percent, what lies down in pixels.

use std::fmt::Write;

use maud::{Markup, html};

use crate::number::{count, position, significant};

/// Values from one end to the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Axis {
    pub low: f64,
    pub high: f64,
    /// Whether equal distances are equal ratios.
    pub log: bool,
}

impl Axis {
    /// A share, 0 to 1.
    pub(crate) const SHARE: Self = Self { low: 0.0, high: 1.0, log: false };

    /// Returns an axis over all `values`, which is not empty even where these are all the same.
    pub(crate) fn over(values: impl IntoIterator<Item = f64>, log: bool) -> Self {
        let usable = values.into_iter().filter(|value| value.is_finite() && (!log || *value > 0.0));
        let (low, high) =
            usable.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = if low > high { (if log { 1.0 } else { 0.0 }, 1.0) } else { (low, high) };
        let high = if high > low {
            high
        } else if log {
            low * 10.0
        } else {
            low + 1.0
        };
        Self { low, high, log }
    }

    /// Returns how far along a value lies, from 0 to 1, kept inside.
    pub(crate) fn share(&self, value: f64) -> f64 {
        let warp = |value: f64| if self.log { value.max(self.low).log10() } else { value };
        let share = (warp(value) - warp(self.low)) / (warp(self.high) - warp(self.low));
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Returns where a value lies, in percent.
    pub(crate) fn at(&self, value: f64) -> f64 {
        hundredths(100.0 * self.share(value))
    }

    /// Returns about so many round values.
    pub(crate) fn ticks(&self, wanted: usize) -> Vec<f64> {
        if self.log {
            let (first, last) =
                ((self.low.log10() - 1e-9).ceil() as i32, (self.high.log10() + 1e-9).floor() as i32);
            let every = ((last - first).max(0) as usize / wanted.max(1) + 1).max(1);
            return (first..=last).step_by(every).map(|power| 10_f64.powi(power)).collect();
        }
        let rough = (self.high - self.low) / wanted.max(1) as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|factor| factor * power)
            .into_iter()
            .find(|step| *step >= rough * (1.0 - 1e-9));
        let step = step.unwrap_or(rough);
        let first = (self.low / step - 1e-9).ceil() as i64;
        (first..first + 2 * wanted as i64 + 2)
            .map(|index| index as f64 * step)
            .take_while(|value| *value <= self.high + step * 1e-9)
            .collect()
    }
}

/// Returns a value of an axis as text.
pub(crate) fn label(value: f64) -> String {
    if value.abs() >= 1000.0 {
        return count(value as i64);
    }
    significant(value, 3).map_or_else(String::new, |value| value.to_string().replace('-', "−"))
}

pub(crate) fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// A rectangle with a title and two axes.
pub(crate) struct Panel<'a> {
    pub title: &'a str,
    /// The whole picture in words.
    pub about: &'a str,
    pub x: Axis,
    pub x_name: &'a str,
    /// Where labels stand on it; by default at round values.
    pub x_ticks: Vec<f64>,
    pub y: Axis,
    pub y_name: &'a str,
    /// Pixels between the lower and the upper end of the upright axis.
    pub height: f64,
}

/// Pixels above the upper end of a panel's upright axis.
const ABOVE: f64 = 40.0;

impl Panel<'_> {
    /// Returns how far down a value lies, in pixels.
    pub(crate) fn down(&self, value: f64) -> f64 {
        hundredths(ABOVE + self.height * (1.0 - self.y.share(value)))
    }

    /// Returns the upper and the lower end of the upright axis, in pixels.
    pub(crate) fn ends(&self) -> (f64, f64) {
        (ABOVE, ABOVE + self.height)
    }

    /// Returns a line through the points; [`Self::lines`] holds it.
    pub(crate) fn path(&self, xy: impl IntoIterator<Item = (f64, f64)>) -> String {
        let mut path = String::new();
        for (x, y) in xy {
            let down = hundredths(100.0 - 100.0 * self.y.share(y));
            let pen = if path.is_empty() { 'M' } else { 'L' };
            write!(path, "{pen}{} {down}", self.x.at(x)).expect("a string takes all text");
        }
        path
    }

    /// Returns what holds lines: they are stretched to the panel, their strokes are not.
    pub(crate) fn lines(&self, lines: &Markup) -> Markup {
        html! {
            svg y=(ABOVE) width="100%" height=(self.height) viewBox="0 0 100 100" preserveAspectRatio="none" { (lines) }
        }
    }

    /// Returns the whole picture around what is drawn in it.
    pub(crate) fn draw(&self, drawn: &Markup) -> Markup {
        let (top, bottom) = self.ends();
        let ticks = if self.x_ticks.is_empty() { self.x.ticks(4) } else { self.x_ticks.clone() };
        let log =
            |axis: &Axis, name: &str| if axis.log { format!("{name} (log scale)") } else { name.to_owned() };
        html! {
            div.panel {
                svg height=(bottom + 40.0) role="img" aria-label=(self.about) data-x={ (self.x.low) " " (self.x.high) " " (u8::from(self.x.log)) } {
                    text.name x="-44" y="13" { (self.title) }
                    text x="-44" y="29" { (log(&self.y, self.y_name)) }
                    @for value in self.y.ticks(5) {
                        line.frame x1="0" x2="100%" y1=(self.down(value)) y2=(self.down(value)) {}
                        text.end x="-6" y=(self.down(value) + 4.0) { (label(value)) }
                    }
                    @for value in &ticks {
                        line.frame x1={ (self.x.at(*value)) "%" } x2={ (self.x.at(*value)) "%" } y1=(bottom) y2=(bottom + 4.0) {}
                        text.middle x={ (self.x.at(*value)) "%" } y=(bottom + 17.0) { (label(*value)) }
                    }
                    line.frame x1="0" x2="0" y1=(top) y2=(bottom) {}
                    text.end x="100%" y=(bottom + 34.0) { (log(&self.x, self.x_name)) }
                    (drawn)
                }
            }
        }
    }
}

/// Outlines of marks that differ without colour.
const SHAPES: [&str; 5] =
    ["", "M-4.2-4.2H4.2V4.2H-4.2Z", "M0-5.6 5.2 3.8H-5.2Z", "M0-6 5.4 0 0 6-5.4 0Z", "M-5.2-3.8H5.2L0 5.6Z"];

/// Returns a mark at `x` percent and `y` pixels, of a shape (the first is round), with what is said of it.
pub(crate) fn mark(shape: usize, x: f64, y: f64, class: &str, said: &str) -> Markup {
    let said = (!said.is_empty()).then_some(said);
    html! {
        @if shape.is_multiple_of(SHAPES.len()) {
            circle class=(class) cx={ (x) "%" } cy=(y) r="4.5" data-tip=[said] {}
        } @else {
            svg x={ (x) "%" } y=(y) data-tip=[said] { path class=(class) d=(SHAPES[shape % SHAPES.len()]) {} }
        }
    }
}

/// Returns an upright line at `x` percent.
pub(crate) fn upright(class: &str, x: f64, (top, bottom): (f64, f64)) -> Markup {
    html! { line class=(class) x1={ (x) "%" } x2={ (x) "%" } y1=(top) y2=(bottom) {} }
}

/// Returns a level line from one place in percent to another, `y` pixels down.
pub(crate) fn level(class: &str, (from, to): (f64, f64), y: f64) -> Markup {
    html! { line class=(class) x1={ (from) "%" } x2={ (to) "%" } y1=(y) y2=(y) {} }
}

/// Returns a bar from 0 to 1, for the cell of a table.
pub(crate) fn bar(share: f64, class: &str) -> Markup {
    html! {
        svg.bar height="14" aria-hidden="true" {
            rect.track width="100%" height="100%" {} rect class=(class) width={ (position(share)) "%" } height="100%" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_hold_their_values() {
        let axis = Axis::over([2.0, 20.0, f64::NAN], false);
        assert_eq!((axis.at(2.0), axis.at(11.0), axis.at(20.0), axis.at(99.0)), (0.0, 50.0, 100.0, 100.0));
        assert_eq!(axis.ticks(4), [5.0, 10.0, 15.0, 20.0]);
        let log = Axis::over([0.0, 10.0, 1000.0], true);
        assert_eq!((log.low, log.at(100.0), log.at(0.0)), (10.0, 50.0, 0.0));
        assert_eq!(log.ticks(4), [10.0, 100.0, 1000.0]);
        assert_eq!(Axis::over([], false), Axis::SHARE);
        assert_eq!(Axis::over([3.0], false).at(3.0), 0.0, "one value alone has a place too");
        assert_eq!(Axis::SHARE.ticks(4), [0.0, 0.5, 1.0]);
    }

    #[test]
    fn values_are_short() {
        assert_eq!(
            [0.25, -3.0, 14_000.0, 0.000_1, 1e-9].map(label),
            ["0.25", "−3", "14,000", "0.0001", "0.000000001"]
        );
    }
}
