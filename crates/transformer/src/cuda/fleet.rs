use bytemuck::{Pod, Zeroable};

use super::source::{BLOCKS_PER_PROCESSOR, source};
use super::table::Table;
use crate::engine::layout::Layout;
use crate::engine::{AdamW, Moments};
use crate::{Config, Error, Result};

/// Memory that is not the host's, and what computes there.
pub trait Device {
    /// Part of its memory.
    type Buffer;

    /// Returns the number of its multiprocessors.
    fn processors(&self) -> usize;

    /// Compiles and loads a program; what is launched from now on is of it.
    ///
    /// # Errors
    /// [`Error::Device`], as of every function here.
    fn load(&mut self, source: &str) -> Result<()>;

    /// Returns the bytes that a block of threads of the program works in.
    fn arena(&self) -> Result<usize>;

    /// Returns memory that is zero.
    fn reserve(&self, bytes: usize) -> Result<Self::Buffer>;

    /// Writes bytes, from byte `at` on.
    fn write(&self, to: &mut Self::Buffer, at: usize, bytes: &[u8]) -> Result<()>;

    /// Reads bytes, from byte `at` on, when all that was launched is done.
    fn read(&self, from: &Self::Buffer, at: usize, bytes: &mut [u8]) -> Result<()>;

    /// Returns where memory lies for the program.
    fn address(&self, buffer: &Self::Buffer) -> u64;

    /// Starts the program's `train` in so many blocks, which run at the same time, and does not wait for its end.
    fn launch(&self, job: &Job, blocks: usize) -> Result<()>;
}

/// One update of every model.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Update {
    /// Of gradients that are clipped already where `scale` is not 1.
    pub adamw: AdamW,
    /// Largest norm of the gradient, longer ones are scaled to it; 0 is any.
    pub clip: f32,
    /// Its number among those of the model, from 1, on which depends what dropout leaves out.
    pub step: u32,
}

/// What a model gives for a batch, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Output {
    /// Mean over the scored places, in nats, before the update.
    pub loss: f64,
    /// L2 norm of the gradient, before clipping; 0 where nothing was learned.
    pub gradient_norm: f32,
    /// L2 norm of the weights after the update; 0 where nothing was learned.
    pub weight_norm: f32,
    /// Rows whose every answer token was the likeliest one.
    pub right: i32,
    /// 1 where the weights were updated; 0 where loss or gradient were no numbers, and in all steps behind that.
    pub updated: i32,
}

/// What the kernel is told: addresses in the device's memory, and sizes. `kernel/train.cu` has the same fields.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub struct Job {
    tokens: u64,
    flags: u64,
    end: u32,
    separator: u32,
    order: u64,
    loss_weights: u64,
    updates: u64,
    streams: u64,
    kinds: u64,
    weights: u64,
    mean: u64,
    square: u64,
    gradients: u64,
    arenas: u64,
    parts: u64,
    outputs: u64,
    arrived: u64,
    stopped: u64,
    steps: i32,
    models: i32,
    batch: i32,
    team: i32,
}

/// Batches for all models.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batches {
    /// Rows of the table, `[steps, models, batch]`.
    pub order: Vec<u32>,
    /// One over the number of scored places of each batch, `[steps, models]`.
    pub loss_weights: Vec<f32>,
}

/// Models of one shape on one device.
pub struct Fleet<D: Device> {
    device: D,
    layout: Layout,
    table: Table,
    models: usize,
    /// Blocks of a model.
    team: usize,
    job: Job,
    weights: D::Buffer,
    mean: D::Buffer,
    square: D::Buffer,
    /// Written anew for each launch, and as large as the largest so far.
    order: Growing<D>,
    loss_weights: Growing<D>,
    updates: Growing<D>,
    outputs: Growing<D>,
    arrived: D::Buffer,
    stopped: D::Buffer,
    /// The stream of each model's dropout.
    streams: D::Buffer,
    /// Held because the kernel works in them.
    _rest: Vec<D::Buffer>,
    /// Steps under way.
    started: usize,
}

struct Growing<D: Device> {
    buffer: D::Buffer,
    bytes: usize,
}

impl<D: Device> Growing<D> {
    fn new(device: &D) -> Result<Self> {
        Ok(Self { buffer: device.reserve(16)?, bytes: 16 })
    }

    fn fit(&mut self, device: &D, bytes: usize) -> Result<u64> {
        if self.bytes < bytes {
            *self = Self { buffer: device.reserve(bytes)?, bytes };
        }
        Ok(device.address(&self.buffer))
    }

    fn put<T: Pod>(&mut self, device: &D, values: &[T]) -> Result<u64> {
        let bytes = bytemuck::cast_slice(values);
        self.fit(device, bytes.len())?;
        device.write(&mut self.buffer, 0, bytes)?;
        Ok(device.address(&self.buffer))
    }
}

/// Selected places that a tile should have: as many as keep all threads of a block busy in a product.
const PLACES: usize = 128;
/// Tokens of a tile, at most, unless one sequence has more.
const TOKENS: usize = 512;
/// Fewer tokens than this do not pay, even where blocks have nothing to do.
const FEW: usize = 32;

impl<D: Device> Fleet<D> {
    /// Returns the number of models that fit on a device side by side.
    pub fn capacity(device: &D) -> usize {
        device.processors() * BLOCKS_PER_PROCESSOR
    }

    /// Makes room for so many models of a shape, which will read batches of so many rows of the table and leave a share of
    /// their activations out when they learn, as [`Dropout`](crate::engine::Dropout) does. Their weights are 0.
    ///
    /// # Errors
    /// [`Error::Config`], [`Error::Input`] for a table that does not fit the shape, [`Error::Device`].
    pub fn new(
        mut device: D,
        config: &Config,
        table: Table,
        models: usize,
        batch: usize,
        dropout: f64,
    ) -> Result<Self> {
        config.check()?;
        table.check(config)?;
        let slots = Self::capacity(&device);
        if models == 0 || models > slots {
            return Err(Error::Input(format!("expected 1 to {slots} models side by side, found {models}")));
        }
        let layout = Layout::new(config, 0);
        let selected = table.flags.iter().filter(|flags| **flags != 0).count().div_ceil(table.rows()).max(1);
        let (share, positions) = (slots / models, table.positions);
        let sequences = PLACES
            .div_ceil(selected)
            .min(TOKENS / positions)
            .min(batch.div_ceil(share).max(FEW.div_ceil(positions)))
            .clamp(1, batch.max(1));
        let team = share.min(batch.div_ceil(sequences)).max(1);
        device.load(&source(config, &layout, positions, sequences, dropout))?;

        let floats = |floats: usize| device.reserve(4 * floats);
        let slab = layout.padded;
        let (weights, mean, square) =
            (floats(models * slab)?, floats(models * slab)?, floats(models * slab)?);
        let gradients = floats(models * team * slab)?;
        let arenas = device.reserve(models * team * device.arena()?)?;
        let parts = device.reserve(models * team * 4 * 8)?;
        let (arrived, stopped, streams) = (floats(models)?, floats(models)?, floats(2 * models)?);
        let put = |bytes: &[u8]| {
            let mut buffer = device.reserve(bytes.len())?;
            device.write(&mut buffer, 0, bytes)?;
            Ok::<_, Error>(buffer)
        };
        let kinds: Vec<u8> = layout
            .learned()
            .into_iter()
            .map(|learned| learned.map_or(0, |decays| 1 + u8::from(decays)))
            .collect();
        let (tokens, flags, kinds) =
            (put(bytemuck::cast_slice(&table.tokens))?, put(&table.flags)?, put(&kinds)?);
        let at = |buffer: &D::Buffer| device.address(buffer);
        let (end, separator) = table
            .border
            .map_or((u32::MAX, u32::MAX), |(end, separator)| (u32::from(end), u32::from(separator)));
        let job = Job {
            tokens: at(&tokens),
            flags: at(&flags),
            end,
            separator,
            kinds: at(&kinds),
            weights: at(&weights),
            mean: at(&mean),
            square: at(&square),
            gradients: at(&gradients),
            arenas: at(&arenas),
            parts: at(&parts),
            arrived: at(&arrived),
            stopped: at(&stopped),
            streams: at(&streams),
            models: models as i32,
            team: team as i32,
            ..Job::zeroed()
        };
        Ok(Self {
            order: Growing::new(&device)?,
            loss_weights: Growing::new(&device)?,
            updates: Growing::new(&device)?,
            outputs: Growing::new(&device)?,
            _rest: vec![gradients, arenas, parts, tokens, flags, kinds],
            device,
            layout,
            table,
            models,
            team,
            job,
            weights,
            mean,
            square,
            arrived,
            stopped,
            streams,
            started: 0,
        })
    }

    /// Puts a model in its place, with the stream of its dropout. It takes part again if it was stopped.
    ///
    /// # Errors
    /// [`Error::Input`] for slices that are not as long as the model has parameters; [`Error::Device`].
    pub fn set(&mut self, model: usize, weights: &[f32], moments: &Moments, stream: u64) -> Result<()> {
        let wanted = self.layout.flat;
        if [weights.len(), moments.mean.len(), moments.square.len()] != [wanted; 3] {
            return Err(Error::Input(format!("expected {wanted} weights, found {}", weights.len())));
        }
        let at = model * self.layout.padded * 4;
        let mut slab = vec![0.0; self.layout.padded];
        self.layout.pad(weights, &mut slab);
        self.device.write(&mut self.weights, at, bytemuck::cast_slice(&slab))?;
        for (values, buffer) in [(&moments.mean, &mut self.mean), (&moments.square, &mut self.square)] {
            self.layout.pad(values, &mut slab);
            self.device.write(buffer, at, bytemuck::cast_slice(&slab))?;
        }
        self.device.write(&mut self.streams, 8 * model, bytemuck::bytes_of(&stream))?;
        self.device.write(&mut self.stopped, 4 * model, &[0; 4])
    }

    /// Lets only these models take part from now on.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn select(&mut self, models: &[usize]) -> Result<()> {
        let stopped: Vec<u32> = (0..self.models).map(|model| u32::from(!models.contains(&model))).collect();
        self.device.write(&mut self.stopped, 0, bytemuck::cast_slice(&stopped))
    }

    /// Returns a model's weights.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn weights(&self, model: usize) -> Result<Vec<f32>> {
        self.flat(&self.weights, model)
    }

    /// Returns the moments of a model's optimizer.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn moments(&self, model: usize) -> Result<Moments> {
        Ok(Moments { mean: self.flat(&self.mean, model)?, square: self.flat(&self.square, model)? })
    }

    fn flat(&self, buffer: &D::Buffer, model: usize) -> Result<Vec<f32>> {
        let Layout { padded, flat, .. } = self.layout;
        let (mut slab, mut values) = (vec![0.0_f32; padded], vec![0.0; flat]);
        self.device.read(buffer, 4 * model * padded, bytemuck::cast_slice_mut(&mut slab))?;
        self.layout.flatten(&slab, &mut values);
        Ok(values)
    }

    /// Starts one update after the other, and does not wait for their end.
    ///
    /// # Errors
    /// [`Error::Input`] for batches that do not fit the models or the table; [`Error::Device`].
    pub fn start(&mut self, batches: &Batches, updates: &[Update]) -> Result<()> {
        let updates_at = self.updates.put(&self.device, updates)?;
        self.launch(batches, updates.len(), updates_at)
    }

    /// Waits for what was started and returns the outputs, `[steps, models]`.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn finish(&mut self) -> Result<Vec<Output>> {
        let mut outputs = vec![Output::zeroed(); self.started * self.models];
        self.device.read(&self.outputs.buffer, 0, bytemuck::cast_slice_mut(&mut outputs))?;
        self.started = 0;
        Ok(outputs)
    }

    /// Returns the loss of each model on a batch, and leaves all as they are.
    ///
    /// # Errors
    /// As [`Fleet::start`].
    pub fn loss(&mut self, batches: &Batches) -> Result<Vec<Output>> {
        self.launch(batches, 1, 0)?;
        self.finish()
    }

    fn launch(&mut self, batches: &Batches, steps: usize, updates: u64) -> Result<()> {
        let count = steps * self.models;
        let batch = batches.order.len() / count.max(1);
        if batches.loss_weights.len() != count || batch == 0 || batches.order.len() != count * batch {
            let (loss_weights, order) = (batches.loss_weights.len(), batches.order.len());
            return Err(Error::Input(format!("{order} rows in {loss_weights} batches for {count}")));
        }
        let rows = self.table.rows();
        if let Some(row) = batches.order.iter().find(|row| **row as usize >= rows) {
            return Err(Error::Input(format!("expected rows below {rows}, found {row}")));
        }
        let outputs = vec![Output::zeroed(); count];
        self.device.write(&mut self.arrived, 0, &vec![0; 4 * self.models])?;
        let job = Job {
            order: self.order.put(&self.device, &batches.order)?,
            loss_weights: self.loss_weights.put(&self.device, &batches.loss_weights)?,
            outputs: self.outputs.put(&self.device, &outputs)?,
            updates,
            steps: steps as i32,
            batch: batch as i32,
            ..self.job
        };
        self.started = steps;
        self.device.launch(&job, self.models * self.team)
    }
}

impl<D: Device> std::fmt::Debug for Fleet<D> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Fleet")
            .field("models", &self.models)
            .field("team", &self.team)
            .finish_non_exhaustive()
    }
}
