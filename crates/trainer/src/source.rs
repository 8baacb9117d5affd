use std::path::PathBuf;
use std::sync::Arc;

use artifact::tables::ExampleTokens;

use crate::batch_size::BatchSize;
use crate::order::Shuffled;
use crate::rows::{Batch, Rows, Vocabulary};
use crate::{Config, Error, Loss, Order};

/// The training rows, kept as the order asks for it.
pub(crate) struct Source {
    kind: Kind,
    /// Number of rows.
    pub(crate) rows: u64,
    /// Tokens of the longest row.
    pub(crate) longest: usize,
}

enum Kind {
    /// In memory, to be drawn epoch by epoch.
    Shuffled(Rows),
    /// All of them, every time.
    Full(Rows, Arc<Batch>),
    /// In their files, to be read as the steps go.
    Once(Table),
}

/// The rows of a table that lies in several files.
struct Table {
    /// With the number of rows of each.
    shards: Vec<(PathBuf, u64)>,
    vocabulary: Vocabulary,
    loss: Loss,
}

const SPLIT: &str = "train";

impl Source {
    /// Reads every row once and checks it.
    pub(crate) fn open(config: &Config, paths: &[PathBuf], vocabulary: &Vocabulary) -> Result<Self, Error> {
        if config.order == Order::Once {
            let table = Table::open(paths, vocabulary, config.loss)?;
            let (rows, longest) = table.check()?;
            return Ok(Self { kind: Kind::Once(table), rows, longest });
        }
        let all = Rows::read(SPLIT, paths, vocabulary, config.loss)?;
        let (rows, longest) = (all.len() as u64, all.longest());
        if rows > u64::from(u32::MAX) {
            let message =
                format!("{rows} are more than can be shuffled, {}; train with `order: once`", u32::MAX);
            return Err(Error::Data { split: SPLIT, message });
        }
        let kind = match config.batch {
            BatchSize::Full => {
                let batch = Arc::new(all.batch(0..all.len()));
                Kind::Full(all, batch)
            }
            BatchSize::Rows(_) => Kind::Shuffled(all),
        };
        Ok(Self { kind, rows, longest })
    }

    /// Returns the rows, and whether every batch is all of them; `None` where they are not in memory.
    pub(crate) fn held(&self) -> Option<(&Rows, bool)> {
        match &self.kind {
            Kind::Shuffled(rows) => Some((rows, false)),
            Kind::Full(rows, _) => Some((rows, true)),
            Kind::Once(_) => None,
        }
    }

    /// Returns the batches of a model's seed.
    pub(crate) fn batches(&self, seed: i32) -> Batches<'_> {
        match &self.kind {
            Kind::Shuffled(rows) => Batches::Shuffled(rows, Shuffled::new(seed, rows.len())),
            Kind::Full(_, batch) => Batches::Full(batch),
            Kind::Once(table) => Batches::Once(Stream::new(table, 0)),
        }
    }
}

/// The batches of one seed.
pub(crate) enum Batches<'a> {
    Shuffled(&'a Rows, Shuffled),
    Full(&'a Arc<Batch>),
    Once(Stream<'a>),
}

impl Batches<'_> {
    /// Returns the batch that begins when so many rows were seen: a pure function of that number.
    pub(crate) fn at(&mut self, seen: u64, size: u64) -> Result<Arc<Batch>, Error> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        Ok(match self {
            Self::Shuffled(rows, order) => Arc::new(rows.batch(order.rows(seen, size).into_iter())),
            Self::Full(batch) => Arc::clone(batch),
            Self::Once(stream) => Arc::new(stream.batch(seen, size)?),
        })
    }
}

impl Table {
    fn open(paths: &[PathBuf], vocabulary: &Vocabulary, loss: Loss) -> Result<Self, Error> {
        let shards = paths.iter().map(|path| Ok((path.clone(), artifact::row_count(path)?)));
        Ok(Self { shards: shards.collect::<Result<_, Error>>()?, vocabulary: *vocabulary, loss })
    }

    /// Checks every row; returns how many there are, and the tokens of the longest.
    fn check(&self) -> Result<(u64, usize), Error> {
        let (mut rows, mut longest) = (0, 0);
        let mut read = self.read_from(0);
        let mut some = Rows::none(&self.vocabulary, self.loss);
        while let Some(examples) = read.next().transpose()? {
            some.skip(some.len());
            some.extend(SPLIT, &examples, &self.vocabulary)?;
            rows += some.len() as u64;
            longest = longest.max(some.longest());
        }
        Ok((rows, longest))
    }

    /// Returns the rows from number `first` on, some at a time.
    fn read_from(&self, first: u64) -> Examples<'_> {
        let mut skipped = 0;
        let shards = self.shards.iter().filter_map(move |(path, rows)| {
            let before = skipped;
            skipped += rows;
            (first < skipped).then(|| (path, first.saturating_sub(before)))
        });
        Box::new(shards.flat_map(|(path, first)| -> Examples<'_> {
            match artifact::table_rows_from(path, first) {
                Ok(batches) => Box::new(batches.map(|batch| Ok(batch?))),
                Err(error) => Box::new(std::iter::once(Err(error.into()))),
            }
        }))
    }
}

type Examples<'a> = Box<dyn Iterator<Item = Result<Vec<ExampleTokens>, Error>> + 'a>;

/// A seed's way through a table, holding a few thousand rows.
pub(crate) struct Stream<'a> {
    table: &'a Table,
    examples: Examples<'a>,
    held: Rows,
    /// Rows of those held that were given out, and the number of the next one.
    used: usize,
    next: u64,
}

impl<'a> Stream<'a> {
    fn new(table: &'a Table, next: u64) -> Self {
        let held = Rows::none(&table.vocabulary, table.loss);
        Self { table, examples: table.read_from(next), held, used: 0, next }
    }

    fn batch(&mut self, first: u64, size: usize) -> Result<Batch, Error> {
        if first != self.next {
            *self = Self::new(self.table, first);
        }
        while self.held.len() < self.used + size {
            let examples = self.examples.next().transpose()?.ok_or_else(|| {
                let end = self.next + (self.held.len() - self.used) as u64;
                Error::Data { split: SPLIT, message: format!("row {end} is asked for, but there are {end}") }
            })?;
            self.held.skip(self.used);
            self.used = 0;
            self.held.extend(SPLIT, &examples, &self.table.vocabulary)?;
        }
        let batch = self.held.batch(self.used..self.used + size);
        (self.used, self.next) = (self.used + size, first + size as u64);
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use artifact::tables::Token;
    use artifact::{Provenance, write_table};

    use super::*;

    #[test]
    fn a_stream_gives_each_row_in_its_place_over_the_borders_of_files() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let row = |id: u16| ExampleTokens {
            example_id: i64::from(id),
            tokens: vec![id, 0, 1],
            answer_start: 2,
            answer_length: 1,
        };
        let mut first = 0;
        let paths: Vec<PathBuf> = [9_000, 5, 1, 9_000]
            .into_iter()
            .map(|count| {
                let path = folder.path().join(format!("train-{first}.parquet"));
                write_table(&path, &Provenance::default(), (first..first + count).map(row))
                    .expect("it is written");
                first += count;
                path
            })
            .collect();
        let token = |token_id| Token { token_id, token: String::new(), kind: "value".to_owned(), value: 0 };
        let vocabulary =
            Vocabulary::new(&(0..i32::from(first)).map(token).collect::<Vec<_>>()).expect("tokens");
        let table = Table::open(&paths, &vocabulary, Loss::All).expect("files");
        assert_eq!(table.check().expect("rows"), (u64::from(first), 3));
        let mut stream = Stream::new(&table, 0);
        let mut batch = |from: u64, size: usize| -> Vec<u32> {
            let batch = stream.batch(from, size).expect("rows");
            batch.asked.tokens.iter().step_by(2).copied().collect()
        };
        let expected = |from: u32, size: u32| (from..from + size).collect::<Vec<u32>>();
        for from in (0..18_000).step_by(7) {
            assert_eq!(batch(u64::from(from), 7), expected(from, 7));
        }
        for from in [9_001, 17_000, 3, 8_999, 9_005, 9_006] {
            assert_eq!(batch(u64::from(from), 900), expected(from, 900), "from {from}");
        }
        let error = stream.batch(u64::from(first) - 3, 4).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("train rows: row 18006 is asked for, but there are 18006"));
    }
}
