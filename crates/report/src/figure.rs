//! What every figure has: a number, a caption, a legend, and its picture and its data to take away.

use std::cell::Cell;
use std::fmt::Display;

use artifact::printable;
use maud::{Markup, html};

/// One figure before it has its number.
pub(crate) struct Figure {
    /// What its script is called by; most need none.
    pub kind: &'static str,
    /// What is seen, with every technical word explained.
    pub caption: Markup,
    /// Pictures in SVG.
    pub picture: Markup,
    /// Key and meaning.
    pub legend: Vec<(Markup, String)>,
    pub data: Csv,
}

/// Numbers the figures of a page.
pub(crate) struct Figures {
    shown: Cell<usize>,
    /// What their files are named after.
    name: String,
}

impl Figures {
    /// Begins with the first figure of a page on `name`.
    pub(crate) fn named(name: &str) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._@=,-".contains(c) { c } else { '_' };
        Self { shown: Cell::new(0), name: name.chars().map(plain).collect() }
    }

    /// Returns a figure with the next number.
    pub(crate) fn show(&self, figure: Figure) -> Markup {
        let number = self.shown.get() + 1;
        self.shown.set(number);
        let Figure { kind, caption, picture, legend, data } = figure;
        let file = format!("{}-figure-{number}", self.name);
        html! {
            figure id={ "figure-" (number) } data-figure=(kind) data-file=(file) {
                figcaption { b { "Figure " (number) "." } " " (caption) }
                div.picture { (picture) }
                @if !legend.is_empty() {
                    ul.legend { @for (key, meaning) in &legend { li { (self::key(key)) span { (meaning) } } } }
                }
                p.take {
                    button type="button" data-svg hidden { "SVG" }
                    a download={ (file) ".csv" } href=(data.href()) { "CSV" }
                    " the data of this figure"
                }
            }
        }
    }
}

fn key(drawn: &Markup) -> Markup {
    html! { svg.key width="26" height="14" aria-hidden="true" { (drawn) } }
}

/// The data behind a figure.
#[derive(Debug, Clone, Default)]
pub(crate) struct Csv(String);

impl Csv {
    /// Begins with the names of the columns.
    pub(crate) fn new<T: AsRef<str>>(columns: &[T]) -> Self {
        let mut csv = Self::default();
        csv.line(columns.iter().map(|name| text(name.as_ref())));
        csv
    }

    /// Adds a line; texts go through [`text`] first.
    pub(crate) fn line<T: Display>(&mut self, cells: impl IntoIterator<Item = T>) {
        for (index, cell) in cells.into_iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            self.0.push_str(&cell.to_string());
        }
        self.0.push('\n');
    }

    /// Returns an address that holds the whole file, so that it can be taken away without a script.
    fn href(&self) -> String {
        let mut href = "data:text/csv;charset=utf-8,".to_owned();
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b",.-_:=/()[]".contains(&byte) {
                href.push(char::from(byte));
            } else {
                href.push_str(&format!("%{byte:02X}"));
            }
        }
        href
    }
}

/// Returns a text as a cell that no spreadsheet takes for a formula.
pub(crate) fn text(text: &str) -> String {
    let mut cell = printable(text).into_owned();
    if cell.starts_with(['=', '+', '-', '@']) {
        cell.insert(0, '\'');
    }
    if cell.contains([',', '"']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

/// Returns a number as a cell, empty where there is none.
pub(crate) fn cell(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map_or_else(String::new, |value| value.to_string())
}

/// Writes JSON that is harmless inside a `<script>`: no `<`, `>` or `&`, and nothing in a text that would be obeyed.
pub(crate) fn embedded(value: &serde_json::Value) -> String {
    let mut text = harmless(value).to_string();
    for (from, to) in [("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")] {
        text = text.replace(from, to);
    }
    text
}

fn harmless(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => Value::from(printable(text)),
        Value::Array(values) => values.iter().map(harmless).collect(),
        Value::Object(map) => {
            map.iter().map(|(name, value)| (printable(name).into_owned(), harmless(value))).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formulas() {
        let cells = ["a", "a,b", "say \"x\"", "=1+1", "-2", "a\nb"].map(text);
        assert_eq!(cells, ["a", "\"a,b\"", "\"say \"\"x\"\"\"", "'=1+1", "'-2", "a\\nb"]);
        assert_eq!([cell(Some(-0.5)), cell(None), cell(Some(f64::NAN))], ["-0.5", "", ""]);
        let mut csv = Csv::new(&["name", "value"]);
        csv.line([text("x y"), cell(Some(0.5))]);
        assert_eq!(csv.href(), "data:text/csv;charset=utf-8,name,value%0Ax%20y,0.5%0A");
    }

    #[test]
    fn embedded_json_ends_no_script() {
        let value = serde_json::json!({ "</script>": "a\u{2028}<!--" });
        assert_eq!(embedded(&value), "{\"\\u003c/script\\u003e\":\"a\\\\u{2028}\\u003c!--\"}");
    }
}
