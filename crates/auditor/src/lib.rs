//! Proves from the Parquet files alone that nothing leaks, and says what memorising alone would score.
