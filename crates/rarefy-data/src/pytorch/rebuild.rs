//! The meaning of the calls that a checkpoint may make: containers, storages, tensors, numbers of `NumPy`.

use super::dtype::Element;
use super::fault::{Outcome, check};
use super::heap::{Global, Id, Node, Storage, View};
use super::machine::Machine;

/// Axes of a tensor at most (PyTorch itself allows 64).
const MOST_AXES: usize = 64;

/// Calls within the arguments of calls, for subclasses of tensors.
const DEEPEST_CALL: usize = 4;

impl Machine<'_, '_> {
    pub(super) fn reduce(&mut self, callable: Id, arguments: Id) -> Outcome<Node> {
        self.reduce_within(callable, arguments, 0)
    }

    fn reduce_within(&mut self, callable: Id, arguments: Id, depth: usize) -> Outcome<Node> {
        let &Node::Global(global) = self.heap.get(callable) else {
            // A method of an object or the like: as foreign as the object.
            if let Node::Object(object) = self.heap.get(callable) {
                let class = object.class;
                return self.inert(Global::Foreign(class));
            }
            return Err(self.wrong("a global to call", self.heap.kind(callable)));
        };
        if let Global::Foreign(_) = global {
            return self.inert(global);
        }
        let Node::Tuple(fields) = self.heap.get(arguments) else {
            return Err(self.wrong("a tuple of arguments", self.heap.kind(arguments)));
        };
        let fields = fields.clone();
        self.charge(fields.len())?;
        match (global, &fields[..]) {
            // The factory of a default dictionary is a name that nobody calls.
            (Global::OrderedDict | Global::Dict, []) | (Global::DefaultDict, [] | [_]) => Ok(Node::Dict(Vec::new())),
            (Global::OrderedDict | Global::Dict, &[pairs]) | (Global::DefaultDict, &[_, pairs]) => {
                self.dictionary(pairs)
            }
            (Global::List, []) => Ok(Node::List(Vec::new())),
            (Global::List, &[items]) => self.items(items).map(Node::List),
            (Global::Tuple, []) => Ok(Node::Tuple(Vec::new())),
            (Global::Tuple, &[items]) => self.items(items).map(Node::Tuple),
            (Global::RebuildTensor, &[storage, offset, shape, strides, ..]) => {
                self.tensor(storage, None, [offset, shape, strides])
            }
            (Global::RebuildTensorTyped, &[storage, offset, shape, strides, _, _, dtype, ..]) => {
                self.tensor(storage, Some(dtype), [offset, shape, strides])
            }
            (Global::RebuildParameter, &[data, ..]) => match self.heap.get(data) {
                node @ (Node::Tensor(_) | Node::Object(_)) => Ok(node.clone()),
                _ => Err(self.wrong("a tensor as parameter", self.heap.kind(data))),
            },
            (Global::RebuildFromType, &[function, _, arguments, ..]) if depth < DEEPEST_CALL => {
                self.reduce_within(function, arguments, depth + 1)
            }
            (Global::NumpyDtype, &[code, ..]) => match self.heap.get(code) {
                Node::Text(code) => Ok(Node::NumpyDtype(code.clone())),
                _ => Err(self.wrong("the code of a NumPy type", self.heap.kind(code))),
            },
            (Global::NumpyScalar, &[dtype, bytes]) => Ok(self.numpy_number(dtype, bytes)),
            (Global::Encode, &[text, ..]) => match self.heap.get(text) {
                Node::Text(text) => Ok(Node::Bytes(text.chars().map(|letter| letter as u8).collect())),
                _ => Err(self.wrong("a text to encode", self.heap.kind(text))),
            },
            (global, _) => {
                Err(self.wrong("a call as PyTorch writes it", format!("{global:?} of {} arguments", fields.len())))
            }
        }
    }

    fn items(&mut self, items: Id) -> Outcome<Vec<Id>> {
        match self.heap.get(items) {
            Node::List(elements) | Node::Tuple(elements) => {
                let elements = elements.clone();
                self.charge(elements.len())?;
                Ok(elements)
            }
            _ => Err(self.wrong("a list", self.heap.kind(items))),
        }
    }

    fn dictionary(&mut self, pairs: Id) -> Outcome<Node> {
        if let Node::Dict(entries) = self.heap.get(pairs) {
            let entries = entries.clone();
            self.charge(entries.len())?;
            return Ok(Node::Dict(entries));
        }
        let mut entries = Vec::new();
        for pair in self.items(pairs)? {
            match self.heap.get(pair) {
                Node::Tuple(pair) | Node::List(pair) if pair.len() == 2 => entries.push((pair[0], pair[1])),
                _ => return Err(self.wrong("pairs of key and value", self.heap.kind(pair))),
            }
        }
        Ok(Node::Dict(entries))
    }

    /// The storage that a persistent id names: `('storage', class, key, location, count[, view])`.
    pub(super) fn storage(&mut self, id: Id) -> Outcome<Node> {
        let refused = |machine: &Self| machine.wrong("a persistent id as PyTorch writes it", machine.heap.kind(id));
        let Node::Tuple(fields) = self.heap.get(id) else { return Err(refused(self)) };
        let Some((&[tag, class, key, _location, count], view)) = fields.split_first_chunk::<5>() else {
            return Err(refused(self));
        };
        let view = view.first().copied();
        let element = match (self.heap.get(tag), self.heap.get(class)) {
            (Node::Text(tag), Node::Global(Global::Storage(element))) if &**tag == "storage" => *element,
            (_, Node::Global(Global::Foreign(_))) => {
                return Err(self.wrong("a storage of PyTorch", self.heap.kind(class)));
            }
            _ => return Err(refused(self)),
        };
        let Node::Text(key) = self.heap.get(key) else { return Err(refused(self)) };
        let key = key.clone();
        let count = self.size(count)?;
        let window = match view.map(|view| self.heap.get(view)) {
            None | Some(Node::None) => (0, count),
            Some(Node::Tuple(fields)) if fields.len() == 3 => (self.size(fields[1])?, self.size(fields[2])?),
            Some(_) => return Err(refused(self)),
        };
        if window.0.checked_add(window.1).is_none_or(|end| end > count) {
            return Err(
                self.wrong(format!("a view within the {count} elements of storage {key}"), format!("{window:?}"))
            );
        }
        let number = self.heap.add_storage(Storage { key, element, count, window });
        number
            .map(Node::Storage)
            .ok_or_else(|| self.wrong("a storage with few views", "a thousand views of one storage"))
    }

    /// A tensor from its storage, offset, shape and strides; an inert object if its elements are none that are read.
    fn tensor(&mut self, storage: Id, dtype: Option<Id>, [offset, shape, strides]: [Id; 3]) -> Outcome<Node> {
        let &Node::Storage(number) = self.heap.get(storage) else {
            return Err(self.wrong("a storage", self.heap.kind(storage)));
        };
        let Storage { element, window, .. } = self.heap.storages[number as usize];
        let dtype = match dtype.map(|dtype| self.heap.get(dtype)) {
            Some(&Node::Global(Global::Dtype(dtype))) => Some(dtype),
            Some(_) => None,
            None => element.dtype,
        };
        let Some(dtype) = dtype else {
            let class =
                self.heap.foreign_number("torch.Tensor of a complex, quantised or unknown type".into(), self.at);
            return self.inert(Global::Foreign(class));
        };
        let offset = self.size(offset)?;
        let shape = self.sizes(shape)?;
        let strides = self.sizes(strides)?;
        if shape.len() != strides.len() || shape.len() > MOST_AXES {
            let found = format!("{} sizes and {} strides", shape.len(), strides.len());
            return Err(self.wrong("as many strides as sizes, at most 64", found));
        }
        let each = dtype.bytes() as u64;
        let available = if element == Element::UNTYPED { window.1 / each } else { window.1 };
        if element.dtype.is_some_and(|stored| stored != dtype) {
            return Err(self.wrong("a tensor of the type of its storage", dtype.to_string()));
        }
        let end = end_of_view(offset, &shape, &strides);
        if end.is_none_or(|end| end > available) {
            let found = format!("shape {shape:?} with strides {strides:?} from {offset}");
            return Err(self.wrong(format!("a view of {available} elements"), found));
        }
        let bytes = shape.iter().try_fold(each, |product, &side| product.checked_mul(side)).unwrap_or(u64::MAX);
        check("bytes of a tensor", bytes, self.limits.tensor_bytes)?;
        let shape = shape.into_iter().map(|side| side as usize).collect();
        Ok(Node::Tensor(Box::new(View { storage: number, dtype, offset, shape, strides })))
    }

    fn size(&self, id: Id) -> Outcome<u64> {
        let size = if let &Node::Int(value) = self.heap.get(id) { u64::try_from(value).ok() } else { None };
        // Half of the range, so that sums of two cannot overflow.
        size.filter(|&size| size <= u64::MAX / 2).ok_or_else(|| self.wrong("a size", self.heap.kind(id)))
    }

    fn sizes(&mut self, id: Id) -> Outcome<Vec<u64>> {
        self.items(id)?.into_iter().map(|item| self.size(item)).collect()
    }

    /// A scalar of `NumPy` as a plain number; other types stay inert.
    fn numpy_number(&mut self, dtype: Id, bytes: Id) -> Node {
        let number = match (self.heap.get(dtype), self.heap.get(bytes)) {
            (Node::NumpyDtype(code), Node::Bytes(bytes)) => number_of(code, bytes),
            _ => None,
        };
        number.unwrap_or_else(|| {
            let class = self.heap.foreign_number("numpy.core.multiarray.scalar of another type".into(), self.at);
            self.inert(Global::Foreign(class)).unwrap_or(Node::None)
        })
    }
}

/// One past the last element that a view touches; its offset if it has no element.
fn end_of_view(offset: u64, shape: &[u64], strides: &[u64]) -> Option<u64> {
    if shape.contains(&0) {
        return Some(offset);
    }
    shape
        .iter()
        .zip(strides)
        .try_fold(offset, |last, (&side, &stride)| last.checked_add((side - 1).checked_mul(stride)?))?
        .checked_add(1)
}

/// The number that the bytes of a `NumPy` scalar of this type stand for.
fn number_of(code: &str, bytes: &[u8]) -> Option<Node> {
    let big = code.starts_with('>');
    let mut bytes = bytes.to_vec();
    if big {
        bytes.reverse();
    }
    let integer = |signed: bool| {
        let sign = if signed && bytes.last().is_some_and(|&last| last >= 0x80) { 0xff } else { 0 };
        let mut whole = [sign; 16];
        whole[..bytes.len()].copy_from_slice(&bytes);
        Node::Int(i128::from_le_bytes(whole))
    };
    let code = code.trim_start_matches(['<', '>', '|', '=']);
    let size: usize = code.get(1..)?.parse().ok()?;
    if size != bytes.len() || size > 8 {
        return None;
    }
    Some(match code.get(..1)? {
        "f" if size == 8 => Node::Float(f64::from_le_bytes(bytes.try_into().ok()?)),
        "f" if size == 4 => Node::Float(f32::from_le_bytes(bytes.try_into().ok()?).into()),
        "i" => integer(true),
        "u" => integer(false),
        "b" => Node::Bool(bytes.first().is_some_and(|&byte| byte != 0)),
        _ => return None,
    })
}
