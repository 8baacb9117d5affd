//! What is written: how many rows, their numbers, the definition, the same bytes.

use super::*;

#[test]
fn the_definitions_of_the_ready_made_pipelines_give_the_rows_they_promise() {
    let counts = |definition| {
        let built = build(definition).unwrap();
        let counts = built.splits.each_ref().map(|rows| rows.len());
        (built, counts)
    };
    let (_, [train, validation, test]) = counts(x2());
    assert_eq!(train + validation + test, 4999);
    assert!((3300..=4300).contains(&train) && test > 400, "{train} {test}");
    for steps in [2, 20] {
        let (built, _) = counts(plus2(steps));
        assert_eq!(built.splits[2][0].terms, [10, 12, 14, 16]);
        assert_eq!(built.splits[0][0].terms, [2, 4, 6, 8]);
        assert_eq!(built.splits[0][1].terms, [10, 11, 12, 13, 14, 15, 16]);
    }
    let (_, sizes) = counts(random());
    assert_eq!(sizes, [4000, 250, 500]);
}

#[test]
fn the_price_counts_every_row_once() {
    let (config, world) = world(plus2(5));
    let drawing = drawn(&config, &world, draw::REMEMBERED);
    let prices = drawing.prices();
    for (price, steps) in prices.iter().zip([vec![1], vec![2, 3, 4, 5]]) {
        assert_eq!(price.seen, walk(&steps, 0..=199, 4..=8).len() as u64);
        assert_eq!(price.kept.iter().sum::<u64>() + price.dropped.iter().sum::<u64>(), price.seen);
    }
    for split in Split::ALL {
        assert_eq!(drawing.rows(split), prices.iter().map(|price| price.kept[split as usize]).sum::<u64>());
    }
}

#[test]
fn every_row_has_a_number_of_its_own_and_stands_once() {
    for definition in [plus2(20), mixed()] {
        let built = build(definition).unwrap();
        let rows: Vec<&Example> = built.splits.iter().flatten().collect();
        let ids: BTreeSet<i64> = rows.iter().map(|row| row.example_id).collect();
        let texts: BTreeSet<_> = rows.iter().map(|row| &row.tokens).collect();
        assert_eq!((ids.len(), texts.len()), (rows.len(), rows.len()));
    }
}

#[test]
fn a_rows_number_does_not_hang_on_how_many_are_kept_and_fewer_test_rows_leave_training_alone() {
    let all = build(x2()).unwrap();
    let mut fewer = x2();
    fewer["rows"] = json!({ "test": 30 });
    let fewer = build(fewer).unwrap();
    assert_eq!(all.splits[0], fewer.splits[0]);
    assert_eq!(all.splits[1], fewer.splits[1]);
    assert_eq!(all.splits[2][..30], fewer.splits[2]);
    let mut other = x2();
    (other["seed"], other["holdout"]["seed"]) = (json!(7), json!(1729));
    let other = build(other).unwrap();
    let sorted = |rows: &[Example]| {
        let mut rows = rows.to_vec();
        rows.sort_by_key(|row| row.example_id);
        rows
    };
    assert_eq!(sorted(&all.splits[2]), sorted(&other.splits[2]), "the build's seed moves no border");
    assert_ne!(all.splits[2], other.splits[2], "but it changes the order");
}

#[test]
fn the_definition_says_what_readers_need_and_nothing_of_how_many_rows_there_are() {
    let written = |change: &dyn Fn(&mut Value)| {
        let folder = tempfile::tempdir().unwrap();
        let mut definition = plus2(20);
        definition["holdout"] = json!({ "level": "window", "test": 0.1, "validation": 0.05 });
        change(&mut definition);
        run(&config(definition), &Inputs {}, folder.path(), &Provenance::default()).unwrap();
        let path = folder.path().join("definition.parquet");
        (artifact::read_definition(&path).unwrap(), artifact::digest_file(&path).unwrap().content)
    };
    let (found, digest) = written(&|_| ());
    assert_eq!(found["holdout"], json!({ "level": { "window": { "m": 4 } }, "block": null }));
    let tasks = found["tasks"].as_object().unwrap();
    assert_eq!(tasks.keys().collect::<Vec<_>>(), ["plus1", "plus2"]);
    assert_eq!(found["tasks"]["plus2"]["terms"], json!({ "min": 4, "max": 8 }));
    assert_eq!(found["pins"]["test"], json!([{ "task": "plus2", "terms": [10, 12, 14, 16] }]));
    let same: [&dyn Fn(&mut Value); 4] = [
        &|definition| definition["rows"] = json!({ "test": 30 }),
        &|definition| definition["holdout"]["min_rows"] = json!({ "test": 3, "validation": 3 }),
        &|definition| definition["seed"] = 7.into(),
        &|definition| definition["holdout"]["test"] = 0.2.into(),
    ];
    for (number, change) in same.into_iter().enumerate() {
        assert_eq!(written(change).1, digest, "change {number}");
    }
    let other: [&dyn Fn(&mut Value); 3] = [
        &|definition| definition["holdout"]["level"] = json!({ "window": { "m": 3 } }),
        &|definition| definition["tasks"]["plus1"]["train_only"] = false.into(),
        &|definition| definition["pins"]["train"] = json!([]),
    ];
    for (number, change) in other.into_iter().enumerate() {
        assert_ne!(written(change).1, digest, "change {number}");
    }
}

#[test]
fn bytes_are_the_same_with_one_and_with_two_threads() {
    for definition in [plus2(20), mixed(), random()] {
        let folders = [1, 2].map(|threads| {
            let folder = tempfile::tempdir().unwrap();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let config = config(definition.clone());
            pool.install(|| run(&config, &Inputs {}, folder.path(), &Provenance::default())).unwrap();
            folder
        });
        let names = [
            "train-00000-of-00001",
            "validation-00000-of-00001",
            "test-00000-of-00001",
            "definition",
            "vocabulary",
            "counterfactuals",
        ];
        for name in names.map(|name| format!("{name}.parquet")).into_iter().chain(["README.md".into()]) {
            let [one, two] =
                folders.each_ref().map(|folder| std::fs::read(folder.path().join(&name)).unwrap());
            assert!(one == two, "{name}");
        }
    }
}
