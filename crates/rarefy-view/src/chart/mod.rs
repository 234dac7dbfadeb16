//! Charts as SVG text, each complete in itself: it can stand in a page or be a file.

pub(crate) mod axis;
pub(crate) mod bars;
pub(crate) mod frame;
pub(crate) mod heat_map;
pub(crate) mod line;
pub(crate) mod plots;
pub(crate) mod roofline;
