use super::*;

fn estimate(value: f64, n: i64) -> Estimate {
    Estimate { value: Some(value), low: Some(value - 0.01), high: Some((value + 0.01).min(1.0)), n }
}

/// Evidence as the evaluator and the auditor give it, for these accuracies.
fn evidence(accuracies: &[f64], train: f64, u_best: f64, s_best: f64) -> Evidence {
    let index = |accuracy: f64| match u_best <= 0.95 {
        true => estimate((accuracy - u_best) / (1.0 - u_best), 1102),
        false => Estimate { n: 1102, ..Estimate::default() },
    };
    let mean = accuracies.iter().sum::<f64>() / accuracies.len() as f64;
    let seed = |(seed, &accuracy): (usize, &f64)| Seed {
        seed: seed as i32,
        accuracy: estimate(accuracy, 1102),
        rule_index: index(accuracy),
        train: Some(train),
    };
    Evidence {
        split: "test".into(),
        level: "transition".into(),
        certified: Some(true),
        seeds: accuracies.iter().enumerate().map(seed).collect(),
        accuracy: estimate(mean, 1102),
        rule_index: index(mean),
        beyond_memory: estimate(mean, 1000),
        oracle: Some(1.0),
        ceilings: Ceilings {
            u_best: Some((u_best, "backoff, tokens".into())),
            u_union: Some(u_best),
            s_best: Some((s_best, "skip grams, tokens".into())),
        },
        ..Evidence::default()
    }
}

#[test]
fn every_case_has_its_sentence() {
    let eight = |accuracy| [accuracy; 8];
    let with = |change: fn(&mut Evidence), mut evidence: Evidence| {
        change(&mut evidence);
        evidence
    };
    let random = |evidence: &mut Evidence| evidence.level = "random".into();
    let random_answers = |evidence: &mut Evidence| {
        evidence.level = "random".into();
        evidence.random_answers = true;
    };
    let cases = [
        ("rule", evidence(&eight(0.998), 1.0, 0.012, 0.31)),
        ("rule, one seed", evidence(&[0.998], 1.0, 0.012, 0.31)),
        ("rule, but shallow", evidence(&eight(1.0), 1.0, 0.0, 1.0)),
        ("seeds disagree", evidence(&[0.55, 0.97, 0.03, 0.98], 1.0, 0.02, 0.19)),
        ("partly", evidence(&eight(0.5), 1.0, 0.02, 0.19)),
        ("memory", evidence(&eight(0.015), 1.0, 0.02, 0.19)),
        (
            "memory, train not scored",
            with(|e| e.seeds.iter_mut().for_each(|s| s.train = None), evidence(&[0.0, 0.02], 1.0, 0.02, 0.0)),
        ),
        (
            "memory, one seed not fitted",
            with(|e| e.seeds[3].train = Some(0.4), evidence(&eight(0.015), 1.0, 0.02, 0.19)),
        ),
        ("nothing learned", evidence(&eight(0.0), 0.2, 0.02, 0.19)),
        ("not measurable", evidence(&eight(0.99), 1.0, 0.99, 1.0)),
        (
            "no rule_index",
            with(
                |e| e.seeds.iter_mut().for_each(|s| s.rule_index = Estimate::default()),
                evidence(&eight(0.9), 1.0, 0.0, 0.0),
            ),
        ),
        ("leaky control", with(random, evidence(&eight(0.99), 1.0, 0.97, 1.0))),
        ("random answers, passed", with(random_answers, evidence(&eight(0.01), 1.0, 0.02, 0.02))),
        ("random answers, failed", with(random_answers, evidence(&eight(0.4), 1.0, 0.02, 0.02))),
        ("leak", with(|e| e.certified = Some(false), evidence(&eight(1.0), 1.0, 0.0, 1.0))),
        ("no ceiling", with(|e| e.ceilings = Ceilings::default(), evidence(&eight(1.0), 1.0, 0.0, 1.0))),
        ("no shallow table", with(|e| e.ceilings.s_best = None, evidence(&eight(1.0), 1.0, 0.0, 1.0))),
        ("no scores", Evidence { split: "test".into(), ..Evidence::default() }),
        ("no certificate", with(|e| e.certified = None, evidence(&eight(1.0), 1.0, 0.0, 0.0))),
        ("extrapolation", with(|e| e.level = "range".into(), evidence(&eight(1.0), 1.0, 0.0, 0.0))),
        ("window", with(|e| e.level = "window".into(), evidence(&eight(1.0), 1.0, 0.0, 0.0))),
        ("defective oracle", with(|e| e.oracle = Some(0.98), evidence(&eight(1.0), 1.0, 0.0, 0.0))),
        ("validation only", with(|e| e.split = "validation".into(), evidence(&eight(1.0), 1.0, 0.0, 0.0))),
        (
            "no row over seeds",
            with(|e| e.accuracy = Estimate::default(), evidence(&[0.97, 0.99], 1.0, 0.0, 0.0)),
        ),
        (
            "one index missing",
            with(|e| e.seeds[0].rule_index = Estimate::default(), evidence(&[0.97, 0.99], 1.0, 0.0, 0.0)),
        ),
    ];
    let mut text = String::new();
    for (name, evidence) in cases {
        let verdict = evidence.verdict();
        text += &format!("# {name}\n[{}] {}\n{}\n", verdict.tone, verdict.headline, verdict.sentence);
        verdict.caveats.iter().for_each(|caveat| text += &format!("- {caveat}\n"));
        text.push('\n');
    }
    assert!(!text.contains("NaN") && !text.contains("inf "));
    insta::assert_snapshot!("verdicts", text);
}

#[test]
fn a_seed_is_memory_where_its_interval_reaches_zero() {
    let evidence = evidence(&[0.5], 1.0, 0.0, 0.0);
    let outcome = |index: f64, low: f64, train: f64| {
        let rule_index = Estimate { value: Some(index), low: Some(low), high: Some(1.0), n: 10 };
        evidence.outcome(&Seed { rule_index, train: Some(train), ..evidence.seeds[0] })
    };
    assert_eq!(outcome(0.95, 0.9, 1.0), Outcome::Rule);
    assert_eq!(outcome(RULE, 0.8, 1.0), Outcome::Rule);
    assert_eq!(outcome(0.3, 0.1, 1.0), Outcome::Partly);
    assert_eq!(outcome(0.3, -0.1, 1.0), Outcome::Memory);
    assert_eq!(outcome(0.05, 0.01, 1.0), Outcome::Memory);
    assert_eq!(outcome(0.05, 0.01, 0.5), Outcome::NotFitted);
    assert_eq!(evidence.outcome(&Seed::default()), Outcome::Unknown);
}
