//! The shape of a network from the names and shapes of its tensors (spec §10).
//!
//! A network is told by the name of its first kernel; the names before it are the same for all of its tensors and are left
//! out. Channels, blocks and kernels of the stem follow from the shapes.

use rarefy_models::{MinkUNetConfig, SegmentationConfig, SpvcnnConfig, UNetNames, Widen};
use rarefy_nn::{Convention, Naming, StateDict, WeightShape};

use super::{ImportError, ImportModel, ImportOptions};

/// The namings, in the order in which they are tried.
const NAMINGS: [Naming; 3] = [Naming::TorchSparse, Naming::Minkowski, Naming::Spconv];
/// Stages on the way down, and as many on the way up.
const STAGES: usize = 4;
/// More blocks of a stage, and more convolutions of the stem, no network has.
const MOST_BLOCKS: usize = 64;

/// A naming whose first kernel is among the names, with what stands before it.
pub(super) fn naming_of(dict: &StateDict, wanted: Option<Naming>) -> Result<(Naming, String), ImportError> {
    let firsts = NAMINGS.map(|naming| (naming, naming.kernel(&UNetNames::new(naming).stem(0)[0])));
    for (naming, first) in firsts.iter().filter(|(naming, _)| wanted.is_none_or(|wanted| wanted == *naming)) {
        let before = |name: &String| {
            let before = name.strip_suffix(first)?;
            (before.is_empty() || before.ends_with('.')).then(|| before.to_owned())
        };
        if let Some(prefix) = dict.keys().find_map(before) {
            return Ok((*naming, prefix));
        }
    }
    let known = firsts.iter().map(|(naming, first)| format!("`{first}` ({naming:?})"));
    let found = dict.keys().take(4).map(|name| format!("`{name}`"));
    Err(ImportError::UnknownNames {
        known: known.collect::<Vec<_>>().join(" or "),
        found: found.collect::<Vec<_>>().join(", "),
    })
}

/// The kernels of a network.
struct Kernels<'a> {
    dict: &'a StateDict,
    convention: Convention,
    names: UNetNames,
}

impl Kernels<'_> {
    /// The kernel of a convolution with the norm behind it, whose channels are the outputs.
    fn of(&self, [convolution, norm]: &[String; 2]) -> Result<WeightShape, ImportError> {
        let Convention { naming, layout, .. } = self.convention;
        let name = naming.kernel(convolution);
        let tensor = self.dict.get(&name).ok_or_else(|| ImportError::Missing { names: vec![name.clone()] })?;
        let normed = self.dict.get(&naming.norm_scale(norm)).map(|scale| scale.values.len());
        let kernel = layout.cubic_kernel(&tensor.shape);
        let fits = |kernel: &WeightShape| normed.is_none_or(|channels| channels == kernel.channels.1);
        kernel.filter(fits).ok_or(ImportError::Kernel { name, shape: tensor.shape.clone(), layout })
    }

    fn has(&self, [convolution, _]: &[String; 2]) -> bool {
        self.dict.contains_key(&self.convention.naming.kernel(convolution))
    }

    /// The first convolution of block `number` of a stage, those on the way up after those on the way down.
    fn block(&self, stage: usize, number: usize) -> [String; 2] {
        let block = if stage < STAGES {
            self.names.down_block(stage + 1, number)
        } else {
            self.names.up_block(stage - STAGES + 1, number)
        };
        self.names.in_block().first.map(|layer| format!("{block}.{layer}"))
    }

    /// The sides of the kernels of the stem.
    fn stem(&self) -> Result<Vec<u32>, ImportError> {
        let convolutions = (0..MOST_BLOCKS).map(|number| self.names.stem(number));
        let there = convolutions.take_while(|convolution| self.has(convolution));
        there.map(|convolution| Ok(self.of(&convolution)?.kernel[0] as u32)).collect()
    }

    fn blocks(&self) -> Vec<usize> {
        let count = |stage| (0..MOST_BLOCKS).take_while(|&number| self.has(&self.block(stage, number))).count();
        (0..2 * STAGES).map(count).collect()
    }

    /// Whether a step down changes the channels.
    fn widen(&self) -> Result<Widen, ImportError> {
        for step in (1..=STAGES).map(|stage| self.names.down(stage)).filter(|step| self.has(step)) {
            let (inputs, outputs) = self.of(&step)?.channels;
            if inputs != outputs {
                return Ok(Widen::Step);
            }
        }
        Ok(Widen::Block)
    }

    /// Number of classes.
    fn classes(&self) -> Result<usize, ImportError> {
        let name = format!("{}.bias", self.names.classifier());
        let bias = self.dict.get(&name).ok_or_else(|| ImportError::Missing { names: vec![name] })?;
        Ok(bias.values.len())
    }
}

/// The configuration of the network that a state dict is of, read by a convention.
pub(super) fn config_of(
    dict: &StateDict,
    convention: Convention,
    options: &ImportOptions,
) -> Result<SegmentationConfig, ImportError> {
    let kernels = Kernels { dict, convention, names: UNetNames::new(convention.naming) };
    let (features, first) = kernels.of(&kernels.names.stem(0))?.channels;
    let mut channels = vec![first];
    for stage in 0..2 * STAGES {
        channels.push(kernels.of(&kernels.block(stage, 0))?.channels.1);
    }
    let classes = kernels.classes()?;
    let width = match options.width {
        Some(width) => width,
        None => width_of(&channels)?,
    };
    let config = match options.model {
        ImportModel::MinkUNet => {
            let (stem, blocks, widen) = (kernels.stem()?, kernels.blocks(), kernels.widen()?);
            let usual = match convention.naming {
                Naming::Spconv => MinkUNetConfig::default().as_for_spconv(),
                Naming::TorchSparse | Naming::Minkowski => MinkUNetConfig::default(),
            };
            let norm_epsilon = options.norm_epsilon.unwrap_or(usual.norm_epsilon);
            let told = MinkUNetConfig { classes, features, width, stem, blocks, widen, norm_epsilon, ..usual };
            SegmentationConfig::MinkUNet(told)
        }
        ImportModel::Spvcnn if options.norm_epsilon.is_some() => {
            let what = "the norms of spvcnn have ε 0.00001: leave --norm-epsilon out".into();
            return Err(ImportError::Setting { what });
        }
        ImportModel::Spvcnn => {
            SegmentationConfig::Spvcnn(SpvcnnConfig { classes, features, width, ..SpvcnnConfig::default() })
        }
    };
    config.validate().map_err(|error| ImportError::Setting { what: error.to_string() })?;
    Ok(config)
}

/// The shortest number that gives these channels when the channels of width 1 are multiplied with it and rounded down.
fn width_of(channels: &[usize]) -> Result<f64, ImportError> {
    let whole = MinkUNetConfig::default().widths();
    let gives = |width: f64| MinkUNetConfig::default().with_width(width).widths()[..] == *channels;
    let pairs = || channels.iter().zip(whole).map(|(&got, whole)| (got as f64, whole as f64));
    let least = pairs().map(|(got, whole)| got / whole).fold(0.0, f64::max);
    let shortest = (1..=9).map(|digits| {
        let scale = 10_f64.powi(digits);
        (least * scale).ceil() / scale
    });
    // The exact quotient last: rounding up may have left the range.
    let found = shortest.chain([least]).find(|&width| gives(width));
    found.ok_or_else(|| ImportError::Channels { got: channels.to_vec(), whole: whole.to_vec() })
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "shares of small counts and widths are compared as they are written")]
mod tests {
    use super::*;

    #[test]
    fn widths_are_the_shortest_numbers_that_give_the_channels() {
        for width in [1.0, 0.5, 0.64, 0.25, 0.125, 1.5, 0.3] {
            let channels = MinkUNetConfig::default().with_width(width).widths();
            let found = width_of(&channels).unwrap();
            assert_eq!(MinkUNetConfig::default().with_width(found).widths(), channels);
            assert!(found.to_string().len() <= width.to_string().len(), "{found} for {width}");
        }
        assert_eq!(width_of(&[20, 20, 40, 81, 163, 163, 81, 61, 61]).unwrap(), 0.64);
        let error = width_of(&[32, 32, 64, 128, 256, 256, 128, 96, 97]).unwrap_err().to_string();
        assert!(error.contains("97"), "{error}");
    }
}
