//! `seqlab audit DIR` from the outside: what it says, and what its exit code means.

#![expect(clippy::disallowed_methods, reason = "a test may take a failing disk for absence")]
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[expect(dead_code, reason = "other tests need more of it")]
mod support;

use artifact::read_table;
use artifact::tables::Certificate;
use support::{Place, TINY};

const SPLITS: [&str; 3] = ["train", "validation", "test"];

/// Copies splits of the tiny dataset, without its manifest, under other names.
fn copied(place: &Place, folder: &str, names: &[(&str, &str)]) {
    std::fs::create_dir_all(place.path(folder)).unwrap();
    for (split, name) in names {
        let from = place.path(&format!("datasets/tiny/{split}-00000-of-00001.parquet"));
        std::fs::copy(from, place.path(folder).join(name)).unwrap();
    }
}

#[test]
fn an_exit_code_says_leak_only_of_a_leak() {
    let place = Place::new(TINY);
    place.run(&["data"]);
    for (arguments, code, words) in [
        (&["audit", "none"][..], 2, "none: expected a folder of Parquet splits, there is nothing"),
        (&["audit", "tiny.yaml"], 2, "found a file"),
        (&["audit", "datasets/tiny", "--terms", "none"], 2, "column `none`"),
        (&["audit", "datasets/tiny", "--split", "test"], 2, "for instance test=heldout.parquet"),
        (
            &["audit", "datasets/tiny", "--split", "test=none.parquet"],
            2,
            "nothing in it is called `none.parquet`",
        ),
        (&["audit", "datasets/tiny", "--only", "windows", "--level", "random"], 2, "the level is random"),
        (&["audit", "none", "--out", "proof"], 2, "there is nothing"),
        (&["audit", "none", "--shard", "1/2", "--out", "proof"], 2, "there is nothing"),
    ] {
        let said = place.seqlab(arguments, code);
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    assert!(!place.path("proof").exists(), "what cannot be audited leaves nothing");
    let usual: Vec<(&str, String)> =
        SPLITS.iter().map(|split| (*split, format!("{split}.parquet"))).collect();
    let usual: Vec<(&str, &str)> = usual.iter().map(|(split, name)| (*split, name.as_str())).collect();
    copied(&place, "copy", &usual);
    let said = place.seqlab(&["audit", "copy"], 0);
    assert!(said.contains("not believed") && said.contains("unit") && said.contains("--ours"), "{said}");
    copied(&place, "copy", &[("train", "heldout.parquet")]);
    let said = place.seqlab(&["audit", "copy"], 2);
    assert!(said.contains("`heldout.parquet`") && !said.contains("clean"), "{said}");
    let said = place.seqlab(&["audit", "copy", "--skip", "heldout.parquet"], 0);
    assert!(said.contains("left out: copy/heldout.parquet"), "{said}");
    let said = place.seqlab(&["audit", "copy", "--split", "ood=heldout.parquet"], 1);
    assert!(said.contains("copy/heldout.parquet row "), "{said}");
    // A verdict may be kept in the folder that it is about.
    for _ in 0..2 {
        place.seqlab(&["audit", "copy", "--skip", "heldout.parquet", "--out", "copy/proof"], 0);
    }
    assert!(place.path("copy/proof/certificate.parquet").exists());
}

#[test]
fn a_dataset_without_validation_is_certified_test_against_train() {
    let none = "holdout: { level: transition, test: 0.10, validation: 0, min_rows: { validation: 0 } }";
    let kept = "holdout: { level: transition, test: 0.10, validation: 0.05 }\n      rows: { validation: 0 }";
    for holdout in [none, kept] {
        let usual = "holdout: { level: transition, test: 0.10, validation: 0.05 }";
        let place = Place::new(&TINY.replace(usual, holdout));
        place.run(&[]);
        let path = place.path("results/tiny/audit/certificate.parquet");
        let of_the_stage = read_table::<Certificate>(&path).unwrap();
        let said = place.seqlab(&["audit", "datasets/tiny", "--out", "proof"], 0);
        assert!(said.contains("clean: nothing leaks"), "{said}");
        place.seqlab(&["audit", "datasets/tiny", "--only", "windows"], 0);
        let by_folder = read_table::<Certificate>(&place.path("proof/certificate.parquet")).unwrap();
        for rows in [&of_the_stage, &by_folder] {
            assert!(
                rows.iter().any(|row| row.check == "units" && row.left == "test" && row.right == "train")
            );
            assert!(rows.iter().all(|row| row.left != "validation" && row.right != "validation"));
        }
        let checks = |rows: &[Certificate]| {
            rows.iter().map(|row| (row.check.clone(), row.right.clone(), row.compared)).collect::<Vec<_>>()
        };
        assert_eq!(checks(&of_the_stage), checks(&by_folder));
    }
}

#[test]
fn points_of_a_matrix_are_audited_each_by_itself() {
    let matrix = TINY
        .replace("stages:\n", "matrix: { k: [1, 2] }\nstages:\n")
        .replace("seed: 1", "seed: \"${matrix.k}\"");
    let place = Place::new(&matrix);
    place.run(&["data"]);
    let said = place.seqlab(&["audit", "datasets/tiny", "--out", "proof"], 0);
    assert!(said.contains("k=1: level transition") && said.contains("k=2: level transition"), "{said}");
    assert!(said.contains("in any of 2 datasets, each by itself"), "{said}");
    for point in ["k=1", "k=2"] {
        let rows =
            read_table::<Certificate>(&place.path(&format!("proof/{point}/certificate.parquet"))).unwrap();
        assert!(rows.iter().any(|row| row.check == "decoding" && row.passed), "it is one of ours");
    }
    place.seqlab(&["audit", "datasets/tiny", "--only", "windows"], 0);
    let said = place.seqlab(&["audit", "datasets/tiny", "--shard", "1/1", "--out", "part"], 2);
    assert!(said.contains("2 datasets lie in it; audit one of them, k=1 for instance"), "{said}");
    let entry = place.entry("datasets/tiny/k=2");
    std::fs::remove_file(entry.join("vocabulary.parquet")).unwrap();
    let said = place.seqlab(&["audit", "datasets/tiny"], 1);
    assert!(said.contains("k=2/vocabulary.parquet"), "{said}");
    std::fs::remove_file(place.path("datasets/tiny/k=2/vocabulary.parquet")).unwrap();
    let said = place.seqlab(&["audit", "datasets/tiny"], 2);
    assert!(said.contains("k=2/vocabulary.parquet") && said.contains("it is not there"), "{said}");
}
