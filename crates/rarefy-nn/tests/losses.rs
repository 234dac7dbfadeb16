//! The losses of segmentation against their definitions and, their gradients, against central differences in f64.

use burn::tensor::{DType, Device, Tensor, TensorData};
use rarefy_nn::{CrossEntropy, LovaszSoftmax, Reduction, SegmentationLoss};
use rarefy_testkit::{central_difference, naive_cross_entropy, naive_lovasz_softmax, random_values, relative_error};

const CLASSES: usize = 5;
const IGNORED: u32 = 255;

fn matrix(values: &[f64], classes: usize) -> Tensor<2> {
    let rows = values.len() / classes;
    let data = TensorData::new(values.to_vec(), [rows, classes]);
    Tensor::from_data(data, (&Device::flex().autodiff(), DType::F64))
}

fn number(loss: Tensor<1>) -> f64 {
    loss.into_data().iter::<f64>().next().expect("one number")
}

/// Scores of 40 rows, and labels of which some are ignored; class 3 does not occur.
fn rows() -> (Vec<f64>, Vec<u32>) {
    let logits = random_values(40 * CLASSES, 3).iter().map(|value| 3.0 * value).collect();
    let label = |row: u32| if row % 7 == 2 { IGNORED } else { [0, 1, 2, 4, 4, 1][row as usize % 6] };
    (logits, (0..40).map(label).collect())
}

/// Value and gradient of a loss on [`rows`] against `wanted`.
fn check(loss: impl Fn(Tensor<2>, &[u32]) -> Tensor<1>, wanted: impl Fn(&[f64], &[u32]) -> f64) {
    let (logits, labels) = rows();
    let x = matrix(&logits, CLASSES).require_grad();
    let found = loss(x.clone(), &labels);
    assert!((number(found.clone()) - wanted(&logits, &labels)).abs() < 1e-6, "{}", number(found));
    let gradients = found.backward();
    let gradient: Vec<f64> = x.grad(&gradients).expect("recorded").into_data().iter::<f64>().collect();
    let numeric = central_difference(|x| wanted(x, &labels), &logits, 1e-6);
    let error = relative_error(&gradient, &numeric);
    assert!(error < 1e-6, "the gradient differs by {error:e}");
    let ignored = labels.iter().position(|&label| label == IGNORED).expect("a row is ignored");
    assert!(gradient[ignored * CLASSES..][..CLASSES].iter().all(|&value| value == 0.0));
}

#[test]
fn cross_entropy_leaves_out_rows_and_weighs_classes() {
    for class_weights in [vec![], vec![1.0, 0.25, 3.0, 2.0, 0.5]] {
        let loss =
            CrossEntropy { ignore: Some(IGNORED), class_weights: class_weights.clone(), ..CrossEntropy::default() };
        let weights = if class_weights.is_empty() { vec![1.0; CLASSES] } else { class_weights };
        check(
            |logits, labels| loss.forward(logits, labels),
            |logits, labels| naive_cross_entropy(logits, labels, Some(IGNORED), &weights),
        );
    }
}

#[test]
fn lovasz_softmax_is_the_extension_of_the_jaccard_loss() {
    check(
        |logits, labels| LovaszSoftmax { ignore: Some(IGNORED) }.forward(logits, labels),
        |logits, labels| naive_lovasz_softmax(logits, CLASSES, labels, Some(IGNORED)),
    );
}

#[test]
fn both_losses_add_up_with_their_weights() {
    let cross_entropy = CrossEntropy { ignore: Some(IGNORED), ..CrossEntropy::default() };
    for (first, second) in [(1.0, 0.0), (0.0, 2.0), (0.5, 1.5)] {
        let loss = SegmentationLoss {
            cross_entropy: cross_entropy.clone(),
            cross_entropy_weight: first,
            lovasz_weight: second,
        };
        check(
            |logits, labels| loss.forward(logits, labels),
            |logits, labels| {
                first * naive_cross_entropy(logits, labels, Some(IGNORED), &[1.0; CLASSES])
                    + second * naive_lovasz_softmax(logits, CLASSES, labels, Some(IGNORED))
            },
        );
    }
}

#[test]
fn the_figures_of_example_14_come_out() {
    let rows = [0.6_f64, 0.3, 0.1, 0.2, 0.5, 0.3, 0.5, 0.4, 0.1, 0.1, 0.2, 0.7];
    let logits: Vec<f64> = rows.iter().map(|p| p.ln()).collect();
    let labels = [0, 1, 1, 2];
    let lovasz = |labels: &[u32], ignore| number(LovaszSoftmax { ignore }.forward(matrix(&logits, 3), labels));
    assert!((lovasz(&labels, None) - 0.433_333).abs() < 1e-6);
    let cross_entropy = number(CrossEntropy::default().forward(matrix(&logits, 3), &labels));
    assert!((cross_entropy - 0.619_235).abs() < 1e-6);
    // The losses of the three classes that the example names.
    assert!((naive_lovasz_softmax(&logits, 3, &labels, None) - (0.45 + 0.55 + 0.30) / 3.0).abs() < 1e-9);
}

#[test]
fn soft_labels_give_the_figure_of_example_19_and_its_gradient() {
    let targets = [0.7, 0.2, 0.1, 0.1, 0.1, 0.8];
    let soft = |logits: Tensor<2>, reduction| {
        CrossEntropy { reduction, ..CrossEntropy::default() }.forward_soft(logits, matrix(&targets, 3))
    };
    let one = CrossEntropy::default().forward_soft(matrix(&[2.0, 1.0, 0.0], 3), matrix(&targets[..3], 3));
    assert!((number(one) - 0.807_606).abs() < 1e-6);
    let logits = [2.0, 1.0, 0.0, -1.0, 0.3, 0.2];
    let x = matrix(&logits, 3).require_grad();
    let gradients = soft(x.clone(), Reduction::Mean).backward();
    let gradient: Vec<f64> = x.grad(&gradients).expect("recorded").into_data().iter::<f64>().collect();
    let numeric = central_difference(|x| number(soft(matrix(x, 3), Reduction::Mean)), &logits, 1e-5);
    assert!(relative_error(&gradient, &numeric) < 1e-8);
    let [mean, sum] = [Reduction::Mean, Reduction::Sum].map(|reduction| number(soft(matrix(&logits, 3), reduction)));
    assert!((2.0 * mean - sum).abs() < 1e-9);
    // Hard labels as probabilities are hard labels.
    let hard = CrossEntropy::default().forward(matrix(&logits, 3), &[0, 2]);
    let as_soft = CrossEntropy::default().forward_soft(matrix(&logits, 3), matrix(&[1.0, 0.0, 0.0, 0.0, 0.0, 1.0], 3));
    assert!((number(hard) - number(as_soft)).abs() < 1e-9);
}

#[test]
fn a_batch_without_a_label_has_no_loss_and_a_gradient_of_zero() {
    let (logits, _) = rows();
    let labels = vec![IGNORED; logits.len() / CLASSES];
    let cross_entropy = CrossEntropy { ignore: Some(IGNORED), ..CrossEntropy::default() };
    let loss = SegmentationLoss { cross_entropy, cross_entropy_weight: 1.0, lovasz_weight: 1.0 };
    let x = matrix(&logits, CLASSES).require_grad();
    let found = loss.forward(x.clone(), &labels);
    assert!(number(found.clone()).abs() < f64::EPSILON);
    let gradients = found.backward();
    assert!(x.grad(&gradients).expect("recorded").into_data().iter::<f64>().all(|value| value == 0.0));
}
