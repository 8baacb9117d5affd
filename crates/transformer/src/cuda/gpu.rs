//! The first NVIDIA GPU, through libraries that are opened when they are needed.

#![expect(unsafe_code, reason = "what a GPU runs is beyond the compiler's sight")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use cudarc::driver::sys::CUdevice_attribute::{
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR as MAJOR,
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR as MINOR,
    CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT as PROCESSORS,
};
use cudarc::driver::sys::CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES as MAX_DYNAMIC_SHARED;
use cudarc::driver::{
    CudaContext, CudaFunction, CudaSlice, CudaStream, DevicePtr, LaunchConfig, PushKernelArg,
};
use cudarc::nvrtc::{CompileError, CompileOptions, Ptx, compile_ptx_with_opts};

use super::fleet::{Device, Job};
use super::source::source;
use crate::engine::layout::Layout;
use crate::{Config, Error, Result};

/// Threads of a block; `kernel/product.cu` has the same number.
const THREADS: u32 = 256;

const NO_DRIVER: &str =
    "NVIDIA's driver (libcuda.so.1) is not found: there is no GPU here, or its driver is not installed";
const NO_COMPILER: &str = "CUDA's run-time compiler (libnvrtc.so) is not found; name its folder in LD_LIBRARY_PATH (a \
                           CUDA toolkit has it in lib64, the Python package nvidia-cuda-nvrtc in nvidia/cu13/lib)";

/// What the kernel needs of a GPU alone.
const BASE: &str = include_str!("kernel/device.cu");

/// An NVIDIA GPU.
pub struct Gpu {
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    train: Option<CudaFunction>,
    /// Bytes of memory and of shared memory that a block works in.
    arena: usize,
    shared: u32,
}

// SAFETY: `Job` is plain data, laid out as C does it, and the kernel reads it as that.
unsafe impl cudarc::driver::DeviceRepr for Job {}

impl Gpu {
    /// Opens the first GPU.
    ///
    /// # Errors
    /// [`Error::Device`] where there is none, or a library of CUDA is missing.
    pub fn new() -> Result<Self> {
        // SAFETY: this opens the driver's library and the compiler's, which are those of NVIDIA.
        let (driver, compiler) =
            unsafe { (cudarc::driver::sys::is_culib_present(), cudarc::nvrtc::sys::is_culib_present()) };
        if !driver {
            return Err(Error::Device(NO_DRIVER.to_owned()));
        }
        if !compiler {
            return Err(Error::Device(NO_COMPILER.to_owned()));
        }
        let context = CudaContext::new(0)?;
        // SAFETY: one thread uses one stream, on which everything is in order.
        unsafe { context.disable_event_tracking() };
        let stream = context.new_stream()?;
        Ok(Self { context, stream, train: None, arena: 0, shared: 0 })
    }

    /// Returns its name.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn name(&self) -> Result<String> {
        Ok(self.context.name()?)
    }
}

/// Programs that were compiled, by their text.
static COMPILED: Mutex<BTreeMap<String, Ptx>> = Mutex::new(BTreeMap::new());

/// Compiles a program, for `compute_90` to what the driver assembles, for `sm_90` down to the machine's code.
fn compile(source: &str, architecture: &str) -> Result<Ptx> {
    let options = vec![
        format!("--gpu-architecture={architecture}"),
        "--std=c++17".to_owned(),
        "-default-device".to_owned(),
    ];
    let options = CompileOptions { options, ..CompileOptions::default() };
    let text = format!("// {architecture}\n{BASE}{source}");
    let mut compiled = COMPILED.lock().expect("no thread panics while it holds this lock");
    if let Some(ptx) = compiled.get(&text) {
        return Ok(ptx.clone());
    }
    let ptx = compile_ptx_with_opts(&text, options)?;
    compiled.insert(text, ptx.clone());
    Ok(ptx)
}

/// Compiles the kernel for a shape, rows of `positions` inputs and an architecture such as `sm_90`; needs no GPU.
///
/// # Errors
/// [`Error::Config`]; [`Error::Device`] where CUDA's compiler is missing or refuses.
pub fn assemble(config: &Config, positions: usize, architecture: &str) -> Result<()> {
    config.check()?;
    // SAFETY: this opens the compiler's library, which is NVIDIA's.
    if !unsafe { cudarc::nvrtc::sys::is_culib_present() } {
        return Err(Error::Device(NO_COMPILER.to_owned()));
    }
    compile(&source(config, &Layout::new(config, 0), positions, 4, 0.1), architecture).map(drop)
}

impl Device for Gpu {
    type Buffer = CudaSlice<u8>;

    fn processors(&self) -> usize {
        self.context.attribute(PROCESSORS).map_or(1, |number| number.unsigned_abs() as usize)
    }

    fn load(&mut self, source: &str) -> Result<()> {
        let (major, minor) = (self.context.attribute(MAJOR)?, self.context.attribute(MINOR)?);
        let module = self.context.load_module(compile(source, &format!("compute_{major}{minor}"))?)?;
        let train = module.load_function("train")?;
        let needs = module.load_function("needs")?;
        let bytes = self.stream.alloc_zeros::<u64>(2)?;
        let one = LaunchConfig { grid_dim: (1, 1, 1), block_dim: (1, 1, 1), shared_mem_bytes: 0 };
        // SAFETY: the kernel writes two numbers to where it is told.
        unsafe { self.stream.launch_builder(&needs).arg(&bytes).launch(one) }?;
        let bytes = self.stream.clone_dtoh(&bytes)?;
        (self.arena, self.shared) = (bytes[0] as usize, bytes[1] as u32);
        train.set_attribute(MAX_DYNAMIC_SHARED, bytes[1] as i32)?;
        self.train = Some(train);
        Ok(())
    }

    fn arena(&self) -> Result<usize> {
        Ok(self.arena)
    }

    fn reserve(&self, bytes: usize) -> Result<CudaSlice<u8>> {
        self.stream.alloc_zeros(bytes.max(1)).map_err(|error| {
            let free = self.context.mem_get_info().map_or(0, |(free, _)| free);
            let (wanted, free) = (bytes >> 20, free >> 20);
            Error::Device(format!("{wanted} MiB are wanted and {free} MiB are free; train fewer seeds at once, or smaller models ({error})"))
        })
    }

    fn write(&self, to: &mut CudaSlice<u8>, at: usize, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.memcpy_htod(bytes, &mut to.slice_mut(at..at + bytes.len()))?)
    }

    fn read(&self, from: &CudaSlice<u8>, at: usize, bytes: &mut [u8]) -> Result<()> {
        self.stream.memcpy_dtoh(&from.slice(at..at + bytes.len()), bytes)?;
        Ok(self.stream.synchronize()?)
    }

    fn address(&self, buffer: &CudaSlice<u8>) -> u64 {
        buffer.device_ptr(&self.stream).0
    }

    fn launch(&self, job: &Job, blocks: usize) -> Result<()> {
        let train = self.train.as_ref().ok_or_else(|| Error::Device("no program is loaded".to_owned()))?;
        let blocks =
            u32::try_from(blocks).map_err(|_| Error::Device(format!("{blocks} blocks are too many")))?;
        let config = LaunchConfig {
            grid_dim: (blocks, 1, 1),
            block_dim: (THREADS, 1, 1),
            shared_mem_bytes: self.shared,
        };
        // SAFETY: the addresses in the job are those of buffers that live as long as the fleet, of the sizes that the
        // kernel expects; cooperative, because blocks of a team wait for each other.
        unsafe { self.stream.launch_builder(train).arg(job).launch_cooperative(config) }?;
        Ok(())
    }
}

impl From<cudarc::driver::DriverError> for Error {
    fn from(error: cudarc::driver::DriverError) -> Self {
        Self::Device(error.to_string())
    }
}

impl From<CompileError> for Error {
    fn from(error: CompileError) -> Self {
        match error {
            CompileError::CompileError { log, .. } => {
                Self::Device(format!("the kernel does not compile: {}", log.to_string_lossy()))
            }
            error => Self::Device(format!("the kernel does not compile: {error}")),
        }
    }
}

impl std::fmt::Debug for Gpu {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Gpu").finish_non_exhaustive()
    }
}
