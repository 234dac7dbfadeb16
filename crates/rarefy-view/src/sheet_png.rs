//! The retrieval sheet as one picture, for a README.

use crate::sheet::{RetrievalSheet, SheetItem};
use crate::text::{Type, write};
use crate::{Image, ViewError};

/// Side of one shape's picture, in pixels.
const PICTURE: usize = 152;
/// Space between the tiles, and round the sheet.
const GAP: usize = 12;
/// Free space after the queries.
const QUERY_GAP: usize = 20;
/// Height of the two lines below a picture.
const CAPTION: usize = 42;
/// Height of the line above the columns.
const HEADING: usize = 26;
const FRAME: usize = 3;

const PAPER: [u8; 4] = [255, 255, 255, 255];
const TILE: [u8; 4] = [247, 248, 250, 255];
const INK: [u8; 3] = [31, 41, 55];
const FAINT: [u8; 3] = [107, 114, 128];
const RIGHT: [u8; 4] = [34, 160, 84, 255];
const WRONG: [u8; 4] = [220, 60, 60, 255];
const OPEN: [u8; 4] = [203, 209, 218, 255];
const QUERY: [u8; 4] = [222, 150, 50, 255];

/// The sheet as one picture on white: a column of queries, and their nearest to the right.
pub fn retrieval_sheet_png(sheet: &RetrievalSheet) -> Result<Image, ViewError> {
    let columns = sheet.rows.iter().map(|row| row.hits.len()).max().unwrap_or(0);
    let width = 2 * GAP + PICTURE + if columns > 0 { QUERY_GAP - GAP + columns * (PICTURE + GAP) } else { 0 };
    let row_height = PICTURE + CAPTION + GAP;
    let mut image = Image::filled(width, GAP + HEADING + sheet.rows.len() * row_height, PAPER)?;
    write(&mut image, [GAP, GAP], PICTURE, "query", Type::Heading, INK);
    if columns > 0 {
        write(&mut image, [column_left(1), GAP], width - column_left(1), "nearest shapes", Type::Heading, INK);
    }
    for (row, (content, pictures)) in sheet.rows.iter().zip(sheet.pictures(PICTURE)?).enumerate() {
        let top = GAP + HEADING + row * row_height;
        let query_note = content.query.class.as_ref().map_or(String::new(), |_| content.query.name.clone());
        let first = (&content.query, QUERY, query_note);
        let others = content.hits.iter().map(|hit| {
            let (colour, word) = match hit.right {
                Some(true) => (RIGHT, " right"),
                Some(false) => (WRONG, " wrong"),
                None => (OPEN, ""),
            };
            (&hit.item, colour, format!("{:.3}{word}", hit.distance))
        });
        for (column, ((item, colour, note), picture)) in std::iter::once(first).chain(others).zip(&pictures).enumerate()
        {
            tile(&mut image, [column_left(column), top], item, &note, colour, picture);
        }
    }
    Ok(image)
}

fn column_left(column: usize) -> usize {
    GAP + column * (PICTURE + GAP) + if column > 0 { QUERY_GAP - GAP } else { 0 }
}

fn tile(image: &mut Image, corner: [usize; 2], item: &SheetItem, note: &str, frame: [u8; 4], picture: &Image) {
    let size = [PICTURE, PICTURE];
    image.fill_rectangle(corner, size, TILE);
    image.put(corner, picture);
    image.frame(corner, size, FRAME, frame);
    let below = corner[1] + PICTURE + 5;
    write(image, [corner[0], below], PICTURE, item.caption(), Type::Label, INK);
    write(image, [corner[0], below + 17], PICTURE, note, Type::Label, FAINT);
}
