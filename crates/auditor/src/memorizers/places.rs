//! Where each symbol of a sorted list is.

use crate::hash::interner::Interner;

/// A plain table where the symbols lie close together.
pub(crate) struct Places {
    pub(crate) symbols: Vec<u32>,
    least: u32,
    table: Vec<u32>,
    numbers: Interner,
}

const NOWHERE: u32 = u32::MAX;

impl Places {
    /// Of symbols that are sorted and distinct.
    pub(crate) fn of_symbols(symbols: Vec<u32>) -> Self {
        let least = symbols.first().copied().unwrap_or(0);
        let range = symbols.last().map_or(0, |most| (most - least) as usize + 1);
        let (mut table, mut numbers) = (Vec::new(), Interner::default());
        if range < 8 * symbols.len() + 65_536 {
            table = vec![NOWHERE; range];
            let numbered = (0_u32..).zip(&symbols);
            numbered.for_each(|(at, symbol)| table[(symbol - least) as usize] = at);
        } else {
            let mut count = 0;
            symbols.iter().for_each(|symbol| _ = numbers.intern((*symbol).into(), &mut count));
        }
        Self { symbols, least, table, numbers }
    }

    #[inline]
    pub(crate) fn of(&self, symbol: u32) -> Option<usize> {
        if self.table.is_empty() {
            return self.numbers.get(symbol.into()).map(|at| at as usize);
        }
        let at = self.table.get(symbol.wrapping_sub(self.least) as usize)?;
        (*at != NOWHERE).then_some(*at as usize)
    }
}
