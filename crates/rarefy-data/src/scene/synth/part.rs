//! Parts of things in a street: a solid, what it is labelled, and how it reflects.

use super::solid::{Frame, Solid, Vector};

/// How a part treats the beam.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Matter {
    /// It reflects where the beam meets it.
    Opaque,
    /// It reflects at a depth that is distributed exponentially with this mean, or lets the beam through.
    Leaves(f64),
    /// This share of the beams passes: wire, pickets, spokes.
    Porous(f64),
    /// This share of the beams is lost: glass.
    Glass(f64),
    /// Plaster with rows of windows, which are glass.
    Facade,
}

/// A part of a thing.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) solid: Solid,
    pub(super) class: u32,
    pub(super) instance: u32,
    pub(super) matter: Matter,
    /// Share of the light that comes back from a surface that faces the sensor.
    pub(super) reflectivity: f64,
    /// A circle around the part as seen from above: middle and radius.
    pub(super) circle: ([f64; 2], f64),
}

/// The parts of one thing under construction.
pub(super) struct Thing<'a> {
    pub(super) parts: &'a mut Vec<Part>,
    pub(super) frame: Frame,
    pub(super) class: u32,
    pub(super) instance: u32,
    pub(super) matter: Matter,
    pub(super) reflectivity: f64,
}

impl Thing<'_> {
    fn add(&mut self, solid: Solid, middle: Vector, radius: f64) {
        let [x, y, _] = self.frame.to_world(middle);
        let (class, instance, matter, reflectivity) = (self.class, self.instance, self.matter, self.reflectivity);
        self.parts.push(Part { solid, class, instance, matter, reflectivity, circle: ([x, y], radius) });
    }

    /// A box by its ranges.
    pub(super) fn cuboid(&mut self, x: [f64; 2], y: [f64; 2], z: [f64; 2]) {
        let rectangle = [x[0], x[1], y[0], y[1]];
        self.between(z, rectangle, rectangle);
    }

    /// A body between two rectangles, `[x low, x high, y low, y high]`.
    pub(super) fn between(&mut self, z: [f64; 2], bottom: [f64; 4], top: [f64; 4]) {
        let low = |at: usize| bottom[at].min(top[at]);
        let high = |at: usize| bottom[at].max(top[at]);
        let middle = [f64::midpoint(low(0), high(1)), f64::midpoint(low(2), high(3)), 0.0];
        let radius = ((high(1) - low(0)) / 2.0).hypot((high(3) - low(2)) / 2.0);
        self.add(Solid::between(self.frame, z, bottom, top), middle, radius);
    }

    /// A ball stretched along the axes.
    pub(super) fn ellipsoid(&mut self, middle: Vector, radii: Vector) {
        let frame = Frame { foot: self.frame.to_world(middle), yaw: self.frame.yaw };
        self.add(Solid::Ellipsoid { frame, radii }, middle, radii[0].max(radii[1]));
    }

    /// A rod with round ends.
    pub(super) fn rod(&mut self, from: Vector, to: Vector, radius: f64) {
        let middle = [0, 1, 2].map(|axis| f64::midpoint(from[axis], to[axis]));
        let reach = ((to[0] - from[0]) / 2.0).hypot((to[1] - from[1]) / 2.0) + radius;
        let (from, to) = (self.frame.to_world(from), self.frame.to_world(to));
        self.add(Solid::Capsule { from, to, radius }, middle, reach);
    }
}
