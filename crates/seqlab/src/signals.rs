//! What Ctrl-C and `kill` mean to a command that can be ended in order.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::failure::Failure;
use crate::say;

/// Returns a flag that SIGINT and SIGTERM set, and which of them it was. A second signal ends the process at once.
pub(crate) fn signals() -> Result<(Arc<AtomicBool>, Arc<AtomicUsize>), Failure> {
    let (cancel, which) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    say::until(cancel.clone());
    for signal in [SIGINT, SIGTERM] {
        let number = usize::try_from(signal).unwrap_or(2);
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, cancel.clone())
            .and_then(|_| signal_hook::flag::register_usize(signal, which.clone(), number))
            .and_then(|_| signal_hook::flag::register(signal, cancel.clone()))
            .map_err(Failure::io("watch for", Path::new("signals")))?;
    }
    Ok((cancel, which))
}
