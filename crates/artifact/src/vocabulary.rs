use std::path::Path;

use crate::tables::Token;
use crate::{Error, Result, printable, read_table};

/// The most tokens of a vocabulary: ids are numbers of 16 bits.
pub const MOST_TOKENS: usize = 1 << 16;

const KINDS: [&str; 8] = ["value", "digit", "word", "separator", "begin", "end", "pad", "operator"];
/// The kinds of which there is one token at most: readers ask for it by its kind alone.
const SINGLE: [&str; 4] = ["separator", "begin", "end", "pad"];

/// Returns the tokens of `vocabulary.parquet` by id, which run from 0 without a gap.
///
/// # Errors
/// When the table cannot be read, or is no vocabulary: [`Error::Row`] with the first row that does not fit.
pub fn read_vocabulary(path: &Path) -> Result<Vec<Token>> {
    check_vocabulary(read_table(path)?, path)
}

/// Returns the tokens by id, after checking what every reader of a vocabulary relies on: ids from 0 without a gap or
/// double, at most [`MOST_TOKENS`] of them, known kinds, and one token of those kinds that stand for one thing.
///
/// # Errors
/// [`Error::Row`] with the first row that does not fit.
pub(crate) fn check_vocabulary(tokens: Vec<Token>, path: &Path) -> Result<Vec<Token>> {
    let wrong = |row: usize, message: String| Error::Row { path: path.to_owned(), row: row as u64, message };
    let count = tokens.len();
    if count == 0 || count > MOST_TOKENS {
        return Err(wrong(0, format!("expected 1 to {MOST_TOKENS} tokens, found {count}")));
    }
    let mut by_id: Vec<Option<Token>> = vec![None; count];
    let mut single = [false; SINGLE.len()];
    for (row, token) in tokens.into_iter().enumerate() {
        let (id, kind) = (token.token_id, token.kind.as_str());
        if !KINDS.contains(&kind) {
            return Err(wrong(row, format!("`kind` should be one of {}, found `{kind}`", KINDS.join(", "))));
        }
        if let Some(known) = SINGLE.iter().position(|single| *single == kind)
            && std::mem::replace(&mut single[known], true)
        {
            return Err(wrong(row, format!("expected one token of kind `{kind}`, found a second")));
        }
        let place = usize::try_from(id).ok().and_then(|id| by_id.get_mut(id)).filter(|place| place.is_none());
        let place = place.ok_or_else(|| {
            let last = count - 1;
            wrong(row, format!("token ids should run from 0 to {last} without gap or double, found {id}"))
        })?;
        *place = Some(token);
    }
    Ok(by_id.into_iter().flatten().collect())
}

/// Returns the tokens of a model, after checking that those of the rows that it is to read are the first of them: a token
/// that means something else to the model makes every score of it a score of other rows.
///
/// # Errors
/// As [`read_vocabulary`], and [`Error::Row`] with the first token of the rows that the model does not know as such.
pub fn read_vocabularies(rows: &Path, model: &Path) -> Result<Vec<Token>> {
    let (ours, theirs) = (read_vocabulary(rows)?, read_vocabulary(model)?);
    check_begins(&ours, rows, &theirs, model)?;
    Ok(theirs)
}

/// Checks token by token that one vocabulary is the beginning of another, or all of it.
///
/// # Errors
/// [`Error::Row`] with the first token that is another one.
pub fn check_begins(shorter: &[Token], path: &Path, longer: &[Token], other: &Path) -> Result<()> {
    let differs = shorter.iter().enumerate().find(|(place, token)| longer.get(*place) != Some(token));
    let Some((place, token)) = differs else { return Ok(()) };
    let name = |token: &Token| format!("`{}` ({})", printable(&token.token), token.kind);
    let theirs = longer.get(place).map_or("no token".to_owned(), name);
    let message = format!(
        "token {place} is {}, but {theirs} in {}; build both with the same notations and values",
        name(token),
        other.display()
    );
    Err(Error::Row { path: path.to_owned(), row: place as u64, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(ids: &[i32], kinds: &[&str]) -> Vec<Token> {
        let token = |(id, kind): (&i32, &&str)| Token {
            token_id: *id,
            token: format!("t{id}"),
            kind: (*kind).to_owned(),
            value: None,
        };
        ids.iter().zip(kinds).map(token).collect()
    }

    fn check(ids: &[i32], kinds: &[&str]) -> std::result::Result<Vec<i32>, String> {
        let checked = check_vocabulary(tokens(ids, kinds), Path::new("vocabulary.parquet"));
        checked
            .map(|found| found.iter().map(|token| token.token_id).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_vocabulary_has_every_id_once() {
        assert_eq!(check(&[2, 0, 1], &["digit", "begin", "end"]), Ok(vec![0, 1, 2]));
        for (ids, kinds, row) in [
            (vec![], vec![], "row 0: expected 1 to 65536 tokens, found 0"),
            (
                vec![0, 2],
                vec!["digit"; 2],
                "row 1: token ids should run from 0 to 1 without gap or double, found 2",
            ),
            (vec![0, 0], vec!["digit"; 2], "row 1: token ids"),
            (vec![-1, 0], vec!["digit"; 2], "row 0: token ids"),
            (vec![i32::MAX], vec!["digit"], "row 0: token ids should run from 0 to 0"),
            (vec![0, 1], vec!["end"; 2], "row 1: expected one token of kind `end`"),
            (vec![0], vec!["<script>\u{1b}"], "row 0: `kind` should be one of value, digit"),
            ((0..65_537).collect(), vec!["digit"; 65_537], "row 0: expected 1 to 65536"),
        ] {
            let error = check(&ids, &kinds).expect_err(row);
            assert!(error.starts_with(&format!("vocabulary.parquet: {row}")), "{error}");
            assert!(!error.contains('\u{1b}'));
        }
    }
}
