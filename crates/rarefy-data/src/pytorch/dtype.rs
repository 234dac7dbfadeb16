//! Element types, and their conversion to the floats that this workspace computes with.

use half::{bf16, f16};
use std::fmt;

/// The element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PyTorchDtype {
    /// `torch.float64`
    F64,
    /// `torch.float32`
    F32,
    /// `torch.float16`
    F16,
    /// `torch.bfloat16`
    BF16,
    /// `torch.int64`
    I64,
    /// `torch.int32`
    I32,
    /// `torch.int16`
    I16,
    /// `torch.int8`
    I8,
    /// `torch.uint8`
    U8,
    /// `torch.bool`
    Bool,
}

use PyTorchDtype as D;

impl PyTorchDtype {
    /// Bytes of one element.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            D::F64 | D::I64 => 8,
            D::F32 | D::I32 => 4,
            D::F16 | D::BF16 | D::I16 => 2,
            D::I8 | D::U8 | D::Bool => 1,
        }
    }

    /// From the name of an attribute of `torch`, such as `float32`.
    pub(super) fn from_torch(name: &str) -> Option<Self> {
        Some(match name {
            "float64" | "double" => D::F64,
            "float32" | "float" => D::F32,
            "float16" | "half" => D::F16,
            "bfloat16" => D::BF16,
            "int64" | "long" => D::I64,
            "int32" | "int" => D::I32,
            "int16" | "short" => D::I16,
            "int8" => D::I8,
            "uint8" => D::U8,
            "bool" => D::Bool,
            _ => return None,
        })
    }
}

impl fmt::Display for PyTorchDtype {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            D::F64 => "float64",
            D::F32 => "float32",
            D::F16 => "float16",
            D::BF16 => "bfloat16",
            D::I64 => "int64",
            D::I32 => "int32",
            D::I16 => "int16",
            D::I8 => "int8",
            D::U8 => "uint8",
            D::Bool => "bool",
        })
    }
}

/// What a storage holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    /// None for bytes without a type, and for types that are not read (complex, quantised).
    pub(super) dtype: Option<PyTorchDtype>,
    pub(super) bytes: u64,
}

impl Element {
    pub(super) const UNTYPED: Self = Self { dtype: None, bytes: 1 };

    /// From the name of a storage class, such as `FloatStorage`.
    pub(super) fn of_storage(class: &str) -> Option<Self> {
        let dtype = match class {
            "DoubleStorage" => D::F64,
            "FloatStorage" => D::F32,
            "HalfStorage" => D::F16,
            "BFloat16Storage" => D::BF16,
            "LongStorage" => D::I64,
            "IntStorage" => D::I32,
            "ShortStorage" => D::I16,
            "CharStorage" => D::I8,
            "ByteStorage" => D::U8,
            "BoolStorage" => D::Bool,
            "UntypedStorage" | "_UntypedStorage" | "QInt8Storage" | "QUInt8Storage" => return Some(Self::UNTYPED),
            "QInt32Storage" => return Some(Self { dtype: None, bytes: 4 }),
            "ComplexFloatStorage" => return Some(Self { dtype: None, bytes: 8 }),
            "ComplexDoubleStorage" => return Some(Self { dtype: None, bytes: 16 }),
            _ => return None,
        };
        Some(Self { dtype: Some(dtype), bytes: dtype.bytes() as u64 })
    }
}

/// A float that tensors are converted to.
pub(super) trait Real: Copy {
    fn from_f64(value: f64) -> Self;
    fn from_f32(value: f32) -> Self;
    fn from_i64(value: i64) -> Self;
}

impl Real for f32 {
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    fn from_f32(value: f32) -> Self {
        value
    }
    fn from_i64(value: i64) -> Self {
        value as f32
    }
}

impl Real for f64 {
    fn from_f64(value: f64) -> Self {
        value
    }
    fn from_f32(value: f32) -> Self {
        value.into()
    }
    fn from_i64(value: i64) -> Self {
        value as f64
    }
}

/// Converts elements at the given places (in elements) of a window of little- or big-endian bytes.
pub(super) fn convert<T: Real>(
    dtype: PyTorchDtype,
    window: &[u8],
    big_endian: bool,
    places: impl Iterator<Item = usize>,
) -> Vec<T> {
    macro_rules! gather {
        ($bytes:literal, $from:expr) => {{
            let (elements, _) = window.as_chunks::<$bytes>();
            let of = |place: usize| {
                let mut bytes = elements[place];
                if big_endian {
                    bytes.reverse();
                }
                $from(bytes)
            };
            places.map(of).collect()
        }};
    }
    match dtype {
        D::F64 => gather!(8, |bytes| T::from_f64(f64::from_le_bytes(bytes))),
        D::F32 => gather!(4, |bytes| T::from_f32(f32::from_le_bytes(bytes))),
        D::F16 => gather!(2, |bytes| T::from_f32(f16::from_le_bytes(bytes).to_f32())),
        D::BF16 => gather!(2, |bytes| T::from_f32(bf16::from_le_bytes(bytes).to_f32())),
        D::I64 => gather!(8, |bytes| T::from_i64(i64::from_le_bytes(bytes))),
        D::I32 => gather!(4, |bytes| T::from_i64(i32::from_le_bytes(bytes).into())),
        D::I16 => gather!(2, |bytes| T::from_i64(i16::from_le_bytes(bytes).into())),
        D::I8 => gather!(1, |bytes| T::from_i64(i8::from_le_bytes(bytes).into())),
        D::U8 => gather!(1, |bytes: [u8; 1]| T::from_i64(bytes[0].into())),
        D::Bool => gather!(1, |bytes: [u8; 1]| T::from_i64((bytes[0] != 0).into())),
    }
}
