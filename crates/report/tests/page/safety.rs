//! What a page may run and obey: itself.

use report::{Config, Metric, Published};
use serde_json::json;

use super::render;
use super::synthetic::{self, Study};

#[test]
fn hostile_names_are_harmless() {
    let hostile = "</script><script>alert(1)</script>\u{2028}'\"&<b>";
    let mut study = Study { tasks: vec![hostile.into()], pinned: true, ..Study::x2() };
    study.level = json!({hostile: {}});
    study.family = json!({hostile: {"ratio": hostile}});
    let root = tempfile::tempdir().expect("a temporary folder");
    let mut folders = synthetic::write(root.path(), &study, "");
    folders.iter_mut().for_each(|(label, _)| *label = format!("{hostile}/{hostile}={hostile}"));
    let config = Config {
        title: Some(hostile.into()),
        description: Some(hostile.into()),
        question: Some(hostile.into()),
        pipeline: Some(hostile.into()),
        published: vec![Published {
            metric: Metric::Accuracy,
            value: 1.0,
            source: hostile.into(),
            at: None,
            note: Some(hostile.into()),
        }],
    };
    let page = render(&config, folders, root.path());
    only_its_own_script(&page);
    assert!(!page.contains("<script>alert") && !page.contains('\u{2028}'));
    assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)"), "the name still stands in the page");
}

/// One script, the one whose hash is named; what else is called a script is data.
fn only_its_own_script(page: &str) {
    let embedded = page.matches("<script type=\"application/json\">").count();
    assert_eq!((page.matches("<script>").count(), page.matches("<style").count()), (1, 1));
    assert_eq!(page.matches("<script").count(), 1 + embedded);
    assert_eq!(page.matches("</script>").count(), 1 + embedded);
    assert!(!page.contains(" style=\"") && !page.contains(" onclick") && !page.contains(" onload"));
}

#[test]
fn the_page_runs_nothing_but_itself_and_obeys_no_text() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folders = synthetic::write(root.path(), &Study::plus2(&[0.9, 0.99]), "");
    let text = || Some("a\u{202e}b\u{1b}[31m <script>alert(1)</script>\u{9b}\nsecond line".to_owned());
    let config = Config { title: text(), description: text(), question: text(), ..Config::default() };
    let page = render(&config, folders, root.path());
    let (_, policy) = page.split_once("http-equiv=\"Content-Security-Policy\" content=\"").expect("a policy");
    let (policy, _) = policy.split_once('"').expect("its end");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-")
            && policy.contains("script-src 'sha256-"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    only_its_own_script(&page);
    assert!(page.contains("a\\u{202e}b\\u{1b}[31m &lt;script&gt;alert(1)"));
    let obeyed = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}');
    assert_eq!(page.find(obeyed), None);
}
