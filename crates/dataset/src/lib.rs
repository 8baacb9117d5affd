//! Draws examples and assigns them to splits so that nothing leaks.
