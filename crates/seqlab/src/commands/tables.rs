use std::fmt::Write;
use std::process::ExitCode;

use clap::Args;

use crate::failure::Failure;
use crate::say;

/// List every table that stages write, with its columns
#[derive(Debug, Args)]
pub(crate) struct Tables {
    /// As Markdown: this makes docs/tables.md
    #[arg(long)]
    markdown: bool,
}

pub(crate) fn tables(arguments: &Tables) -> Result<ExitCode, Failure> {
    say::text(&if arguments.markdown { markdown() } else { plain() })?;
    Ok(ExitCode::SUCCESS)
}

fn plain() -> String {
    let mut text = String::new();
    for table in artifact::tables::catalogue() {
        line(&mut text, &format!("{} (version {}): {}", table.table, table.version, table.files));
        for column in table.columns {
            line(&mut text, &format!("  {:<24} {:<10} {}", column.name, column.type_name, column.about));
        }
    }
    text
}

fn markdown() -> String {
    let mut text = String::from(
        "# Tables\n\nEvery table that stages exchange. This page is generated: \
         `seqlab tables --markdown > docs/tables.md`.\n",
    );
    for table in artifact::tables::catalogue() {
        line(&mut text, &format!("\n## {}\n\n{}\n", table.table, table.about));
        line(&mut text, &format!("`{}`, version {}\n", table.files, table.version));
        line(&mut text, "| column | type | |\n| --- | --- | --- |");
        for column in table.columns {
            let about = column.about.replace('|', "\\|");
            line(&mut text, &format!("| `{}` | {} | {about} |", column.name, column.type_name));
        }
    }
    text += &metrics();
    text
}

fn metrics() -> String {
    let mut text = String::from("\n## Metrics of scores\n\n| metric | |\n| --- | --- |\n");
    for metric in evaluator::METRICS {
        line(&mut text, &format!("| `{}` | {} |", metric.name, metric.about));
    }
    text
}

fn line(text: &mut String, words: &str) {
    writeln!(text, "{words}").expect("a String takes any text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_current() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/tables.md");
        let written = std::fs::read_to_string(page).expect("docs/tables.md is there");
        assert!(written == markdown(), "run: cargo run -p seqlab -- tables --markdown > docs/tables.md");
    }
}
