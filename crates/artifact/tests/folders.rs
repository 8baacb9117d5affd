//! A folder is complete or it is not there; links swap; digests are remembered only while they hold.

use artifact::{DigestCache, Manifest, commit_folder, file_digest, read_manifest, stream_key, swap_link};

fn manifest(key: &str) -> Manifest {
    Manifest {
        format: artifact::FORMAT,
        pipeline: "x2".to_owned(),
        stage: "audit".to_owned(),
        point: String::new(),
        verb: "audit".to_owned(),
        version: 1,
        key: key.to_owned(),
        config: serde_json::json!({}),
        inputs: Default::default(),
        files: vec![],
        run: serde_json::json!({}),
    }
}

#[test]
fn commit_lists_every_file_and_replaces_an_earlier_folder() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("audit-01234567");
    for text in ["first", "second"] {
        let work = root.path().join(".work");
        std::fs::create_dir_all(work.join("sub")).unwrap();
        std::fs::write(work.join("sub/a.txt"), text).unwrap();
        assert_eq!(read_manifest(&work).unwrap(), None);
        commit_folder(&work, &target, &manifest(text)).unwrap();
        let read = read_manifest(&target).unwrap().unwrap();
        assert_eq!((read.key.as_str(), read.files.len()), (text, 1));
        assert_eq!(read.files[0].path, "sub/a.txt");
        assert_eq!(read.files[0].digest, file_digest(&target.join("sub/a.txt")).unwrap());
    }
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
}

#[test]
fn links_swap() {
    let root = tempfile::tempdir().unwrap();
    let link = root.path().join("audit");
    for name in ["audit-1", "audit-2", "audit-2"] {
        swap_link(&link, name).unwrap();
        assert_eq!(std::fs::read_link(&link).unwrap().to_str(), Some(name));
    }
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
}

#[test]
fn cache_answers_from_memory_and_notices_a_change() {
    let root = tempfile::tempdir().unwrap();
    let (file, cache) = (root.path().join("a.txt"), root.path().join("cache/digests.json"));
    std::fs::write(&file, "one").unwrap();
    let first = DigestCache::open(&cache).digest(&file).unwrap();
    // Wait for the clock to leave the tick of the write: before that nothing may be remembered.
    while !cache.exists() {
        let mut open = DigestCache::open(&cache);
        assert_eq!(open.digest(&file).unwrap(), first);
        open.save().unwrap();
    }
    std::fs::write(&file, "two").unwrap();
    let second = DigestCache::open(&cache).digest(&file).unwrap();
    assert_ne!(first, second);
    assert_eq!(second, file_digest(&file).unwrap());
}

#[test]
fn streams_of_different_purposes_differ() {
    let keys = [
        stream_key("a", &[1]),
        stream_key("a", &[2]),
        stream_key("b", &[1]),
        stream_key("a", &[]),
        stream_key("a", &[1, 0]),
    ];
    for (i, a) in keys.iter().enumerate() {
        assert!(keys[..i].iter().all(|b| a != b));
    }
    assert_eq!(stream_key("a", &[1]), keys[0]);
}
