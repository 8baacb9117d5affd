//! What is no data, no audit of it, no model of it, or was seen by the model, is refused.

use artifact::tables::{Checkpoint, Example, Token, Training};
use artifact::{Provenance, digest_bytes, read_table, write_table};
use candle_core::{DType, Device, Tensor};
use evaluator::Error;
use indexmap::IndexMap;

use crate::world::{TABLES, World};

#[test]
fn data_that_did_not_pass_is_refused() {
    let world = World::new();
    world.audit(world.test.clone(), false);
    let error = world.run("out").expect_err("a gate failed").to_string();
    assert!(
        error.contains("did not pass") && error.contains("`units`") && error.contains("example 3"),
        "{error}"
    );
}

#[test]
fn an_audit_of_other_data_is_refused() {
    let world = World::new();
    let other: Vec<Example> =
        world.test.iter().map(|e| Example { example_id: e.example_id + 1000, ..e.clone() }).collect();
    world.audit(other, true);
    assert!(matches!(world.run("out"), Err(Error::OtherData { .. })));
}

#[test]
fn a_table_that_was_not_audited_as_it_is_is_refused_before_anything_is_read() {
    let world = World::new();
    for (table, digest, expected) in [
        (TABLES[1].0, "35", "had the digest 34 when it was audited and has 35 now"),
        ("data/test-00001-of-00002.parquet", "56", "is not among what was audited"),
    ] {
        let error = world.run_on(digest, &[TABLES[2], (table, digest)]).expect_err("other data").to_string();
        assert!(error.contains(&format!("`{table}` {expected}")), "{error}");
    }
    // What only the audit reads, and what is no data, is none of its business.
    world.run_on("own", &[TABLES[2], ("model/model.json", "78")]).unwrap();
    std::fs::remove_file(&world.inputs.definition).unwrap();
    let error = world.run("out").expect_err("nobody says what the tasks are").to_string();
    assert!(error.ends_with("definition.parquet: missing; rerun the build stage"), "{error}");
}

#[test]
fn a_row_that_breaks_its_own_rule_is_refused() {
    let mut world = World::new();
    world.test[0].parameter = Some(2);
    write_table(&world.inputs.test[0], &Provenance::default(), world.test.clone()).unwrap();
    let error = world.run("out").expect_err("the rule says otherwise").to_string();
    assert!(error.contains("answers otherwise by its own rule"), "{error}");
}

#[test]
fn a_changed_checkpoint_is_refused() {
    let world = World::new();
    let path = world.folder.path().join("0-300.safetensors");
    std::fs::write(&path, world.counting(2.0).to_safetensors().unwrap()).unwrap();
    let error = world.run("out").expect_err("another model lies there").to_string();
    assert!(error.contains("digest"), "{error}");
}

#[test]
fn a_checkpoint_that_is_no_such_model_is_refused_though_it_is_what_was_listed() {
    let world = World::new();
    let whole = world.counting(1.0).to_safetensors().unwrap();
    let mut wide = world.counting(1.0).parameters().clone();
    wide.insert("unembed.b_U".to_owned(), Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap());
    let mut infinite = world.counting(1.0).parameters().clone();
    let bias = Tensor::full(f32::INFINITY, world.model.d_vocab, &Device::Cpu).unwrap();
    infinite.insert("unembed.b_U".to_owned(), bias);
    let bytes = |weights: IndexMap<String, Tensor>| {
        let path = world.folder.path().join("other.safetensors");
        candle_core::safetensors::save(&weights.into_iter().collect(), &path).unwrap();
        std::fs::read(path).unwrap()
    };
    let cases = [
        (whole[..whole.len() - 1].to_vec(), "not a complete safetensors file"),
        (b"PK\x03\x04rest".to_vec(), "this is a pickle"),
        (bytes(wide), "unembed.b_U has the shape [3]"),
        (bytes(infinite), "unembed.b_U holds inf"),
    ];
    for (number, (bytes, expected)) in cases.into_iter().enumerate() {
        let mut listed: Vec<Checkpoint> = read_table(&world.inputs.checkpoints).unwrap();
        let last = listed.iter_mut().find(|c| (c.seed, c.step) == (1, 300)).unwrap();
        last.digest = digest_bytes(&bytes);
        std::fs::write(world.folder.path().join(&last.path), &bytes).unwrap();
        write_table(&world.inputs.checkpoints, &Provenance::default(), listed).unwrap();
        let error = world.run(&format!("out-{number}")).expect_err(expected).to_string();
        assert!(error.contains(expected) && error.contains("1-300.safetensors"), "{error}");
    }
}

#[test]
fn tables_that_say_what_cannot_be_are_refused_by_file_and_row() {
    let refused = |change: &dyn Fn(&World)| {
        let world = World::new();
        change(&world);
        let error = world.run("out").expect_err("it cannot be").to_string();
        assert!(!error.contains(char::is_control), "{error:?}");
        error
    };
    let none = Provenance::default();
    let checkpoints = |change: &dyn Fn(&mut Vec<Checkpoint>)| {
        refused(&|world| {
            let mut listed: Vec<Checkpoint> = read_table(&world.inputs.checkpoints).unwrap();
            change(&mut listed);
            write_table(&world.inputs.checkpoints, &none, listed).unwrap();
        })
    };
    for path in ["/etc/passwd", "../0-300.safetensors", "", "a\0b", "\u{1b}[2J", "0-300.safetensors/"] {
        let error = checkpoints(&|listed| listed.iter_mut().for_each(|listed| listed.path = path.to_owned()));
        assert!(error.contains("checkpoints.parquet: `"), "{error}");
    }
    assert!(checkpoints(&|listed| listed.clear()).contains("it lists no checkpoint"));
    let error = checkpoints(&|listed| listed[0].step = i64::MIN);
    assert!(error.contains("checkpoints.parquet: row 0: column `step` should be from 0 to"), "{error}");
    let vocabulary = |change: &dyn Fn(&mut Vec<Token>)| {
        refused(&|world| {
            let mut tokens: Vec<Token> = read_table(&world.inputs.vocabulary).unwrap();
            change(&mut tokens);
            write_table(&world.inputs.vocabulary, &none, tokens).unwrap();
        })
    };
    assert!(vocabulary(&|tokens| drop(tokens.remove(3))).contains("vocabulary.parquet: row"));
    assert!(vocabulary(&|tokens| tokens[4].token_id = 3).contains("row 4: token ids should run from 0"));
    assert!(
        vocabulary(&|tokens| tokens[4].kind = "<script>".into()).contains("row 4: `kind` should be one of")
    );
    let training = |change: &dyn Fn(&mut Training)| {
        refused(&|world| {
            let mut log: Vec<Training> = read_table(&world.inputs.training).unwrap();
            change(&mut log[0]);
            write_table(&world.inputs.training, &none, log).unwrap();
        })
    };
    assert!(training(&|row| row.step = -1).contains("row 0: column `step`"));
    assert!(training(&|row| row.step = i64::MAX).contains("row 0: column `step`"));
    assert!(training(&|row| row.train_accuracy = Some(1.5)).contains("should be from 0 to 1, found 1.5"));
    assert!(training(&|row| row.learning_rate = f64::NAN).contains("row 0: column `learning_rate`"));
    let examples = |change: &dyn Fn(&mut Vec<Example>)| {
        refused(&|world| {
            let mut rows = world.test.clone();
            change(&mut rows);
            write_table(&world.inputs.test[0], &none, rows).unwrap();
        })
    };
    assert!(examples(&|rows| rows[1].example_id = rows[0].example_id).contains("the same `example_id`"));
    assert!(examples(&|rows| rows[0].tokens = vec![]).contains("it has no tokens"));
    assert!(examples(&|rows| rows[0].terms = vec![]).contains("its tokens do not spell"));
    assert!(examples(&|rows| rows[0].tokens[1] = u16::MAX).contains("token 65535 is not in the vocabulary"));
    for (start, length) in [(i32::MAX, i32::MAX), (i32::MIN, 1), (0, 1), (1, i32::MAX), (3, -1)] {
        let error = examples(&|rows| (rows[0].answer_start, rows[0].answer_length) = (start, length));
        assert!(error.contains("the answer span"), "{error}");
    }
    for extreme in [i64::MIN, i64::MAX] {
        // Values that no rule goes on with, and no vocabulary spells.
        assert!(
            examples(&|rows| rows[0].terms = vec![extreme; 4]).contains("answers otherwise by its own rule")
        );
        assert!(
            examples(&|rows| rows[0].parameter = Some(extreme)).contains("answers otherwise by its own rule")
        );
    }
    assert!(
        examples(&|rows| rows[0].task = "\u{1b}<script>\u{202e}".into()).contains("\\u{1b}<script>\\u{202e}")
    );
    let model = refused(&|world| {
        std::fs::write(&world.inputs.model, r#"{"n_layers": 9223372036854775807}"#).unwrap()
    });
    assert!(model.contains("model.json: not a model configuration"), "{model}");
}
