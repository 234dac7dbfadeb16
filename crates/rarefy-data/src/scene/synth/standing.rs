//! What stands in a street: people, trees, bushes, poles, signs, fences, buildings.

use super::draw::Draw;
use super::labels;
use super::part::{Matter, Thing};

/// Someone who stands or walks, with or without a bag.
pub(super) fn person(thing: &mut Thing<'_>, draw: &mut Draw) {
    let height = draw.between(1.5, 1.92) * if draw.chance(0.12) { 0.7 } else { 1.0 };
    let part = |share: f64| share * height;
    let (stride, broad) = (draw.between(-0.3, 0.3), draw.between(0.9, 1.2));
    thing.reflectivity = draw.between(0.15, 0.6);
    for (side, step) in [(-1.0, stride), (1.0, -stride)] {
        let knee = [step * 0.4 + 0.03, side * part(0.05), part(0.27)];
        thing.rod([0.0, side * part(0.05), part(0.5)], knee, part(0.045));
        thing.rod(knee, [step, side * part(0.05), part(0.03)], part(0.035));
        let elbow = [step * -0.3, side * part(0.13) * broad, part(0.62)];
        thing.rod([0.0, side * part(0.105) * broad, part(0.8)], elbow, part(0.03));
        thing.rod(elbow, [step * -0.6 + 0.08, side * part(0.12) * broad, part(0.47)], part(0.025));
    }
    thing.reflectivity = draw.between(0.15, 0.6);
    thing.ellipsoid([0.0, 0.0, part(0.67)], [part(0.075), part(0.115) * broad, part(0.19)]);
    if draw.chance(0.3) {
        thing.ellipsoid([-part(0.11), 0.0, part(0.72)], [part(0.07), part(0.09), part(0.13)]);
    }
    thing.reflectivity = 0.4;
    thing.rod([0.0, 0.0, part(0.83)], [0.0, 0.0, part(0.88)], part(0.03));
    thing.ellipsoid([part(0.01), 0.0, part(0.935)], [part(0.055), part(0.046), part(0.065)]);
}

/// A tree: trunk, a few boughs, and a crown of leafy balls; conifers have a stack of them.
pub(super) fn tree(thing: &mut Thing<'_>, draw: &mut Draw) {
    let height = draw.between(3.5, 13.0);
    let (trunk, bare) = (height * draw.between(0.012, 0.022) + 0.03, height * draw.between(0.16, 0.34));
    let lean = [draw.between(-0.03, 0.03), draw.between(-0.03, 0.03)];
    let at = |z: f64| [lean[0] * z, lean[1] * z, z];
    (thing.class, thing.matter, thing.reflectivity) = (labels::TRUNK, Matter::Opaque, 0.3);
    thing.rod(at(0.0), at(bare), trunk);
    thing.rod(at(bare), at(height * 0.7), trunk * 0.6);
    let conifer = draw.chance(0.25);
    let spread = height * if conifer { 0.2 } else { draw.between(0.22, 0.36) };
    for _ in 0..if conifer { 0 } else { draw.count(2, 4) } {
        let (sin, cos) = draw.between(0.0, std::f64::consts::TAU).sin_cos();
        let start = at(bare * draw.between(0.85, 1.1));
        thing.rod(
            start,
            [start[0] + 0.7 * spread * cos, start[1] + 0.7 * spread * sin, start[2] + spread],
            trunk * 0.35,
        );
    }
    (thing.class, thing.reflectivity) = (labels::VEGETATION, draw.between(0.35, 0.55));
    thing.matter = Matter::Leaves(draw.between(0.5, 1.4));
    let balls = if conifer { 5 } else { draw.count(5, 9) };
    for ball in 0..balls {
        let level = f64::from(ball) / f64::from(balls - 1);
        if conifer {
            let radius = spread * (1.05 - 0.85 * level);
            thing.ellipsoid(at(bare + (height - bare) * level * 0.92), [radius, radius, height * 0.12]);
            continue;
        }
        let (sin, cos) = draw.between(0.0, std::f64::consts::TAU).sin_cos();
        let away = spread * draw.between(0.2, 0.65) * (1.0 - 0.6 * level);
        let radius = spread * draw.between(0.42, 0.7);
        let z = bare + radius * 0.6 + (height - bare - radius * 1.4).max(0.0) * level;
        let middle = at(z);
        thing.ellipsoid([middle[0] + away * cos, middle[1] + away * sin, z], [radius, radius, radius * 0.8]);
    }
}

/// A bush or a row of them.
pub(super) fn bush(thing: &mut Thing<'_>, draw: &mut Draw) {
    (thing.class, thing.reflectivity) = (labels::VEGETATION, draw.between(0.3, 0.5));
    thing.matter = Matter::Leaves(draw.between(0.08, 0.25));
    for _ in 0..draw.count(3, 9) {
        let radius = draw.between(0.3, 0.9);
        let middle = [draw.between(-1.4, 1.4), draw.between(-1.1, 1.1), radius * draw.between(0.4, 1.4)];
        thing.ellipsoid(middle, [radius, radius * draw.between(0.7, 1.0), radius * draw.between(0.7, 1.1)]);
    }
}

/// A hedge along the x axis.
pub(super) fn hedge(thing: &mut Thing<'_>, length: f64, draw: &mut Draw) {
    (thing.class, thing.reflectivity) = (labels::VEGETATION, 0.42);
    thing.matter = Matter::Leaves(0.07);
    let (deep, height) = (draw.between(0.25, 0.5), draw.between(0.8, 2.0));
    thing.between([0.0, height], [0.0, length, -deep, deep], [0.05, length - 0.05, -deep + 0.1, deep - 0.1]);
}

/// A fence along the x axis: boards, wire or a low wall, with posts.
pub(super) fn fence(thing: &mut Thing<'_>, length: f64, draw: &mut Draw) {
    (thing.class, thing.reflectivity) = (labels::FENCE, draw.between(0.25, 0.5));
    let height = draw.between(0.9, 1.9);
    thing.matter = Matter::Porous(draw.pick(&[0.0, 0.15, 0.45, 0.65]));
    thing.cuboid([0.0, length], [-0.03, 0.03], [0.05, height]);
    thing.matter = Matter::Opaque;
    let posts = (length / 2.4).ceil();
    for post in 0..=posts as u32 {
        let x = length * f64::from(post) / posts;
        thing.rod([x, 0.0, 0.0], [x, 0.0, height + 0.05], 0.05);
    }
}

/// A street lamp, its arm along y; or a plain pole.
pub(super) fn pole(thing: &mut Thing<'_>, towards: f64, draw: &mut Draw) {
    (thing.class, thing.matter, thing.reflectivity) = (labels::POLE, Matter::Opaque, 0.45);
    let (height, radius) = (draw.between(4.5, 9.0), draw.between(0.06, 0.12));
    thing.rod([0.0; 3], [0.0, 0.0, height], radius);
    thing.rod([0.0; 3], [0.0, 0.0, 0.9], radius * 1.5);
    if draw.chance(0.7) {
        let arm = towards * draw.between(0.8, 2.0);
        thing.rod([0.0, 0.0, height], [0.0, arm, height + 0.25], radius * 0.6);
        thing.ellipsoid([0.0, arm * 1.15, height + 0.22], [0.12, 0.35, 0.07]);
    }
}

/// A traffic sign on its post, facing along −x.
pub(super) fn sign(thing: &mut Thing<'_>, draw: &mut Draw) {
    (thing.class, thing.matter, thing.reflectivity) = (labels::POLE, Matter::Opaque, 0.45);
    let height = draw.between(2.1, 3.0);
    thing.rod([0.0; 3], [0.0, 0.0, height + 0.35], 0.035);
    (thing.class, thing.reflectivity) = (labels::TRAFFIC_SIGN, 0.98);
    if draw.chance(0.6) {
        thing.ellipsoid([-0.05, 0.0, height], [0.015, 0.36, 0.36]);
    } else {
        let (broad, high) = (draw.between(0.3, 0.6), draw.between(0.25, 0.5));
        thing.cuboid([-0.06, -0.04], [-broad, broad], [height - high, height + high]);
    }
}

/// A house along x from 0 to `length`, its front at y = 0, its depth along +y; `height` to the eaves.
pub(super) fn building(thing: &mut Thing<'_>, length: f64, depth: f64, draw: &mut Draw) {
    let height = if draw.chance(0.35) { draw.between(9.0, 20.0) } else { draw.between(3.2, 7.5) };
    (thing.class, thing.reflectivity) = (labels::BUILDING, draw.between(0.3, 0.65));
    thing.matter = Matter::Facade;
    thing.cuboid([0.0, length], [0.0, depth], [-1.5, height]);
    thing.matter = Matter::Opaque;
    if height < 9.0 {
        let (ridge, middle) = (height + draw.between(1.5, 3.2), depth / 2.0);
        let eaves = [-0.3, length + 0.3, -0.35, depth + 0.35];
        thing.reflectivity = 0.3;
        thing.between([height, ridge], eaves, [-0.1, length + 0.1, middle - 0.01, middle + 0.01]);
    }
    // Steps or an oriel before the front.
    if draw.chance(0.5) {
        let (start, broad) = (draw.between(0.1, 0.6) * length, draw.between(1.2, 2.6));
        let high = if draw.chance(0.5) { draw.between(0.3, 0.9) } else { height * 0.8 };
        thing.cuboid([start, (start + broad).min(length)], [-draw.between(0.4, 1.1), 0.1], [-1.0, high]);
    }
}
