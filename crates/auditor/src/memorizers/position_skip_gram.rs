use super::counts::join;
use super::skip_gram::features;
use super::{Class, Memorizer, Method, Piece, Prefix};

/// The vote of skip-grams, counted for each position of the answer by itself: digits of one place vote together.
pub(super) const POSITION_SKIP_GRAM: Memorizer =
    Memorizer { name: "position_skip_gram", class: Class::Shallow, method: Method::Vote(pieces) };

fn pieces(prefix: &Prefix<'_>, piece: &mut dyn FnMut(Piece) -> bool) {
    features(join(Piece::from(prefix.world), prefix.offset()), prefix, piece);
}
