//! Which classes a branch of a network answers to: the share of each class's points among the strongest of their scene
//! (SPVNAS, Tang et al. 2020; SYSTEMS.md §4.6).
//!
//! The strongest are a share of all points of a scene, those without a class too; of equal ones the first in the scene.
//! Invariant: counts are integers and are added up, so scenes may come in any order.

use serde::{Deserialize, Serialize};

use crate::MetricsError;

/// Points of each class, and how many of them are among the strongest of their scene.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Activation {
    ignored_label: u32,
    /// Share of a scene's points that count as strong.
    share: f64,
    points: Vec<u64>,
    strong: Vec<u64>,
}

impl Activation {
    /// Nothing counted yet; `share` of a scene's points, rounded down, are strong.
    #[must_use]
    pub fn new(classes: usize, ignored_label: u32, share: f64) -> Self {
        Self { ignored_label, share, points: vec![0; classes], strong: vec![0; classes] }
    }

    /// Adds a scene: the true class of each point and how strongly the branch answers to it, such as the norm of its features.
    ///
    /// # Errors
    ///
    /// When the lengths differ, a label is no class, or a strength is no number; nothing is added then.
    pub fn add(&mut self, labels: &[u8], strengths: &[f32]) -> Result<(), MetricsError> {
        let classes = self.points.len();
        if labels.len() != strengths.len() {
            let (expected, got) = (labels.len(), strengths.len());
            return Err(MetricsError::LengthMismatch { what: "strengths", expected, got });
        }
        if let Some(row) = strengths.iter().position(|strength| !strength.is_finite()) {
            return Err(MetricsError::NotFinite { row, column: 0 });
        }
        let known = |label: u8| u32::from(label) != self.ignored_label;
        if let Some(item) = labels.iter().position(|&label| known(label) && usize::from(label) >= classes) {
            return Err(MetricsError::ClassOutOfRange { what: "label", item, got: labels[item].into(), classes });
        }
        let mut order: Vec<usize> = (0..labels.len()).collect();
        order.sort_by(|&a, &b| strengths[b].total_cmp(&strengths[a]));
        let strongest = (labels.len() as f64 * self.share) as usize;
        for (place, &point) in order.iter().enumerate().filter(|(_, point)| known(labels[**point])) {
            let class = usize::from(labels[point]);
            self.points[class] += 1;
            self.strong[class] += u64::from(place < strongest);
        }
        Ok(())
    }

    /// Share of the points of each class that are strong; `None` for a class without points.
    #[must_use]
    pub fn shares(&self) -> Vec<Option<f64>> {
        let counts = self.strong.iter().zip(&self.points);
        counts.map(|(&strong, &points)| (points > 0).then(|| strong as f64 / points as f64)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_of_each_scene_are_counted_by_class() {
        let mut activation = Activation::new(3, 255, 0.4);
        // Two of five are strong: the points of strength 9 and 8; the latter has no class.
        activation.add(&[0, 0, 1, 255, 1], &[1.0, 9.0, 3.0, 8.0, 2.0]).unwrap();
        // Two of five again; of three that are equal the first two.
        activation.add(&[1, 0, 1, 0, 0], &[5.0, 5.0, 5.0, 0.0, 0.0]).unwrap();
        assert_eq!(activation.shares(), [Some(2.0 / 5.0), Some(1.0 / 4.0), None]);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_adds_nothing() {
        let mut activation = Activation::new(2, 255, 0.1);
        let before = activation.clone();
        assert!(activation.add(&[0, 1], &[1.0]).unwrap_err().to_string().contains("strengths"));
        assert!(activation.add(&[0, 2], &[1.0, 1.0]).unwrap_err().to_string().contains("class 2"));
        assert!(activation.add(&[0, 1], &[1.0, f32::NAN]).is_err());
        assert_eq!(activation, before);
        activation.add(&[], &[]).unwrap();
        assert_eq!(activation.shares(), [None, None]);
    }
}
