//! PyTorch checkpoints, read without Python and without running anything of them.
//!
//! A checkpoint is a pickle: a program for a stack machine that may call any Python function by name. This reader
//! runs the stack machine ([`PyTorchFile`] explains what comes out) but calls nothing. Containers, storages, tensors and
//! numbers have a meaning here; every other name gives an inert object, which is reported, and which is an error if it
//! stands among the weights. Names that only an attacker writes, such as `os.system`, are an error wherever they stand.
//!
//! Limits ([`PyTorchLimits`]) bound steps, stack, depth, sizes and unpacked bytes; sizes in the file are compared with the
//! bytes that are there before anything is allocated for them.

mod container;
mod dtype;
mod fault;
mod file;
mod globals;
mod heap;
mod legacy;
mod limits;
mod machine;
mod rebuild;
mod stream;
mod tensor;
mod walk;
mod zip;

pub use container::PyTorchContainer;
pub use dtype::PyTorchDtype;
pub use file::PyTorchFile;
pub use heap::ForeignGlobal;
pub use limits::PyTorchLimits;
pub use tensor::{PyTorchTensor, without_module};
pub use walk::{PlainValue, SkippedObject};
