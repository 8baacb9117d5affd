//! Turns result tables into one self-contained HTML page.
