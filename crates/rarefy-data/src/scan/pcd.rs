//! PCD, the format of the Point Cloud Library (version 0.7): text, binary, or binary compressed by LZF field by field.
//!
//! Rows whose x, y or z is NaN are what an organised cloud holds where the sensor saw nothing: they are left out and listed
//! in [`Scan::missing`]. `VIEWPOINT` says where the sensor stood, not where the points are, and is passed over.

use super::lzf;
use super::points::Scan;
use super::table::{Role, Table, role_of};
use crate::error::{DataError, Place};
use crate::formats::Source;

const FORMAT: &str = "PCD";
/// Bytes of a header at most: real ones have a few hundred.
const LONGEST_HEADER: usize = 1 << 16;
/// Bytes of a point at most.
const LARGEST_POINT: usize = 1 << 16;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Data {
    Ascii,
    Binary,
    Compressed,
}

#[derive(Clone, Debug)]
struct Field {
    name: String,
    /// `F`, `I` or `U`
    kind: u8,
    /// Bytes of one value.
    size: usize,
    /// Values of a point.
    count: usize,
    /// Bytes before the field in a point.
    offset: usize,
}

/// What the values of a field become.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Meaning {
    Value(Role),
    /// Red, green, blue in the lower three bytes of a 32-bit number, often called a float.
    PackedColour,
}

struct Header {
    fields: Vec<Field>,
    points: usize,
    data: Data,
    /// Place of the first byte behind the header, and the number of its line.
    start: usize,
    line: usize,
}

impl Header {
    fn point_bytes(&self) -> usize {
        self.fields.last().map_or(0, |field| field.offset + field.size * field.count)
    }

    /// Fields that mean something, the first of each meaning.
    fn meanings(&self) -> Vec<(usize, Meaning)> {
        let mut meanings: Vec<(usize, Meaning)> = Vec::new();
        let packed = self.fields.iter().any(is_packed_colour);
        for (number, field) in self.fields.iter().enumerate().filter(|(_, field)| field.count == 1) {
            let meaning = match role_of(&field.name) {
                _ if is_packed_colour(field) => Meaning::PackedColour,
                Some(Role::Red | Role::Green | Role::Blue) if packed => continue,
                Some(role) => Meaning::Value(role),
                None => continue,
            };
            if meanings.iter().all(|(_, known)| *known != meaning) {
                meanings.push((number, meaning));
            }
        }
        meanings
    }
}

fn is_packed_colour(field: &Field) -> bool {
    matches!(field.name.as_str(), "rgb" | "rgba") && field.size == 4 && field.count == 1
}

pub(super) fn parse(source: &Source<'_>) -> Result<Scan, DataError> {
    let header = read_header(source)?;
    source.check_points(header.points as u64)?;
    let meanings = header.meanings();
    let complete = [Role::X, Role::Y, Role::Z]
        .into_iter()
        .all(|axis| meanings.iter().any(|(_, meaning)| *meaning == Meaning::Value(axis)));
    if !complete {
        return Err(source.format(FORMAT, Place::Line(1), "the fields x, y and z", "a header without them"));
    }
    let mut table = Table::new();
    table.nan_is_missing = true;
    table.float_colour =
        header.fields.iter().any(|field| field.kind == b'F' && role_of(&field.name) == Some(Role::Red));
    let body = &source.bytes[header.start..];
    match header.data {
        Data::Ascii => read_text(source, &header, &meanings, body, &mut table)?,
        Data::Binary => {
            let (points, each) = (header.points as u64, header.point_bytes() as u64);
            source.check_room("points", points, each, body.len() as u64)?;
            read_binary(&header, &meanings, body, &mut table, |field, point| point * each as usize + field.offset);
        }
        Data::Compressed => {
            let plain = unpack(source, &header, body)?;
            let points = header.points;
            read_binary(&header, &meanings, &plain, &mut table, |field, point| {
                field.offset * points + point * field.size
            });
        }
    }
    table.finish(source, FORMAT)
}

fn read_header(source: &Source<'_>) -> Result<Header, DataError> {
    let wrong = |line: usize, expected: &str, found: &str| {
        source.format(FORMAT, Place::Line(line), expected, format!("`{}`", found.trim()))
    };
    let start = &source.bytes[..source.bytes.len().min(LONGEST_HEADER)];
    let (mut names, mut sizes, mut kinds, mut counts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut width, mut height, mut points) = (None, None, None);
    let mut at = 0;
    for (number, line) in (1..).zip(start.split_inclusive(|&byte| byte == b'\n')) {
        at += line.len();
        let line = String::from_utf8_lossy(line);
        let mut words = line.split_ascii_whitespace();
        let Some(key) = words.next().filter(|key| !key.starts_with('#')) else { continue };
        let words: Vec<&str> = words.collect();
        let whole = || words.iter().map(|word| word.parse::<usize>().ok()).collect::<Option<Vec<_>>>();
        let one = || whole().and_then(|numbers| numbers.first().copied());
        let read = match key {
            "FIELDS" | "COLUMNS" => {
                names = words.iter().map(|&word| word.to_owned()).collect();
                Some(())
            }
            "SIZE" => whole().map(|numbers| sizes = numbers),
            "TYPE" => {
                kinds = words.iter().map(|word| word.as_bytes()[0]).collect();
                Some(())
            }
            "COUNT" => whole().map(|numbers| counts = numbers),
            "WIDTH" => one().map(|number| width = Some(number)),
            "HEIGHT" => one().map(|number| height = Some(number)),
            "POINTS" => one().map(|number| points = Some(number)),
            "VERSION" | "VIEWPOINT" => Some(()),
            "DATA" => {
                let data = match words.first().copied() {
                    Some("ascii") => Data::Ascii,
                    Some("binary") => Data::Binary,
                    Some("binary_compressed") => Data::Compressed,
                    _ => return Err(wrong(number, "DATA ascii, binary or binary_compressed", &line)),
                };
                let fields = fields(&names, &sizes, &kinds, &counts)
                    .ok_or_else(|| wrong(number, "FIELDS, SIZE, TYPE and COUNT of equal length before DATA", &line))?;
                let points = points
                    .or_else(|| width?.checked_mul(height.unwrap_or(1)))
                    .ok_or_else(|| wrong(number, "POINTS, or WIDTH and HEIGHT, before DATA", &line))?;
                return Ok(Header { fields, points, data, start: at, line: number });
            }
            _ => None,
        };
        read.ok_or_else(|| wrong(number, "a line of a PCD header", &line))?;
    }
    let first = String::from_utf8_lossy(&start[..start.len().min(40)]).into_owned();
    Err(wrong(1, "a PCD header that ends with DATA", first.lines().next().unwrap_or("")))
}

fn fields(names: &[String], sizes: &[usize], kinds: &[u8], counts: &[usize]) -> Option<Vec<Field>> {
    let ones = vec![1; names.len()];
    let counts = if counts.is_empty() { &ones } else { counts };
    if names.is_empty() || [sizes.len(), kinds.len(), counts.len()] != [names.len(); 3] {
        return None;
    }
    let mut offset = 0_usize;
    let mut fields = Vec::with_capacity(names.len());
    for (((name, &size), &kind), &count) in names.iter().zip(sizes).zip(kinds).zip(counts) {
        let possible = matches!((kind, size), (b'F', 4 | 8) | (b'I' | b'U', 1 | 2 | 4 | 8));
        // Padding, named `_`, may be of any size.
        if !possible && name != "_" {
            return None;
        }
        fields.push(Field { name: name.clone(), kind, size, count, offset });
        offset = offset.checked_add(size.checked_mul(count)?)?;
        if offset > LARGEST_POINT {
            return None;
        }
    }
    (offset > 0).then_some(fields)
}

fn read_text(
    source: &Source<'_>,
    header: &Header,
    meanings: &[(usize, Meaning)],
    body: &[u8],
    table: &mut Table,
) -> Result<(), DataError> {
    let values: usize = header.fields.iter().map(|field| field.count).sum();
    // One digit and one separator each; the last line may lack its line end.
    source.check_room("points", header.points as u64, 2 * values as u64, body.len() as u64 + 1)?;
    let firsts: Vec<usize> =
        header.fields.iter().scan(0, |next, field| Some(std::mem::replace(next, *next + field.count))).collect();
    let mut points = 0;
    for (number, line) in (header.line + 1..).zip(body.split(|&byte| byte == b'\n')) {
        let line = String::from_utf8_lossy(line);
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        if words.is_empty() || points == header.points {
            continue;
        }
        let wrong =
            || source.format(FORMAT, Place::Line(number), format!("{values} numbers"), format!("`{}`", line.trim()));
        if words.len() != values {
            return Err(wrong());
        }
        for &(field, meaning) in meanings {
            let word = words[firsts[field]];
            match meaning {
                Meaning::Value(role) => table.push(role, word.parse().map_err(|_| wrong())?),
                Meaning::PackedColour if header.fields[field].kind == b'F' => {
                    push_colour(word.parse::<f32>().map_err(|_| wrong())?.to_bits(), table);
                }
                Meaning::PackedColour => push_colour(word.parse::<i64>().map_err(|_| wrong())? as u32, table),
            }
        }
        points += 1;
    }
    if points < header.points {
        let found = format!("{points} lines");
        return Err(source.format(FORMAT, Place::Line(header.line), format!("{} points", header.points), found));
    }
    Ok(())
}

fn read_binary(
    header: &Header,
    meanings: &[(usize, Meaning)],
    body: &[u8],
    table: &mut Table,
    place: impl Fn(&Field, usize) -> usize,
) {
    for &(field, meaning) in meanings {
        let field = &header.fields[field];
        for point in 0..header.points {
            let bytes = &body[place(field, point)..][..field.size];
            match meaning {
                Meaning::Value(role) => table.push(role, value(field.kind, bytes)),
                Meaning::PackedColour => push_colour(whole(bytes) as u32, table),
            }
        }
    }
}

/// The three colours of a packed number.
fn push_colour(bits: u32, table: &mut Table) {
    let [blue, green, red, _] = bits.to_le_bytes();
    for (role, value) in [(Role::Red, red), (Role::Green, green), (Role::Blue, blue)] {
        table.push(role, value.into());
    }
}

fn whole(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

fn value(kind: u8, bytes: &[u8]) -> f64 {
    let bits = whole(bytes);
    let unused = 64 - 8 * bytes.len() as u32;
    match (kind, bytes.len()) {
        (b'F', 4) => f32::from_bits(bits as u32).into(),
        (b'F', _) => f64::from_bits(bits),
        (b'I', _) => ((bits << unused) as i64 >> unused) as f64,
        _ => bits as f64,
    }
}

/// The fields one after the other, each with its values of all points.
fn unpack(source: &Source<'_>, header: &Header, body: &[u8]) -> Result<Vec<u8>, DataError> {
    let wrong =
        |expected: String, found: String| source.format(FORMAT, Place::Byte(header.start as u64), expected, found);
    let Some((sizes, packed)) = body.split_first_chunk::<8>() else {
        return Err(wrong("the sizes of the compressed data".into(), "the end of the file".into()));
    };
    let [packed_bytes, plain_bytes] = [&sizes[..4], &sizes[4..]].map(whole);
    let needed = header.points as u64 * header.point_bytes() as u64;
    if plain_bytes != needed {
        return Err(wrong(format!("{needed} bytes of unpacked points"), plain_bytes.to_string()));
    }
    source.check_room("compressed bytes", packed_bytes, 1, packed.len() as u64)?;
    if plain_bytes > source.limits.bytes {
        let (found, limit) = (plain_bytes, source.limits.bytes);
        return Err(DataError::TooLarge { path: source.path.to_path_buf(), what: "bytes", found, limit });
    }
    lzf::unpack(&packed[..packed_bytes as usize], needed as usize)
        .ok_or_else(|| wrong(format!("{needed} bytes packed by LZF"), "damaged ones".into()))
}
