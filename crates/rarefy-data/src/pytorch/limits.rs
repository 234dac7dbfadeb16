//! What a PyTorch file may ask of the reader.

/// Limits of the reader of PyTorch files. The defaults admit networks of some hundred million weights with their optimiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PyTorchLimits {
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Bytes of all entries of a ZIP archive together, after decompression.
    pub unpacked_bytes: u64,
    /// Bytes of a pickle.
    pub pickle_bytes: u64,
    /// Steps of a pickle: its operations, and each item that one of them copies.
    pub steps: u64,
    /// Values on the stack, and open marks.
    pub stack: usize,
    /// Containers within containers.
    pub depth: usize,
    /// Bytes of the name of a tensor or of a global.
    pub name_bytes: usize,
    /// Tensors, and plain values, of the file.
    pub items: usize,
    /// Bytes of one tensor. A view may hold more elements than its storage, so the file does not bound this.
    pub tensor_bytes: u64,
}

impl Default for PyTorchLimits {
    fn default() -> Self {
        Self {
            file_bytes: 16 << 30,
            unpacked_bytes: 16 << 30,
            pickle_bytes: 64 << 20,
            steps: 4_000_000,
            stack: 1_000_000,
            depth: 64,
            name_bytes: 1024,
            items: 100_000,
            tensor_bytes: 2 << 30,
        }
    }
}
