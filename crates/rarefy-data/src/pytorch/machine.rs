//! The stack machine of pickle, protocols 0 to 5 (Python's `pickletools` describes the operations), without the part
//! that calls anything.
//!
//! Each operation is one step; what copies items costs a step an item. So time and memory are bounded by the limit on
//! steps and by the bytes of the pickle.

use super::fault::{Fault, Outcome, check};
use super::globals::{is_hostile, known};
use super::heap::{Global, Heap, Id, Node, Object};
use super::limits::PyTorchLimits;
use super::stream::Stream;
use std::collections::HashMap;

/// Bytes of an integer at most: sixteen fit, longer ones are refused.
const LONGEST_INTEGER: u64 = 16;

pub(super) struct Machine<'a, 's> {
    pub(super) stream: &'a mut Stream<'s>,
    pub(super) heap: Heap,
    pub(super) limits: &'a PyTorchLimits,
    stack: Vec<Id>,
    /// Heights of the stack at the open marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    steps: u64,
    /// Place of the current operation.
    pub(super) at: u64,
}

/// Runs one pickle and gives its values with the number of the outermost; the stream stands behind it afterwards.
pub(super) fn run(stream: &mut Stream<'_>, limits: &PyTorchLimits) -> Outcome<(Heap, Id)> {
    let at = stream.at;
    let mut machine = Machine {
        stream,
        heap: Heap::default(),
        limits,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        steps: 0,
        at,
    };
    loop {
        machine.at = machine.stream.at;
        machine.charge(1)?;
        let operation = machine.stream.byte()?;
        if operation == b'.' {
            let root = machine.pop()?;
            return Ok((machine.heap, root));
        }
        machine.step(operation)?;
    }
}

impl Machine<'_, '_> {
    fn step(&mut self, operation: u8) -> Outcome<()> {
        match operation {
            // Protocol number, frame: nothing to do but to read over them.
            0x80 => {
                let version = self.stream.byte()?;
                if version > 5 {
                    return Err(self.wrong("a pickle of protocol 0 to 5", format!("protocol {version}")));
                }
                Ok(())
            }
            0x95 => self.stream.array::<8>().map(drop),
            b'(' => {
                check("open marks of a pickle", self.marks.len() as u64 + 1, self.limits.stack as u64)?;
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' => self.pop().map(drop),
            b'1' => self.pop_marked().map(drop),
            b'2' => self.top().and_then(|top| self.push(top)),
            b'g' | b'h' | b'j' | b'p' | b'q' | b'r' | 0x94 => self.memo_operation(operation),
            b'N' | 0x88 | 0x89 | b'I' | b'L' | b'F' | b'J' | b'K' | b'M' | b'G' | 0x8a | 0x8b => self.number(operation),
            b'S' | b'V' | b'T' | b'U' | b'X' | b'B' | b'C' | 0x8c..=0x8e | 0x96 => self.text_operation(operation),
            b')' | b't' | 0x85..=0x87 | b']' | b'l' | b'}' | b'd' | 0x8f | 0x91 => self.new_container(operation),
            b'a' | b'e' | b's' | b'u' | 0x90 => self.fill_container(operation),
            b'c' | 0x93 => self.global(operation),
            b'R' | 0x81 | 0x92 | b'i' | b'o' => self.call(operation),
            b'b' => self.build(),
            b'Q' => {
                let id = self.pop()?;
                let node = self.storage(id)?;
                self.push_new(node)
            }
            _ => Err(self.wrong("an operation of a PyTorch pickle", format!("the byte {operation:#04x}"))),
        }
    }

    fn memo_operation(&mut self, operation: u8) -> Outcome<()> {
        let key = match operation {
            b'g' | b'p' => {
                let line = self.stream.line()?;
                line.parse().map_err(|_| self.wrong("a number of the memo", format!("`{line}`")))?
            }
            b'h' | b'q' => u32::from(self.stream.byte()?),
            b'j' | b'r' => u32::from_le_bytes(self.stream.array()?),
            _ => self.memo.len() as u32,
        };
        if matches!(operation, b'g' | b'h' | b'j') {
            let known = self.memo.get(&key).copied();
            let id = known.ok_or_else(|| self.wrong("a number that the memo holds", key.to_string()))?;
            return self.push(id);
        }
        let top = self.top()?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn number(&mut self, operation: u8) -> Outcome<()> {
        let node = match operation {
            b'N' => Node::None,
            0x88 => Node::Bool(true),
            0x89 => Node::Bool(false),
            b'I' | b'L' => {
                let line = self.stream.line()?;
                match line.as_str() {
                    "00" => Node::Bool(false),
                    "01" => Node::Bool(true),
                    text => Node::Int(
                        text.trim_end_matches('L')
                            .parse()
                            .map_err(|_| self.wrong("an integer", format!("`{text}`")))?,
                    ),
                }
            }
            b'F' => {
                let line = self.stream.line()?;
                Node::Float(line.parse().map_err(|_| self.wrong("a number", format!("`{line}`")))?)
            }
            b'J' => Node::Int(i32::from_le_bytes(self.stream.array()?).into()),
            b'K' => Node::Int(self.stream.byte()?.into()),
            b'M' => Node::Int(u16::from_le_bytes(self.stream.array()?).into()),
            b'G' => Node::Float(f64::from_be_bytes(self.stream.array()?)),
            _ => {
                let length = match operation {
                    0x8a => u64::from(self.stream.byte()?),
                    _ => u64::from(u32::from_le_bytes(self.stream.array()?)),
                };
                check("bytes of an integer", length, LONGEST_INTEGER)?;
                let bytes = self.stream.bytes(length)?;
                let sign = if bytes.last().is_some_and(|&last| last >= 0x80) { 0xff } else { 0 };
                let mut whole = [sign; 16];
                whole[..bytes.len()].copy_from_slice(&bytes);
                Node::Int(i128::from_le_bytes(whole))
            }
        };
        self.push_new(node)
    }

    fn text_operation(&mut self, operation: u8) -> Outcome<()> {
        if matches!(operation, b'S' | b'V') {
            let line = self.stream.line()?;
            let quoted = if operation == b'S' { unquoted(&line) } else { Some(line.as_str()) };
            let text = quoted.and_then(unescaped).ok_or_else(|| self.wrong("a text", format!("`{line}`")))?;
            return self.push_new(Node::Text(text.into()));
        }
        let length = match operation {
            b'U' | b'C' | 0x8c => u64::from(self.stream.byte()?),
            b'T' | b'X' | b'B' => u64::from(u32::from_le_bytes(self.stream.array()?)),
            _ => u64::from_le_bytes(self.stream.array()?),
        };
        let node = match operation {
            b'X' | 0x8c | 0x8d => Node::Text(self.stream.text(length)?),
            b'B' | b'C' | 0x8e | 0x96 => Node::Bytes(self.stream.bytes(length)?.into()),
            // A text of Python 2: text if it reads as such.
            _ => match String::from_utf8(self.stream.bytes(length)?) {
                Ok(text) => Node::Text(text.into()),
                Err(error) => Node::Bytes(error.into_bytes().into()),
            },
        };
        self.push_new(node)
    }

    fn new_container(&mut self, operation: u8) -> Outcome<()> {
        let node = match operation {
            b')' => Node::Tuple(Vec::new()),
            b']' | 0x8f => Node::List(Vec::new()),
            b'}' => Node::Dict(Vec::new()),
            0x85..=0x87 => {
                let mut items = (0x84..operation).map(|_| self.pop()).collect::<Outcome<Vec<_>>>()?;
                items.reverse();
                Node::Tuple(items)
            }
            b't' => Node::Tuple(self.pop_marked()?),
            b'd' => Node::Dict(self.pop_pairs()?),
            _ => Node::List(self.pop_marked()?),
        };
        self.push_new(node)
    }

    fn fill_container(&mut self, operation: u8) -> Outcome<()> {
        match operation {
            b's' | b'u' => {
                let pairs = if operation == b's' {
                    let value = self.pop()?;
                    vec![(self.pop()?, value)]
                } else {
                    self.pop_pairs()?
                };
                let top = self.top()?;
                match self.heap.get_mut(top) {
                    Node::Dict(entries) => entries.extend(pairs),
                    Node::Object(object) => object.entries.extend(pairs),
                    _ => return Err(self.wrong("a dictionary to fill", self.heap.kind(top))),
                }
            }
            _ => {
                let items = if operation == b'a' { vec![self.pop()?] } else { self.pop_marked()? };
                let top = self.top()?;
                match self.heap.get_mut(top) {
                    Node::List(elements) => elements.extend(items),
                    Node::Object(object) => object.elements.extend(items),
                    _ => return Err(self.wrong("a list to fill", self.heap.kind(top))),
                }
            }
        }
        Ok(())
    }

    fn global(&mut self, operation: u8) -> Outcome<()> {
        let (module, name) = if operation == b'c' {
            (self.stream.line()?, self.stream.line()?)
        } else {
            let (name, module) = (self.pop()?, self.pop()?);
            match (self.heap.get(module), self.heap.get(name)) {
                (Node::Text(module), Node::Text(name)) => (module.to_string(), name.to_string()),
                _ => return Err(self.wrong("a module and a name", self.heap.kind(name))),
            }
        };
        let global = self.resolve(&module, &name)?;
        self.push_new(Node::Global(global))
    }

    fn resolve(&mut self, module: &str, name: &str) -> Outcome<Global> {
        check("bytes of a name", (module.len() + name.len()) as u64, self.limits.name_bytes as u64)?;
        let full = || format!("{module}.{name}");
        if is_hostile(module, name) {
            return Err(Fault::Hostile { at: self.at, global: full() });
        }
        Ok(known(module, name).unwrap_or_else(|| Global::Foreign(self.heap.foreign_number(full(), self.at))))
    }

    /// What Python would call or instantiate: known names have their meaning, foreign ones give an inert object.
    fn call(&mut self, operation: u8) -> Outcome<()> {
        let node = match operation {
            b'R' | 0x81 => {
                let arguments = self.pop()?;
                let callable = self.pop()?;
                self.reduce(callable, arguments)?
            }
            0x92 => {
                let _keywords = self.pop()?;
                let arguments = self.pop()?;
                let callable = self.pop()?;
                self.reduce(callable, arguments)?
            }
            // Instances of Python 2: module and name follow, or the class stands above the mark.
            b'i' => {
                let (module, name) = (self.stream.line()?, self.stream.line()?);
                let class = self.resolve(&module, &name)?;
                self.pop_marked()?;
                self.inert(class)?
            }
            _ => {
                let class = self.pop_marked()?.first().copied();
                match class.map(|class| self.heap.get(class).clone()) {
                    Some(Node::Global(class)) => self.inert(class)?,
                    _ => return Err(self.wrong("a class above the mark", "none")),
                }
            }
        };
        self.push_new(node)
    }

    /// An object of a foreign class, about which nothing but the class is kept.
    pub(super) fn inert(&mut self, class: Global) -> Outcome<Node> {
        let Global::Foreign(class) = class else {
            return Err(self.wrong("a class that has instances of this kind", format!("{class:?}")));
        };
        self.heap.foreign[class as usize].calls += 1;
        Ok(Node::Object(Box::new(Object { class, entries: Vec::new(), elements: Vec::new() })))
    }

    /// Sets the state of an object: of interest for `NumPy`'s types alone, which carry their byte order there.
    fn build(&mut self) -> Outcome<()> {
        let state = self.pop()?;
        let top = self.top()?;
        if let Node::NumpyDtype(code) = self.heap.get(top)
            && let Node::Tuple(fields) = self.heap.get(state)
            && let Some(Node::Text(order)) = fields.get(1).map(|&field| self.heap.get(field))
        {
            let code = format!("{order}{}", code.trim_start_matches(['<', '>', '|', '='])).into();
            *self.heap.get_mut(top) = Node::NumpyDtype(code);
        }
        Ok(())
    }

    pub(super) fn charge(&mut self, steps: usize) -> Outcome<()> {
        self.steps += steps as u64;
        check("steps of a pickle", self.steps, self.limits.steps)
    }

    pub(super) fn wrong(&self, expected: impl Into<String>, found: impl Into<String>) -> Fault {
        Fault::format(self.at, expected, found)
    }

    fn push_new(&mut self, node: Node) -> Outcome<()> {
        let id = self.heap.add(node);
        self.push(id)
    }

    fn push(&mut self, id: Id) -> Outcome<()> {
        check("values on the stack of a pickle", self.stack.len() as u64 + 1, self.limits.stack as u64)?;
        self.stack.push(id);
        Ok(())
    }

    /// The value on top, which no mark may hide.
    fn top(&self) -> Outcome<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.last() {
            Some(&top) if self.stack.len() > floor => Ok(top),
            _ => Err(self.wrong("a value on the stack", "none")),
        }
    }

    fn pop(&mut self) -> Outcome<Id> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    /// The values above the innermost mark, which is removed with them.
    fn pop_marked(&mut self) -> Outcome<Vec<Id>> {
        let mark = self.marks.pop().ok_or_else(|| self.wrong("a mark on the stack", "none"))?;
        Ok(self.stack.split_off(mark))
    }

    fn pop_pairs(&mut self) -> Outcome<Vec<(Id, Id)>> {
        let items = self.pop_marked()?;
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.wrong("keys and values", "a key without a value"));
        }
        Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
    }
}

/// A text of protocol 0 without its quotes.
fn unquoted(line: &str) -> Option<&str> {
    let line = line.trim();
    ['\'', '"'].into_iter().find_map(|quote| line.strip_prefix(quote)?.strip_suffix(quote))
}

/// A text of protocol 0 with its escapes resolved.
fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        if next != '\\' {
            plain.push(next);
            continue;
        }
        let digits = match rest.next()? {
            'n' => {
                plain.push('\n');
                continue;
            }
            'r' => {
                plain.push('\r');
                continue;
            }
            't' => {
                plain.push('\t');
                continue;
            }
            'x' => 2,
            'u' => 4,
            'U' => 8,
            other => {
                plain.push(other);
                continue;
            }
        };
        let number = rest
            .by_ref()
            .take(digits)
            .try_fold(0_u32, |number, digit| number.checked_mul(16)?.checked_add(digit.to_digit(16)?));
        plain.push(char::from_u32(number?)?);
    }
    Some(plain)
}
