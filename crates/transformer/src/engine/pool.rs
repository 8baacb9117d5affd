use std::sync::Mutex;

/// Memory that threads take for a while and give back.
pub(super) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Pool<T> {
    /// Takes what somebody has given back, or makes it.
    pub(super) fn take(&self, make: impl FnOnce() -> T) -> T {
        let used = self.0.lock().expect("no thread panics while it holds this lock").pop();
        used.unwrap_or_else(make)
    }

    pub(super) fn give(&self, used: T) {
        self.0.lock().expect("no thread panics while it holds this lock").push(used);
    }
}
