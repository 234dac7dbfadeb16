//! Plots, voxel pictures and self-contained reports.
//!
//! Plots are SVG text, pictures are PNG bytes, a report is one HTML page that loads nothing from anywhere; all of them
//! follow the reader's light or dark scheme, and everything that a user named is escaped. No font and no graphics
//! library of the system is asked for anything.
//!
//! ```
//! use rarefy_view::{Paint, RenderOptions, ReportData, RunFacts, VoxelPicture, render_voxels, report_html};
//!
//! // An arch of voxels, z up.
//! let arch: Vec<[i32; 3]> = (0..9).flat_map(|x| (0..9).map(move |z| [x, 0, z])).filter(|v| v[2] > 6 || v[0] % 8 < 2).collect();
//! let picture = render_voxels(&arch, &RenderOptions::new(96).with_paint(Paint::Solid([90, 140, 220])))?;
//! assert!(picture.to_png()?.starts_with(b"\x89PNG"));
//!
//! let mut data = ReportData::new("A run", RunFacts::new(17));
//! data.samples.push(VoxelPicture::new("arch <1>", arch));
//! let page = report_html(&data)?;
//! assert!(page.contains("arch &lt;1&gt;") && page.contains("data:image/png;base64,"));
//! # Ok::<(), rarefy_view::ViewError>(())
//! ```

mod chart;
mod cloud;
mod error;
mod image;
mod markup;
mod occupancy;
mod render;
mod report;
mod report_data;
mod sheet;
mod sheet_png;
mod text;

pub use chart::bars::{Bar, BarChart};
pub use chart::heat_map::confusion_heat_map;
pub use chart::line::{LineChart, Mark, Scale, Series};
pub use chart::plots::mean_iou_curve;
pub use chart::plots::{accuracy_curves, learning_rate_curve, loss_curves, map_against_resolution, map_curve};
pub use chart::plots::{precision_recall_curve, sparsity_bars};
pub use chart::roofline::{Roofline, RooflinePoint};
pub use cloud::{Camera, CloudPage, CloudPicture, CloudView, MOST_POINTS, PlaceInSeries, ViewClass};
pub use cloud::{cloud_page, cloud_sheet, distinct_colour, render_cloud};
pub use error::ViewError;
pub use image::Image;
pub use render::{Background, Paint, RenderOptions, Up, render_voxels};
pub use report::{report_html, retrieval_sheet_page};
pub use report_data::{
    EpochPoint, ReportData, ResolutionPoint, RunFacts, ScenePicture, SkippedFile, SparsityRow, VoxelPicture,
};
pub use sheet::{RetrievalSheet, SheetHit, SheetItem, SheetRow, retrieval_sheet_html};
pub use sheet_png::retrieval_sheet_png;
