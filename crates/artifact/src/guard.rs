use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::Path;
use std::sync::Once;

use crate::{Error, Result, printable};

thread_local! {
    /// Whether a panic of this thread is about to become an error.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a decoder on bytes that may be damaged or hostile; its panic becomes an error that names the file.
///
/// The crates that decode Parquet check much but not all of what they are given. Such a panic is not printed either: what
/// the process says of other panics stays as it was. The guard is for code that only decodes; ours checks what it reads.
///
/// # Errors
/// When `decode` panics.
pub fn guard<T>(path: &Path, decode: impl FnOnce() -> T) -> Result<T> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                loud(panic);
            }
        }));
    });
    let before = GUARDED.replace(true);
    let decoded = catch_unwind(AssertUnwindSafe(decode));
    GUARDED.set(before);
    decoded.map_err(|panic: Box<dyn Any + Send>| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("the decoder gave up");
        Error::Parquet { path: path.to_owned(), message: printable(words).into_owned() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_that_names_the_file() {
        let path = Path::new("somewhere/train.parquet");
        let nothing: Vec<u8> = Vec::new();
        let error = guard(path, || nothing[std::hint::black_box(3)]).expect_err("there is no fourth byte");
        assert!(error.to_string().starts_with("somewhere/train.parquet: "), "{error}");
        assert!(error.to_string().contains("index"), "{error}");
        assert!(!GUARDED.get());
        assert!(matches!(guard(path, || 7), Ok(7)));
    }
}
