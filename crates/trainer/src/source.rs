use std::path::Path;
use std::sync::Arc;

use crate::batch::Batch;
use crate::batch_size::BatchSize;
use crate::order::Shuffled;
use crate::rows::{HELD, Rows};
use crate::table::{Extent, Reading, Table};
use crate::{Config, Error, Order};

/// The split that is trained on.
pub(crate) const SPLIT: &str = "train";

/// The training rows, kept as the order asks for it.
pub(crate) struct Source {
    kind: Kind,
    pub(crate) extent: Extent,
}

enum Kind {
    /// Packed, to be drawn epoch by epoch.
    Shuffled(Rows),
    /// All of them, every time.
    Full(Rows, Arc<Batch>),
    /// In their files, to be read as the steps go.
    Once(Table),
}

impl Source {
    /// Reads every row once and checks it; what is kept of them and too large for memory is kept in `folder`.
    pub(crate) fn open(config: &Config, table: Table, folder: &Path) -> Result<Self, Error> {
        if config.order == Order::Once {
            let extent = table.read(|_| Ok(()))?;
            check_batch(config, extent)?;
            return Ok(Self { kind: Kind::Once(table), extent });
        }
        let all = Rows::read(&table, HELD, folder)?;
        let extent = all.extent;
        check_batch(config, extent)?;
        let kind = match config.batch {
            BatchSize::Full => {
                let batch = Arc::new(all.stretch(0..extent.rows)?);
                Kind::Full(all, batch)
            }
            BatchSize::Rows(_) => Kind::Shuffled(all),
        };
        Ok(Self { kind, extent })
    }

    /// Returns the rows, and whether every batch is all of them; `None` where they are not at hand.
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
            Kind::Shuffled(rows) => Batches::Shuffled(rows, Shuffled::new(seed, self.extent.rows)),
            Kind::Full(_, batch) => Batches::Full(batch),
            Kind::Once(table) => Batches::Once(Stream::new(table, 0)),
        }
    }
}

/// Checks that there are rows for a batch, and that it is not too large.
fn check_batch(config: &Config, Extent { rows, longest }: Extent) -> Result<(), Error> {
    let refuse = |message| Err(Error::Data { split: SPLIT, message });
    let size = config.batch.of(rows);
    if rows == 0 {
        return refuse("there are none; build more rows".to_owned());
    }
    if rows < size {
        let message = format!("{rows} rows are fewer than the batch of {size}");
        return refuse(format!("{message}; lower `batch`, or build more rows"));
    }
    let (tokens, most) = (size.saturating_mul(longest as u64), u64::from(u32::MAX));
    if tokens > most {
        let message = format!(
            "{size} rows of up to {longest} tokens are {tokens} tokens, more than the {most} of an update"
        );
        return Err(Error::config("batch", message, "lower it"));
    }
    Ok(())
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
            Self::Shuffled(rows, order) => Arc::new(rows.batch(order.rows(seen, size))?),
            Self::Full(batch) => Arc::clone(batch),
            Self::Once(stream) => Arc::new(stream.batch(seen, size)?),
        })
    }
}

/// A seed's way through a table.
pub(crate) struct Stream<'a> {
    table: &'a Table,
    rows: Reading<'a>,
    /// Number of the row that comes next.
    next: u64,
}

impl<'a> Stream<'a> {
    fn new(table: &'a Table, next: u64) -> Self {
        Self { table, rows: table.rows_from(next), next }
    }

    fn batch(&mut self, first: u64, size: usize) -> Result<Batch, Error> {
        if first != self.next {
            *self = Self::new(self.table, first);
        }
        let rows = self.rows.by_ref().take(size).collect::<Result<Vec<_>, _>>()?;
        self.next += rows.len() as u64;
        if rows.len() < size {
            let message = format!(
                "row {} is asked for, but the table ends before; was it built again meanwhile?",
                self.next
            );
            return Err(Error::Data { split: self.table.split, message });
        }
        Ok(Batch::new(&rows, &self.table.scoring))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::numbered;

    #[test]
    fn a_batch_needs_rows_and_has_bounds() {
        let check = |batch: serde_json::Value, rows, longest| {
            let model = serde_json::json!({ "n_layers": 1, "n_heads": 1, "d_model": 4 });
            let config = serde_json::json!({ "model": model, "seeds": 1, "steps": 1, "batch": batch });
            let config = serde_json::from_value(config).expect("a config");
            check_batch(&config, Extent { rows, longest }).map_err(|error| error.to_string())
        };
        assert_eq!(check(8.into(), 8, 4), Ok(()));
        for (batch, rows, expected) in [
            (8.into(), 0, "train rows: there are none"),
            (8.into(), 7, "train rows: 7 rows are fewer than the batch of 8"),
            (
                "full".into(),
                1 << 30,
                "batch: 1073741824 rows of up to 4 tokens are 4294967296 tokens, more than",
            ),
        ] {
            let message = check(batch, rows, 4).expect_err(expected);
            assert!(message.starts_with(expected), "{message}");
        }
    }

    #[test]
    fn a_stream_gives_each_row_in_its_place() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let table = numbered(&folder, &[9_000, 5, 1, 9_000]);
        let mut stream = Stream::new(&table, 0);
        let mut batch = |from: u64, size: usize| -> Vec<u32> {
            let batch = stream.batch(from, size).expect("rows");
            batch.arrays.tokens.iter().step_by(batch.arrays.positions).copied().collect()
        };
        let expected = |from: u32, size: u32| (from..from + size).collect::<Vec<u32>>();
        for from in (0..18_000).step_by(7) {
            assert_eq!(batch(u64::from(from), 7), expected(from, 7));
        }
        for from in [9_001, 17_000, 3, 8_999, 9_005, 9_006] {
            assert_eq!(batch(u64::from(from), 900), expected(from, 900), "from {from}");
        }
        let error = stream.batch(18_003, 4).err().map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some(
                "train rows: row 18006 is asked for, but the table ends before; was it built again meanwhile?"
            )
        );
    }
}
