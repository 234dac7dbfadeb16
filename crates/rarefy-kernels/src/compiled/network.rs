//! A network as a list of steps, each of which makes one value from values before it.
//!
//! Invariant: a step reads values of lower numbers alone, and every number that it holds exists.

use rarefy_geometry::{OutputRule, Window};

use super::error::CompiledError;
use super::geometry::{GeometryRules, Level, MapRule};
use super::layer::ConvLayer;
use crate::convolution::PackedWeights;
use crate::element::Element;
use crate::storage::Storage;

/// A tensor of the network: the input or the result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Value(pub(super) usize);

/// Where the outputs of a convolution lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the voxels of the input, under a centred window of this size and dilation.
    Submanifold([u32; 3], [u32; 3]),
    /// On the voxels that a window makes under a rule.
    Strided(Window, OutputRule),
    /// Back on the voxels of an earlier value, from which the window led to those of the input.
    Inverse(Window, Value),
}

impl Place {
    /// The voxels of the input, taps one cell apart.
    #[must_use]
    pub fn submanifold(size: [u32; 3]) -> Self {
        Self::Submanifold(size, [1; 3])
    }
}

/// One step, which makes the value whose number is its own plus one.
pub(super) enum Step<S: Storage> {
    /// A convolution with its epilogue.
    Convolve {
        x: Value,
        residual: Option<Value>,
        map: usize,
        weights: PackedWeights<S>,
        shift: Option<Vec<S::Work>>,
        slope: Option<S::Work>,
    },
    /// The channels of several values behind each other.
    Concatenate { parts: Vec<Value> },
}

impl<S: Storage> Step<S> {
    /// The values that the step reads.
    pub(super) fn reads(&self) -> impl Iterator<Item = Value> + '_ {
        let (one, two, many) = match self {
            Self::Convolve { x, residual, .. } => (Some(*x), *residual, &[][..]),
            Self::Concatenate { parts } => (None, None, &parts[..]),
        };
        one.into_iter().chain(two).chain(many.iter().copied())
    }
}

/// What is known of a value without any geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) level: Level,
    pub(super) channels: usize,
}

/// Puts a network together, step by step.
pub struct NetworkBuilder<T: Element> {
    kinds: Vec<Kind>,
    steps: Vec<Step<T>>,
    rules: GeometryRules,
}

impl<T: Element> NetworkBuilder<T> {
    /// A network whose input has `channels` channels.
    #[must_use]
    pub fn new(channels: usize) -> Self {
        let rules = GeometryRules::default();
        Self { kinds: vec![Kind { level: GeometryRules::INPUT, channels }], steps: Vec::new(), rules }
    }

    /// The input.
    #[must_use]
    pub fn input(&self) -> Value {
        Value(0)
    }

    /// Convolves `x` and adds `residual`, which lies where the output lies, before the activation.
    ///
    /// # Errors
    /// When the layer does not fit the value, the window or the residual.
    pub fn convolve(
        &mut self,
        x: Value,
        place: Place,
        layer: ConvLayer<T>,
        residual: Option<Value>,
    ) -> Result<Value, CompiledError> {
        let input = self.kind(x)?;
        if layer.channels.0 != input.channels {
            return Err(CompiledError::Channels { expected: layer.channels.0, got: input.channels });
        }
        let (level, rule) = match place {
            Place::Submanifold(size, dilation) => {
                let rule = MapRule::Submanifold(input.level, size, dilation);
                (input.level, rule)
            }
            Place::Strided(window, outputs) => {
                let level = self.rules.level(input.level, window, outputs);
                (level, MapRule::Window { fine: input.level, coarse: level, window, inverse: false })
            }
            Place::Inverse(window, onto) => {
                let level = self.kind(onto)?.level;
                (level, MapRule::Window { fine: level, coarse: input.level, window, inverse: true })
            }
        };
        if layer.taps != rule.taps() {
            return Err(CompiledError::Taps { expected: rule.taps(), got: layer.taps });
        }
        let kind = Kind { level, channels: layer.channels.1 };
        if let Some(residual) = residual
            && self.kind(residual)? != kind
        {
            return Err(CompiledError::Elsewhere);
        }
        let map = self.rules.map(rule);
        let weights = PackedWeights::new(&layer.weights, layer.taps, layer.channels)?;
        let (shift, slope) = (layer.shift, layer.slope);
        Ok(self.push(kind, Step::Convolve { x, residual, map, weights, shift, slope }))
    }

    /// The channels of `parts`, which lie on the same voxels, one value behind the other.
    ///
    /// # Errors
    /// When there are none, or they lie on different voxels.
    pub fn concatenate(&mut self, parts: &[Value]) -> Result<Value, CompiledError> {
        let kinds = parts.iter().map(|&part| self.kind(part)).collect::<Result<Vec<_>, _>>()?;
        let level = kinds.first().ok_or(CompiledError::NoSuchValue)?.level;
        if kinds.iter().any(|kind| kind.level != level) {
            return Err(CompiledError::Elsewhere);
        }
        let channels = kinds.iter().map(|kind| kind.channels).sum();
        Ok(self.push(Kind { level, channels }, Step::Concatenate { parts: parts.to_vec() }))
    }

    /// The network that ends in `output`.
    ///
    /// # Errors
    /// When `output` is the input, which no step makes, or belongs to another network.
    pub fn build(self, output: Value) -> Result<CompiledNetwork<T>, CompiledError> {
        self.kind(output)?;
        if output == self.input() {
            return Err(CompiledError::NoSuchValue);
        }
        let Self { mut kinds, mut steps, rules } = self;
        // Steps behind the output serve nothing.
        steps.truncate(output.0);
        kinds.truncate(output.0 + 1);
        Ok(CompiledNetwork { kinds, steps, rules })
    }

    fn kind(&self, value: Value) -> Result<Kind, CompiledError> {
        self.kinds.get(value.0).copied().ok_or(CompiledError::NoSuchValue)
    }

    fn push(&mut self, kind: Kind, step: Step<T>) -> Value {
        self.kinds.push(kind);
        self.steps.push(step);
        Value(self.steps.len())
    }
}

/// A network with packed weights, for any geometry; the last value is its output. `S` is what weights and values are
/// stored as.
pub struct CompiledNetwork<S: Storage> {
    /// Of every value.
    pub(super) kinds: Vec<Kind>,
    pub(super) steps: Vec<Step<S>>,
    pub(super) rules: GeometryRules,
}

impl<S: Storage> CompiledNetwork<S> {
    /// The same network with weights rounded to, and values stored as, another type; shifts stay as they are.
    ///
    /// With `bf16` or `f16` weights and values take half of the memory of f32, and sums are f32 still.
    #[must_use]
    pub fn narrowed<N: Storage<Work = S::Work>>(&self) -> CompiledNetwork<N> {
        let step = |step: &Step<S>| match step {
            Step::Convolve { x, residual, map, weights, shift, slope } => Step::Convolve {
                x: *x,
                residual: *residual,
                map: *map,
                weights: weights.narrowed(),
                shift: shift.clone(),
                slope: *slope,
            },
            Step::Concatenate { parts } => Step::Concatenate { parts: parts.clone() },
        };
        let steps = self.steps.iter().map(step).collect();
        CompiledNetwork { kinds: self.kinds.clone(), steps, rules: self.rules.clone() }
    }

    /// Bytes of the weights.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        let bytes = |step: &Step<S>| match step {
            Step::Convolve { weights, .. } => weights.bytes(),
            Step::Concatenate { .. } => 0,
        };
        self.steps.iter().map(bytes).sum()
    }
}
