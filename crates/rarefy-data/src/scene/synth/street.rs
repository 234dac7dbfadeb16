//! Placing things along a street, so that no two stand in each other.

use super::draw::Draw;
use super::ground::{REACH, Street};
use super::labels;
use super::part::{Matter, Part, Thing};
use super::solid::Frame;
use super::{standing, vehicles};

/// A street with all that stands in it.
pub(super) struct World {
    pub(super) street: Street,
    pub(super) parts: Vec<Part>,
}

/// A world under construction.
struct Builder {
    street: Street,
    parts: Vec<Part>,
    /// Circles that are taken: x, y, radius.
    taken: Vec<[f64; 3]>,
    instance: u32,
}

impl World {
    /// The world that a generator draws; the sensor's car stands at the origin.
    pub(super) fn draw(draw: &mut Draw) -> Self {
        let street = Street::draw(draw);
        let mut builder = Builder { street, parts: Vec::new(), taken: vec![[0.0, 0.0, 3.2]], instance: 0 };
        builder.traffic(draw);
        for side in 0..2 {
            builder.parked(side, draw);
            builder.pavement(side, draw);
            builder.frontages(side, draw);
            builder.background(side, draw);
        }
        builder.signs(draw);
        Self { street: builder.street, parts: builder.parts }
    }
}

impl Builder {
    /// Takes a circle if it is free.
    fn take(&mut self, x: f64, y: f64, radius: f64) -> bool {
        let free =
            self.taken.iter().all(|&[other_x, other_y, other]| (other_x - x).hypot(other_y - y) > other + radius);
        if free {
            self.taken.push([x, y, radius]);
        }
        free
    }

    /// Builds a thing at a place along and across the street if there is room.
    fn put(&mut self, at: [f64; 2], turn: f64, radius: f64, class: u32, build: impl FnOnce(&mut Thing<'_>)) {
        let (foot, yaw) = self.street.place(at[0], at[1]);
        if self.take(foot[0], foot[1], radius) {
            self.put_anyway(Frame { foot, yaw: yaw + turn }, class, build);
        }
    }

    fn put_anyway(&mut self, frame: Frame, class: u32, build: impl FnOnce(&mut Thing<'_>)) {
        self.instance += 1;
        let instance = self.instance;
        let matter = Matter::Opaque;
        build(&mut Thing { parts: &mut self.parts, frame, class, instance, matter, reflectivity: 0.3 });
    }

    /// What moves on the road: ahead and behind on the right, oncoming on the left.
    fn traffic(&mut self, draw: &mut Draw) {
        let lane = self.street.half_width / 2.0;
        for _ in 0..draw.count(3, 10) {
            let (x, right) = (draw.between(-60.0, 60.0), draw.chance(0.5));
            let across = if right { -lane } else { lane } + draw.between(-0.2, 0.2);
            let turn = if right { 0.0 } else { std::f64::consts::PI };
            self.vehicle([x, across], turn, true, draw);
        }
        for _ in 0..draw.count(0, 3) {
            let right = draw.chance(0.6);
            let edge = self.street.half_width - 0.7;
            let at = [draw.between(-25.0, 25.0), if right { -edge } else { edge }];
            let class = draw.pick(&[labels::BICYCLIST, labels::BICYCLIST, labels::MOTORCYCLIST]);
            let turn = if right { 0.0 } else { std::f64::consts::PI };
            self.put(at, turn, 1.0, class, |thing| vehicles::two_wheeler(thing, class, draw));
        }
    }

    fn vehicle(&mut self, at: [f64; 2], turn: f64, moving: bool, draw: &mut Draw) {
        let kind = draw.between(0.0, 1.0);
        let car = if moving { labels::MOVING_CAR } else { labels::CAR };
        if kind < 0.84 {
            self.put(at, turn, 2.7, car, |thing| vehicles::car(thing, draw));
        } else if kind < 0.93 {
            self.put(at, turn, 5.3, labels::TRUCK, |thing| vehicles::truck(thing, draw));
        } else {
            self.put(at, turn, 6.4, labels::OTHER_VEHICLE, |thing| vehicles::bus(thing, draw));
        }
    }

    /// Cars in the parking strip, or here and there at the kerb.
    fn parked(&mut self, side: usize, draw: &mut Draw) {
        let (strip, sign) = (self.street.sides[side].parking, sign_of(side));
        let (share, across) = if strip > 0.0 {
            (draw.between(0.3, 0.95), self.street.half_width + strip / 2.0)
        } else {
            (draw.between(0.0, 0.3), self.street.half_width - 1.0)
        };
        let mut x = -REACH + draw.between(0.0, 5.0);
        while x < REACH {
            if draw.chance(share) && !self.street.crosses(x, 4.0) {
                let turn = if draw.chance(0.8) == (side == 0) { 0.0 } else { std::f64::consts::PI };
                self.vehicle([x, sign * across], turn + draw.between(-0.05, 0.05), false, draw);
            }
            x += draw.between(5.6, 7.5);
        }
    }

    /// People, lamps, trees and two-wheelers on the pavement.
    fn pavement(&mut self, side: usize, draw: &mut Draw) {
        let sign = sign_of(side);
        let (edge, broad) = (self.street.edge(side), self.street.sides[side].pavement);
        let kerb = edge - broad;
        let spacing = draw.between(16.0, 32.0);
        let mut x = -REACH + draw.between(0.0, spacing);
        let trees = draw.chance(0.5);
        while x < REACH {
            if !self.street.crosses(x, 1.5) {
                let at = [x, sign * (kerb + 0.35)];
                self.put(at, 0.0, 0.3, labels::POLE, |thing| standing::pole(thing, -sign, draw));
            }
            if trees && !self.street.crosses(x + spacing / 2.0, 2.5) {
                let at = [x + spacing / 2.0, sign * (kerb + 0.6)];
                self.put(at, 0.0, 0.4, labels::TRUNK, |thing| standing::tree(thing, draw));
            }
            x += spacing;
        }
        for _ in 0..draw.count(2, 9) {
            let at = [draw.between(-35.0, 35.0), sign * (kerb + draw.between(0.4, broad + 0.2))];
            let turn = draw.between(0.0, std::f64::consts::TAU);
            self.put(at, turn, 0.35, labels::PERSON, |thing| standing::person(thing, draw));
        }
        for _ in 0..draw.count(1, 4) {
            let at = [draw.between(-20.0, 20.0), sign * (edge - 0.5)];
            let class = draw.pick(&[labels::BICYCLE, labels::BICYCLE, labels::MOTORCYCLE]);
            let turn = draw.pick(&[0.0, 1.5, 3.1]) + draw.between(-0.2, 0.2);
            self.put(at, turn, 0.8, class, |thing| vehicles::two_wheeler(thing, class, draw));
        }
    }

    /// Houses with gardens, fences and hedges before them, and gaps with trees between them.
    fn frontages(&mut self, side: usize, draw: &mut Draw) {
        let (edge, density) = (self.street.edge(side), draw.between(0.35, 0.95));
        let setback = if draw.chance(0.4) { 0.4 } else { draw.between(3.0, 9.0) };
        let mut x = -REACH;
        while x < REACH {
            let length = draw.between(8.0, 22.0);
            if self.street.crosses(x + length / 2.0, length / 2.0 + 1.0) {
                x += 4.0;
                continue;
            }
            if draw.chance(density) {
                self.house(side, x, length, edge + setback, draw);
            } else {
                for _ in 0..draw.count(4, 10) {
                    self.green(side, [x, x + length], [edge + 0.8, edge + 16.0], draw);
                }
            }
            if setback > 2.0 {
                self.boundary(side, x, length + 1.0, edge + 0.25, draw);
                for _ in 0..draw.count(2, 7) {
                    self.green(side, [x, x + length], [edge + 1.0, edge + setback - 1.0], draw);
                }
            }
            x += length + draw.between(0.8, 5.0);
        }
    }

    fn house(&mut self, side: usize, x: f64, length: f64, front: f64, draw: &mut Draw) {
        let depth = draw.between(7.0, 12.0);
        // Fronts look at the street: the house's own y axis points away from it.
        let (start, turn) = if side == 1 { (x, 0.0) } else { (x + length, std::f64::consts::PI) };
        let (foot, yaw) = self.street.place(start, sign_of(side) * front);
        let (middle, _) = self.street.place(x + length / 2.0, sign_of(side) * (front + depth / 2.0));
        // Circles along the house keep trees out of it.
        for step in 0..=(length / 3.0) as u32 {
            let (place, _) = self.street.place(x + 3.0 * f64::from(step), sign_of(side) * (front + depth / 2.0));
            self.taken.push([place[0], place[1], depth / 2.0]);
        }
        let frame = Frame { foot: [foot[0], foot[1], middle[2].min(foot[2])], yaw: yaw + turn };
        self.put_anyway(frame, labels::BUILDING, |thing| standing::building(thing, length, depth, draw));
    }

    /// A tree or a bush somewhere in a range along and across.
    fn green(&mut self, side: usize, along: [f64; 2], across: [f64; 2], draw: &mut Draw) {
        if across[1] <= across[0] {
            return;
        }
        let at = [draw.between(along[0], along[1]), sign_of(side) * draw.between(across[0], across[1])];
        let turn = draw.between(0.0, std::f64::consts::TAU);
        if self.street.crosses(at[0], 1.5) {
            return;
        }
        if draw.chance(0.5) {
            self.put(at, turn, 0.7, labels::TRUNK, |thing| standing::tree(thing, draw));
        } else {
            self.put(at, turn, 1.2, labels::VEGETATION, |thing| standing::bush(thing, draw));
        }
    }

    /// A fence or a hedge along the pavement, in pieces that follow the bend.
    fn boundary(&mut self, side: usize, x: f64, length: f64, across: f64, draw: &mut Draw) {
        let kind = draw.between(0.0, 1.0);
        if kind > 0.75 {
            return;
        }
        let pieces = (length / 6.0).ceil() as u32;
        let each = length / f64::from(pieces);
        for piece in 0..pieces {
            let start = x + each * f64::from(piece);
            if self.street.crosses(start + each / 2.0, each / 2.0 + 0.5) {
                continue;
            }
            let (foot, yaw) = self.street.place(start, sign_of(side) * across);
            self.put_anyway(Frame { foot, yaw }, labels::FENCE, |thing| {
                if kind < 0.45 { standing::fence(thing, each, draw) } else { standing::hedge(thing, each, draw) }
            });
        }
    }

    /// Trees far behind the houses.
    fn background(&mut self, side: usize, draw: &mut Draw) {
        let edge = self.street.edge(side);
        for _ in 0..draw.count(15, 50) {
            self.green(side, [-REACH, REACH], [edge + 16.0, edge + 45.0], draw);
        }
    }

    /// Signs at the side road and elsewhere.
    fn signs(&mut self, draw: &mut Draw) {
        let mut places: Vec<f64> = (0..draw.count(1, 4)).map(|_| draw.between(-40.0, 50.0)).collect();
        if let Some([middle, half]) = self.street.crossing {
            places.extend([middle - half - 1.0, middle + half + 1.0]);
        }
        for x in places {
            let side = usize::from(draw.chance(0.3));
            let edge = self.street.edge(side) - self.street.sides[side].pavement;
            let turn = draw.pick(&[0.0, std::f64::consts::PI, std::f64::consts::FRAC_PI_2]) + draw.between(-0.15, 0.15);
            let at = [x, sign_of(side) * (edge + 0.3)];
            self.put(at, turn, 0.3, labels::TRAFFIC_SIGN, |thing| standing::sign(thing, draw));
        }
        if let Some([middle, _]) = self.street.island {
            self.put([middle, 0.0], 0.0, 0.3, labels::TRAFFIC_SIGN, |thing| standing::sign(thing, draw));
        }
    }
}

/// −1 for the right side, 1 for the left.
fn sign_of(side: usize) -> f64 {
    if side == 0 { -1.0 } else { 1.0 }
}
