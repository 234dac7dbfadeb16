//! Families of vehicles, structures and curves: airplane, car, fence, ladder, spring, stairs, torus-knot, tree.

use super::builder::{Builder, Dice};
use rarefy_geometry::Affine;
use std::f32::consts::TAU;

pub(super) fn airplane(b: &mut Builder, d: &mut Dice) {
    let (length, radius) = (d.between(1.4, 2.2), d.between(0.07, 0.14));
    let path: Vec<[f32; 3]> = (0..=16).map(|step| [0.0, length * (step as f32 / 16.0 - 0.5), 0.0]).collect();
    let (nose, tail) = (d.between(0.08, 0.2), d.between(0.2, 0.4));
    let profile = move |place: f32| {
        let front = (place / nose).min(1.0);
        let rear = ((1.0 - place) / tail).min(1.0);
        (radius * front.sqrt() * (0.2 + 0.8 * rear)).max(0.01)
    };
    b.tube(&path, profile, 16, false);
    let (span, chord, sweep) = (d.between(0.6, 1.1), d.between(0.2, 0.4), d.between(-0.02, 0.5));
    let (rise, height) = (d.between(-0.05, 0.15), radius * d.between(-0.6, 0.8));
    let wing = |b: &mut Builder, side: f32, root: [f32; 3], span: f32, chord: f32, sweep: f32, rise: f32| {
        // A box standing up, then laid on its side: its top is the tip of the wing.
        let mark = b.mark();
        b.hexahedron([0.0, 0.0, span / 2.0], [0.03, chord, span], [0.0, sweep], 0.45);
        let linear = [[0.0, 0.0, side], [0.0, 1.0, 0.0], [1.0, 0.0, rise]];
        b.move_since(mark, &Affine { linear, shift: root });
    };
    let at = length * d.between(-0.1, 0.05);
    let rear = length * 0.44;
    for side in [-1.0, 1.0] {
        wing(b, side, [0.0, at, height], span, chord, sweep, rise);
        wing(b, side, [0.0, rear, radius * 0.3], span * 0.38, chord * 0.6, sweep * 0.4, 0.0);
    }
    let fin = d.between(0.2, 0.4);
    b.hexahedron([0.0, rear, fin / 2.0], [0.025, chord * 0.7, fin], [0.0, 0.1], 0.5);
    for engine in 1..=d.count(0, 2) {
        let x = span * 0.28 * engine as f32;
        for side in [-1.0, 1.0] {
            let y = at + sweep * 0.28 * engine as f32;
            let thick = radius * 0.45;
            b.rod([side * x, y - 0.2, height - thick], [side * x, y + 0.08, height - thick], [thick, thick * 0.8], 10);
        }
    }
}

pub(super) fn car(b: &mut Builder, d: &mut Dice) {
    let (length, width, body) = (d.between(1.5, 2.3), d.between(0.75, 0.95), d.between(0.25, 0.45));
    let wheel = d.between(0.14, 0.22);
    b.hexahedron([0.0, 0.0, wheel + body / 2.0], [width, length, body], [0.0; 2], d.between(0.9, 1.0));
    let (cabin, high, back) = (length * d.between(0.35, 0.7), d.between(0.22, 0.5), d.between(-0.1, 0.2));
    let top = wheel + body + high / 2.0;
    b.hexahedron([0.0, back * length * 0.5, top], [width * 0.9, cabin, high], [0.0, 0.0], d.between(0.65, 0.95));
    let (axle, thick) = (length * d.between(0.28, 0.36), width * d.between(0.15, 0.25));
    for (x, y) in [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)] {
        let outer = x * width * 0.52;
        b.rod([outer, y * axle, wheel], [outer - x * thick, y * axle, wheel], [wheel, wheel], 20);
    }
    if d.chance(0.25) {
        let rear = length * 0.46;
        b.cuboid([0.0, rear, wheel + body + 0.12], [width * 0.9, 0.1, 0.03]);
        for side in [-0.3, 0.3] {
            b.cuboid([side * width, rear, wheel + body + 0.05], [0.03, 0.05, 0.14]);
        }
    }
}

pub(super) fn fence(b: &mut Builder, d: &mut Dice) {
    let (posts, gap, height) = (d.count(5, 12), d.between(0.1, 0.22), d.between(0.5, 1.0));
    let (wide, thick) = (gap * d.between(0.25, 0.7), d.between(0.02, 0.05));
    let (pointed, length) = (d.chance(0.5), gap * (posts - 1) as f32);
    for post in 0..posts {
        let x = post as f32 * gap - length / 2.0;
        b.cuboid([x, 0.0, height / 2.0], [wide, thick, height]);
        if pointed {
            b.hexahedron([x, 0.0, height + wide / 2.0], [wide, thick, wide], [0.0; 2], 0.05);
        }
    }
    for rail in 0..d.count(2, 3) {
        b.cuboid([0.0, thick, height * (0.2 + 0.3 * rail as f32)], [length + wide, thick, d.between(0.04, 0.08)]);
    }
}

pub(super) fn ladder(b: &mut Builder, d: &mut Dice) {
    let (width, height, rungs) = (d.between(0.35, 0.6), d.between(1.2, 2.4), d.count(4, 10));
    let (rail, rung) = (d.between(0.02, 0.045), d.between(0.012, 0.03));
    let narrowing = d.between(0.6, 1.0);
    let lean = d.between(0.0, 0.5);
    let double = d.chance(0.35);
    for slope in if double { vec![-lean - 0.2, lean + 0.2] } else { vec![lean] } {
        let at = |side: f32, place: f32| {
            let half = width / 2.0 * (1.0 + (narrowing - 1.0) * place);
            [side * half, slope * (1.0 - place), height * place]
        };
        for side in [-1.0, 1.0] {
            b.rod(at(side, 0.0), at(side, 1.0), [rail, rail], 4);
        }
        for step in 0..rungs {
            let place = (step as f32 + 0.5) / rungs as f32;
            b.rod(at(-1.0, place), at(1.0, place), [rung, rung], 8);
        }
    }
}

pub(super) fn spring(b: &mut Builder, d: &mut Dice) {
    let (turns, radius, height) = (d.between(3.0, 8.0), d.between(0.2, 0.4), d.between(0.6, 1.4));
    let (end, hand) = (d.between(0.5, 1.2), if d.chance(0.5) { 1.0 } else { -1.0 });
    let thick = (height / turns * d.between(0.12, 0.3)).min(0.07);
    let steps = (turns * 24.0) as u32;
    let path: Vec<[f32; 3]> = (0..=steps)
        .map(|step| {
            let place = step as f32 / steps as f32;
            let (sin, cos) = (TAU * turns * place).sin_cos();
            let around = radius * (1.0 + (end - 1.0) * place);
            [around * cos, hand * around * sin, height * place]
        })
        .collect();
    b.tube(&path, |_| thick, 8, false);
}

pub(super) fn torus_knot(b: &mut Builder, d: &mut Dice) {
    let (p, q) = [(2, 3), (3, 2), (2, 5), (3, 4), (4, 3), (1, 4)][d.count(0, 5) as usize];
    let (ring, tube, thick) = (1.0, d.between(0.3, 0.5), d.between(0.07, 0.16));
    let flat = d.between(0.7, 1.4);
    let path: Vec<[f32; 3]> = (0..240)
        .map(|step| {
            let turn = TAU * step as f32 / 240.0;
            let (p_turn, q_turn) = (p as f32 * turn, q as f32 * turn);
            let out = ring + tube * q_turn.cos();
            [out * p_turn.cos(), out * p_turn.sin(), flat * tube * q_turn.sin()]
        })
        .collect();
    b.tube(&path, |_| thick, 8, true);
}

pub(super) fn stairs(b: &mut Builder, d: &mut Dice) {
    let (steps, rise, tread) = (d.count(4, 12), d.between(0.12, 0.22), d.between(0.18, 0.35));
    let (width, open) = (d.between(0.6, 1.4), d.chance(0.5));
    let winding = if d.chance(0.3) { d.between(0.2, 0.45) } else { 0.0 };
    for step in 0..steps {
        let mark = b.mark();
        let top = (step + 1) as f32 * rise;
        let (middle, tall) = if open { (top - 0.025, 0.05) } else { (top / 2.0, top) };
        if winding > 0.0 {
            b.hexahedron([width * 0.6, 0.0, middle], [width, tread, tall], [0.0; 2], 1.0);
            b.move_since(mark, &rarefy_geometry::vertical_rotation(winding * step as f32));
        } else {
            b.cuboid([0.0, step as f32 * tread, middle], [width, tread, tall]);
        }
    }
    let high = steps as f32 * rise;
    if winding > 0.0 {
        b.cylinder([0.0; 3], [0.07, 0.07], high + 0.6, 12);
    } else if d.chance(0.5) {
        let end = (steps - 1) as f32 * tread;
        for side in [-1.0, 1.0] {
            let x = side * width * 0.48;
            b.rod([x, 0.0, rise + 0.6], [x, end, high + 0.6], [0.03, 0.03], 6);
            for post in 0..steps {
                let (y, z) = (post as f32 * tread, (post + 1) as f32 * rise);
                b.rod([x, y, z], [x, y, z + 0.6], [0.015, 0.015], 4);
            }
        }
    }
}

pub(super) fn tree(b: &mut Builder, d: &mut Dice) {
    let (trunk, thick) = (d.between(0.3, 0.8), d.between(0.04, 0.1));
    b.cylinder([0.0; 3], [thick, thick * 0.7], trunk + 0.2, 10);
    if d.chance(0.5) {
        let (tiers, wide, tall) = (d.count(2, 4), d.between(0.3, 0.5), d.between(0.3, 0.5));
        for tier in 0..tiers {
            let share = 1.0 - tier as f32 / (tiers + 1) as f32;
            b.cylinder([0.0, 0.0, trunk + tier as f32 * tall * 0.6], [wide * share, 0.0], tall, 16);
        }
        return;
    }
    for _ in 0..d.count(3, 8) {
        let (turn, out) = (d.between(0.0, TAU), d.between(0.1, 0.4));
        let crown = [out * turn.cos(), out * turn.sin(), trunk + d.between(0.1, 0.6)];
        let size = d.between(0.15, 0.3);
        b.rod([0.0, 0.0, trunk * 0.8], crown, [thick * 0.6, thick * 0.3], 6);
        b.ellipsoid(crown, [size, size, size * d.between(0.7, 1.0)], 12);
    }
}
