//! What a batch is trained for: the weighted sum of the losses that the configuration names.

use burn::tensor::Tensor;
use rarefy_models::Output;

use super::{LossConfig, ShapeSums};
use crate::rows::highest;
use crate::task::StepLoss;

/// The loss of a network's output.
pub(crate) fn batch_loss(config: &LossConfig, output: Output, labels: &[u32]) -> StepLoss<ShapeSums> {
    let correct = count_correct(&output.logits, labels);
    let mut loss = None;
    if config.softmax > 0.0 {
        loss = Some(config.cross_entropy().forward(output.logits, labels).mul_scalar(config.softmax));
    }
    let (mut triples, mut active_triples) = (0, 0);
    if config.triplet > 0.0 {
        let triplet = config.triplet_loss().forward(output.descriptors, labels);
        (triples, active_triples) = (triplet.triples as u64, triplet.active as u64);
        let weighted = triplet.loss.mul_scalar(config.triplet);
        loss = Some(match loss {
            Some(loss) => loss + weighted,
            None => weighted,
        });
    }
    let (loss, samples) = (loss.expect("a checked configuration has a loss"), labels.len() as u64);
    let sums = ShapeSums { correct, triples, active_triples };
    StepLoss { loss, samples, weight: config.weight(samples), sums }
}

/// Samples whose highest score is that of their label; ties go to the lowest class.
fn count_correct(logits: &Tensor<2>, labels: &[u32]) -> u64 {
    let classes = logits.dims()[1];
    let scores: Vec<f32> = logits.clone().detach().into_data().iter::<f32>().collect();
    scores.chunks(classes).zip(labels).filter(|(row, label)| highest(row) == **label as usize).count() as u64
}
