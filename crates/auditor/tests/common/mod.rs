//! Example files for the tests: rows written by code that shares nothing with the crate.

use std::path::{Path, PathBuf};

use artifact::tables::{Example, Token};
use artifact::{Provenance, write_table};
use auditor::{Config, Inputs};
use serde_json::json;

/// How values are written in a test.
#[derive(Clone, Copy)]
pub(crate) enum Notation {
    /// One token a value: id = value + 2; 0 is BEGIN, 1 is END.
    Numeral,
    /// Fixed width, least digit first, separated: 0..9 digits, 10 BEGIN, 11 END, 12 SEP.
    Digits(usize),
}

impl Notation {
    pub(crate) fn tokens(self, terms: &[i64]) -> (Vec<u16>, i32, i32) {
        match self {
            Self::Numeral => {
                let values = terms.iter().map(|term| *term as u16 + 2);
                let tokens = [0].into_iter().chain(values).chain([1]).collect();
                (tokens, terms.len() as i32, 2)
            }
            Self::Digits(width) => {
                let mut tokens = vec![10];
                let mut start = 0;
                for (at, term) in terms.iter().enumerate() {
                    if at > 0 {
                        tokens.push(12);
                    }
                    start = tokens.len() as i32;
                    let mut rest = *term;
                    for _ in 0..width {
                        tokens.push((rest % 10) as u16);
                        rest /= 10;
                    }
                }
                tokens.push(11);
                (tokens, start, width as i32 + 1)
            }
        }
    }

    pub(crate) fn vocabulary(self, most: i64) -> Vec<Token> {
        let token = |id: i64, token: String, kind: &str, value: Option<i64>| Token {
            token_id: id as i32,
            token,
            kind: kind.to_owned(),
            value,
        };
        match self {
            Self::Numeral => {
                let special = [(0, "BEGIN", "begin"), (1, "END", "end")];
                let special = special.map(|(id, name, kind)| token(id, name.to_owned(), kind, None));
                special
                    .into_iter()
                    .chain((0..=most).map(|v| token(v + 2, v.to_string(), "value", Some(v))))
                    .collect()
            }
            Self::Digits(_) => {
                let special = [(10, "BEGIN", "begin"), (11, "END", "end"), (12, "SEP", "separator")];
                let special = special.map(|(id, name, kind)| token(id, name.to_owned(), kind, None));
                (0..10).map(|d| token(d, d.to_string(), "digit", Some(d))).chain(special).collect()
            }
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Numeral => "numeral",
            Self::Digits(_) => "digits",
        }
    }
}

pub(crate) fn example(id: i64, terms: &[i64], notation: Notation) -> Example {
    let (tokens, answer_start, answer_length) = notation.tokens(terms);
    Example {
        example_id: id,
        task: "task".to_owned(),
        family: "arithmetic".to_owned(),
        notation: notation.name().to_owned(),
        domain: "integer".to_owned(),
        unit: "pair".to_owned(),
        parameter: Some(1),
        text: terms.iter().map(i64::to_string).collect::<Vec<_>>().join(" "),
        terms: terms.to_vec(),
        tokens,
        answer_start,
        answer_length,
        cluster: id,
    }
}

pub(crate) fn examples(first_id: i64, rows: &[Vec<i64>], notation: Notation) -> Vec<Example> {
    rows.iter().enumerate().map(|(at, terms)| example(first_id + at as i64, terms, notation)).collect()
}

pub(crate) fn most(splits: &[&[Example]]) -> i64 {
    splits.iter().flat_map(|rows| rows.iter()).flat_map(|row| &row.terms).copied().max().unwrap_or(0)
}

/// Writes a dataset as the stage `build` would.
pub(crate) fn write(
    folder: &Path,
    level: &str,
    notation: Notation,
    [train, validation, test]: [&[Example]; 3],
) -> Inputs {
    std::fs::create_dir_all(folder).unwrap();
    let provenance = Provenance::default();
    let definition = folder.join("definition.parquet");
    let holdout = [("level".to_owned(), json!(level))].into_iter().collect();
    artifact::write_definition(&definition, &provenance, [("holdout", holdout)]).unwrap();
    let file = |name: &str, rows: &[Example]| -> Vec<PathBuf> {
        let path = folder.join(format!("{name}-00000-of-00001.parquet"));
        write_table(&path, &provenance, rows.iter().cloned()).unwrap();
        vec![path]
    };
    let vocabulary = folder.join("vocabulary.parquet");
    write_table(&vocabulary, &provenance, notation.vocabulary(most(&[train, validation, test]))).unwrap();
    Inputs {
        train: file("train", train),
        validation: file("validation", validation),
        test: file("test", test),
        definition,
        vocabulary: Some(vocabulary),
        counterfactuals: None,
        trained_on: Vec::new(),
    }
}

/// Runs the stage into a fresh folder inside `folder`.
pub(crate) fn audit(folder: &Path, inputs: &Inputs) -> (PathBuf, auditor::Result<()>) {
    let out = folder.join("out");
    std::fs::create_dir_all(&out).unwrap();
    let result = auditor::run(&Config::default(), inputs, &out, &Provenance::default());
    (out, result)
}
