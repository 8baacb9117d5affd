use std::path::{Path, PathBuf};

use crate::{Error, Result, found};

/// Returns the file that `file` says lies at `path` in its `folder`.
///
/// What a file says may be anything. So the path is made of names with `/` between them: an absolute one, `..`, `.`, an
/// empty part, a NUL or a backslash is refused, and so is a link in the file's place; nothing outside of the folder is read
/// because a table says so.
///
/// # Errors
/// When the path is none of these, or there is no such file.
pub fn join(folder: &Path, path: &str, file: &Path) -> Result<PathBuf> {
    let refuse = |why: &str| Error::Reference {
        path: file.to_owned(),
        reference: path.to_owned(),
        message: why.to_owned(),
    };
    if path.contains(['\0', '\\']) || path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(refuse(
            "expected the names of folders and a file below its own folder, with `/` between them",
        ));
    }
    let joined = folder.join(path);
    match found(&joined)? {
        None => Err(refuse("there is no such file")),
        Some(metadata) if !metadata.is_file() => Err(refuse("expected a regular file, found something else")),
        Some(_) => Ok(joined),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_below_the_folder_are_joined() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let table = folder.path().join("checkpoints.parquet");
        std::fs::create_dir(folder.path().join("checkpoints")).expect("it can create");
        std::fs::write(folder.path().join("checkpoints/a"), "weights").expect("it can write");
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).expect("it can link");
        let join = |path: &str| join(folder.path(), path, &table);
        assert_eq!(join("checkpoints/a").expect("it is there"), folder.path().join("checkpoints/a"));
        for wrong in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "checkpoints//a",
            "./a",
            "a\0b",
            "a/",
            "..",
            "a\\b",
            "link",
            "checkpoints",
            "none",
            "a\u{1b}[2J",
        ] {
            let error = join(wrong).expect_err(wrong).to_string();
            assert!(
                error.contains("checkpoints.parquet") && !error.contains(char::is_control),
                "{wrong}: {error}"
            );
        }
    }
}
