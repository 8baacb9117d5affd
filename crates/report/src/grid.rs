//! Two short axes of a matrix as a table, one down and one across, each cell as deep in colour as its score is high.

use serde::Serialize;

use crate::matrix::{Figure, Mark, Shape};

/// One point.
#[derive(Debug, Serialize)]
struct Cell {
    id: String,
    label: String,
    /// Percent and text, over seeds.
    mean: Option<(f64, String)>,
    /// What stands in its place where seeds disagree.
    counted: Option<String>,
    /// The least and the greatest of the seeds, where they differ.
    range: Option<(String, String)>,
    /// Every seed in words.
    seeds: String,
    /// What others got.
    published: Vec<String>,
}

/// The table.
#[derive(Debug, Serialize)]
pub(crate) struct Grid {
    across: String,
    down: String,
    columns: Vec<String>,
    /// Value of the axis that runs down, and a cell for each column; null where there is no such point.
    rows: Vec<(String, Vec<Option<Cell>>)>,
}

/// Builds the table; `None` where the points are drawn in another way.
pub(crate) fn build(figure: &Figure) -> Option<Grid> {
    if figure.shape != Shape::Grid {
        return None;
    }
    let across = figure.main;
    let down = (0..figure.axes.len()).find(|&axis| axis != across && figure.values(axis).len() > 1)?;
    let (columns, rows) = (figure.values(across), figure.values(down));
    let cell = |row: &str, column: &str| {
        let mut points = figure.points.iter();
        points.find(|point| point.values[down] == row && point.values[across] == column).map(cell)
    };
    let line =
        |row: &&str| ((*row).to_owned(), columns.iter().map(|column| cell(row, column)).collect::<Vec<_>>());
    Some(Grid {
        across: figure.axes[across].clone(),
        down: figure.axes[down].clone(),
        rows: rows.iter().map(line).collect(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
    })
}

fn cell(point: &Mark) -> Cell {
    let by = |(_, at, ..): &&(String, f64, String, _), (_, other, ..): &&(String, f64, String, _)| {
        at.total_cmp(other)
    };
    let text = |(_, _, text, _): &(String, f64, String, _)| text.clone();
    let ends = point.seeds.iter().min_by(by).map(text).zip(point.seeds.iter().max_by(by).map(text));
    let seeds: Vec<_> = point.seeds.iter().map(|(name, _, text, _)| format!("{name} {text}")).collect();
    Cell {
        id: point.id.clone(),
        label: point.label.clone(),
        mean: point.mean.clone(),
        counted: point.counted.clone(),
        range: ends.filter(|(low, high)| low != high),
        seeds: seeds.join(", "),
        published: point.published.iter().map(|(_, text)| text.clone()).collect(),
    }
}
