use serde_json::{Value, json};
use statistics::{ALPHA, Difference, Interval, wilson};

use super::*;
use crate::metrics::rule_index;

const ROWS: u64 = 1102;

fn share_of(value: f64, effective: f64) -> Estimate {
    let interval = wilson(value, effective, ALPHA).expect("there are clusters");
    Estimate { value: Some(value), low: Some(interval.low), high: Some(interval.high) }
}

/// Evidence as the scores give it, for these accuracies of the seeds.
fn evidence(accuracies: &[f64], train: f64, u_best: f64, s_best: f64) -> Evidence {
    let effective = 200.0;
    let scored = |accuracy: f64| {
        let accuracy = share_of(accuracy, effective);
        let index = |end: Option<f64>| end.and_then(|end| rule_index(end, u_best));
        let rule_index =
            Estimate { value: index(accuracy.value), low: index(accuracy.low), high: index(accuracy.high) };
        Scored { accuracy, rule_index, agreement: share_of(0.2, effective), train: Some(train) }
    };
    let mean = accuracies.iter().sum::<f64>() / accuracies.len() as f64;
    Evidence {
        split: "test",
        task: String::new(),
        level: json!("transition"),
        other_data: false,
        random_answers: false,
        rows: ROWS,
        unanswerable: 0,
        asked: (12, 12),
        clusters: Clusters { held: 210, effective },
        seeds: (0..).zip(accuracies.iter().map(|&accuracy| scored(accuracy))).collect(),
        over: scored(mean),
        u_best: Some((u_best, "bigram, tokens".into())),
        s_best: Some((s_best, "skip gram, tokens".into())),
        agrees: "bigram, terms".into(),
        difference: None,
    }
}

fn with(change: impl FnOnce(&mut Evidence), mut evidence: Evidence) -> Evidence {
    change(&mut evidence);
    evidence
}

fn apart(value: f64, low: f64) -> Option<Difference> {
    Some(Difference { value, interval: Interval { low, high: (value + (value - low)).min(1.0) } })
}

fn agreeing(value: f64, low: f64) -> impl FnOnce(&mut Evidence) {
    move |evidence| {
        let high = (value + (value - low)).min(1.0);
        evidence.over.agreement = Estimate { value: Some(value), low: Some(low), high: Some(high) };
    }
}

#[test]
fn every_case_has_its_word_and_its_sentence() {
    let eight = |accuracy| [accuracy; 8];
    let failed = || evidence(&eight(0.015), 1.0, 0.02, 0.19);
    let level = |level: Value| move |evidence: &mut Evidence| evidence.level = level;
    let cases = [
        ("rule", evidence(&eight(0.998), 1.0, 0.012, 0.31)),
        ("rule, one seed", evidence(&[0.998], 1.0, 0.012, 0.31)),
        ("rule, no shallow table", with(|e| e.s_best = None, evidence(&eight(1.0), 1.0, 0.0, 1.0))),
        ("rule, on other data", with(|e| e.other_data = true, evidence(&eight(0.998), 1.0, 0.012, 0.31))),
        (
            "rule, few clusters",
            with(
                |e| e.clusters = Clusters { held: 3, effective: 2.4 },
                evidence(&eight(0.998), 1.0, 0.012, 0.31),
            ),
        ),
        ("shallow", evidence(&eight(1.0), 1.0, 0.0, 1.0)),
        (
            "seeds disagree",
            with(|e| e.difference = apart(0.95, 0.8), evidence(&[0.55, 0.97, 0.03, 0.98], 1.0, 0.02, 0.19)),
        ),
        ("seeds apart, too few clusters to tell", evidence(&[0.55, 0.97, 0.03, 0.98], 1.0, 0.02, 0.19)),
        (
            "about 0.900",
            with(
                |e| e.difference = apart(0.025, -0.04),
                evidence(&[0.905, 0.915, 0.890, 0.906], 1.0, 0.0, 0.19),
            ),
        ),
        ("partly", evidence(&eight(0.5), 1.0, 0.02, 0.19)),
        ("memory: 0.955 are the bigram's answers", with(agreeing(0.955, 0.83), failed())),
        ("not inferred: 0.210 are", with(agreeing(0.21, 0.12), failed())),
        ("not inferred: 0.281 are, of months", with(agreeing(0.281, 0.05), failed())),
        ("not inferred, too few to tell", with(|e| e.over.agreement = Estimate::default(), failed())),
        ("not inferred, train not scored", with(|e| e.over.train = None, failed())),
        ("not fitted", evidence(&eight(0.0), 0.2, 0.02, 0.19)),
        ("not fitted, though it agrees", with(agreeing(0.955, 0.83), evidence(&eight(0.0), 0.2, 0.02, 0.19))),
        (
            "not transferred, a table gets all",
            with(level(json!({ "notation": { "test": ["words"] } })), evidence(&eight(0.07), 1.0, 1.0, 1.0)),
        ),
        ("not transferred, on other data", with(|e| e.other_data = true, failed())),
        ("not inferred, longer rows", with(level(json!({ "length": { "test": 8 } })), failed())),
        ("not measurable", evidence(&eight(0.99), 1.0, 0.99, 1.0)),
        ("below a table that gets all", evidence(&eight(0.07), 1.0, 1.0, 1.0)),
        ("leaky control", with(level(json!("random")), evidence(&eight(0.99), 1.0, 0.97, 1.0))),
        (
            "random answers, passed",
            with(
                |e| (e.level, e.random_answers) = (json!("random"), true),
                evidence(&eight(0.01), 1.0, 0.02, 0.02),
            ),
        ),
        (
            "random answers, failed",
            with(
                |e| (e.level, e.random_answers) = (json!("random"), true),
                evidence(&eight(0.4), 1.0, 0.02, 0.02),
            ),
        ),
        ("validation rows", with(|e| e.split = "validation", evidence(&eight(0.998), 1.0, 0.012, 0.31))),
    ];
    let more = [
        (
            "an interval from below memory to the rule",
            with(
                |e| {
                    e.clusters = Clusters { held: 12, effective: 9.0 };
                    e.over.rule_index = Estimate { value: Some(0.459), low: Some(-0.154), high: Some(0.835) };
                },
                evidence(&eight(0.924), 1.0, 0.859, 0.19),
            ),
        ),
        (
            "a low index that may yet be the rule",
            with(
                |e| e.over.rule_index = Estimate { value: Some(0.05), low: Some(-0.4), high: Some(0.95) },
                evidence(&eight(0.05), 1.0, 0.02, 0.19),
            ),
        ),
        (
            "leaky control, on other data",
            with(
                |e| (e.level, e.other_data) = (json!("random"), true),
                evidence(&eight(1.0), 1.0, 0.89, 1.0),
            ),
        ),
        (
            "random answers, no index",
            with(
                |e| (e.level, e.random_answers) = (json!("random"), true),
                evidence(&eight(0.97), 1.0, 0.96, 0.02),
            ),
        ),
        (
            "answers that were never trained as such",
            with(|e| (e.other_data, e.unanswerable) = (true, 950), failed()),
        ),
        (
            "a table gets all and seeds lie apart",
            with(|e| e.difference = apart(0.9, 0.7), evidence(&[1.0, 0.1, 1.0, 1.0], 1.0, 0.99, 1.0)),
        ),
        ("few tables could be asked", with(|e| e.asked = (3, 12), failed())),
    ];
    let mut text = String::new();
    for (name, evidence) in cases.into_iter().chain(more) {
        let row = evidence.verdict();
        text.push_str(&format!("# {name}\n{} | {}\n{}\n", row.verdict, row.headline, row.sentence));
        row.caveats.lines().for_each(|caveat| text.push_str(&format!("- {caveat}\n")));
        text.push('\n');
    }
    assert!(!text.contains("NaN") && !text.contains("inf "));
    insta::assert_snapshot!("verdicts", text);
}

#[test]
fn seeds_have_words_of_their_own() {
    let evidence = evidence(&[0.998, 0.5, 0.015], 1.0, 0.02, 0.19);
    let words: Vec<String> = evidence.of_seeds().map(|row| row.verdict).collect();
    assert_eq!(words, ["rule", "partly", "not_inferred"]);
    // Seeds with one word may still disagree, and are then not said to be alike.
    let partly =
        with(|e| e.difference = apart(0.24, 0.08), self::evidence(&[0.4, 0.42, 0.55, 0.64], 1.0, 0.0, 0.0));
    assert!(!partly.verdict().caveats.contains("alike"), "{}", partly.verdict().caveats);
    assert_eq!(evidence.verdict().rule_seeds, 1);
    // The same decision as over seeds: a control is one for each, and a rule that a shallow table has too is shallow.
    let of = |evidence: Evidence| evidence.of_seeds().map(|row| row.verdict).collect::<Vec<_>>();
    let random = with(|e| e.level = json!("random"), evidence.clone());
    assert_eq!(of(random), ["leaky_control"; 3]);
    let shallow = with(|e| e.s_best = Some((0.99, "skip gram".into())), evidence);
    assert_eq!(of(shallow), ["shallow_rule", "partly", "not_inferred"]);
}

#[test]
fn a_border_belongs_to_the_better_word() {
    // Without a table to beat, rule_index is the accuracy.
    let word = |accuracy: f64| evidence(&[accuracy; 3], 1.0, 0.0, 0.0).word();
    assert_eq!((word(0.9), word(0.899)), (Word::Rule, Word::Partly));
    assert_eq!((word(0.1), word(0.099)), (Word::Partly, Word::NotInferred));
    let shallow = |s_best: f64| evidence(&[0.95; 3], 1.0, 0.0, s_best).word();
    assert_eq!((shallow(0.91), shallow(0.89)), (Word::ShallowRule, Word::Rule));
    let fails = |low: f64| with(agreeing(0.9, low), evidence(&[0.0; 3], 1.0, 0.02, 0.0)).word();
    assert_eq!((fails(0.5), fails(0.499)), (Word::Memory, Word::NotInferred));
}
