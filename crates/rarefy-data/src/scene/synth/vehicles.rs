//! Vehicles: cars, vans, trucks, buses, bicycles and motorcycles, with or without a rider. The x axis looks forward.

use super::draw::Draw;
use super::labels;
use super::part::{Matter, Thing};

/// A passenger car: hatchback, saloon, estate or van.
pub(super) fn car(thing: &mut Thing<'_>, draw: &mut Draw) {
    let van = draw.chance(0.15);
    let length = if van { draw.between(4.8, 5.6) } else { draw.between(3.6, 4.9) };
    let (half, side) = (length / 2.0, draw.between(0.84, 0.95));
    let height = if van { draw.between(1.9, 2.3) } else { draw.between(1.40, 1.72) };
    let shoulder = draw.between(0.82, 0.95);
    thing.reflectivity = draw.between(0.12, 0.65);
    // Sill to shoulder, then the slightly narrower part above the wheels; the bonnet falls towards the front.
    thing.between([0.22, 0.6], [-half + 0.1, half - 0.1, -side, side], [-half, half, -side, side]);
    thing.between([0.6, shoulder], [-half, half, -side, side], [-half + 0.05, half - 0.55, -side + 0.04, side - 0.04]);
    let (rear, front) = if van {
        (-half + 0.05, half - 0.75)
    } else {
        (-half + draw.pick(&[0.08, 0.12, 0.7]), half - draw.between(1.0, 1.35))
    };
    let roof = [rear + draw.between(0.15, 0.45), front - draw.between(0.45, 0.75), -side + 0.2, side - 0.2];
    let paint = thing.reflectivity;
    (thing.matter, thing.reflectivity) = (Matter::Glass(0.45), 0.12);
    thing.between([shoulder, height - 0.06], [rear, front, -side + 0.05, side - 0.05], roof);
    (thing.matter, thing.reflectivity) = (Matter::Opaque, paint);
    thing.cuboid([roof[0], roof[1]], [roof[2], roof[3]], [height - 0.08, height]);
    wheels(thing, &[-half + 0.75, half - 0.8], side, 0.32);
    thing.reflectivity = 0.95;
    for x in [-half - 0.01, half - 0.02] {
        thing.cuboid([x, x + 0.03], [-0.26, 0.26], [0.42, 0.54]);
    }
}

fn wheels(thing: &mut Thing<'_>, axles: &[f64], side: f64, radius: f64) {
    thing.reflectivity = 0.08;
    for &x in axles {
        for y in [-side + 0.08, side - 0.08] {
            thing.ellipsoid([x, y, radius], [radius, 0.13, radius]);
        }
    }
}

/// A lorry: cab and box, or cab and flatbed with a load.
pub(super) fn truck(thing: &mut Thing<'_>, draw: &mut Draw) {
    let (half, side, height) = (draw.between(3.2, 5.0), 1.22, draw.between(2.9, 3.6));
    let cab = half - draw.between(1.7, 2.1);
    thing.reflectivity = draw.between(0.3, 0.6);
    thing.between([0.5, 1.5], [cab, half, -1.15, 1.15], [cab, half, -1.15, 1.15]);
    (thing.matter, thing.reflectivity) = (Matter::Glass(0.4), 0.2);
    thing.between([1.5, 2.6], [cab, half, -1.15, 1.15], [cab, half - 0.35, -1.05, 1.05]);
    thing.matter = Matter::Opaque;
    thing.reflectivity = draw.between(0.3, 0.8);
    let top = if draw.chance(0.75) { height } else { draw.between(1.3, 1.9) };
    thing.cuboid([-half, cab - 0.15], [-side, side], [1.0, top]);
    thing.reflectivity = 0.15;
    thing.cuboid([-half + 0.1, half - 0.2], [-0.5, 0.5], [0.55, 1.0]);
    wheels(thing, &[-half + 0.9, -half + 2.0, half - 1.0], side, 0.48);
}

/// A bus: a long box with a band of windows.
pub(super) fn bus(thing: &mut Thing<'_>, draw: &mut Draw) {
    let (half, side) = (draw.between(4.8, 6.2), 1.27);
    thing.reflectivity = draw.between(0.3, 0.7);
    let paint = thing.reflectivity;
    thing.cuboid([-half, half], [-side, side], [0.35, 1.25]);
    (thing.matter, thing.reflectivity) = (Matter::Glass(0.6), 0.12);
    thing.cuboid([-half + 0.02, half - 0.05], [-side + 0.02, side - 0.02], [1.25, 2.4]);
    (thing.matter, thing.reflectivity) = (Matter::Opaque, paint);
    thing.cuboid([-half, half], [-side, side], [2.4, 3.0]);
    wheels(thing, &[-half + 2.2, half - 2.6], side, 0.48);
}

/// A bicycle; wheels are porous disks, the frame is of rods.
pub(super) fn bicycle(thing: &mut Thing<'_>, draw: &mut Draw) {
    let (reach, radius) = (draw.between(0.5, 0.56), draw.between(0.32, 0.36));
    (thing.reflectivity, thing.matter) = (0.3, Matter::Porous(0.6));
    for x in [-reach, reach] {
        thing.ellipsoid([x, 0.0, radius], [radius, 0.03, radius]);
    }
    thing.matter = Matter::Opaque;
    let (saddle, bars, cranks) = ([-0.22, 0.0, 0.92], [0.38, 0.0, 0.98], [-0.05, 0.0, 0.3]);
    let hub = |x: f64| [x, 0.0, radius];
    for (from, to) in [
        (saddle, cranks),
        (bars, cranks),
        ([-0.18, 0.0, 0.75], [0.37, 0.0, 0.8]),
        (hub(-reach), cranks),
        (hub(reach), bars),
    ] {
        thing.rod(from, to, 0.025);
    }
    thing.rod([0.38, -0.28, 1.0], [0.38, 0.28, 1.0], 0.02);
    thing.ellipsoid([-0.22, 0.0, 0.95], [0.14, 0.08, 0.05]);
}

/// A motorcycle or scooter.
pub(super) fn motorcycle(thing: &mut Thing<'_>, draw: &mut Draw) {
    let reach = draw.between(0.62, 0.75);
    thing.reflectivity = 0.12;
    for x in [-reach, reach] {
        thing.ellipsoid([x, 0.0, 0.31], [0.31, 0.08, 0.31]);
    }
    thing.reflectivity = draw.between(0.2, 0.5);
    thing.ellipsoid([0.0, 0.0, 0.5], [0.5, 0.2, 0.25]);
    thing.ellipsoid([0.15, 0.0, 0.82], [0.35, 0.17, 0.14]);
    thing.ellipsoid([-0.4, 0.0, 0.8], [0.4, 0.14, 0.08]);
    thing.rod([reach, 0.0, 0.3], [reach - 0.25, 0.0, 1.0], 0.06);
    thing.rod([reach - 0.3, -0.36, 1.03], [reach - 0.3, 0.36, 1.03], 0.025);
    thing.ellipsoid([reach - 0.15, 0.0, 0.9], [0.1, 0.12, 0.12]);
}

/// Someone who sits on a bicycle (`saddle` about 0.95 m) or a motorcycle (0.8 m).
pub(super) fn rider(thing: &mut Thing<'_>, saddle: f64, draw: &mut Draw) {
    thing.reflectivity = draw.between(0.2, 0.6);
    let lean = draw.between(0.15, 0.35);
    let shoulders = [-0.2 + lean, 0.0, saddle + 0.52];
    thing.rod([-0.2, 0.0, saddle + 0.1], shoulders, 0.16);
    for side in [-1.0, 1.0] {
        let knee = [0.2, side * 0.14, saddle - 0.15];
        thing.rod([-0.2, side * 0.1, saddle + 0.05], knee, 0.08);
        thing.rod(knee, [0.02, side * 0.13, 0.25], 0.06);
        thing.rod([shoulders[0], side * 0.2, shoulders[2]], [0.36, side * 0.24, saddle + 0.12], 0.05);
    }
    thing.reflectivity = 0.5;
    thing.ellipsoid([shoulders[0] + 0.06, 0.0, shoulders[2] + 0.28], [0.12, 0.1, 0.15]);
}

/// Which class a two-wheeler is, and whether someone sits on it.
pub(super) fn two_wheeler(thing: &mut Thing<'_>, class: u32, draw: &mut Draw) {
    let motor = matches!(class, labels::MOTORCYCLE | labels::MOTORCYCLIST);
    if motor {
        motorcycle(thing, draw);
    } else {
        bicycle(thing, draw);
    }
    if matches!(class, labels::BICYCLIST | labels::MOTORCYCLIST) {
        rider(thing, if motor { 0.8 } else { 0.95 }, draw);
    }
}
