//! The figure that answers a point's own question: by task, by number of terms, by seed, or when it was learned.

use maud::{Markup, html};

use crate::Error;
use crate::figure::Figure;
use crate::lines::{self, Across, Line, Seeds};
use crate::point::{Answer, Point};
use crate::rows::{self, Marks, Row};
use crate::scores::{ACCURACY, OVER_SEEDS};
use crate::sections::{learned, seeds};

/// Returns the figure; `None` where nothing was scored.
pub(crate) fn figure(point: &Point<'_>) -> Result<Option<Markup>, Error> {
    let figure = match point.answer {
        Answer::Learned => learned::compared(std::slice::from_ref(point), learned::POINTS / 2)?,
        Answer::Tasks => Some(by_task(point)),
        Answer::Terms => Some(by_terms(point)),
        Answer::Seeds => seeds::figure(point, ""),
    };
    Ok(figure.map(|figure| point.figures.show(figure)))
}

fn by_task(point: &Point<'_>) -> Figure {
    let rows: Vec<Row> = point.tasks().iter().map(|task| point.row(task)).collect();
    Figure {
        kind: "rows",
        caption: html! {
            "Held-out rows answered right by " b { "task" } ": every seed beside what look-up tables get (shaded, up to the heavy line: what the best of them gets)."
        },
        picture: rows::picture(&rows, "Share of held-out rows answered right by task"),
        legend: rows::legend(&rows),
        data: rows::data("task", &rows),
    }
}

fn by_terms(point: &Point<'_>) -> Figure {
    let counted = point.verdict("").counted;
    let score = |seed: i32, slice: &str| {
        let scores = point.scores.as_ref();
        let found = scores.and_then(|scores| scores.slice("trained", seed, point.split, "", slice, ACCURACY));
        found.copied().unwrap_or_default()
    };
    let terms = point.scores.as_ref().map(|scores| scores.terms(point.split)).unwrap_or_default();
    let rows: Vec<(f64, Row)> = terms
        .iter()
        .map(|(terms, slice)| {
            let dot = |seed: i32| score(seed, slice).dot(seed, String::new());
            let row = Row {
                name: terms.to_string(),
                link: None,
                headline: String::new(),
                tone: "none",
                dots: point.seeds().into_iter().filter_map(dot).collect(),
                mean: dot(OVER_SEEDS).filter(|_| counted.is_none()),
                counted: counted.clone(),
                marks: Marks::default(),
            };
            (*terms as f64, row)
        })
        .collect();
    let places = rows.iter().map(|(terms, row)| (*terms, row)).collect();
    let lines = [Line { setting: String::new(), style: (0, 0), places }];
    let levels =
        Marks { published: Vec::new(), untrained: None, oracle: None, u_union: None, ..point.row("").marks };
    let across = Across::of("number of terms in the row, the answer among them", &lines);
    let rows: Vec<Row> = rows.iter().map(|(_, row)| row.clone()).collect();
    Figure {
        kind: "lines",
        caption: html! {
            "Held-out rows answered right by their " b { "number of terms" } ", a thin line a seed"
            @if let Some(counted) = &counted { ": " (counted) ", they disagree, so there is no mean" }
            "."
        },
        picture: lines::accuracy(&lines, &across, &levels, Seeds::Lines),
        legend: lines::legend(&lines, &levels),
        data: rows::data("terms", &rows),
    }
}
