//! From the values of a pickle to named tensors and plain values.

use super::fault::{Fault, Outcome, check};
use super::heap::{Heap, Id, Node, View};
use super::limits::PyTorchLimits;
use std::collections::HashMap;

/// A list of plain values alone is shown as its length if it is longer.
const LONGEST_SHOWN: usize = 8;

/// Letters of a text that are kept.
const LONGEST_TEXT: usize = 256;

/// A plain value of a checkpoint, for showing.
#[derive(Clone, Debug, PartialEq)]
pub enum PlainValue {
    /// `None`
    None,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i128),
    /// A float.
    Float(f64),
    /// A text, cut after 256 letters.
    Text(String),
    /// Bytes, of which only the number is kept.
    Bytes(usize),
    /// A list of plain values that is too long to be shown.
    Items(usize),
}

/// An object of a foreign class: it was not made, and nothing but the entries that the pickle puts into it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedObject {
    /// Keys from the outermost dictionary on.
    pub keys: Vec<String>,
    /// Name of the global whose result it would be.
    pub class: String,
}

#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Tensors, with the keys on the way to them.
    pub(super) tensors: Vec<(Vec<String>, View)>,
    pub(super) values: Vec<(String, PlainValue)>,
    pub(super) skipped: Vec<SkippedObject>,
}

struct Walk<'a> {
    heap: &'a Heap,
    limits: &'a PyTorchLimits,
    /// Place of the pickle, for messages.
    at: u64,
    visits: u64,
    keys: Vec<String>,
    /// The containers that lead here: one of them again is a loop.
    above: Vec<Id>,
    found: Findings,
}

/// Finds everything below a value.
pub(super) fn walk(heap: &Heap, root: Id, at: u64, limits: &PyTorchLimits) -> Outcome<Findings> {
    let mut walk =
        Walk { heap, limits, at, visits: 0, keys: Vec::new(), above: Vec::new(), found: Findings::default() };
    walk.visit(root)?;
    Ok(walk.found)
}

impl Walk<'_> {
    fn visit(&mut self, id: Id) -> Outcome<()> {
        self.charge(1)?;
        match self.heap.get(id) {
            Node::Tensor(view) => {
                check("tensors", self.found.tensors.len() as u64 + 1, self.limits.items as u64)?;
                self.found.tensors.push((self.keys.clone(), (**view).clone()));
                Ok(())
            }
            Node::Dict(entries) => self.inside(id, |walk| walk.entries(entries)),
            Node::List(items) | Node::Tuple(items) => self.list(id, items),
            Node::Object(object) => {
                self.skip(self.heap.foreign[object.class as usize].name.clone())?;
                self.inside(id, |walk| {
                    walk.entries(&object.entries)?;
                    walk.numbered(&object.elements)
                })
            }
            Node::Global(_) | Node::NumpyDtype(_) | Node::Storage(_) => self.skip(self.heap.kind(id)),
            _ => match self.plain(id) {
                Some(value) => self.value(value),
                None => Ok(()),
            },
        }
    }

    /// Shared containers are visited again from each place, so that a small pickle may mean a large tree.
    fn charge(&mut self, visits: usize) -> Outcome<()> {
        self.visits += visits as u64;
        check("values of a checkpoint", self.visits, self.limits.steps)
    }

    /// Visits what a container holds, unless that leads in a circle or too deep.
    fn inside(&mut self, id: Id, visit: impl FnOnce(&mut Self) -> Outcome<()>) -> Outcome<()> {
        if self.above.contains(&id) {
            return Err(self.wrong("containers that do not hold themselves", "one that does"));
        }
        check("containers within containers", self.above.len() as u64 + 1, self.limits.depth as u64)?;
        self.above.push(id);
        visit(self)?;
        self.above.pop();
        Ok(())
    }

    /// Entries in the order of their first appearance; of two with one key the last counts, as in Python.
    fn entries(&mut self, entries: &[(Id, Id)]) -> Outcome<()> {
        self.charge(entries.len())?;
        let mut order: Vec<(String, Id)> = Vec::new();
        let mut numbers: HashMap<(bool, String), usize> = HashMap::new();
        for &(key, value) in entries {
            let (is_text, name) = match self.heap.get(key) {
                Node::Text(text) => (true, text.to_string()),
                Node::Int(number) => (false, number.to_string()),
                Node::Bool(flag) => (false, flag.to_string()),
                Node::None => (false, "None".into()),
                Node::Float(number) => (false, number.to_string()),
                _ => (false, self.heap.kind(key)),
            };
            check("bytes of a name", name.len() as u64, self.limits.name_bytes as u64)?;
            let number = *numbers.entry((is_text, name.clone())).or_insert(order.len());
            match order.get_mut(number) {
                Some(entry) => entry.1 = value,
                None => order.push((name, value)),
            }
        }
        order.into_iter().try_for_each(|(name, value)| self.below(name, value))
    }

    fn list(&mut self, id: Id, items: &[Id]) -> Outcome<()> {
        self.charge(items.len())?;
        if items.len() > LONGEST_SHOWN && items.iter().all(|&item| self.plain(item).is_some()) {
            return self.value(PlainValue::Items(items.len()));
        }
        self.inside(id, |walk| walk.numbered(items))
    }

    fn numbered(&mut self, items: &[Id]) -> Outcome<()> {
        items.iter().enumerate().try_for_each(|(number, &item)| self.below(number.to_string(), item))
    }

    fn below(&mut self, name: String, value: Id) -> Outcome<()> {
        self.keys.push(name);
        let length = self.keys.iter().map(|key| key.len() + 1).sum::<usize>();
        check("bytes of a name", length as u64, self.limits.name_bytes as u64)?;
        self.visit(value)?;
        self.keys.pop();
        Ok(())
    }

    fn value(&mut self, value: PlainValue) -> Outcome<()> {
        check("plain values", self.found.values.len() as u64 + 1, self.limits.items as u64)?;
        self.found.values.push((self.keys.join("."), value));
        Ok(())
    }

    fn skip(&mut self, class: String) -> Outcome<()> {
        check("skipped objects", self.found.skipped.len() as u64 + 1, self.limits.items as u64)?;
        self.found.skipped.push(SkippedObject { keys: self.keys.clone(), class });
        Ok(())
    }

    fn plain(&self, id: Id) -> Option<PlainValue> {
        Some(match self.heap.get(id) {
            Node::None => PlainValue::None,
            Node::Bool(flag) => PlainValue::Bool(*flag),
            Node::Int(number) => PlainValue::Int(*number),
            Node::Float(number) => PlainValue::Float(*number),
            Node::Text(text) => PlainValue::Text(text.chars().take(LONGEST_TEXT).collect()),
            Node::Bytes(bytes) => PlainValue::Bytes(bytes.len()),
            _ => return None,
        })
    }

    fn wrong(&self, expected: &str, found: &str) -> Fault {
        Fault::format(self.at, expected, format!("{found} at `{}`", self.keys.join(".")))
    }
}
