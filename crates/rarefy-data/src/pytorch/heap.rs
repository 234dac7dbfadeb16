//! The values that a pickle makes, kept in one list and named by their number in it.
//!
//! Numbers instead of nested values: two places of a pickle may share a container that is filled later, a container may
//! hold itself, and a value nested a million deep is dropped without recursion.

use super::dtype::{Element, PyTorchDtype};
use std::collections::BTreeMap;

/// Windows of one storage: early legacy files have a few.
const MOST_VIEWS: usize = 1000;

/// Number of a node.
pub(super) type Id = u32;

#[derive(Clone, Debug)]
pub(super) enum Node {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Box<str>),
    Bytes(Box<[u8]>),
    Tuple(Vec<Id>),
    /// A list or a set.
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    /// Number of a storage.
    Storage(u32),
    Tensor(Box<View>),
    NumpyDtype(Box<str>),
    Object(Box<Object>),
}

/// A name that the pickle imports, as far as it has a meaning here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    DefaultDict,
    Dict,
    /// `list`, `set`, `frozenset`
    List,
    /// `tuple`, `torch.Size`
    Tuple,
    RebuildTensor,
    RebuildTensorTyped,
    RebuildParameter,
    RebuildFromType,
    Storage(Element),
    Dtype(PyTorchDtype),
    NumpyScalar,
    NumpyDtype,
    /// `_codecs.encode`, as which Python 3 writes bytes for Python 2.
    Encode,
    /// Number of a foreign global.
    Foreign(u32),
}

/// The result of a call of a foreign global: nothing was run. What the pickle puts into it afterwards is kept.
#[derive(Clone, Debug)]
pub(super) struct Object {
    /// Number of the foreign global.
    pub(super) class: u32,
    pub(super) entries: Vec<(Id, Id)>,
    pub(super) elements: Vec<Id>,
}

/// A view of a storage: what a tensor is.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) storage: u32,
    pub(super) dtype: PyTorchDtype,
    /// Offset of the first element, in elements.
    pub(super) offset: u64,
    pub(super) shape: Vec<usize>,
    /// Steps along each axis, in elements.
    pub(super) strides: Vec<u64>,
}

/// A block of elements that the container holds under a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Storage {
    pub(super) key: Box<str>,
    pub(super) element: Element,
    /// Elements of the whole storage.
    pub(super) count: u64,
    /// First element and number of elements that a tensor may see of it (all, but in legacy files).
    pub(super) window: (u64, u64),
}

/// A global that has no meaning here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignGlobal {
    /// Module and name, such as `functools.partial`.
    pub name: String,
    /// Where the pickle names it first, in bytes.
    pub first_at: u64,
    /// How often the pickle calls it; it was never run.
    pub calls: u64,
}

#[derive(Debug, Default)]
pub(super) struct Heap {
    nodes: Vec<Node>,
    pub(super) storages: Vec<Storage>,
    storage_numbers: BTreeMap<Box<str>, Vec<u32>>,
    pub(super) foreign: Vec<ForeignGlobal>,
    foreign_numbers: BTreeMap<String, u32>,
}

impl Heap {
    pub(super) fn add(&mut self, node: Node) -> Id {
        self.nodes.push(node);
        (self.nodes.len() - 1) as Id
    }

    pub(super) fn get(&self, id: Id) -> &Node {
        &self.nodes[id as usize]
    }

    pub(super) fn get_mut(&mut self, id: Id) -> &mut Node {
        &mut self.nodes[id as usize]
    }

    /// The number of a storage; none if its key has been described in too many ways.
    pub(super) fn add_storage(&mut self, storage: Storage) -> Option<u32> {
        let numbers = self.storage_numbers.entry(storage.key.clone()).or_default();
        if let Some(&known) = numbers.iter().find(|&&number| self.storages[number as usize] == storage) {
            return Some(known);
        }
        let number = self.storages.len() as u32;
        numbers.push(number);
        let described = numbers.len();
        self.storages.push(storage);
        (described <= MOST_VIEWS).then_some(number)
    }

    pub(super) fn foreign_number(&mut self, name: String, at: u64) -> u32 {
        *self.foreign_numbers.entry(name).or_insert_with_key(|name| {
            self.foreign.push(ForeignGlobal { name: name.clone(), first_at: at, calls: 0 });
            (self.foreign.len() - 1) as u32
        })
    }

    /// What a node is, for messages.
    pub(super) fn kind(&self, id: Id) -> String {
        match self.get(id) {
            Node::None => "None".into(),
            Node::Bool(_) => "a bool".into(),
            Node::Int(value) => format!("the number {value}"),
            Node::Float(value) => format!("the number {value}"),
            Node::Text(text) => format!("the text `{}`", text.chars().take(40).collect::<String>()),
            Node::Bytes(_) => "bytes".into(),
            Node::Tuple(items) => format!("a tuple of {}", items.len()),
            Node::List(_) => "a list".into(),
            Node::Dict(_) => "a dictionary".into(),
            Node::Global(Global::Foreign(number)) => format!("the global `{}`", self.foreign[*number as usize].name),
            Node::Global(global) => format!("the global {global:?}"),
            Node::Storage(_) => "a storage".into(),
            Node::Tensor(_) => "a tensor".into(),
            Node::NumpyDtype(_) => "a NumPy type".into(),
            Node::Object(object) => format!("an object of `{}`", self.foreign[object.class as usize].name),
        }
    }
}
