//! Labels of a cloud as layers to be looked at: truth, prediction, mistakes.

use rarefy_data::scene::{ClassMap, IGNORED};
use rarefy_view::{CloudView, ViewClass, ViewError};

/// Colours of points without a class, of right ones and of wrong ones.
const NO_CLASS: [u8; 3] = [74, 82, 96];
const RIGHT: [u8; 3] = [120, 132, 150];
const WRONG: [u8; 3] = [240, 70, 70];

/// Adds the layers `truth` and `prediction`, those that are given, and `mistakes` where both are; classes are `[points]`.
pub(crate) fn add_labels(
    view: &mut CloudView,
    classes: &ClassMap,
    truth: Option<&[u8]>,
    predicted: Option<&[u8]>,
) -> Result<(), ViewError> {
    let mut named: Vec<ViewClass> =
        classes.classes().iter().map(|class| ViewClass::new(&class.name, visible(class.colour))).collect();
    named.push(ViewClass::new("no class", NO_CLASS));
    let none = named.len() - 1;
    let palette = view.add_palette(named);
    for (layer, labels) in [("truth", truth), ("prediction", predicted)] {
        if let Some(labels) = labels {
            let classes = labels.iter().map(|&label| usize::from(label).min(none) as u16).collect();
            view.add_classes(layer, palette, classes)?;
        }
    }
    if let (Some(truth), Some(predicted)) = (truth, predicted) {
        let verdicts = ["right", "wrong", "no class"].into_iter().zip([RIGHT, WRONG, NO_CLASS]);
        let palette = view.add_palette(verdicts.map(|(name, colour)| ViewClass::new(name, colour)).collect());
        let verdict =
            |(&truth, &predicted): (&u8, &u8)| if truth == IGNORED { 2 } else { u16::from(truth != predicted) };
        view.add_classes("mistakes", palette, truth.iter().zip(predicted).map(verdict).collect())?;
    }
    Ok(())
}

/// Luminance of a colour at least, so that it does not vanish on a dark ground.
const LEAST_LUMINANCE: f32 = 60.0;

/// The colour, mixed with as much white as it takes to be seen.
fn visible(colour: [u8; 3]) -> [u8; 3] {
    let [red, green, blue] = colour.map(f32::from);
    let luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    let white = ((LEAST_LUMINANCE - luminance) / (255.0 - luminance).max(1.0)).max(0.0);
    [red, green, blue].map(|part| (part + (255.0 - part) * white).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn dark_colours_are_lightened_and_others_stay() {
        assert_eq!(visible([255, 200, 0]), [255, 200, 0]);
        assert_eq!(visible([0, 0, 0]), [60, 60, 60]);
        // The pavement of SemanticKITTI stays violet.
        assert_eq!(visible([75, 0, 75]), [105, 42, 105]);
    }
}
