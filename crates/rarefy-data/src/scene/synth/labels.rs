//! Labels of synthetic scans: the numbers of SemanticKITTI outdoors, nyu40 indoors.

pub(super) const CAR: u32 = 10;
pub(super) const BICYCLE: u32 = 11;
pub(super) const MOTORCYCLE: u32 = 15;
pub(super) const TRUCK: u32 = 18;
pub(super) const OTHER_VEHICLE: u32 = 20;
pub(super) const PERSON: u32 = 30;
pub(super) const BICYCLIST: u32 = 31;
pub(super) const MOTORCYCLIST: u32 = 32;
pub(super) const ROAD: u32 = 40;
pub(super) const PARKING: u32 = 44;
pub(super) const SIDEWALK: u32 = 48;
pub(super) const OTHER_GROUND: u32 = 49;
pub(super) const BUILDING: u32 = 50;
pub(super) const FENCE: u32 = 51;
pub(super) const LANE_MARKING: u32 = 60;
pub(super) const VEGETATION: u32 = 70;
pub(super) const TRUNK: u32 = 71;
pub(super) const TERRAIN: u32 = 72;
pub(super) const POLE: u32 = 80;
pub(super) const TRAFFIC_SIGN: u32 = 81;
pub(super) const MOVING_CAR: u32 = 252;

pub(super) const WALL: u32 = 1;
pub(super) const FLOOR: u32 = 2;
pub(super) const BED: u32 = 4;
pub(super) const CHAIR: u32 = 5;
pub(super) const SOFA: u32 = 6;
pub(super) const TABLE: u32 = 7;
pub(super) const DOOR: u32 = 8;
pub(super) const WINDOW: u32 = 9;
pub(super) const BOOKSHELF: u32 = 10;
pub(super) const PICTURE: u32 = 11;
pub(super) const DESK: u32 = 14;
pub(super) const CURTAIN: u32 = 16;
pub(super) const CEILING: u32 = 22;
pub(super) const LAMP: u32 = 35;
