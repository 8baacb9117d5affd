//! Definitions: what is refused where, what is filled in, and what steps and learning rates follow.

use super::*;
use crate::{BatchSize, Checkpoints, Schedule};

#[test]
fn learning_rates_rise_stay_and_fall() {
    let at = |schedule, warmup| {
        let optimizer = Optimizer { learning_rate: 1.0, warmup, schedule, ..Optimizer::default() };
        (1..=6).map(|step| optimizer.learning_rate_at(step, 6)).collect::<Vec<_>>()
    };
    assert_eq!(at(Schedule::Constant, 0), [1.0; 6]);
    assert_eq!(at(Schedule::Constant, 4), [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]);
    let cosine = at(Schedule::Cosine, 2);
    let expected = [0.5, 1.0, 1.0, 0.853_553, 0.5, 0.146_447];
    assert!(cosine.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{cosine:?}");
    assert_eq!(at(Schedule::Linear, 2), [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]);
}

#[test]
fn checkpoints_of_a_continued_run_begin_where_it_does() {
    let at = |every, log_spaced| Checkpoints { every, log_spaced, best: false }.at(1000, 2000);
    assert_eq!(at(0, 0), [1000, 2000]);
    assert_eq!(at(400, 0), [1000, 1200, 1600, 2000]);
    assert_eq!(at(500, 0), [1000, 1500, 2000]);
    assert_eq!(at(0, 3), [1000, 1001, 1010, 1100, 2000]);
}

#[test]
fn checkpoints_are_spread_as_asked() {
    let at = |every, log_spaced| Checkpoints { every, log_spaced, best: false }.at(0, 1000);
    assert_eq!(at(0, 0), [0, 1000]);
    assert_eq!(at(400, 0), [0, 400, 800, 1000]);
    assert_eq!(at(0, 3), [0, 1, 10, 100, 1000]);
    assert_eq!(Checkpoints { every: 500, log_spaced: 9, best: false }.at(0, 1), [0, 1]);
}

#[test]
fn configs_that_cannot_be_meant_are_refused_at_their_place() {
    let with = |rest: &str| {
        config(&format!(
            r#"{{ "model": {{ "n_layers": 1, "n_heads": 4, "d_model": 64 }}, "seeds": 2, "steps": 5, {rest} }}"#
        ))
    };
    assert!(with(r#""batch": 4"#).is_ok());
    for (rest, expected) in [
        (r#""batch": 0"#, "batch: must be at least 1, found 0; name a larger number"),
        (r#""batch": 4, "loss": "last""#, "loss: `last` scores every position against the last token"),
        (r#""batch": 4, "loss": { "span": { "from": 0 } }"#, "loss.span.from: token 0 has nothing before it"),
        (
            r#""batch": 4, "optimizer": { "learning_rate": -1 }"#,
            "optimizer.learning_rate: must be a positive number, found -1",
        ),
        (
            r#""batch": 4, "optimizer": { "beta2": 1 }"#,
            "optimizer.beta2: must be at least 0 and less than 1, found 1",
        ),
        (r#""batch": 4, "optimizer": { "warmup": 5 }"#, "optimizer.warmup: 5 updates of warm-up leave none"),
        (r#""batch": 4, "optimizer": { "lr": 1 }"#, "unknown field `lr`"),
        (r#""batch": "all""#, "invalid value: string \"all\", expected a number of rows or `full`"),
        (r#""batch": -1"#, "invalid value: integer `-1`, expected a number of rows or `full`"),
        (r#""batch": "full", "order": "once""#, "order: `once` shows a row to one update"),
        (
            r#""batch": 4, "optimizer": { "kind": "sgd" }"#,
            "unknown variant `sgd`, expected `adamw` or `adam`",
        ),
        (r#""batch": 4, "loss": "everything""#, "unknown variant `everything`"),
    ] {
        let message = with(rest).unwrap_err();
        assert!(message.starts_with(expected), "{message}");
    }
    let model = |model: &str| {
        config(&format!(r#"{{ "model": {model}, "seeds": 2, "steps": 5, "batch": 4 }}"#)).unwrap_err()
    };
    assert!(
        model(r#"{ "n_layers": 1, "n_heads": 5, "d_model": 64 }"#)
            .starts_with("model.n_heads: 5 heads do not divide")
    );
    assert!(
        model(r#"{ "n_layers": 1, "n_heads": 4, "d_model": 64, "d_mlp": 8, "attn_only": true }"#)
            .starts_with("model.d_mlp")
    );
    for (rest, expected) in [
        (r#""dropout": 1"#, "model.dropout: must be at least 0 and less than 1, found 1"),
        (r#""dropout": -0.1"#, "model.dropout: must be at least 0 and less than 1, found -0.1"),
        (r#""initializer_range": 0"#, "model.initializer_range: must be a positive number, found 0"),
    ] {
        let message = model(&format!(r#"{{ "n_layers": 1, "n_heads": 4, "d_model": 64, {rest} }}"#));
        assert!(message.starts_with(expected), "{message}");
    }
    assert!(
        model(r#"{ "n_layers": 1, "n_heads": 0, "d_model": 64, "d_head": 4 }"#)
            .starts_with("model.n_heads: must be")
    );
}

/// Every number of a config, where it stands.
const NUMBERS: [&str; 23] = [
    "/model/n_layers",
    "/model/n_heads",
    "/model/d_model",
    "/model/d_mlp",
    "/model/d_head",
    "/model/n_ctx",
    "/model/initializer_range",
    "/model/dropout",
    "/optimizer/learning_rate",
    "/optimizer/weight_decay",
    "/optimizer/beta1",
    "/optimizer/beta2",
    "/optimizer/eps",
    "/optimizer/warmup",
    "/optimizer/clip",
    "/seeds",
    "/steps",
    "/batch",
    "/loss/span/from",
    "/log_every",
    "/evaluate_every",
    "/checkpoints/every",
    "/checkpoints/log_spaced",
];

#[test]
fn extreme_numbers_are_refused_in_words_or_can_be_computed_with() {
    let base = serde_json::json!({
        "model": { "n_layers": 1, "n_heads": 2, "d_model": 16, "d_mlp": 16, "d_head": 8, "n_ctx": 30 },
        "optimizer": {}, "seeds": 2, "steps": 40, "batch": 16, "loss": { "span": { "from": 1 } }, "checkpoints": {},
    });
    let values = [
        "0",
        "-1",
        "3",
        "65535",
        "2147483647",
        "4294967295",
        "9007199254740993",
        "9223372036854775807",
        "18446744073709551615",
    ];
    let floats = ["1e308", "1e-320", "0.5", "-0.0", "0.9999999999999999"];
    for at in NUMBERS {
        for value in values.into_iter().chain(floats) {
            let mut text = base.clone();
            let (parent, key) = at.rsplit_once('/').expect("a path");
            text.pointer_mut(parent).expect("a map")[key] = serde_json::from_str(value).expect("a number");
            let Ok(config) = serde_json::from_value::<Config>(text) else { continue };
            match config.check() {
                Ok(()) => {}
                Err(Error::Config { at: path, message, help }) => {
                    assert!(
                        path.len() > 3 && message.len() < 200 && !help.is_empty(),
                        "{at}: {value}: {message}"
                    );
                    continue;
                }
                Err(other) => panic!("{at}: {value}: {other}"),
            }
            // What it is used for: bounded lists, finite numbers of 32 bits.
            let shape = config.model.shape(100, 20);
            assert!(shape.parameter_count() <= 1 << 40, "{at}: {value}");
            assert!(config.checkpoints.at(0, config.steps).len() < 1_000_000, "{at}: {value}");
            for step in [1, config.steps] {
                let rate = config.optimizer.learning_rate_at(step, config.steps);
                let update = config.optimizer.update(step, rate);
                let numbers =
                    [update.mean_rate, update.square_rate, update.kept, update.l2, update.rate, update.root];
                assert!(numbers.iter().all(|number| number.is_finite()), "{at}: {value}: {update:?}");
                assert!(update.eps > 0.0, "{at}: {value}: {update:?}");
            }
        }
    }
}

#[test]
fn checkpoints_far_apart_are_those_that_there_are() {
    let far = |every, log_spaced| Checkpoints { every, log_spaced, best: false }.at(5, 40);
    assert_eq!(far(u64::MAX, 0), [5, 40]);
    assert_eq!(far(1 << 63, 0), [5, 40]);
    assert_eq!(far(39, 0), [5, 39, 40]);
}

#[test]
fn seeds_are_a_number_or_a_list_and_mean_the_same_when_they_do() {
    let seeds = |text: &str| {
        config(&format!(
            r#"{{ "model": {{ "n_layers": 0, "n_heads": 1, "d_model": 4 }}, "seeds": {text}, "steps": 5, "batch": 4 }}"#
        ))
    };
    assert_eq!(seeds("3").unwrap().seeds.0, [0, 1, 2]);
    assert_eq!(seeds("[42, 66, 1729]").unwrap().seeds.0, [42, 66, 1729]);
    let resolved = |text: &str| serde_json::to_string(&seeds(text).unwrap().seeds).unwrap();
    assert_eq!(
        (resolved("[0, 1]"), resolved("2"), resolved("[1, 0]")),
        ("2".into(), "2".into(), "[1,0]".into())
    );
    for (text, expected) in [
        ("0", "there is no model"),
        ("[]", "there is no model"),
        ("[1, 1]", "1 stands twice"),
        ("[-1]", "-1 is negative"),
        ("-3", "expected a number of seeds"),
        ("\"two\"", "expected a number of seeds"),
    ] {
        let message = seeds(text).unwrap_err();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_resolved_config_reads_back_the_same() {
    let config =
        config(r#"{ "model": { "n_layers": 1, "n_heads": 4, "d_model": 64 }, "seeds": 8, "steps": 300, "batch": 72 }"#)
            .unwrap();
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), config);
    let full = Config { batch: BatchSize::Full, ..config.clone() };
    let spelt = serde_json::to_string(&full).unwrap();
    assert_eq!(spelt, text.replace(r#""batch":72"#, r#""batch":"full""#));
    assert_eq!(serde_json::from_str::<Config>(&spelt).unwrap(), full);
    assert_eq!(config.model.shape(10, 20).d_mlp, 256);
    assert_eq!(config.model.shape(10, 20).d_head, 16);
    assert_eq!(config.model.shape(10, 20).n_ctx, 20);
}
