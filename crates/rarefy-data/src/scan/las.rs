//! LAS and LAZ, versions 1.0 to 1.4: coordinates with their scale and offset, intensity, colour, and the classification as
//! label.
//!
//! The crates `las` and `laz` parse and unpack. They trust the sizes that the file states, so the sizes are compared with
//! the bytes that are there first: number and length of the records, number of chunks, and the layers of each chunk. What a
//! damaged stream still makes them do wrong is caught and reported as damage.

use super::points::Scan;
use super::table::{Role, Table};
use crate::error::{DataError, Place};
use crate::formats::Source;
use las::{Header, Reader};
use laz::LazVlr;
use laz::laszip::{ChunkTable, LazItemType};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

const FORMAT: &str = "LAS";
/// Bytes of the shortest header, of version 1.0.
const SHORTEST_HEADER: usize = 227;
/// Bytes of a point record at most: the largest has 67, plus extra bytes.
const LONGEST_RECORD: u64 = 4096;
/// Points that are unpacked at a time.
const AT_ONCE: u64 = 1 << 16;

pub(super) fn parse(source: &Source<'_>) -> Result<Scan, DataError> {
    let mut bytes = source.bytes.to_vec();
    if bytes.len() < SHORTEST_HEADER || !bytes.starts_with(b"LASF") {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(4)]).into_owned();
        return Err(source.format(FORMAT, Place::Byte(0), "`LASF` and a header of 227 bytes", format!("`{start}`")));
    }
    // Records behind the points say nothing about them: none are read (their number stands here since version 1.4).
    if bytes[25] >= 4 && bytes.len() >= 247 {
        bytes[243..247].fill(0);
    }
    let read = catch_unwind(AssertUnwindSafe(|| read(source, bytes)));
    read.unwrap_or_else(|_| Err(source.format(FORMAT, Place::Byte(0), "points that can be unpacked", "damaged ones")))
}

fn read(source: &Source<'_>, bytes: Vec<u8>) -> Result<Scan, DataError> {
    let broken =
        |error: las::Error| source.format(FORMAT, Place::Byte(0), "a whole LAS or LAZ file", error.to_string());
    let header = Header::new(Cursor::new(&bytes)).map_err(broken)?;
    check_sizes(source, &header)?;
    let mut reader = Reader::new(Cursor::new(bytes)).map_err(broken)?;
    let mut table = Table::new();
    loop {
        let points = reader.read_points(AT_ONCE).map_err(broken)?;
        if points.is_empty() {
            return table.finish(source, FORMAT);
        }
        points.x().for_each(|x| table.push(Role::X, x));
        points.y().for_each(|y| table.push(Role::Y, y));
        points.z().for_each(|z| table.push(Role::Z, z));
        points.intensity().for_each(|intensity| table.push(Role::Intensity, intensity.into()));
        points.classification().for_each(|class| table.push(Role::Label, class.into()));
        for (red, green, blue) in points.rgb().into_iter().flatten() {
            table.push(Role::Red, red.into());
            table.push(Role::Green, green.into());
            table.push(Role::Blue, blue.into());
        }
    }
}

fn check_sizes(source: &Source<'_>, header: &Header) -> Result<(), DataError> {
    let points = header.number_of_points();
    source.check_points(points)?;
    let record = u64::from(header.point_format().len());
    if record > LONGEST_RECORD {
        let expected = format!("point records of at most {LONGEST_RECORD} bytes");
        return Err(source.format(FORMAT, Place::Byte(105), expected, record.to_string()));
    }
    let start = u32_at(source.bytes, 96).unwrap_or(u32::MAX).into();
    if header.point_format().is_compressed {
        return check_compression(source, header, start, record);
    }
    source.check_room("points", points, record, (source.bytes.len() as u64).saturating_sub(start))
}

/// The description of the compression must fit the records, and the chunks must fit the file.
fn check_compression(source: &Source<'_>, header: &Header, start: u64, record: u64) -> Result<(), DataError> {
    let wrong = |at: u64, expected: &str, found: String| Err(source.format("LAZ", Place::Byte(at), expected, found));
    let description = match header.laz_vlr() {
        Ok(description) => description,
        Err(error) => return wrong(0, "a description of the compression", error.to_string()),
    };
    let kind = header.vlrs().iter().find(|vlr| vlr.user_id.starts_with(LazVlr::USER_ID)).map_or(0, |vlr| vlr.data[0]);
    let items = description.items();
    let size: u64 = items.iter().map(|item| u64::from(item.size())).sum();
    let layered = items.first().is_some_and(|item| item.version() >= 3);
    if size != record || layered != (kind == 3) {
        return wrong(0, "a compression of records of this length", format!("one of {size} bytes in {kind}"));
    }
    // One chunk of all points has no table.
    if kind == 1 {
        return Ok(());
    }
    let end = source.bytes.len() as u64;
    let stated = i64_at(source.bytes, start).filter(|&at| at > start as i64);
    let place = stated.or_else(|| i64_at(source.bytes, end.saturating_sub(8))).map_or(0, |at| at as u64);
    match u32_at(source.bytes, place.saturating_add(4)) {
        Some(chunks) if place > start && u64::from(chunks) <= end => {}
        Some(chunks) => return wrong(place, "a table of chunks", format!("one of {chunks} chunks")),
        None => return wrong(start, "the place of the table of chunks", place.to_string()),
    }
    if !layered {
        return Ok(());
    }
    let mut bytes = Cursor::new(source.bytes);
    bytes.set_position(place);
    let table = match ChunkTable::read(&mut bytes, description.uses_variable_size_chunks()) {
        Ok(table) => table,
        Err(error) => return wrong(place, "a table of chunks", error.to_string()),
    };
    check_layers(source, header, &description, start + 8, &table)
}

/// Each chunk is its first point, the number of its points, the sizes of its layers and the layers, and nothing else;
/// there are as many chunks as the points need.
fn check_layers(
    source: &Source<'_>,
    header: &Header,
    description: &LazVlr,
    start: u64,
    table: &ChunkTable,
) -> Result<(), DataError> {
    let wrong = |at: u64, expected: String, found: String| Err(source.format("LAZ", Place::Byte(at), expected, found));
    let mut layers = 0;
    for item in description.items() {
        layers += match item.item_type() {
            LazItemType::Point14 => 9,
            LazItemType::RGB14 | LazItemType::WavePacket14 => 1,
            LazItemType::RGBNIR14 => 2,
            LazItemType::Byte14(count) => u64::from(count),
            other => return wrong(0, "layered fields".into(), format!("{other:?}")),
        };
    }
    let (mut at, mut points) = (start, 0_u64);
    for chunk in table.as_ref() {
        let first_size = at + description.items_size() + 4;
        let sizes = (0..layers).map(|layer| u32_at(source.bytes, first_size + 4 * layer).map(u64::from));
        let data = sizes.sum::<Option<u64>>().and_then(|sizes| {
            let length = description.items_size() + 4 + 4 * layers + sizes;
            (length == chunk.byte_count && at + length <= source.bytes.len() as u64).then_some(length)
        });
        match data {
            Some(length) => at += length,
            None => {
                return wrong(at, format!("a chunk of {} bytes", chunk.byte_count), "layers of another length".into());
            }
        }
        let fixed = u64::from(description.chunk_size());
        points = points.saturating_add(if description.uses_variable_size_chunks() { chunk.point_count } else { fixed });
    }
    if points < header.number_of_points() {
        return wrong(start, format!("{} points", header.number_of_points()), format!("chunks of {points}"));
    }
    Ok(())
}

fn u32_at(bytes: &[u8], at: u64) -> Option<u32> {
    let four = bytes.get(usize::try_from(at).ok()?..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*four))
}

fn i64_at(bytes: &[u8], at: u64) -> Option<i64> {
    let eight = bytes.get(usize::try_from(at).ok()?..)?.first_chunk::<8>()?;
    Some(i64::from_le_bytes(*eight))
}
