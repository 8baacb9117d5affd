//! A [`Device`] that is the processor: the kernel's text is compiled as C++, and its threads are switched by hand.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Mutex;

use libloading::{Library, Symbol};
use transformer::Error;
use transformer::cuda::{Device, Job};

/// The processor in place of a GPU.
pub(crate) struct Threads {
    processors: usize,
    library: Option<&'static Library>,
    before_launch: Box<dyn Fn()>,
}

/// Programs that were compiled, by their text.
static COMPILED: Mutex<BTreeMap<String, &Library>> = Mutex::new(BTreeMap::new());

impl Threads {
    /// `None` where there is no compiler.
    pub(crate) fn new(processors: usize) -> Option<Self> {
        let found = Command::new("g++").arg("--version").output().is_ok_and(|output| output.status.success());
        found.then(|| Self::without_program(processors))
    }

    pub(crate) fn without_program(processors: usize) -> Self {
        Self { processors, library: None, before_launch: Box::new(|| {}) }
    }

    /// Does something before each launch.
    pub(crate) fn before_launch(self, then: impl Fn() + 'static) -> Self {
        Self { before_launch: Box::new(then), ..self }
    }
}

impl Device for Threads {
    /// Sixteen bytes each, so that addresses are as even as a GPU's.
    type Buffer = RefCell<Vec<u128>>;

    fn processors(&self) -> usize {
        self.processors
    }

    fn load(&mut self, source: &str) -> Result<(), Error> {
        let mut compiled = COMPILED.lock().unwrap();
        if let Some(library) = compiled.get(source) {
            self.library = Some(library);
            return Ok(());
        }
        let folder = tempfile::tempdir().unwrap();
        let (kernel, library) = (folder.path().join("kernel.cu"), folder.path().join("kernel.so"));
        std::fs::write(&kernel, source).unwrap();
        let output = Command::new("g++")
            .args(["-std=c++17", "-O1", "-U_FORTIFY_SOURCE", "-shared", "-fPIC", "-pthread", "-w", "-o"])
            .arg(&library)
            .arg(format!("-DKERNEL=\"{}\"", kernel.display()))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../transformer/tests/cuda/threads.cpp"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // SAFETY: it was made above, and has nothing that runs when it is loaded.
        let library: &Library = Box::leak(Box::new(unsafe { Library::new(&library) }.unwrap()));
        compiled.insert(source.to_owned(), library);
        self.library = Some(library);
        Ok(())
    }

    fn arena(&self) -> Result<usize, Error> {
        let library = self.library.unwrap();
        // SAFETY: it has this function, and of this kind.
        let bytes = unsafe {
            let arena: Symbol<'_, extern "C" fn() -> u64> = library.get(b"arena").unwrap();
            arena()
        };
        Ok(bytes as usize)
    }

    fn reserve(&self, bytes: usize) -> Result<Self::Buffer, Error> {
        Ok(RefCell::new(vec![0; bytes.div_ceil(16).max(1)]))
    }

    fn write(&self, to: &mut Self::Buffer, at: usize, bytes: &[u8]) -> Result<(), Error> {
        bytemuck::cast_slice_mut(to.get_mut())[at..at + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn read(&self, from: &Self::Buffer, at: usize, bytes: &mut [u8]) -> Result<(), Error> {
        bytes.copy_from_slice(&bytemuck::cast_slice(&from.borrow())[at..at + bytes.len()]);
        Ok(())
    }

    fn address(&self, buffer: &Self::Buffer) -> u64 {
        buffer.borrow_mut().as_mut_ptr() as u64
    }

    fn launch(&self, job: &Job, blocks: usize) -> Result<(), Error> {
        (self.before_launch)();
        let library = self.library.unwrap();
        // SAFETY: it has this function, and of this kind; the addresses are those of live buffers, no part of which is borrowed.
        unsafe {
            let launch: Symbol<'_, extern "C" fn(*const Job, i32)> = library.get(b"launch").unwrap();
            launch(job, blocks as i32);
        }
        Ok(())
    }
}
