//! A panic is a fault of ours: it ends in one line and exit code 1.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where the last panics were, with their words.
static SEEN: Mutex<VecDeque<(String, String)>> = Mutex::new(VecDeque::new());
/// Panics that were caught, and told as something else, are not kept for ever.
const KEPT: usize = 64;

/// Keeps where a panic was, for [`describe`], and prints nothing: what panics may hold the locks that printing needs, may
/// be the printing itself, or may be caught by who knows what it means.
pub(crate) fn watch() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or("an unknown place".to_owned(), ToString::to_string);
        let place = place.rsplit_once(':').map_or(place.clone(), |(line, _column)| line.to_owned());
        let mut seen = seen();
        if seen.len() == KEPT {
            seen.pop_front();
        }
        seen.push_back((place, panic.payload_as_str().unwrap_or(WORDLESS).to_owned()));
    }));
}

/// Says in one line what panicked, from what `catch_unwind` or a thread's end returned.
pub(crate) fn describe(payload: &(dyn Any + Send)) -> String {
    let words = payload.downcast_ref::<&str>().copied();
    let words = words.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or(WORDLESS);
    let seen = seen();
    let place = seen.iter().rev().find(|(_, other)| other == words).map(|(place, _)| place.as_str());
    let (place, words) = (place.unwrap_or("an unknown place"), artifact::printable(words));
    format!("internal fault at {place}: {words}; this is a mistake in seqlab, please report it")
}

const WORDLESS: &str = "no words";

fn seen() -> MutexGuard<'static, VecDeque<(String, String)>> {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_one_line_that_names_its_place() {
        let before = std::panic::take_hook();
        watch();
        let here = std::panic::catch_unwind(|| panic!("two\nlines, {}", 2)).unwrap_err();
        // A pool hands a panic of its threads on to whoever waits for it.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let work = || pool.join(|| (), || Vec::<u8>::new()[rayon::current_num_threads() - 2]);
        let there = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_err();
        std::panic::set_hook(before);
        for (payload, words) in
            [(here, "two\\nlines, 2"), (there, "index out of bounds: the len is 0 but the index is 0")]
        {
            let said = describe(&*payload);
            let (place, rest) = said.split_once(".rs:").expect(&said);
            assert_eq!(place, "internal fault at crates/seqlab/src/fault", "{said}");
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            assert_eq!(rest, format!(": {words}; this is a mistake in seqlab, please report it"));
        }
    }
}
