//! What people mean when they name a file or a folder.

use globset::{GlobBuilder, GlobSet};

use crate::error::{Error, Result};
use crate::find::options::Options;

/// A name that has to stand anywhere in a path, or several that the path has to begin with, `*` for any letters; so the name
/// of a folder means all that lies in it.
pub(crate) struct Pattern(GlobSet);

impl Pattern {
    pub(crate) fn new(text: &str) -> Result<Self> {
        let parts: Vec<String> =
            text.split('/').filter(|part| !part.is_empty() && *part != ".").map(only_stars).collect();
        let anywhere = if parts.len() < 2 && !text.starts_with("./") { "**/" } else { "" };
        let mut globs = GlobSet::builder();
        for below in ["", "/**"].iter().filter(|_| !parts.is_empty()) {
            let glob = format!("{anywhere}{}{below}", parts.join("/"));
            let glob = GlobBuilder::new(&glob).literal_separator(true).backslash_escape(false).build();
            globs.add(glob.map_err(|source| Error::Pattern { pattern: text.to_owned(), source })?);
        }
        let globs = globs.build().map_err(|source| Error::Pattern { pattern: text.to_owned(), source })?;
        Ok(Self(globs))
    }

    /// Tells whether a path, given by its parts, is meant.
    pub(crate) fn means(&self, path: &[String]) -> bool {
        self.0.is_match(path.join("/"))
    }
}

/// Returns a name in which only `*` is more than a letter.
fn only_stars(name: &str) -> String {
    let mut glob = name.split('*').map(globset::escape).collect::<Vec<_>>().join("*");
    while glob.contains("**") {
        glob = glob.replace("**", "*");
    }
    glob
}

/// The patterns of [`Options`].
pub(crate) struct Patterns {
    /// With the split that each gives.
    pub(crate) splits: Vec<(String, Pattern)>,
    pub(crate) skip: Vec<Pattern>,
}

impl Patterns {
    pub(crate) fn of(options: &Options) -> Result<Self> {
        let split = |(split, text): &(String, String)| Ok((split.clone(), Pattern::new(text)?));
        let splits = options.splits.iter().map(split).collect::<Result<_>>()?;
        let skip = options.skip.iter().map(|text| Pattern::new(text)).collect::<Result<_>>()?;
        Ok(Self { splits, skip })
    }

    /// All of them, in the order of the options.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Pattern> {
        self.splits.iter().map(|(_, pattern)| pattern).chain(&self.skip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_names_anywhere_and_paths_from_the_folder() {
        let path = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
        for (pattern, text, meant) in [
            ("heldout.parquet", "k=2/heldout.parquet", true),
            ("extra", "extra/deep/a.parquet", true),
            ("extra/", "extra/a.parquet", true),
            ("./a.parquet", "k=2/a.parquet", false),
            ("./a.parquet", "a.parquet", true),
            ("*.csv", "deep/test.csv", true),
            ("k=*/held*.parquet", "k=2/heldout.parquet", true),
            ("k=*/held*.parquet", "z/k=2/heldout.parquet", false),
            ("a*b*c", "aXbYc", true),
            ("a*b", "ab", true),
            ("a*bc", "ab", false),
            ("held", "heldout.parquet", false),
            ("a**b", "aXb", true),
            ("**/a.parquet", "k=2/a.parquet", true),
            ("**/a.parquet", "a.parquet", false),
            ("**/a.parquet", "deep/k=2/a.parquet", false),
            ("a?.parquet", "a?.parquet", true),
            ("a?.parquet", "ab.parquet", false),
            ("{a,b}[1]!.parquet", "{a,b}[1]!.parquet", true),
            ("{a,b}.parquet", "a.parquet", false),
            ("[ab].parquet", "a.parquet", false),
            (r"a\*.parquet", r"a\b.parquet", true),
            ("ab", "a/b", false),
            ("a*b", "a/b", false),
            ("*", ".hidden/a", true),
            (".", "a", false),
            ("", "a", false),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().means(&path(text)), meant, "{pattern} {text}");
        }
    }
}
