//! Families of furniture: bed, bookshelf, chair, lamp, sofa, stool, table.

use super::builder::{Builder, Dice};

/// Legs at the corners of a rectangle, straight or splayed, square or round.
fn legs(b: &mut Builder, d: &mut Dice, half: [f32; 2], height: f32, radius: f32) {
    let (splay, sides) = (d.between(0.0, 0.12), if d.chance(0.5) { 4 } else { 10 });
    let taper = d.between(0.6, 1.0);
    for (x, y) in [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)] {
        let top = [x * half[0], y * half[1], height];
        let foot = [x * (half[0] + splay), y * (half[1] + splay), 0.0];
        b.rod(foot, top, [radius * taper, radius], sides);
    }
    if d.chance(0.35) {
        let at = height * d.between(0.2, 0.5);
        let thin = radius * 0.6;
        for side in [-1.0, 1.0] {
            b.rod([-half[0], side * half[1], at], [half[0], side * half[1], at], [thin, thin], 6);
            b.rod([side * half[0], -half[1], at], [side * half[0], half[1], at], [thin, thin], 6);
        }
    }
}

/// A pillar on a star of feet or on a plate.
fn pedestal(b: &mut Builder, d: &mut Dice, reach: f32, height: f32, radius: f32) {
    b.cylinder([0.0, 0.0, 0.03], [radius, radius * d.between(0.7, 1.2)], height - 0.03, 12);
    if d.chance(0.5) {
        b.cylinder([0.0; 3], [reach, reach * d.between(0.6, 1.0)], 0.04, 20);
        return;
    }
    let feet = d.count(3, 5);
    for foot in 0..feet {
        let (sin, cos) = (std::f32::consts::TAU * foot as f32 / feet as f32).sin_cos();
        b.rod([cos * reach, sin * reach, 0.02], [0.0, 0.0, 0.1], [0.025, 0.035], 6);
    }
}

pub(super) fn chair(b: &mut Builder, d: &mut Dice) {
    let (width, depth, seat) = (d.between(0.4, 0.6), d.between(0.4, 0.55), d.between(0.38, 0.52));
    let (thick, back) = (d.between(0.03, 0.09), d.between(0.35, 0.65));
    let lean = d.between(0.0, 0.15);
    b.cuboid([0.0, 0.0, seat], [width, depth, thick]);
    if d.chance(0.75) {
        legs(b, d, [width / 2.0 - 0.04, depth / 2.0 - 0.04], seat, 0.025);
    } else {
        pedestal(b, d, width / 2.0, seat, 0.035);
    }
    let rear = depth / 2.0 - 0.02;
    if d.chance(0.5) {
        b.hexahedron([0.0, rear, seat + back / 2.0], [width * 0.95, 0.04, back], [0.0, lean], d.between(0.8, 1.0));
    } else {
        let bars = d.count(2, 6);
        for bar in 0..=bars {
            let x = (bar as f32 / bars as f32 - 0.5) * (width - 0.05);
            b.rod([x, rear, seat], [x, rear + lean, seat + back], [0.015, 0.015], 6);
        }
        b.cuboid([0.0, rear + lean, seat + back], [width, 0.04, 0.07]);
    }
    if d.chance(0.4) {
        let rest = seat + d.between(0.17, 0.26);
        for side in [-1.0, 1.0] {
            let x = side * width / 2.0;
            b.rod([x, -depth * 0.3, seat], [x, -depth * 0.3, rest], [0.018, 0.018], 6);
            b.cuboid([x, 0.0, rest], [0.05, depth * 0.9, 0.03]);
        }
    }
}

pub(super) fn stool(b: &mut Builder, d: &mut Dice) {
    let (radius, height, thick) = (d.between(0.15, 0.25), d.between(0.4, 0.8), d.between(0.03, 0.1));
    if d.chance(0.65) {
        b.cylinder([0.0, 0.0, height], [radius, radius * d.between(0.85, 1.05)], thick, 24);
    } else {
        b.cuboid([0.0, 0.0, height + thick / 2.0], [2.0 * radius, 2.0 * radius, thick]);
    }
    if d.chance(0.3) {
        pedestal(b, d, radius * 1.1, height, 0.03);
        return;
    }
    let (count, splay) = (d.count(3, 4), d.between(1.0, 1.5));
    let ring = height * d.between(0.2, 0.5);
    let mut feet = Vec::new();
    for leg in 0..count {
        let (sin, cos) = (std::f32::consts::TAU * (leg as f32 + 0.5) / count as f32).sin_cos();
        let at = |height_share: f32| radius * 0.8 * (splay + (1.0 - splay) * height_share);
        b.rod([cos * at(0.0), sin * at(0.0), 0.0], [cos * at(1.0), sin * at(1.0), height], [0.02, 0.025], 8);
        feet.push([cos * at(ring / height), sin * at(ring / height), ring]);
    }
    if d.chance(0.7) {
        b.tube(&feet, |_| 0.013, 6, true);
    }
}

pub(super) fn table(b: &mut Builder, d: &mut Dice) {
    let (width, depth, height) = (d.between(0.8, 2.0), d.between(0.6, 1.0), d.between(0.4, 0.85));
    let thick = d.between(0.03, 0.08);
    let round = d.chance(0.3);
    if round {
        b.cylinder([0.0, 0.0, height], [depth * 0.6, depth * 0.6], thick, 32);
    } else {
        b.cuboid([0.0, 0.0, height + thick / 2.0], [width, depth, thick]);
    }
    if round && d.chance(0.6) {
        pedestal(b, d, depth * 0.4, height, 0.06);
    } else if round {
        legs(b, d, [depth * 0.38, depth * 0.38], height, 0.035);
    } else if d.chance(0.75) {
        let radius = d.between(0.025, 0.06);
        legs(b, d, [width / 2.0 - 0.08, depth / 2.0 - 0.08], height, radius);
    } else {
        for side in [-1.0, 1.0] {
            b.cuboid([side * (width / 2.0 - 0.05), 0.0, height / 2.0], [0.05, depth * 0.9, height]);
        }
    }
    if !round && d.chance(0.3) {
        let drawers = d.between(0.25, 0.4) * width;
        b.cuboid([width / 2.0 - drawers / 2.0, 0.0, height * 0.6], [drawers, depth * 0.9, height * 0.75]);
    }
}

pub(super) fn bed(b: &mut Builder, d: &mut Dice) {
    let (width, length) = (d.between(0.9, 2.0), d.between(1.9, 2.2));
    let (base, mattress) = (d.between(0.15, 0.35), d.between(0.15, 0.3));
    b.cuboid([0.0, 0.0, base], [width, length, 0.1]);
    b.cuboid([0.0, 0.0, base + mattress / 2.0], [width * 0.96, length * 0.97, mattress]);
    legs(b, d, [width / 2.0 - 0.06, length / 2.0 - 0.06], base, 0.04);
    let head = d.between(0.3, 0.9);
    b.cuboid([0.0, length / 2.0, base + head / 2.0], [width * 1.03, 0.06, head + base]);
    if d.chance(0.4) {
        b.cuboid([0.0, -length / 2.0, base + head / 4.0], [width * 1.03, 0.06, head / 2.0 + base]);
    }
    let pillows = if width > 1.3 { 2 } else { 1 };
    for pillow in 0..pillows {
        let x = (pillow as f32 - (pillows - 1) as f32 / 2.0) * width * 0.47;
        let size = [width / pillows as f32 * 0.35, 0.2, 0.09];
        b.ellipsoid([x, length * 0.36, base + mattress + 0.05], size, 12);
    }
}

pub(super) fn sofa(b: &mut Builder, d: &mut Dice) {
    let (seats, seat) = (d.count(2, 4), d.between(0.55, 0.7));
    let (width, depth) = (seats as f32 * seat, d.between(0.7, 0.95));
    let (low, cushion, back) = (d.between(0.05, 0.15), d.between(0.2, 0.35), d.between(0.3, 0.5));
    b.cuboid([0.0, 0.0, low + 0.1], [width, depth, 0.2]);
    for place in 0..seats {
        let x = (place as f32 + 0.5) * seat - width / 2.0;
        b.cuboid([x, -0.05, low + 0.2 + cushion / 4.0], [seat * 0.96, depth * 0.8, cushion / 2.0]);
    }
    let (rear, lean) = (depth / 2.0 - 0.1, d.between(0.0, 0.12));
    b.hexahedron([0.0, rear, low + 0.2 + back / 2.0], [width, 0.2, back + 0.1], [0.0, lean], 1.0);
    let (arm, rest) = (d.between(0.1, 0.25), d.between(0.2, 0.4));
    let round = d.chance(0.4);
    for side in [-1.0, 1.0] {
        let x = side * (width + arm) / 2.0;
        b.cuboid([x, 0.0, low + f32::midpoint(0.2, rest)], [arm, depth, 0.2 + rest]);
        if round {
            let top = low + 0.2 + rest;
            b.rod([x, -depth / 2.0, top], [x, depth / 2.0, top], [arm * 0.6, arm * 0.6], 12);
        }
    }
    legs(b, d, [width / 2.0, depth / 2.0 - 0.08], low, 0.03);
}

pub(super) fn bookshelf(b: &mut Builder, d: &mut Dice) {
    let (width, depth, height) = (d.between(0.6, 1.4), d.between(0.22, 0.4), d.between(0.9, 2.2));
    let (board, shelves, columns) = (d.between(0.02, 0.05), d.count(3, 7), d.count(1, 3));
    for column in 0..=columns {
        let x = (column as f32 / columns as f32 - 0.5) * width;
        b.cuboid([x, 0.0, height / 2.0], [board, depth, height]);
    }
    for shelf in 0..=shelves {
        b.cuboid([0.0, 0.0, height * shelf as f32 / shelves as f32], [width + board, depth, board]);
    }
    if d.chance(0.7) {
        b.cuboid([0.0, depth / 2.0, height / 2.0], [width, 0.015, height]);
    }
    let gap = height / shelves as f32;
    for shelf in 0..shelves {
        let mut x = -width / 2.0 + board;
        let end = x + (width - 2.0 * board) * d.between(0.0, 0.9);
        while x < end {
            let (thick, tall) = (d.between(0.03, 0.08), gap * d.between(0.5, 0.85));
            let floor = shelf as f32 * gap;
            b.cuboid([x + thick / 2.0, 0.0, floor + tall / 2.0], [thick * 0.9, depth * 0.7, tall]);
            x += thick;
        }
    }
}

pub(super) fn lamp(b: &mut Builder, d: &mut Dice) {
    let (height, foot) = (d.between(0.5, 1.7), d.between(0.1, 0.2));
    b.cylinder([0.0; 3], [foot, foot * d.between(0.4, 1.0)], d.between(0.02, 0.08), 20);
    let bow = if d.chance(0.35) { d.between(0.15, 0.45) } else { 0.0 };
    let path: Vec<[f32; 3]> = (0..=12)
        .map(|step| {
            let place = step as f32 / 12.0;
            [bow * place * place, 0.0, height * (place * std::f32::consts::FRAC_PI_2).sin()]
        })
        .collect();
    let thick = d.between(0.012, 0.03);
    b.tube(&path, |_| thick, 8, false);
    let (wide, narrow, tall) = (d.between(0.14, 0.28), d.between(0.05, 0.16), d.between(0.14, 0.3));
    let top = [bow, 0.0, height - tall * 0.6];
    if d.chance(0.75) {
        b.lathe(top, &[[wide, 0.0], [narrow, tall]], 24);
    } else {
        b.ellipsoid([bow, 0.0, height], [wide * 0.7, wide * 0.7, wide * 0.6], 16);
    }
}
