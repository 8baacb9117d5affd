//! A small world: rows that count on by one, and models of which it is known what they do.

use std::path::PathBuf;

use analyzer::{Analysis, Config, Error, Inputs, run};
use artifact::tables::{Checkpoint, Counterfactual, Example, Token};
use artifact::{Provenance, digest_bytes, write_table};
use candle_core::{DType, Device, Tensor};
use indexmap::IndexMap;
use transformer::{Transformer, initial_weights};

const VALUES: usize = 12;
/// BEGIN, END, then the values.
const TOKENS: usize = VALUES + 2;
/// BEGIN and four terms: what the model sees.
pub(crate) const SHOWN: usize = 5;
const HEAD: usize = TOKENS;

pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) inputs: Inputs,
    pub(crate) rows: Vec<Example>,
}

/// Residual stream: the token, then the answer, then the position.
pub(crate) fn shape() -> transformer::Config {
    transformer::Config {
        n_layers: 1,
        d_model: 2 * TOKENS + SHOWN,
        n_ctx: SHOWN,
        d_head: HEAD,
        n_heads: 2,
        d_mlp: 1,
        d_vocab: TOKENS,
        act_fn: transformer::ActFn::Relu,
        normalization_type: transformer::Normalization::None,
        positional_embedding_type: transformer::PositionalEmbedding::Standard,
        attn_only: false,
        eps: 1e-5,
    }
}

/// Head 0 attends to its own position and says "one more" with strength 10; head 1 attends to the position before and
/// writes nothing. Heads are swapped where `swapped`.
pub(crate) fn model(swapped: bool) -> Transformer {
    let shape = shape();
    let width = shape.d_model;
    let mut weights: IndexMap<String, Vec<f32>> =
        shape.parameters().into_iter().map(|(name, dims)| (name, vec![0.0; dims.iter().product()])).collect();
    let mut set = |name: &str, place: usize, value: f32| weights[name][place] = value;
    let worker = usize::from(swapped);
    for token in 0..TOKENS {
        set("embed.W_E", token * width + token, 1.0);
        set("unembed.W_U", (TOKENS + token) * TOKENS + token, 1.0);
        set("blocks.0.attn.W_V", (worker * width + token) * HEAD + token, 1.0);
        if (2..TOKENS - 1).contains(&token) {
            set("blocks.0.attn.W_O", (worker * HEAD + token) * width + TOKENS + token + 1, 10.0);
        }
    }
    for position in 0..SHOWN {
        let at = 2 * TOKENS + position;
        set("pos_embed.W_pos", position * width + at, 1.0);
        for head in 0..2 {
            let key = if head == worker { position } else { position + 1 };
            set("blocks.0.attn.W_Q", (head * width + at) * HEAD + position, 1000.0);
            set("blocks.0.attn.W_K", (head * width + at) * HEAD + key, 1.0);
        }
    }
    let dims = shape.parameters();
    let tensor = |(name, values): (String, Vec<f32>)| {
        let tensor = Tensor::from_vec(values, dims[&name].clone(), &Device::Cpu).unwrap();
        (name, tensor)
    };
    Transformer::new(&shape, weights.into_iter().map(tensor).collect()).unwrap()
}

/// Returns the rows of a task, so many terms that count on by one, from the `example_id` given on.
pub(crate) fn rows(task: &str, first: i64, terms: usize) -> Vec<Example> {
    let token = |value: usize| (value + 2) as u16;
    let row = |start: usize| Example {
        example_id: first + start as i64,
        task: task.into(),
        family: "arithmetic".into(),
        notation: "numeral".into(),
        domain: "integer".into(),
        unit: "pair".into(),
        parameter: Some(1),
        text: String::new(),
        terms: (start..start + terms).map(|value| value as i64).collect(),
        tokens: [vec![0], (start..start + terms).map(token).collect(), vec![1]].concat(),
        answer_start: terms as i32,
        answer_length: 2,
        cluster: start as i64 / 2,
    };
    (0..=VALUES - terms).map(row).collect()
}

/// Returns a model whose weights are random, and large enough for everything in it to matter.
pub(crate) fn random_model(shape: &transformer::Config, seed: u64) -> Transformer {
    let mut random = stream::generator("analyzer/test", &[seed]);
    let weights = initial_weights(shape, 1.0, &mut random, DType::F32, &Device::Cpu).unwrap();
    Transformer::new(shape, weights.into_iter().collect()).unwrap()
}

impl World {
    /// Rows `s s+1 s+2 s+3`, without and with counterfactual twins.
    pub(crate) fn new(twins: bool) -> World {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let inputs = Inputs {
            examples: vec![at("test.parquet")],
            vocabulary: at("vocabulary.parquet"),
            model_vocabulary: at("vocabulary.parquet"),
            trained_on: at("trained_on.parquet"),
            audit: None,
            counterfactuals: at("counterfactuals.parquet"),
            checkpoints: at("checkpoints.parquet"),
            model: at("model.json"),
        };
        let rows = rows("plus1", 0, 4);
        let provenance = Provenance::default();
        write_table(&inputs.examples[0], &provenance, rows.clone()).unwrap();
        let vocabulary = (0..TOKENS).map(|id| {
            let (token, kind) = match id {
                0 => ("BEGIN".to_owned(), "begin"),
                1 => ("END".to_owned(), "end"),
                _ => ((id - 2).to_string(), "value"),
            };
            Token { token_id: id as i32, token, kind: kind.into(), value: (id >= 2).then_some(id as i64 - 2) }
        });
        write_table(&inputs.vocabulary, &provenance, vocabulary).unwrap();
        let twin = |row: &Example| Counterfactual {
            example_id: row.example_id,
            kind: "random_members".into(),
            terms: vec![4, 4, 4, 4],
            parameter: None,
            edited: vec![0, 1, 2],
            tokens: vec![0, 4, 4, 4, 4, 1],
            position: 4,
            answer_token: i32::from(row.tokens[4]),
            counterfactual_token: 4,
        };
        let twins: Vec<Counterfactual> = if twins { rows.iter().map(twin).collect() } else { Vec::new() };
        write_table(&inputs.counterfactuals, &provenance, twins).unwrap();
        let world = World { inputs, rows, folder };
        world.show_models(&shape(), &[(0, 100, model(true)), (0, 300, model(false)), (1, 300, model(true))]);
        world
    }

    /// Puts other rows in the place of those that are looked at.
    pub(crate) fn show_rows(&self, rows: &[Example]) {
        write_table(&self.inputs.examples[0], &Provenance::default(), rows.to_vec()).unwrap();
    }

    /// Puts other models, by seed and step, in the place of those that are looked at.
    pub(crate) fn show_models(&self, shape: &transformer::Config, models: &[(i32, i64, Transformer)]) {
        std::fs::write(&self.inputs.model, serde_json::to_string(shape).unwrap()).unwrap();
        let checkpoints = models.iter().map(|(seed, step, model)| {
            let path = format!("{seed}-{step}.safetensors");
            let bytes = model.to_safetensors().unwrap();
            std::fs::write(self.folder.path().join(&path), &bytes).unwrap();
            Checkpoint { seed: *seed, step: *step, path, digest: digest_bytes(&bytes) }
        });
        write_table(&self.inputs.checkpoints, &Provenance::default(), checkpoints).unwrap();
    }

    /// Does every analysis.
    pub(crate) fn run(&self, name: &str) -> Result<PathBuf, Error> {
        self.run_only(name, Analysis::all())
    }

    pub(crate) fn run_only(&self, name: &str, analyses: Vec<Analysis>) -> Result<PathBuf, Error> {
        let out = self.folder.path().join(name);
        std::fs::create_dir(&out).unwrap();
        let config = Config { analyses, bootstrap_draws: 200, ..Config::default() };
        run(&config, &self.inputs, &out, &Provenance::default()).map(|()| out)
    }
}
