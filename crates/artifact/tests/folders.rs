//! A folder is complete or it is not there; damage to anything in it is found; what was found whole is read again only after a change.
#![expect(clippy::disallowed_methods, reason = "a test may take a failing disk for absence")]

use std::path::Path;

use artifact::{
    Clock, Folder, Manifest, Verified, digest_file, place, read_manifest, seal, swap, write_table,
};

fn manifest(key: &str) -> Manifest {
    Manifest {
        format: artifact::FORMAT,
        verb: "audit".to_owned(),
        version: 1,
        key: key.to_owned(),
        config: serde_json::json!({ "a": 0.1 }),
        inputs: Default::default(),
        other: Default::default(),
        files: vec![],
        run: serde_json::json!({ "seconds": 1.5 }),
        digest: String::new(),
    }
}

/// Makes a sealed folder of one file.
fn sealed(folder: &Path, text: &str) -> Manifest {
    std::fs::create_dir_all(folder.join("sub")).expect("it can write");
    std::fs::write(folder.join("sub/a.txt"), text).expect("it can write");
    assert_eq!(read_manifest(folder).expect("nothing is there"), None);
    seal(folder, &manifest(text)).expect("files alone")
}

#[test]
fn the_first_folder_of_a_name_stays() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("key");
    for (text, first) in [("first", true), ("second", false)] {
        let work = root.path().join(text);
        let sealed = sealed(&work, text);
        assert_eq!(place(&work, &target).unwrap(), first);
        assert_eq!((sealed.files[0].path.as_str(), sealed.files[0].size), ("sub/a.txt", text.len() as u64));
        let read = Folder::open(&target).unwrap();
        assert_eq!(read.manifest().key, "first");
        assert_eq!(read.file("sub/a.txt").unwrap(), target.join("sub/a.txt"));
        assert!(read.file("sub/b.txt").unwrap_err().to_string().contains("lists no `sub/b.txt`"));
        let other = read.only(|name| name != "sub/a.txt");
        assert!(other.file("sub/a.txt").unwrap_err().to_string().contains("lists no `sub/a.txt`"));
    }
}

#[test]
fn two_folders_change_places() {
    let root = tempfile::tempdir().unwrap();
    let (old, new) = (root.path().join("old"), root.path().join("new"));
    let first = sealed(&new, "1");
    swap(&new, &old).unwrap();
    assert!(!new.exists(), "where nothing stood, it takes the place");
    sealed(&new, "2");
    swap(&new, &old).unwrap();
    assert_eq!(read_manifest(&old).unwrap().unwrap().key, "2");
    assert_eq!(read_manifest(&new).unwrap().unwrap(), first);
}

#[test]
fn only_regular_files_are_sealed() {
    for kind in ["link", "pipe"] {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(kind);
        match kind {
            "link" => std::os::unix::fs::symlink("/etc/hostname", &path).unwrap(),
            _ => rustix::fs::mknodat(
                rustix::fs::CWD,
                &path,
                rustix::fs::FileType::Fifo,
                rustix::fs::Mode::from_raw_mode(0o600),
                0,
            )
            .unwrap(),
        }
        let error = seal(root.path(), &manifest("x")).unwrap_err().to_string();
        assert!(error.contains(kind) && error.contains("only regular files"), "{error}");
        assert!(!root.path().join("manifest.json").exists());
    }
}

#[test]
fn damage_to_any_byte_of_a_manifest_is_found() {
    let root = tempfile::tempdir().unwrap();
    sealed(root.path(), "text");
    let path = root.path().join("manifest.json");
    let whole = std::fs::read(&path).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&whole).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        // A space that became another separator says the same.
        if serde_json::from_slice::<serde_json::Value>(&damaged).is_ok_and(|damaged| damaged == value) {
            continue;
        }
        std::fs::write(&path, &damaged).unwrap();
        assert!(read_manifest(root.path()).is_err(), "{}", String::from_utf8_lossy(&damaged));
    }
}

#[test]
fn every_byte_of_a_table_is_in_one_digest_and_only_its_content_in_the_other() {
    use artifact::tables::Checkpoint;
    let root = tempfile::tempdir().unwrap();
    let row = Checkpoint { seed: 0, step: 1, path: "a".to_owned(), digest: "b".to_owned() };
    let written = |name: &str, key: &str, row: &Checkpoint| {
        let path = root.path().join(name);
        let provenance = artifact::Provenance { key: key.to_owned(), ..Default::default() };
        write_table(&path, &provenance, [row.clone()]).unwrap();
        digest_file(&path).unwrap()
    };
    let first = written("1.parquet", "x", &row);
    let other_metadata = written("2.parquet", "y", &row);
    assert_eq!(first.content, other_metadata.content);
    assert_ne!(first.bytes, other_metadata.bytes);
    assert_ne!(written("3.parquet", "x", &Checkpoint { step: 2, ..row }).content, first.content);
    std::fs::write(root.path().join("no.parquet"), "no table").unwrap();
    let text = digest_file(&root.path().join("no.parquet")).unwrap();
    assert_eq!(text.content, text.bytes);
}

#[test]
fn what_was_found_whole_is_read_again_only_after_a_change() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("entry");
    let manifest = sealed(&folder, "one");
    let (cache, clock) = (root.path().join("cache.json"), Clock::new(root.path().join("clock")));
    let damage = |verified: &mut Verified| verified.damage(&folder, &manifest, Some(&clock)).unwrap();
    // Before the clock has left the tick of the write nothing may be remembered.
    let mut verified = Verified::open(&cache);
    loop {
        assert_eq!(damage(&mut verified), None);
        std::fs::write(&cache, verified.to_json()).unwrap();
        let mut again = Verified::open(&cache);
        assert_eq!(damage(&mut again), None);
        if !again.has_changed() {
            break;
        }
    }
    std::fs::write(folder.join("sub/a.txt"), "two").unwrap();
    let mut again = Verified::open(&cache);
    assert_eq!(damage(&mut again).as_deref(), Some("`sub/a.txt` is not what was written"));
    std::fs::write(folder.join("sub/a.txt"), "one").unwrap();
    assert_eq!(damage(&mut again), None);
    std::fs::remove_file(folder.join("sub/a.txt")).unwrap();
    assert_eq!(damage(&mut again).as_deref(), Some("`sub/a.txt` is missing"));
    std::fs::remove_dir(folder.join("sub")).unwrap();
    std::fs::write(folder.join("sub"), "").unwrap();
    assert!(again.damage(&folder, &manifest, None).is_err(), "that it cannot be told is no damage");
}
