//! Fits many seeds at once and records every step.
