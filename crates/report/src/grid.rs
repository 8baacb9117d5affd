//! Two short axes of a matrix, one down and one across, each cell as deep in colour as its score is high.

use maud::{Markup, html};

use crate::matrix::Matrix;
use crate::plot::{Axis, hundredths};
use crate::rows::Row;

/// Pixels of a cell.
const CELL: f64 = 58.0;
/// Percent of the width for what stands beside the rows.
const HEAD: f64 = 16.0;
/// Pixels above the cells.
const ABOVE: f64 = 44.0;

/// Returns the picture; `across` and `down` are axes of the matrix.
pub(crate) fn picture(matrix: &Matrix<'_>, across: usize, down: usize) -> Markup {
    let (columns, rows) = (matrix.values(across), matrix.values(down));
    let width = (100.0 - HEAD) / columns.len() as f64;
    let x = |column: usize| hundredths(HEAD + width * column as f64);
    let middle = |column: usize| hundredths(x(column) + width / 2.0);
    let y = |row: usize| ABOVE + CELL * row as f64;
    let point = |row: &str, column: &str| {
        matrix.marks.iter().find(|mark| mark.values[down] == row && mark.values[across] == column)
    };
    let (name_down, name_across) = (&matrix.axes[down], &matrix.axes[across]);
    let about =
        format!("Share of held-out rows answered right by {name_down}, downwards, and {name_across}, across");
    html! {
        div.panel.wide.grid-figure {
            svg height=(y(rows.len()) + 52.0) role="group" aria-label=(about) {
                text.name x="0" y="34" { (name_down) " ↓" }
                text.name.middle x={ (HEAD + (100.0 - HEAD) / 2.0) "%" } y="13" { (name_across) " →" }
                @for (column, value) in columns.iter().enumerate() {
                    text.middle x={ (middle(column)) "%" } y="34" { (value) }
                }
                @for (row, name) in rows.iter().enumerate() {
                    text.end x={ (HEAD - 2.0) "%" } y=(y(row) + CELL / 2.0 + 4.0) { (name) }
                    @for (column, value) in columns.iter().enumerate() {
                        @if let Some(mark) = point(name, value) {
                            a href=[&mark.row.link] data-tip={ (mark.point.label) ": " (seeds(&mark.row)) } {
                                (cell(&mark.row, (x(column), y(row)), hundredths(width), middle(column)))
                            }
                        } @else {
                            text.middle x={ (middle(column)) "%" } y=(y(row) + CELL / 2.0 + 4.0) { "–" }
                        }
                    }
                }
                (colour_bar(y(rows.len()) + 12.0, "share of held-out rows answered right, over seeds"))
            }
        }
    }
}

/// Returns what a colour means.
pub(crate) fn colour_bar(top: f64, name: &str) -> Markup {
    html! { g data-bar=(top) {
        rect.track x={ (HEAD) "%" } y=(top) width={ (100.0 - HEAD) "%" } height="10" {}
        @for step in 0..20 {
            @let share = f64::from(step) / 20.0 + 0.025;
            rect.cell x={ (hundredths(HEAD + (100.0 - HEAD) * f64::from(step) / 20.0)) "%" } y=(top) width={ (hundredths((100.0 - HEAD) / 20.0)) "%" } height="10" fill-opacity=(hundredths(share)) {}
        }
        text.middle x={ (HEAD) "%" } y=(top + 24.0) { "0" }
        text.end x="100%" y=(top + 24.0) { "1" }
        text.middle x={ (HEAD + (100.0 - HEAD) / 2.0) "%" } y=(top + 24.0) { (name) }
    } }
}

fn cell(row: &Row, (x, y): (f64, f64), width: f64, middle: f64) -> Markup {
    let share = row.mean.as_ref().map(|mean| Axis::SHARE.share(mean.value));
    let deep = share.is_some_and(|share| share >= 0.75);
    let values = || row.dots.iter().map(|dot| dot.value);
    let (low, high) = (values().fold(f64::MAX, f64::min), values().fold(f64::MIN, f64::max));
    let text = match (&row.counted, &row.mean) {
        // `1 of 3 seeds have the rule` in two lines.
        (Some(counted), _) => counted.split(" have").next().unwrap_or_default().to_owned(),
        (None, Some(mean)) => crate::number::share(mean.value),
        (None, None) => "–".to_owned(),
    };
    let class = if deep { "middle over-cell deep" } else { "middle over-cell" };
    html! {
        rect.track x={ (x) "%" } y=(y) width={ (width) "%" } height=(CELL) {}
        @if let Some(share) = share { rect.cell x={ (x) "%" } y=(y) width={ (width) "%" } height=(CELL) fill-opacity=(hundredths(share)) {} }
        text class={ "name " (class) } x={ (middle) "%" } y=(y + 20.0) { (text) }
        @if high > low {
            text class=(class) x={ (middle) "%" } y=(y + 35.0) { (crate::number::share(low)) "–" (crate::number::share(high)) }
        }
        @for value in row.marks.published.iter().take(1) {
            text class=(class) x={ (middle) "%" } y=(y + 50.0) { "publ. " (crate::number::share(*value)) }
        }
    }
}

fn seeds(row: &Row) -> String {
    let seeds: Vec<_> =
        row.dots.iter().map(|dot| format!("{} {}", dot.label, crate::number::share(dot.value))).collect();
    let published: Vec<_> = row
        .marks
        .published
        .iter()
        .map(|value| format!("published {}", crate::number::share(*value)))
        .collect();
    seeds.into_iter().chain(published).collect::<Vec<_>>().join(", ")
}
