use std::path::PathBuf;

use artifact::tables::ExampleTokens;

use crate::Error;
use crate::row::{Row, Scoring};

/// The rows of a split, in its files.
pub(crate) struct Table {
    pub(crate) split: &'static str,
    pub(crate) scoring: Scoring,
    /// With the number of rows of each.
    shards: Vec<(PathBuf, u64)>,
}

/// How large a table is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Number of rows.
    pub(crate) rows: u64,
    /// Tokens of the longest row.
    pub(crate) longest: usize,
}

/// Rows as they are read, each after checking it.
pub(crate) type Reading<'a> = Box<dyn Iterator<Item = Result<Row, Error>> + 'a>;

impl Table {
    pub(crate) fn open(split: &'static str, paths: &[PathBuf], scoring: Scoring) -> Result<Self, Error> {
        let shards = paths.iter().map(|path| Ok((path.clone(), artifact::row_count(path)?)));
        Ok(Self { split, scoring, shards: shards.collect::<Result<_, Error>>()? })
    }

    /// Returns the rows from number `first` on, by what the files say of how many they have.
    pub(crate) fn rows_from(&self, first: u64) -> Reading<'_> {
        let mut after = 0_u64;
        let shards = self.shards.iter().filter_map(move |(path, rows)| {
            let before = after;
            after = before.saturating_add(*rows);
            // One that says that it is empty is opened too: it may be another table.
            (first <= before || first < after).then(|| (path, first.saturating_sub(before)))
        });
        type Examples<'a> = Box<dyn Iterator<Item = Result<Vec<ExampleTokens>, artifact::Error>> + 'a>;
        let examples = shards.flat_map(|(path, first)| -> Examples<'_> {
            match artifact::table_rows_from(path, first) {
                Ok(batches) => Box::new(batches),
                Err(error) => Box::new(std::iter::once(Err(error))),
            }
        });
        let row = |example| self.scoring.row(self.split, example);
        Box::new(examples.flat_map(move |examples| -> Vec<Result<Row, Error>> {
            match examples {
                Ok(examples) => examples.into_iter().map(row).collect(),
                Err(error) => vec![Err(error.into())],
            }
        }))
    }

    /// Reads and checks all rows, and gives each to `take`.
    pub(crate) fn read(&self, mut take: impl FnMut(&Row) -> Result<(), Error>) -> Result<Extent, Error> {
        let mut extent = Extent::default();
        for row in self.rows_from(0) {
            let row = row?;
            extent = Extent { rows: extent.rows + 1, longest: extent.longest.max(row.tokens.len()) };
            take(&row)?;
        }
        let said = self.shards.iter().fold(0, |sum: u64, (_, rows)| sum.saturating_add(*rows));
        if extent.rows != said {
            let message = format!(
                "the files say that they have {said}, but there are {}; rebuild the data",
                extent.rows
            );
            return Err(Error::Data { split: self.split, message });
        }
        Ok(extent)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use artifact::tables::Token;
    use artifact::{Provenance, write_table};

    use super::*;
    use crate::Loss;
    use crate::row::Vocabulary;

    /// Row n of [`numbered`]: n, and up to three other tokens.
    pub(crate) fn row(n: u16) -> Row {
        let tokens: Vec<u16> = std::iter::once(n).chain(0..n % 3 + 1).collect();
        Row { answer: 1..tokens.len(), tokens }
    }

    /// A table of so many rows in so many files.
    pub(crate) fn numbered(folder: &tempfile::TempDir, counts: &[u16]) -> Table {
        let row = |n: u16| {
            let Row { tokens, answer } = row(n);
            let [answer_start, answer_length] = [answer.start, answer.len()].map(|n| n as i32);
            ExampleTokens { example_id: i64::from(n), tokens, answer_start, answer_length }
        };
        let mut first = 0;
        let paths: Vec<PathBuf> = counts
            .iter()
            .enumerate()
            .map(|(number, count)| {
                let path = folder.path().join(format!("train-{number}.parquet"));
                write_table(&path, &Provenance::default(), (first..first + count).map(row))
                    .expect("it is written");
                first += count;
                path
            })
            .collect();
        let token =
            |token_id| Token { token_id, token: String::new(), kind: "value".to_owned(), value: None };
        let tokens: Vec<Token> = (0..i32::from(first)).map(token).collect();
        let vocabulary = Vocabulary::new(&tokens).expect("tokens");
        Table::open("train", &paths, Scoring { vocabulary, loss: Loss::All }).expect("files")
    }

    #[test]
    fn rows_go_on_over_the_borders_of_files() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let table = numbered(&folder, &[9_000, 5, 1, 9_000]);
        let mut rows = Vec::new();
        let extent = table.read(|row| {
            rows.push(row.clone());
            Ok(())
        });
        assert_eq!(extent.expect("rows"), Extent { rows: 18_006, longest: 4 });
        assert!(rows.into_iter().eq((0..18_006).map(row)));
        for from in [0, 8_999, 9_000, 9_004, 9_005, 9_006, 18_005, 18_006] {
            let rows: Vec<Row> = table.rows_from(from).collect::<Result<_, _>>().expect("rows");
            assert!(rows.into_iter().eq((from as u16..18_006).map(row)), "from {from}");
        }
    }

    #[test]
    fn files_that_are_another_table_or_say_what_they_have_not_are_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut table = numbered(&folder, &[5, 0, 5]);
        let read = |table: &Table| table.read(|_| Ok(())).map_err(|error| error.to_string());
        assert_eq!(read(&table).map(|extent| extent.rows), Ok(10));
        let empty = table.shards[1].0.clone();
        write_table(&empty, &Provenance::default(), std::iter::empty::<Token>()).expect("it is written");
        assert!(read(&table).expect_err("it is another table").contains("train-1.parquet"));
        table.shards.remove(1);
        table.shards[1].1 = u64::MAX;
        let message = format!(
            "train rows: the files say that they have {}, but there are 10; rebuild the data",
            u64::MAX
        );
        assert_eq!(read(&table), Err(message));
    }
}
