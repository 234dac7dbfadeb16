//! Charts: every one is well-formed SVG that stays inside its frame, whatever the figures and names.

mod common;

use common::{elements, figures};
use rarefy_metrics::Confusion;
use rarefy_view::{
    Bar, BarChart, EpochPoint, LineChart, Mark, ResolutionPoint, Scale, Series, accuracy_curves, confusion_heat_map,
    learning_rate_curve, loss_curves, map_against_resolution, map_curve, sparsity_bars,
};

const NASTY: &str = "</text><script>alert(\"1\" & '2')</script>\u{1}";

fn well_formed(svg: &str) -> Vec<String> {
    for word in ["NaN", "inf", "script>", "\u{1}"] {
        assert!(!svg.contains(word), "{word} in {svg}");
    }
    elements(svg)
}

fn count_of(names: &[String], name: &str) -> usize {
    names.iter().filter(|&other| other == name).count()
}

/// The corners of all curves; the tests' curves are drawn with absolute lines alone.
fn places(svg: &str) -> Vec<[f64; 2]> {
    let paths =
        svg.split("class=\"curve\" d=\"M").skip(1).flat_map(|after| after.split('"').next().unwrap().split('L'));
    let place = |text: &str| {
        let (x, y) = text.split_once(' ').unwrap();
        [x.parse().unwrap(), y.parse().unwrap()]
    };
    paths.map(place).collect()
}

fn assert_inside(svg: &str) {
    for [x, y] in places(svg) {
        assert!((0.0..=560.0).contains(&x) && (0.0..=320.0).contains(&y), "{x} {y} in {svg}");
    }
}

#[test]
fn figures_that_are_no_numbers_are_left_out() {
    let points = vec![[1.0, 2.0], [2.0, f64::NAN], [f64::INFINITY, 3.0], [4.0, f64::NEG_INFINITY], [5.0, 4.0]];
    let svg = LineChart::new("Loss", "epoch").with_series("training", points.clone(), Mark::All).to_svg();
    well_formed(&svg);
    assert_eq!(places(&svg).len(), 2);
    assert_eq!(svg.matches("class=\"value").count(), 2);
    // A series that did not come through `with_series` is no different.
    let mut chart = LineChart::new("Loss", "epoch");
    chart.series.push(Series { name: "training".into(), points, mark: Mark::All });
    assert_eq!(chart.to_svg(), svg);
}

#[test]
fn the_best_point_is_found_beside_figures_that_are_no_numbers() {
    for (mark, text) in [(Mark::Highest, ">0.900<"), (Mark::Lowest, ">0.100<")] {
        let points = vec![[0.0, f64::NAN], [1.0, 0.5], [2.0, 0.9], [3.0, 0.1], [4.0, 0.9]];
        let mut chart = LineChart::new("", "");
        chart.series.push(Series { name: String::new(), points, mark });
        let svg = chart.to_svg();
        assert!(svg.contains(text), "{mark:?}: {svg}");
        assert_eq!(svg.matches("class=\"value").count(), 1);
    }
}

#[test]
fn one_point_is_a_dot_in_the_middle() {
    let svg = LineChart::new("Loss", "epoch").with_series("training", vec![[3.0, 7.5]], Mark::None).to_svg();
    well_formed(&svg);
    assert_inside(&svg);
    let (x, y) = (figures(&svg, "cx"), figures(&svg, "cy"));
    assert_eq!((x.len(), y.len()), (1, 1));
    assert!((x[0] - 295.0).abs() < 5.0 && (y[0] - 167.0).abs() < 5.0, "{x:?} {y:?}");
}

#[test]
fn a_chart_without_a_point_is_an_empty_frame_or_none() {
    let chart = LineChart::new("Loss", "epoch").with_series("training", vec![[f64::NAN, 1.0]], Mark::All);
    assert!(chart.series.is_empty());
    assert!(places(&chart.to_svg()).is_empty());
    well_formed(&chart.to_svg());
    let mut pushed = LineChart::new("", "");
    pushed.series.push(Series { name: String::new(), points: Vec::new(), mark: Mark::Highest });
    well_formed(&pushed.to_svg());
    let nothing = [EpochPoint { epoch: 1, train_loss: Some(f64::NAN), ..EpochPoint::default() }];
    for epochs in [&nothing[..], &[]] {
        let charts = [loss_curves(epochs), accuracy_curves(epochs), map_curve(epochs), learning_rate_curve(epochs)];
        assert_eq!(charts, [const { None }; 4]);
    }
    assert_eq!(map_against_resolution(&[]), None);
    assert_eq!(sparsity_bars(&[]), None);
}

#[test]
fn curves_stay_in_the_frame_whatever_the_size_of_the_figures() {
    for size in [1e-300, 1e-12, 1.0, 1e9, 1e300] {
        for y_scale in [Scale::Linear, Scale::Logarithmic] {
            let mut chart = LineChart::new("", "");
            chart.y_scale = y_scale;
            let points = (0..9).map(|n| [f64::from(n) * size, f64::from((n * 5) % 7 + 1) * size]).collect();
            let svg = chart.with_series("", points, Mark::Highest).to_svg();
            well_formed(&svg);
            assert_eq!(places(&svg).len(), 9, "{size} {y_scale:?}");
            assert_inside(&svg);
        }
    }
}

#[test]
fn higher_figures_are_drawn_higher() {
    for y_scale in [Scale::Linear, Scale::Logarithmic] {
        let mut chart = LineChart::new("", "");
        chart.y_scale = y_scale;
        let svg = chart.with_series("", (1..6).map(|n| [f64::from(n), f64::from(n)]).collect(), Mark::None).to_svg();
        let places = places(&svg);
        assert!(places.windows(2).all(|pair| pair[1][0] > pair[0][0] && pair[1][1] < pair[0][1]), "{places:?}");
    }
}

#[test]
fn a_logarithmic_chart_leaves_out_what_has_no_logarithm() {
    let mut chart = LineChart::new("", "");
    chart.y_scale = Scale::Logarithmic;
    let svg = chart.with_series("", vec![[0.0, 0.0], [1.0, -3.0], [2.0, 1e-3], [3.0, 1e-2]], Mark::None).to_svg();
    well_formed(&svg);
    assert_eq!(places(&svg).len(), 2);
}

#[test]
fn epochs_are_whole_figures() {
    let point = |epoch| EpochPoint { epoch, train_loss: Some(1.0 / f64::from(epoch)), ..EpochPoint::default() };
    let svg = loss_curves(&[point(1), point(2), point(3)]).unwrap();
    let labels: Vec<&str> =
        svg.split("<text class=\"mid\"").skip(1).map(|t| t.split(['>', '<']).nth(1).unwrap()).collect();
    assert_eq!(labels, ["1", "2", "3", "epoch"]);
}

#[test]
fn resolutions_are_drawn_in_order() {
    let points = [(64, 0.7), (16, 0.4), (32, 0.6)].map(|(render_size, map)| ResolutionPoint { render_size, map });
    let svg = map_against_resolution(&points).unwrap();
    let places = places(&svg);
    assert!(places.windows(2).all(|pair| pair[0][0] < pair[1][0]), "{places:?}");
    assert!(svg.contains("70.0 %") && svg.contains("40.0 %"));
}

#[test]
fn names_of_a_user_are_escaped_in_every_chart() {
    let line = vec![[0.0, 0.0], [1.0, 1.0]];
    let chart =
        LineChart::new(NASTY, NASTY).with_series(NASTY, line.clone(), Mark::All).with_series("b", line, Mark::All);
    let bar = Bar { label: NASTY.into(), share: 0.5, reference: Some(0.25) };
    let bars = BarChart { title: NASTY.into(), reference_name: NASTY.into(), bars: vec![bar] };
    let confusion = Confusion::from_predictions(2, &[0, 1, 1], &[0, 1, 0]).unwrap();
    let charts = [chart.to_svg(), bars.to_svg(), confusion_heat_map(&confusion, &[NASTY.into(), NASTY.into()])];
    for svg in charts {
        well_formed(&svg);
        assert!(svg.contains("&lt;/text&gt;"), "{svg}");
    }
}

#[test]
fn long_names_are_cut_and_not_drawn_over_the_edge() {
    let long = "a_name_without_end_".repeat(20);
    let line = || vec![[0.0, 0.0], [1.0, 1.0]];
    let chart = (0..4).fold(LineChart::new("", ""), |chart, _| chart.with_series(&long, line(), Mark::None));
    let svg = chart.to_svg();
    let legend: Vec<&str> = svg.lines().filter(|line| line.contains("y=\"40\"")).collect();
    assert_eq!(legend.len(), 4);
    for line in legend {
        let letters = line.split("y=\"40\">").nth(1).unwrap().split('<').next().unwrap().chars().count();
        assert!(figures(line, "x")[0] + 6.6 * letters as f64 <= 560.0, "{line}");
    }
    let bars = BarChart {
        title: long.clone(),
        reference_name: "paper".into(),
        bars: vec![Bar { label: long.clone(), share: 1.0, reference: None }],
    };
    let svg = bars.to_svg();
    assert!(figures(&svg, "width").iter().all(|&width| width > 0.0));
    // Whole in the title for screen readers alone.
    assert_eq!(svg.matches(&long).count(), 1);
}

/// Between the frame, which comes first, and the sign in the legend, which comes last.
fn bar_widths(svg: &str) -> Vec<f64> {
    let mut widths = figures(svg, "width").split_off(1);
    assert_eq!(widths.pop(), Some(14.0));
    widths
}

#[test]
fn bars_are_as_long_as_their_shares_and_stay_in_the_frame() {
    let shares = [1e-30, 1e-3, 1e-2, 0.1, 1.0, 7.0, f64::INFINITY];
    let bars = shares.map(|share| Bar { label: "layer".into(), share, reference: Some(share) }).to_vec();
    let chart = BarChart { title: String::new(), reference_name: "paper".into(), bars };
    let svg = chart.to_svg();
    well_formed(&svg);
    let widths = bar_widths(&svg);
    assert_eq!(widths.len(), shares.len());
    assert!(widths.is_sorted() && widths[6] < 560.0, "{widths:?}");
    let steps: Vec<f64> = widths[1..5].windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(steps.iter().all(|step| (step - steps[0]).abs() < 0.3), "{steps:?}");
}

#[test]
fn bars_without_a_figure_have_no_length() {
    for share in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY] {
        let bars = vec![Bar { label: "layer".into(), share, reference: Some(f64::NAN) }];
        let svg = BarChart { title: String::new(), reference_name: String::new(), bars }.to_svg();
        well_formed(&svg);
        assert_eq!(bar_widths(&svg), [0.0], "{share}");
    }
    well_formed(&BarChart { title: String::new(), reference_name: String::new(), bars: Vec::new() }.to_svg());
}

#[test]
fn the_heat_map_has_a_cell_for_each_confusion_that_occurs() {
    let confusion = Confusion::from_predictions(3, &[0, 0, 0, 1, 2], &[0, 0, 1, 1, 1]).unwrap();
    let svg = confusion_heat_map(&confusion, &["ant".into(), "bee".into()]);
    let names = well_formed(&svg);
    assert_eq!(count_of(&names, "title"), 4);
    for text in ["ant → ant: 2 of 3 (66.7 %)", "ant → bee: 1 of 3 (33.3 %)", "2 → bee: 1 of 1 (100.0 %)"] {
        assert!(svg.contains(text), "{text} in {svg}");
    }
}

#[test]
fn a_heat_map_of_no_or_of_many_classes_is_drawn() {
    well_formed(&confusion_heat_map(&Confusion::new(0), &[]));
    well_formed(&confusion_heat_map(&Confusion::new(3), &[]));
    let labels: Vec<u32> = (0..400).collect();
    let many = confusion_heat_map(&Confusion::from_predictions(400, &labels, &labels).unwrap(), &[]);
    assert_eq!(count_of(&well_formed(&many), "title"), 400);
}
