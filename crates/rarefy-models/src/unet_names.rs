//! What the layers of a U-Net are called by other programs (spec §10).

use rarefy_nn::Naming;

use crate::unet::STAGES;

/// Names of the layers of MinkUNet and SPVCNN in another program: those of the SPVNAS zoo, of MinkowskiEngine, and
/// of Pointcept's `SpUNet` for spconv.
///
/// Stages count from 1 on the way down, and from 1 on the way up, the coarsest first.
///
/// ```
/// use rarefy_models::UNetNames;
/// use rarefy_nn::Naming;
///
/// assert_eq!(UNetNames::new(Naming::TorchSparse).up_block(1, 0), "up1.1.0");
/// assert_eq!(UNetNames::new(Naming::Spconv).up_block(1, 0), "dec.3.block0");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct UNetNames {
    naming: Naming,
}

/// What follows the name of a residual block.
#[derive(Clone, Copy, Debug)]
pub struct BlockNames {
    /// The first convolution and its norm.
    pub first: [&'static str; 2],
    /// The second.
    pub second: [&'static str; 2],
    /// The way past them, where the width changes.
    pub shortcut: [&'static str; 2],
}

impl UNetNames {
    /// The names of a program.
    #[must_use]
    pub fn new(naming: Naming) -> Self {
        Self { naming }
    }

    /// Convolution `number` of the stem, from 0, and its norm.
    #[must_use]
    pub fn stem(self, number: usize) -> [String; 2] {
        match self.naming {
            Naming::Minkowski if number == 0 => ["conv0p1s1".into(), "bn0".into()],
            Naming::TorchSparse | Naming::Minkowski => in_row("stem", number),
            Naming::Spconv => in_row("conv_input", number),
        }
    }

    /// The step down of a stage and its norm.
    #[must_use]
    pub fn down(self, stage: usize) -> [String; 2] {
        match self.naming {
            Naming::TorchSparse => in_row(&format!("stage{stage}.0.net"), 0),
            Naming::Minkowski => [format!("conv{stage}p{}s2", 1 << (stage - 1)), format!("bn{stage}")],
            Naming::Spconv => in_row(&format!("down.{}", stage - 1), 0),
        }
    }

    /// Residual block `number`, from 0, of a stage on the way down.
    #[must_use]
    pub fn down_block(self, stage: usize, number: usize) -> String {
        match self.naming {
            Naming::TorchSparse => format!("stage{stage}.{}", number + 1),
            Naming::Minkowski => format!("block{stage}.{number}"),
            Naming::Spconv => format!("enc.{}.block{number}", stage - 1),
        }
    }

    /// The step up of a stage and its norm.
    #[must_use]
    pub fn up(self, stage: usize) -> [String; 2] {
        match self.naming {
            Naming::TorchSparse => in_row(&format!("up{stage}.0.net"), 0),
            Naming::Minkowski => {
                let level = STAGES + stage - 1;
                [format!("convtr{level}p{}s2", 1 << (STAGES - stage + 1)), format!("bntr{level}")]
            }
            Naming::Spconv => in_row(&format!("up.{}", STAGES - stage), 0),
        }
    }

    /// Residual block `number`, from 0, of a stage on the way up.
    #[must_use]
    pub fn up_block(self, stage: usize, number: usize) -> String {
        match self.naming {
            Naming::TorchSparse => format!("up{stage}.1.{number}"),
            Naming::Minkowski => format!("block{}.{number}", STAGES + stage),
            Naming::Spconv => format!("dec.{}.block{number}", STAGES - stage),
        }
    }

    /// The layers of a residual block.
    #[must_use]
    pub fn in_block(self) -> BlockNames {
        let [first, second, shortcut] = match self.naming {
            Naming::TorchSparse => [["net.0", "net.1"], ["net.3", "net.4"], ["downsample.0", "downsample.1"]],
            Naming::Minkowski => [["conv1", "norm1"], ["conv2", "norm2"], ["downsample.0", "downsample.1"]],
            Naming::Spconv => [["conv1", "bn1"], ["conv2", "bn2"], ["proj.0", "proj.1"]],
        };
        BlockNames { first, second, shortcut }
    }

    /// The classifier.
    #[must_use]
    pub fn classifier(self) -> &'static str {
        match self.naming {
            Naming::TorchSparse => "classifier.0",
            Naming::Minkowski | Naming::Spconv => "final",
        }
    }
}

/// Convolution `number` and its norm in a list of convolution, norm, ReLU, convolution, ….
fn in_row(list: &str, number: usize) -> [String; 2] {
    [3 * number, 3 * number + 1].map(|place| format!("{list}.{place}"))
}
