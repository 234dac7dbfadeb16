//! Solids that a ray can meet: convex bodies, ellipsoids, capsules. Lengths in metres, all in f64.

pub(super) type Vector = [f64; 3];

pub(super) fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn minus(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// `a + factor · b`
pub(super) fn along(a: Vector, factor: f64, b: Vector) -> Vector {
    [a[0] + factor * b[0], a[1] + factor * b[1], a[2] + factor * b[2]]
}

pub(super) fn unit(vector: Vector) -> Vector {
    let length = dot(vector, vector).sqrt();
    vector.map(|part| part / length)
}

fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// Where a thing stands and which way it looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// The origin of the thing's own coordinates.
    pub(super) foot: Vector,
    /// Angle of its x axis, counted from the x axis of the world, in radians.
    pub(super) yaw: f64,
}

impl Frame {
    pub(super) fn to_world(self, [x, y, z]: Vector) -> Vector {
        let (sin, cos) = self.yaw.sin_cos();
        [self.foot[0] + cos * x - sin * y, self.foot[1] + sin * x + cos * y, self.foot[2] + z]
    }
}

/// A body that a ray enters once and leaves once.
#[derive(Clone, Debug)]
pub(super) enum Solid {
    /// Points with `normal · p ≤ offset` for each plane; normals of length 1.
    Convex(Vec<(Vector, f64)>),
    /// A ball stretched along the axes of its frame.
    Ellipsoid { frame: Frame, radii: Vector },
    /// All points within `radius` of the line from `from` to `to`.
    Capsule { from: Vector, to: Vector, radius: f64 },
}

/// Where a ray enters and leaves a solid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hit {
    pub(super) enter: f64,
    pub(super) leave: f64,
    /// Outward unit normal where the ray enters.
    pub(super) normal: Vector,
}

impl Solid {
    /// A body between two rectangles, `[x low, x high, y low, y high]` in the frame, at two heights.
    pub(super) fn between(frame: Frame, heights: [f64; 2], bottom: [f64; 4], top: [f64; 4]) -> Self {
        let corner = |z: usize, x: usize, y: usize| {
            let rectangle = if z == 0 { bottom } else { top };
            frame.to_world([rectangle[x], rectangle[2 + y], heights[z]])
        };
        let mut planes =
            vec![([0.0, 0.0, 1.0], frame.foot[2] + heights[1]), ([0.0, 0.0, -1.0], -frame.foot[2] - heights[0])];
        // Around the body: the sides at y low, x high, y high, x low.
        for (start, end) in [((0, 0), (1, 0)), ((1, 0), (1, 1)), ((1, 1), (0, 1)), ((0, 1), (0, 0))] {
            let (a, b) = (corner(0, start.0, start.1), corner(0, end.0, end.1));
            let normal = unit(cross(minus(b, a), minus(corner(1, start.0, start.1), a)));
            planes.push((normal, dot(normal, a)));
        }
        Self::Convex(planes)
    }

    /// Where a ray from outside meets the solid; `direction` has length 1.
    pub(super) fn hit(&self, origin: Vector, direction: Vector) -> Option<Hit> {
        let hit = match self {
            Self::Convex(planes) => hit_planes(planes, origin, direction),
            Self::Ellipsoid { frame, radii } => hit_ellipsoid(*frame, *radii, origin, direction),
            Self::Capsule { from, to, radius } => hit_capsule(*from, *to, *radius, origin, direction),
        };
        hit.filter(|hit| hit.enter > 0.0)
    }
}

fn hit_planes(planes: &[(Vector, f64)], origin: Vector, direction: Vector) -> Option<Hit> {
    let (mut enter, mut leave, mut normal) = (f64::NEG_INFINITY, f64::INFINITY, [0.0; 3]);
    for &(plane, offset) in planes {
        let (speed, distance) = (dot(plane, direction), offset - dot(plane, origin));
        if speed.abs() < 1e-12 {
            if distance < 0.0 {
                return None;
            }
        } else if speed < 0.0 {
            if distance / speed > enter {
                (enter, normal) = (distance / speed, plane);
            }
        } else {
            leave = leave.min(distance / speed);
        }
    }
    (enter < leave).then_some(Hit { enter, leave, normal })
}

/// The two roots of `a t² + 2 b t + c`.
fn roots(a: f64, b: f64, c: f64) -> Option<[f64; 2]> {
    let discriminant = b * b - a * c;
    (discriminant > 0.0).then(|| [(-b - discriminant.sqrt()) / a, (-b + discriminant.sqrt()) / a])
}

fn hit_ellipsoid(frame: Frame, radii: Vector, origin: Vector, direction: Vector) -> Option<Hit> {
    let back = Frame { foot: [0.0; 3], yaw: -frame.yaw };
    let local = |vector: Vector| {
        let turned = back.to_world(vector);
        [turned[0] / radii[0], turned[1] / radii[1], turned[2] / radii[2]]
    };
    let (start, speed) = (local(minus(origin, frame.foot)), local(direction));
    let [enter, leave] = roots(dot(speed, speed), dot(start, speed), dot(start, start) - 1.0)?;
    let on_ball = along(start, enter, speed);
    let gradient = [on_ball[0] / radii[0], on_ball[1] / radii[1], on_ball[2] / radii[2]];
    let normal = Frame { foot: [0.0; 3], yaw: frame.yaw }.to_world(unit(gradient));
    Some(Hit { enter, leave, normal })
}

/// The capsule is the union of a cylinder and two balls; what they have of the ray is one piece.
fn hit_capsule(from: Vector, to: Vector, radius: f64, origin: Vector, direction: Vector) -> Option<Hit> {
    let mut best: Option<Hit> = None;
    let mut add = |enter: f64, leave: f64, middle: Vector| {
        let normal = unit(minus(along(origin, enter, direction), middle));
        best = Some(match best {
            None => Hit { enter, leave, normal },
            Some(old) if enter < old.enter => Hit { enter, leave: leave.max(old.leave), normal },
            Some(old) => Hit { leave: leave.max(old.leave), ..old },
        });
    };
    for ball in [from, to] {
        let start = minus(origin, ball);
        if let Some([enter, leave]) = roots(1.0, dot(start, direction), dot(start, start) - radius * radius) {
            add(enter, leave, ball);
        }
    }
    let axis = minus(to, from);
    let (length, start) = (dot(axis, axis), minus(origin, from));
    let across = |vector: Vector| along(vector, -dot(vector, axis) / length, axis);
    let (start_across, speed_across) = (across(start), across(direction));
    let speed = dot(speed_across, speed_across);
    if length > 0.0 && speed > 1e-12 {
        let c = dot(start_across, start_across) - radius * radius;
        if let Some([enter, leave]) = roots(speed, dot(start_across, speed_across), c) {
            // Only the part of the ray between the ends.
            let place = |t: f64| dot(along(start, t, direction), axis) / length;
            if (0.0..=1.0).contains(&place(enter)) {
                add(
                    enter,
                    leave.min(leave_of_slab(place(0.0), place(1.0) - place(0.0))),
                    along(from, place(enter), axis),
                );
            }
        }
    }
    best
}

/// Where `start + t · speed` leaves the range from 0 to 1.
fn leave_of_slab(start: f64, speed: f64) -> f64 {
    if speed > 0.0 {
        (1.0 - start) / speed
    } else if speed < 0.0 {
        -start / speed
    } else {
        f64::INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::generator;
    use rand::Rng;

    /// How far a point lies outside of a solid (below 0: inside); exact near the surface up to a factor.
    fn outside(solid: &Solid, point: Vector) -> f64 {
        match solid {
            Solid::Convex(planes) => {
                planes.iter().map(|&(normal, offset)| dot(normal, point) - offset).fold(f64::NEG_INFINITY, f64::max)
            }
            Solid::Ellipsoid { frame, radii } => {
                let turned = Frame { foot: [0.0; 3], yaw: -frame.yaw }.to_world(minus(point, frame.foot));
                (0..3).map(|axis| (turned[axis] / radii[axis]).powi(2)).sum::<f64>() - 1.0
            }
            Solid::Capsule { from, to, radius } => {
                let axis = minus(*to, *from);
                let place = (dot(minus(point, *from), axis) / dot(axis, axis)).clamp(0.0, 1.0);
                let apart = minus(point, along(*from, place, axis));
                dot(apart, apart).sqrt() - radius
            }
        }
    }

    #[test]
    fn rays_enter_and_leave_where_the_implicit_functions_change_sign() {
        let frame = Frame { foot: [4.0, 1.0, -0.5], yaw: 0.7 };
        let solids = [
            Solid::between(frame, [0.0, 1.5], [-1.0, 2.0, -0.4, 0.6], [-1.0, 2.0, -0.4, 0.6]),
            Solid::between(frame, [0.2, 1.2], [-1.0, 1.0, -0.8, 0.8], [-0.3, 0.5, 0.0, 0.0]),
            Solid::Ellipsoid { frame, radii: [1.5, 0.4, 0.9] },
            Solid::Capsule { from: [3.0, -1.0, 0.0], to: [5.0, 2.0, 1.0], radius: 0.4 },
            Solid::Capsule { from: [4.0, 0.0, -2.0], to: [4.0, 0.0, 2.0], radius: 0.3 },
        ];
        let mut rng = generator([1, 1, 1, 1]);
        for (number, solid) in solids.iter().enumerate() {
            let mut hits = 0;
            for _ in 0..2000 {
                let aim: Vector = [4.0, 1.0, 0.0].map(|middle| middle + 3.0 * (rng.random::<f64>() - 0.5));
                let origin = [-1.0, 0.0, 0.3];
                let direction = unit(minus(aim, origin));
                let at = |t: f64| outside(solid, along(origin, t, direction));
                let samples = (0..900).map(|step| f64::from(step) * 0.01);
                match solid.hit(origin, direction) {
                    Some(hit) => {
                        hits += 1;
                        assert!(at(hit.enter).abs() < 1e-9 && at(hit.leave).abs() < 1e-9, "{number}: {hit:?}");
                        assert!((dot(hit.normal, hit.normal) - 1.0).abs() < 1e-9 && dot(hit.normal, direction) <= 1e-9);
                        for t in samples {
                            let inside = t > hit.enter + 1e-6 && t < hit.leave - 1e-6;
                            let beyond = t < hit.enter - 1e-6 || t > hit.leave + 1e-6;
                            assert!(!inside || at(t) <= 0.0, "{number}: {t} {hit:?}");
                            assert!(!beyond || at(t) >= 0.0, "{number}: {t} {hit:?}");
                        }
                    }
                    None => assert!(samples.map(at).fold(f64::INFINITY, f64::min) > -1e-3, "{number}"),
                }
            }
            assert!((100..2000).contains(&hits), "{number}: {hits}");
        }
    }
}
