//! Whether a training fits its data and the run that it goes on from, as far as a definition shows.

use pipeline::{Beside, Problem, Together};
use trainer::{BatchSize, Config, Loss, Order, Span};

use super::stage::problem;
use super::told::{self, ACTIVATIONS, Data, Models, gibibytes, read};

/// Returns what is told of the models, or what is wrong.
pub(crate) fn models(config: &Config, stage: &Together<'_>) -> Result<Option<Models>, Vec<Problem>> {
    let Some((beside, data)) = stage.input("data").and_then(|data| Some((data, read::<Data>(&data)?))) else {
        return Ok(None);
    };
    let from = stage.input("from").and_then(|from| Some((from, read::<Models>(&from)?)));
    let seeds = config.seeds.0.clone();
    let (models, seen) = match &from {
        Some((_, earlier)) => (Some(earlier), earlier.seen),
        None => (None, 0),
    };
    let mut saw = models.map(|earlier| earlier.saw.clone()).unwrap_or_default();
    saw.insert(data.digest.clone(), beside.stage.to_owned());
    // The rows less their last token, which is never an input.
    let longest = data.rows.seen.saturating_sub(1).max(1);
    let mut shape = config.model.shape(data.tokens.count, longest);
    if let (None, Some(earlier)) = (config.model.n_ctx, models) {
        shape.n_ctx = earlier.shape.n_ctx;
    }
    let exact = config.model.n_ctx.is_some() || models.map_or(data.rows.exact, |earlier| earlier.exact);
    let size = match config.batch {
        BatchSize::Rows(size) => size as u64,
        BatchSize::Full => data.rows.train,
    };
    let seen = seen.saturating_add(size.saturating_mul(config.steps));
    let models = Models { shape, exact, tokens: data.tokens.clone(), seeds, seen, saw };

    let mut problems = Vec::new();
    if let Some((from, earlier)) = &from {
        problems.extend(check_earlier(config, &models, earlier, from));
    }
    problems.extend(check_context(config, &models, &data, &beside));
    problems.extend(check_rows(config, &models, &data, &beside));
    problems.extend(check_memory(&models, &data, &beside));
    if problems.is_empty() { Ok(Some(models)) } else { Err(problems) }
}

/// Refuses to go on from models of another shape, with other tokens or of other seeds.
fn check_earlier(config: &Config, models: &Models, earlier: &Models, from: &Beside<'_>) -> Option<Problem> {
    let name = from.stage;
    if !models.tokens.are(&earlier.tokens) {
        let message = format!("its tokens are others than those that `{name}` was trained on");
        let help = "build both with the same notations and values".to_owned();
        return Some(problem("data".to_owned(), message, help));
    }
    let fields = |shape: &transformer::Config| serde_json::to_value(shape).unwrap_or_default();
    let (asked, found) = (fields(&models.shape), fields(&earlier.shape));
    let known = |name: &str| name != "n_ctx" || (models.exact && earlier.exact);
    let other = asked.as_object().into_iter().flatten();
    let mut other = other.filter(|(name, value)| known(name) && found[name.as_str()] != **value);
    if let Some((field, value)) = other.next() {
        let key = if field == "normalization_type" { "normalization" } else { field.as_str() };
        let given = config_has(config, key);
        let at = if given { format!("model.{key}") } else { "model".to_owned() };
        let message =
            format!("{key} is {value}, but {} in `{name}`, which it goes on from", found[field.as_str()]);
        return Some(problem(at, message, format!("give both the same `{key}`")));
    }
    let missing = config.seeds.0.iter().find(|seed| !earlier.seeds.contains(seed))?;
    let listed: Vec<String> = earlier.seeds.iter().take(20).map(ToString::to_string).collect();
    let more = if earlier.seeds.len() > listed.len() { ", ..." } else { "" };
    let message = format!("{missing} is no seed of `{name}`, which it goes on from");
    Some(problem("seeds".to_owned(), message, format!("choose from {}{more}", listed.join(", "))))
}

/// Says whether a key of the model was written, as far as its default can be told from it.
fn config_has(config: &Config, key: &str) -> bool {
    serde_json::to_value(&config.model).is_ok_and(|model| !model[key].is_null())
}

/// Refuses a context that is too short for the rows, of which training sees only some.
fn check_context(config: &Config, models: &Models, data: &Data, beside: &Beside<'_>) -> Option<Problem> {
    let (name, needed, n_ctx) = (beside.stage, data.rows.longest().saturating_sub(1), models.shape.n_ctx);
    if needed <= n_ctx || !(data.rows.exact || config.model.n_ctx.is_some()) {
        return None;
    }
    let help = format!("give `n_ctx: {needed}` or more");
    Some(match config.model.n_ctx {
        Some(n_ctx) => {
            let message = format!("{n_ctx} tokens, but rows of `{name}` ask for {needed}");
            problem("model.n_ctx".to_owned(), message, help)
        }
        None => {
            let seen = data.rows.seen.saturating_sub(1);
            let message = format!(
                "`{name}` holds out rows that ask for a context of {needed} tokens, and training sees none that asks for \
                 more than {seen}"
            );
            problem("model".to_owned(), message, help)
        }
    })
}

/// Refuses what asks for more rows, or longer ones, than there can be.
fn check_rows(config: &Config, models: &Models, data: &Data, beside: &Beside<'_>) -> Option<Problem> {
    let (name, rows) = (beside.stage, data.rows.train);
    if let BatchSize::Rows(size) = config.batch
        && size as u64 > rows
    {
        let message = format!("{size} rows of `{name}`, which has at most {rows} train rows");
        return Some(problem("batch".to_owned(), message, "lower it, or build more rows".to_owned()));
    }
    if config.order == Order::Once && models.seen > rows {
        let message =
            format!("the updates take {} rows of `{name}`, which has at most {rows} train rows", models.seen);
        return Some(problem(
            "order".to_owned(),
            message,
            "lower `steps` or `batch`, or build more rows".to_owned(),
        ));
    }
    if let Loss::Span(Span { from }) = config.loss
        && data.rows.exact
        && from >= data.rows.seen
    {
        let message =
            format!("leaves nothing to score: rows of `{name}` have at most {} tokens", data.rows.seen);
        return Some(problem(
            "loss.span.from".to_owned(),
            message,
            "count from a token that every row has".to_owned(),
        ));
    }
    if config.checkpoints.best && data.rows.validation == 0 {
        let message = format!("`{name}` has no validation rows to choose the best checkpoint by");
        return Some(problem(
            "checkpoints.best".to_owned(),
            message,
            "leave it out, or build some".to_owned(),
        ));
    }
    None
}

/// Refuses models that no memory holds, now that their vocabulary and context are known.
fn check_memory(models: &Models, data: &Data, beside: &Beside<'_>) -> Option<Problem> {
    if let Err(error) = models.shape.check() {
        let (message, tokens) = (error.to_string(), models.tokens.count);
        let message = message.strip_prefix("model configuration: ").unwrap_or(&message);
        let message = format!("with the {tokens} tokens of `{}`: {message}", beside.stage);
        return Some(problem("model".to_owned(), message, "make the model smaller".to_owned()));
    }
    let positions = data.rows.seen.saturating_sub(1).max(1) as u64;
    let numbers = told::tile(&models.shape, positions);
    (numbers > ACTIVATIONS).then(|| {
        let (asked, possible) = (gibibytes(numbers), gibibytes(ACTIVATIONS));
        let message = format!(
            "rows of {positions} tokens, as `{}` has, take about {asked} each, of at most {possible}",
            beside.stage
        );
        problem("model".to_owned(), message, "build shorter rows, or make the model smaller".to_owned())
    })
}
