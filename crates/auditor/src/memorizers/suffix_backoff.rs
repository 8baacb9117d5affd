use super::counts::join;
use super::{Class, Memorizer, Method, Piece, Prefix};

/// What most often follows the longest suffix of the prefix that train knows.
pub(super) const SUFFIX_BACKOFF: Memorizer =
    Memorizer { name: "suffix_backoff", class: Class::Memory, method: Method::Lookup(pieces) };

fn pieces(prefix: &Prefix<'_>, piece: &mut dyn FnMut(Piece) -> bool) {
    let mut suffix = Piece::from(prefix.world);
    let mut symbols = prefix.symbols.iter().rev();
    while piece(suffix) {
        let Some(symbol) = symbols.next() else { return };
        suffix = join(suffix, *symbol);
    }
}
