//! State dicts of other programs: tensors by name, to a network and back (spec §1.3, §10).
//!
//! A network that implements [`Named`] walks over its layers and says under which name each stands; the walk is the same
//! for reading and for writing. Reading looks at all names and shapes before it changes anything, so that an error leaves
//! the network as it was. Names and layouts follow from the [`Convention`].

use std::collections::{BTreeMap, BTreeSet};

use burn::module::{Param, RunningState};
use burn::tensor::{Tensor, TensorData};

use crate::{Convention, LayoutError, Naming, WeightLayout, WeightShape};

/// A tensor of another program.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Length of each axis; none for a single number.
    pub shape: Vec<usize>,
    /// Values, row-major.
    pub values: Vec<f32>,
}

/// Tensors by name.
pub type StateDict = BTreeMap<String, NamedTensor>;

/// What became of the tensors of a state dict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Names whose values are in the network now, in the order of the names.
    pub used: Vec<String>,
    /// Names that the network has no place for.
    pub left: Vec<String>,
    /// Names that the network has and the state dict lacks: these tensors keep their values.
    pub missing: Vec<String>,
}

/// A tensor of a state dict that does not fit its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateDictError {
    /// The shapes differ.
    #[error(
        "{name}: the network has {expected:?}, the state dict {got:?}; is it for another width or number of classes?"
    )]
    Shape {
        /// Name of the tensor.
        name: String,
        /// Shape in the network.
        expected: Vec<usize>,
        /// Shape in the state dict.
        got: Vec<usize>,
    },
    /// A tensor has another number of values than its shape says.
    #[error("{name}: {got} values for the shape {shape:?}; the file is damaged")]
    Length {
        /// Name of the tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Its number of values.
        got: usize,
    },
    /// No other program's names are known for the network.
    #[error("{network} has no names in {naming:?}: its weights cannot be exchanged with other programs")]
    NoNames {
        /// The network.
        network: &'static str,
        /// The other program.
        naming: Naming,
    },
    /// A kernel cannot be brought into the other layout.
    #[error("{name}: {source}")]
    Layout {
        /// Name of the tensor.
        name: String,
        /// What is wrong.
        source: LayoutError,
    },
}

/// A network or layer whose tensors have names in other programs.
pub trait Named {
    /// Offers each tensor to `binding` under its name, which starts with `name`.
    ///
    /// # Errors
    ///
    /// When a tensor does not fit.
    fn bind(&mut self, name: &str, binding: &mut Binding<'_>) -> Result<(), StateDictError>;
}

/// Fills a network from a state dict; `walk` binds its layers. Names may all start with `module.`, which is left out.
///
/// # Errors
///
/// When a tensor has another shape than its place in the network, which is then unchanged.
pub fn import_state_dict(
    dict: &StateDict,
    convention: impl Into<Convention>,
    mut walk: impl FnMut(&mut Binding<'_>) -> Result<(), StateDictError>,
) -> Result<ImportReport, StateDictError> {
    let convention = convention.into();
    let mut binding = Binding { convention, work: Work::Check(dict), used: BTreeSet::new(), missing: BTreeSet::new() };
    walk(&mut binding)?;
    let report = ImportReport {
        left: dict.keys().filter(|name| !binding.used.contains(plain(name))).cloned().collect(),
        used: binding.used.into_iter().collect(),
        missing: binding.missing.into_iter().collect(),
    };
    walk(&mut Binding { convention, work: Work::Read(dict), used: BTreeSet::new(), missing: BTreeSet::new() })?;
    Ok(report)
}

/// The state dict of a network, whose layers `walk` binds.
///
/// # Errors
///
/// None for networks that were made by their configuration.
pub fn export_state_dict(
    convention: impl Into<Convention>,
    walk: impl FnOnce(&mut Binding<'_>) -> Result<(), StateDictError>,
) -> Result<StateDict, StateDictError> {
    let (mut dict, convention) = (StateDict::new(), convention.into());
    walk(&mut Binding { convention, work: Work::Write(&mut dict), used: BTreeSet::new(), missing: BTreeSet::new() })?;
    Ok(dict)
}

/// A name without the `module.` of data-parallel training.
fn plain(name: &str) -> &str {
    name.strip_prefix("module.").unwrap_or(name)
}

fn found<'a>(dict: &'a StateDict, name: &str) -> Option<&'a NamedTensor> {
    dict.get(name).or_else(|| dict.get(&format!("module.{name}")))
}

/// One walk over the layers of a network.
#[derive(Debug)]
pub struct Binding<'a> {
    convention: Convention,
    work: Work<'a>,
    used: BTreeSet<String>,
    missing: BTreeSet<String>,
}

#[derive(Debug)]
enum Work<'a> {
    /// Compares names and shapes.
    Check(&'a StateDict),
    /// Puts values into the network.
    Read(&'a StateDict),
    /// Takes values out of it.
    Write(&'a mut StateDict),
}

/// A tensor in the other program's form.
struct Form<'a> {
    name: &'a str,
    shape: Vec<usize>,
    values: Values,
}

impl<'a> Form<'a> {
    fn vector(name: &'a str, length: usize) -> Self {
        Self { name, shape: vec![length], values: Values::Same(length) }
    }
}

/// From their values to ours and back.
#[derive(Clone, Copy)]
enum Values {
    /// The same, as many.
    Same(usize),
    /// Those of a kernel.
    Kernel(Convention, WeightShape),
}

impl Values {
    fn len(self) -> usize {
        match self {
            Self::Same(length) => length,
            Self::Kernel(_, shape) => shape.len(),
        }
    }

    fn read(self, theirs: &[f32]) -> Result<Vec<f32>, LayoutError> {
        match self {
            Self::Same(_) => Ok(theirs.to_vec()),
            Self::Kernel(convention, shape) => convention.read(theirs, shape),
        }
    }

    fn write(self, ours: Vec<f32>) -> Result<Vec<f32>, LayoutError> {
        match self {
            Self::Same(_) => Ok(ours),
            Self::Kernel(convention, shape) => convention.write(&ours, shape),
        }
    }
}

impl Binding<'_> {
    /// How the other program names its tensors.
    #[must_use]
    pub fn naming(&self) -> Naming {
        self.convention.naming
    }

    /// The weights of a convolution, `[taps, in, out]` here.
    pub(crate) fn kernel(
        &mut self,
        name: &str,
        param: &mut Param<Tensor<3>>,
        size: [usize; 3],
    ) -> Result<(), StateDictError> {
        let [_, inputs, outputs] = param.val().dims();
        let kernel = WeightShape::new(size, (inputs, outputs));
        let (convention, name) = (self.convention, self.naming().kernel(name));
        let (shape, values) = (convention.tensor_shape(kernel), Values::Kernel(convention, kernel));
        self.parameter(&Form { name: &name, shape, values }, param)
    }

    /// The weights of a linear layer, `[1, in, out]` here: `weight` `[out, in]`, or a kernel of one tap where the other
    /// program classifies by a convolution.
    pub(crate) fn matrix(&mut self, name: &str, param: &mut Param<Tensor<3>>) -> Result<(), StateDictError> {
        if self.naming() != Naming::TorchSparse {
            return self.kernel(name, param, [1; 3]);
        }
        let [_, inputs, outputs] = param.val().dims();
        let convention = Convention { layout: WeightLayout::Torch, ..self.convention };
        let values = Values::Kernel(convention, WeightShape::new([1; 3], (inputs, outputs)));
        let name = format!("{name}.weight");
        self.parameter(&Form { name: &name, shape: vec![outputs, inputs], values }, param)
    }

    /// One value a channel.
    pub(crate) fn vector(&mut self, name: &str, param: &mut Param<Tensor<1>>) -> Result<(), StateDictError> {
        let [length] = param.val().dims();
        self.parameter(&Form::vector(name, length), param)
    }

    /// A running statistic.
    pub(crate) fn running(&mut self, name: &str, state: &RunningState<Tensor<1>>) -> Result<(), StateDictError> {
        let old = state.value();
        let [length] = old.dims();
        if let Some(values) = self.exchange(&Form::vector(name, length), &old)? {
            let place = (&old.device(), old.dtype());
            state.update(Tensor::from_data(TensorData::new(values, [length]), place));
            state.value_sync();
        }
        Ok(())
    }

    fn parameter<const D: usize>(
        &mut self,
        form: &Form<'_>,
        param: &mut Param<Tensor<D>>,
    ) -> Result<(), StateDictError> {
        let old = param.val();
        if let Some(values) = self.exchange(form, &old)? {
            *param = param.clone().map(|_| {
                let new = Tensor::from_data(TensorData::new(values, old.shape()), (&old.device(), old.dtype()));
                if old.is_require_grad() { new.require_grad() } else { new }
            });
        }
        Ok(())
    }

    /// The new values of a tensor of the network, where this walk brings some.
    fn exchange<const D: usize>(
        &mut self,
        form: &Form<'_>,
        old: &Tensor<D>,
    ) -> Result<Option<Vec<f32>>, StateDictError> {
        let layout = |source| StateDictError::Layout { name: form.name.to_owned(), source };
        match &mut self.work {
            Work::Check(dict) => {
                match found(dict, form.name) {
                    Some(tensor) => {
                        check(form, tensor)?;
                        self.used.insert(form.name.to_owned());
                    }
                    None => {
                        self.missing.insert(form.name.to_owned());
                    }
                }
                Ok(None)
            }
            Work::Read(dict) => {
                found(dict, form.name).map(|tensor| form.values.read(&tensor.values).map_err(layout)).transpose()
            }
            Work::Write(dict) => {
                let ours: Vec<f32> = old.clone().into_data().iter::<f32>().collect();
                let values = form.values.write(ours).map_err(layout)?;
                dict.insert(form.name.to_owned(), NamedTensor { shape: form.shape.clone(), values });
                Ok(None)
            }
        }
    }
}

/// Whether a tensor has the shape of its place; axes of length 1 before the others do not count.
fn check(form: &Form<'_>, tensor: &NamedTensor) -> Result<(), StateDictError> {
    let name = || form.name.to_owned();
    let significant = |shape: &[usize]| shape.iter().copied().skip_while(|&length| length == 1).collect::<Vec<_>>();
    if significant(&form.shape) != significant(&tensor.shape) {
        let (expected, got) = (form.shape.clone(), tensor.shape.clone());
        return Err(StateDictError::Shape { name: name(), expected, got });
    }
    if tensor.values.len() != form.values.len() {
        return Err(StateDictError::Length { name: name(), shape: tensor.shape.clone(), got: tensor.values.len() });
    }
    Ok(())
}
