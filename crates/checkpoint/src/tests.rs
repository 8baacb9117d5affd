use std::error::Error as _;

use artifact::{Provenance, write_table};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;
use transformer::initial_weights;

use super::*;

const SHAPE: &str = r#"{ "n_layers": 0, "d_model": 2, "n_ctx": 3, "d_head": 1, "n_heads": 1, "d_mlp": 0, "d_vocab": 4,
    "act_fn": "relu", "normalization_type": null, "attn_only": true, "eps": 1e-5 }"#;

/// A folder with the weights of these seeds and steps, each from a random stream of its own.
fn folder(listed: &[(i32, i64)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shape = read_config(SHAPE.as_bytes()).expect("a shape");
    std::fs::write(folder.path().join("model.json"), SHAPE).expect("it can write");
    let rows = listed.iter().map(|&(seed, step)| {
        let mut random = ChaCha8Rng::seed_from_u64((i64::from(seed) * 1000 + step) as u64);
        let weights = initial_weights(&shape, 0.5, &mut random, DType::F32, &Device::Cpu).expect("weights");
        let model = Transformer::new(&shape, weights).expect("a model");
        let (path, bytes) =
            (format!("{seed}-{step}.safetensors"), model.to_safetensors().expect("its bytes"));
        std::fs::write(folder.path().join(&path), &bytes).expect("it can write");
        Checkpoint { seed, step, path, digest: digest_bytes(&bytes) }
    });
    let table = folder.path().join("checkpoints.parquet");
    write_table(&table, &Provenance::default(), rows).expect("it can write");
    folder
}

fn read(folder: &TempDir) -> Result<Checkpoints> {
    Checkpoints::read(&folder.path().join("checkpoints.parquet"), &folder.path().join("model.json"))
}

#[test]
fn seeds_and_steps_are_found_in_any_order_and_loaded_one_by_one() {
    let folder = folder(&[(7, 300), (0, 0), (7, 0), (0, 40), (0, 20)]);
    let checkpoints = read(&folder).expect("a whole folder");
    let names = |rows: Vec<&Checkpoint>| rows.iter().map(|row| (row.seed, row.step)).collect::<Vec<_>>();
    assert_eq!(names(checkpoints.last().collect()), [(0, 40), (7, 300)]);
    assert_eq!(
        names([0, 7, 3].iter().filter_map(|&seed| checkpoints.last_of(seed)).collect()),
        [(0, 40), (7, 300)]
    );
    assert_eq!(names(checkpoints.at_step(0).collect()), [(0, 0), (7, 0)]);
    assert_eq!(names(checkpoints.at_step(20).collect()), [(0, 20)]);
    assert_eq!(checkpoints.shape().d_vocab, 4);
    for row in checkpoints.last() {
        let bytes = std::fs::read(folder.path().join(&row.path)).expect("it is there");
        let model = checkpoints.load(row).expect("what was listed");
        assert_eq!(model.to_safetensors().expect("its bytes"), bytes);
    }
}

#[test]
fn a_model_that_is_listed_twice_is_refused() {
    let error = read(&folder(&[(3, 10), (4, 10), (3, 10)])).expect_err("which one is meant?").to_string();
    assert!(error.ends_with("seed 3, step 10 is listed twice; rerun the train stage"), "{error}");
}

#[test]
fn what_is_not_what_was_listed_is_refused_by_file_and_seed() {
    let folder = folder(&[(3, 10), (4, 10)]);
    let checkpoints = read(&folder).expect("a whole folder");
    let [three, four] =
        [3, 4].map(|seed| checkpoints.last().find(|row| row.seed == seed).expect("it is listed"));
    std::fs::copy(folder.path().join(&four.path), folder.path().join(&three.path)).expect("it can copy");
    let error = checkpoints.load(three).expect_err("another model lies there").to_string();
    let expected =
        format!("3-10.safetensors: its digest should be {}, found {} (seed 3)", three.digest, four.digest);
    assert!(error.contains(&expected), "{error}");
    let swapped = Checkpoint { digest: four.digest.clone(), ..three.clone() };
    assert!(checkpoints.load(&swapped).is_ok());
    let outside = Checkpoint { path: "../4-10.safetensors".to_owned(), ..four.clone() };
    let error = checkpoints.load(&outside).expect_err("it is not in the folder").to_string();
    assert!(error.contains("checkpoints.parquet: `../4-10.safetensors`: expected"), "{error}");
}

#[test]
fn what_is_no_model_is_refused_with_its_cause() {
    let folder = folder(&[(3, 10)]);
    let path = folder.path().join("3-10.safetensors");
    std::fs::write(&path, b"PK\x03\x04").expect("it can write");
    let checkpoints = read(&folder).expect("a whole list");
    let row = checkpoints.last().next().expect("it is listed");
    let row = Checkpoint { digest: digest_bytes(b"PK\x03\x04"), ..row.clone() };
    let error = checkpoints.load(&row).expect_err("a pickle");
    assert!(error.to_string().contains("3-10.safetensors: weights: this is a pickle"), "{error}");
    assert!(error.to_string().contains("(seed 3, step 10)"), "{error}");
    assert!(error.source().is_some_and(|source| source.to_string().contains("pickle")));

    std::fs::write(folder.path().join("model.json"), SHAPE.replace("\"d_model\"", "\"d_\u{1b}model\""))
        .expect("it can write");
    let error = read(&folder).expect_err("no configuration").to_string();
    assert!(
        error.contains("model.json: not a model configuration (") && !error.contains('\u{1b}'),
        "{error}"
    );
    let empty = self::folder(&[]);
    assert!(read(&empty).expect_err("no model").to_string().contains("it lists no checkpoint"));
}
