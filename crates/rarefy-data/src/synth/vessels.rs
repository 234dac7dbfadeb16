//! Families of turned things: bottle, cone, mug, rocket, vase.

use super::builder::{Builder, Dice};

pub(super) fn bottle(b: &mut Builder, d: &mut Dice) {
    let (radius, body) = (d.between(0.12, 0.22), d.between(0.4, 0.75));
    let (neck, shoulder, tall) = (radius * d.between(0.22, 0.45), d.between(0.06, 0.25), d.between(0.08, 0.3));
    let sides = if d.chance(0.2) { 4 } else { 28 };
    let waist = radius * d.between(0.85, 1.0);
    let mut profile = vec![[0.0, 0.0], [radius, 0.0], [waist, body * 0.5], [radius, body]];
    for step in 1..=6 {
        let place = step as f32 / 6.0;
        let eased = f32::midpoint(1.0, (std::f32::consts::PI * place).cos());
        profile.push([neck + (radius - neck) * eased, body + shoulder * place]);
    }
    let top = body + shoulder + tall;
    profile.extend([[neck, top], [neck * 1.25, top], [neck * 1.25, top + 0.04], [0.0, top + 0.04]]);
    b.lathe([0.0; 3], &profile, sides);
}

pub(super) fn vase(b: &mut Builder, d: &mut Dice) {
    let (height, base) = (d.between(0.5, 1.0), d.between(0.1, 0.2));
    let (belly, mouth) = (d.between(0.08, 0.25), d.between(0.08, 0.24));
    let (waves, phase) = (d.between(0.8, 1.6), d.between(0.0, 1.2));
    let wall = 0.02;
    let outside = |place: f32| {
        let bulge = (std::f32::consts::PI * (place * waves + phase * (1.0 - place))).sin();
        (base + (mouth - base) * place + belly * bulge).max(0.05)
    };
    let mut profile = vec![[0.0, 0.0]];
    profile.extend((0..=16).map(|step| [outside(step as f32 / 16.0), height * step as f32 / 16.0]));
    profile.extend((1..=16).rev().map(|step| [outside(step as f32 / 16.0) - wall, height * step as f32 / 16.0]));
    profile.push([0.0, height / 16.0]);
    b.lathe([0.0; 3], &profile, 28);
}

pub(super) fn mug(b: &mut Builder, d: &mut Dice) {
    let (radius, height, wall) = (d.between(0.25, 0.42), d.between(0.5, 1.0), d.between(0.02, 0.05));
    let flare = d.between(0.8, 1.15);
    let top = radius * flare;
    b.lathe(
        [0.0; 3],
        &[[0.0, 0.0], [radius, 0.0], [top, height], [top - wall, height], [radius - wall, wall], [0.0, wall]],
        28,
    );
    let (reach, low, high) = (d.between(0.15, 0.3), height * d.between(0.12, 0.3), height * d.between(0.7, 0.9));
    let square = d.chance(0.3);
    let path: Vec<[f32; 3]> = (0..=14)
        .map(|step| {
            let angle = std::f32::consts::PI * step as f32 / 14.0;
            let mut out = angle.sin();
            if square {
                out = (out * 1.6).min(1.0);
            }
            let place = (1.0 - angle.cos()) / 2.0;
            let at = low + (high - low) * place;
            [radius + (top - radius) * at / height - wall / 2.0 + reach * out, 0.0, at]
        })
        .collect();
    let thick = d.between(0.025, 0.05);
    b.tube(&path, |_| thick, 8, false);
}

pub(super) fn cone(b: &mut Builder, d: &mut Dice) {
    let (radius, height, tip) = (d.between(0.18, 0.35), d.between(0.5, 1.0), d.between(0.02, 0.07));
    let plate = radius * d.between(2.1, 2.8);
    if d.chance(0.75) {
        b.cuboid([0.0, 0.0, 0.03], [plate, plate, 0.06]);
    } else {
        b.cylinder([0.0; 3], [plate * 0.6, plate * 0.6], 0.05, 8);
    }
    b.cylinder([0.0, 0.0, 0.05], [radius, tip], height, 24);
    for _ in 0..d.count(0, 2) {
        let at = d.between(0.25, 0.75);
        let ring = radius + (tip - radius) * at + 0.02;
        b.lathe([0.0, 0.0, 0.05 + at * height], &[[ring, 0.0], [ring * 0.9, height * 0.12]], 24);
    }
}

pub(super) fn rocket(b: &mut Builder, d: &mut Dice) {
    let (radius, body, nose) = (d.between(0.08, 0.16), d.between(0.6, 1.2), d.between(0.2, 0.45));
    let tail = d.between(0.05, 0.15);
    let mut profile = vec![[0.0, 0.0], [radius * d.between(0.6, 1.2), 0.0], [radius, tail], [radius, tail + body]];
    let power = d.between(0.5, 1.0);
    profile.extend((1..=8).map(|step| {
        let place = step as f32 / 8.0;
        [radius * (1.0 - place).powf(power), tail + body + nose * place]
    }));
    b.lathe([0.0; 3], &profile, 24);
    let (fins, span, chord) = (d.count(3, 4), d.between(0.1, 0.25), d.between(0.15, 0.35));
    for fin in 0..fins {
        let mark = b.mark();
        b.hexahedron([radius + span / 2.0 - 0.02, 0.0, chord / 2.0], [span, 0.025, chord], [-span * 0.3, 0.0], 0.5);
        let turn = std::f32::consts::TAU * fin as f32 / fins as f32;
        b.move_since(mark, &rarefy_geometry::vertical_rotation(turn));
    }
    for booster in 0..if d.chance(0.3) { 2 } else { 0 } {
        let side = if booster == 0 { -1.0 } else { 1.0 };
        let at = [0.0, side * radius * 1.6, 0.0];
        b.cylinder(at, [radius * 0.6, radius * 0.5], body * 0.6, 16);
        b.cylinder([at[0], at[1], body * 0.6], [radius * 0.5, 0.0], radius, 16);
    }
}
