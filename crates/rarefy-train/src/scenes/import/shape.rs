//! The shape of a network from the names and shapes of its tensors (spec §10).
//!
//! A network is told by the name of its first kernel; the names before it are the same for all of its tensors and are left
//! out. Channels, blocks and kernels of the stem follow from the shapes.

use rarefy_models::{MinkUNetConfig, SegmentationConfig, SpvcnnConfig};
use rarefy_nn::{Naming, StateDict};

use super::{ImportError, ImportModel};

/// The first kernel of a network in each naming.
const FIRST: [(Naming, &str); 2] = [(Naming::TorchSparse, "stem.0.kernel"), (Naming::Minkowski, "conv0p1s1.kernel")];
/// Stages on the way down, and as many on the way up.
const STAGES: usize = 4;
/// More blocks of a stage, and more convolutions of the stem, no network has.
const MOST_BLOCKS: usize = 64;

/// A naming whose first kernel is among the names, with what stands before it.
pub(super) fn naming_of(dict: &StateDict, wanted: Option<Naming>) -> Result<(Naming, String), ImportError> {
    for (naming, first) in FIRST.into_iter().filter(|(naming, _)| wanted.is_none_or(|wanted| wanted == *naming)) {
        let before = |name: &String| {
            let before = name.strip_suffix(first)?;
            (before.is_empty() || before.ends_with('.')).then(|| before.to_owned())
        };
        if let Some(prefix) = dict.keys().find_map(before) {
            return Ok((naming, prefix));
        }
    }
    let known = FIRST.iter().map(|(naming, first)| format!("`{first}` ({naming:?})"));
    let found = dict.keys().take(4).map(|name| format!("`{name}`"));
    Err(ImportError::UnknownNames {
        known: known.collect::<Vec<_>>().join(" or "),
        found: found.collect::<Vec<_>>().join(", "),
    })
}

/// The names of a network's kernels.
struct Names<'a> {
    dict: &'a StateDict,
    naming: Naming,
}

impl Names<'_> {
    /// The shape of the kernel at a place: taps, inputs, outputs.
    fn kernel(&self, name: &str) -> Result<[usize; 3], ImportError> {
        let name = format!("{name}.kernel");
        let tensor = self.dict.get(&name).ok_or_else(|| ImportError::Missing { names: vec![name.clone()] })?;
        match tensor.shape[..] {
            [taps, inputs, outputs] => Ok([taps, inputs, outputs]),
            [inputs, outputs] => Ok([1, inputs, outputs]),
            _ => Err(ImportError::Kernel { name, shape: tensor.shape.clone() }),
        }
    }

    /// The kernel of convolution `number` of the stem.
    fn stem(&self, number: usize) -> String {
        match self.naming {
            Naming::Minkowski if number == 0 => "conv0p1s1".into(),
            _ => format!("stem.{}", 3 * number),
        }
    }

    /// The first kernel of block `number` of a stage, those on the way up after those on the way down.
    fn block(&self, stage: usize, number: usize) -> String {
        match self.naming {
            Naming::Minkowski => format!("block{}.{number}.conv1", stage + 1),
            Naming::TorchSparse if stage < STAGES => format!("stage{}.{}.net.0", stage + 1, number + 1),
            Naming::TorchSparse => format!("up{}.1.{number}.net.0", stage - STAGES + 1),
        }
    }

    fn has(&self, kernel: &str) -> bool {
        self.dict.contains_key(&format!("{kernel}.kernel"))
    }

    fn classifier(&self) -> &'static str {
        match self.naming {
            Naming::Minkowski => "final.bias",
            Naming::TorchSparse => "classifier.0.bias",
        }
    }
}

/// The configuration of the network that a state dict is of.
pub(super) fn config_of(
    dict: &StateDict,
    naming: Naming,
    model: ImportModel,
    width: Option<f64>,
) -> Result<SegmentationConfig, ImportError> {
    let names = Names { dict, naming };
    let [_, features, first] = names.kernel(&names.stem(0))?;
    let mut channels = vec![first];
    for stage in 0..2 * STAGES {
        channels.push(names.kernel(&names.block(stage, 0))?[2]);
    }
    let classifier = names.classifier().to_owned();
    let bias = dict.get(&classifier).ok_or_else(|| ImportError::Missing { names: vec![classifier] })?;
    let classes = bias.values.len();
    let width = match width {
        Some(width) => width,
        None => width_of(&channels)?,
    };
    let config = match model {
        ImportModel::MinkUNet => {
            let stem = (0..MOST_BLOCKS).map(|number| names.stem(number)).take_while(|kernel| names.has(kernel));
            let stem: Result<Vec<u32>, ImportError> = stem.map(|kernel| side_of(&names, &kernel)).collect();
            let blocks = |stage| (0..MOST_BLOCKS).take_while(|&number| names.has(&names.block(stage, number))).count();
            let blocks = (0..2 * STAGES).map(blocks).collect();
            SegmentationConfig::MinkUNet(MinkUNetConfig { classes, features, width, stem: stem?, blocks })
        }
        ImportModel::Spvcnn => {
            SegmentationConfig::Spvcnn(SpvcnnConfig { classes, features, width, ..SpvcnnConfig::default() })
        }
    };
    config.validate().map_err(|error| ImportError::Setting { what: error.to_string() })?;
    Ok(config)
}

/// The side of a cubic kernel.
fn side_of(names: &Names<'_>, kernel: &str) -> Result<u32, ImportError> {
    let [taps, inputs, outputs] = names.kernel(kernel)?;
    let side = (1..=7_usize).find(|side| side.pow(3) == taps);
    let wrong = || ImportError::Kernel { name: format!("{kernel}.kernel"), shape: vec![taps, inputs, outputs] };
    side.map(|side| side as u32).ok_or_else(wrong)
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
