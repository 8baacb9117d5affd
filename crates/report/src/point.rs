//! One point of the matrix (the only one, without a matrix): every section that its tables allow.

use artifact::tables::Ceiling;
use serde::Serialize;

use crate::Error;
use crate::asked::{self, Build};
use crate::ceiling::{Scene, Strip};
use crate::folder::Source;
use crate::published::{Line, Published};
use crate::scores::{Ceilings, Scores};
use crate::verdict::{Verdict, Verdicts};
use crate::{ablation, attention, ceiling, certificate, curves, grokking, mistakes, pins, published};

/// How much of each large table the page shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    /// Points of a learning curve.
    pub curve_points: usize,
    /// Bytes of packed attention patterns.
    pub attention_bytes: usize,
    /// Values of the ablation table.
    pub ablation_values: usize,
    /// Wrong answers shown of each class.
    pub mistakes: usize,
    /// Bytes of configs.
    pub config_bytes: usize,
    /// Points of the matrix that have sections of their own.
    pub points: usize,
}

/// The sections of one point, for the template.
#[derive(Debug, Serialize)]
pub(crate) struct Point {
    /// Anchor of the point in the page.
    pub id: String,
    /// `k=2,loss=all`; empty without a matrix.
    pub label: String,
    pub verdict: Verdict,
    pub strip: Option<Strip>,
    asked: asked::Asked,
    pub pins: Option<pins::Pins>,
    certificate: Option<certificate::Section>,
    /// What others found, and what our seeds did.
    pub published: Vec<Line>,
    pub grokking: Option<grokking::Table>,
    curves: Option<Curves>,
    ceiling: Option<ceiling::Section>,
    mistakes: Option<mistakes::Section>,
    attention: Option<LeftOut>,
    ablation: Option<LeftOut>,
    /// Sections without their tables.
    missing: Vec<Missing>,
    #[serde(skip)]
    pub figures: Figures,
}

/// The table beneath the learning curves.
#[derive(Debug, Serialize)]
struct Curves {
    last: Vec<curves::Last>,
    /// Logged and drawn points of a line.
    thinned: Option<(usize, usize)>,
}

/// How many rows a figure leaves out.
#[derive(Debug, Serialize)]
struct LeftOut {
    left_out: usize,
}

/// A section that is not there, and the table that it needs.
#[derive(Debug, Serialize)]
struct Missing {
    section: &'static str,
    table: &'static str,
}

/// What the script of the page draws.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Figures {
    grokking: Option<grokking::Picture>,
    curves: Option<curves::Section>,
    attention: Option<attention::Section>,
    ablation: Option<ablation::Section>,
}

/// Builds all sections of the `index`-th point, beside which `published` is to be read.
pub(crate) fn build(
    source: &Source,
    index: usize,
    limits: &Limits,
    published: &[&Published],
) -> Result<Point, Error> {
    let build = Build::read(source)?;
    let scores = Scores::read(source)?;
    let split = scores.as_ref().map_or("test", Scores::split);
    let certificate = certificate::build(source)?;
    let ceilings = source.read::<Ceiling>("ceilings")?.unwrap_or_default();
    let picked = Ceilings::pick(&ceilings, split, "");
    let verdicts = Verdicts::read(source)?;
    let certified = certificate.as_ref().map(|certificate| certificate.passed);
    let verdict = verdicts.of("", certified);
    let scene = scores.as_ref().map(|scores| Scene {
        scores,
        verdicts: &verdicts,
        split,
        task: "",
        verdict: &verdict,
        ceilings: &picked,
    });

    let validation = Ceilings::pick(&ceilings, "validation", "").u_best.map(|(value, _)| value);
    let curves = curves::build(source, limits.curve_points, validation)?;
    let seeds = match &scores {
        Some(scores) => scores.seeds(),
        None => curves.as_ref().map(curves::Section::seeds).unwrap_or_default(),
    };
    let grokking = grokking::build(source, scores.as_ref(), published, limits.curve_points)?;
    let (picture, grokking) = grokking.unzip();
    let ceiling = ceiling::build(source, scene.as_ref(), split, certified, &ceilings, published)?;
    let mistakes = mistakes::build(source, split, limits.mistakes)?;
    let attention = attention::build(source, limits.attention_bytes)?;
    let ablation = ablation::build(source, limits.ablation_values)?;
    let needed = [
        ("Certificate", "certificate", certificate.is_some()),
        ("Learning curves", "training", curves.is_some()),
        ("Accuracy", "scores", scores.is_some()),
        ("Ceiling of the look-up tables", "ceilings", !ceilings.is_empty()),
        ("Wrong answers", "predictions", mistakes.is_some()),
        ("Attention", "attention", attention.is_some()),
        ("Ablation", "ablation", ablation.is_some()),
    ];
    let missing = needed.into_iter().filter(|(_, _, there)| !there);
    Ok(Point {
        id: format!("p{index}"),
        label: source.label(),
        strip: scene.as_ref().map(|scene| ceiling::strip(scene, published)),
        asked: asked::build(source, &build, &seeds)?,
        pins: pins::build(source, &build)?,
        certificate,
        published: published::lines(published, scores.as_ref(), verdict.counted.as_deref()),
        verdict,
        grokking,
        curves: curves.as_ref().map(|curves| Curves { last: curves.last.clone(), thinned: curves.thinned }),
        ceiling,
        mistakes,
        attention: attention.as_ref().map(|section| LeftOut { left_out: section.left_out }),
        ablation: ablation.as_ref().map(|section| LeftOut { left_out: section.left_out }),
        missing: missing.map(|(section, table, _)| Missing { section, table }).collect(),
        figures: Figures { grokking: picture, curves, attention, ablation },
    })
}
