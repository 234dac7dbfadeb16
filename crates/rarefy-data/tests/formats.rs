//! Every reader on whole files, on round trips, and on damage: an error that names the place, never a panic.

use proptest::prelude::*;
use rarefy_data::{DataError, Limits, Place, Shape, TriangleMesh, parse_shape, read_shape, write_shape};
use std::fmt::Write;
use std::path::Path;

const TETRAHEDRON: &str = "OFF\n4 4 6\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n3 0 2 1\n3 0 1 3\n3 1 2 3\n3 0 3 2\n";

fn parse(name: &str, bytes: impl AsRef<[u8]>) -> Result<Shape, DataError> {
    parse_shape(Path::new(name), bytes.as_ref(), &Limits::default())
}

fn mesh_of(shape: Shape) -> TriangleMesh {
    match shape {
        Shape::Mesh(mesh) => mesh,
        other => panic!("expected a mesh, got {other:?}"),
    }
}

fn tetrahedron() -> TriangleMesh {
    mesh_of(parse("t.off", TETRAHEDRON).unwrap())
}

/// The place of a format error.
fn place(result: Result<Shape, DataError>) -> Place {
    match result {
        Err(DataError::Format { place, .. }) => place,
        other => panic!("expected a format error, got {other:?}"),
    }
}

#[test]
fn off_is_read_with_fused_header_comments_blank_lines_and_polygons() {
    let text = "# made by hand\n\nOFF4 2 0 # counts\n0 0 0\n\n1 0 0 255 0 0\n1 1 0\n0 1 0\n4 0 1 2 3\n3 0 1 2 1 0 0\n";
    let mesh = mesh_of(parse("quad.off", text).unwrap());
    assert_eq!(mesh.vertices().len(), 4);
    assert_eq!(mesh.triangles(), [[0, 1, 2], [0, 2, 3], [0, 1, 2]]);
    let windows = TETRAHEDRON.replace('\n', "\r\n");
    assert_eq!(mesh_of(parse("t.off", windows).unwrap()), tetrahedron());
    assert_eq!(mesh_of(parse("t.OFF", TETRAHEDRON.trim_end()).unwrap()), tetrahedron());
    assert_eq!(mesh_of(parse("t.off", TETRAHEDRON.replace("OFF\n", "OFF ")).unwrap()), tetrahedron());
}

#[test]
fn damaged_off_files_give_errors_that_name_the_line() {
    assert_eq!(place(parse("a.off", "Dear reader,\nthis is a letter.\n")), Place::Line(1));
    assert_eq!(place(parse("a.off", "OFFICE 3 1\n")), Place::Line(1));
    assert_eq!(place(parse("a.off", "")), Place::Line(1));
    assert_eq!(place(parse("a.off", "OFF\n")), Place::Line(2));
    assert_eq!(place(parse("a.off", TETRAHEDRON.replace("0 1 0", "0 x 0"))), Place::Line(5));
    assert_eq!(place(parse("a.off", TETRAHEDRON.replace("3 0 1 3", "3 0 -1 3"))), Place::Line(8));
    assert_eq!(place(parse("a.off", TETRAHEDRON.replace("3 0 1 3", "3 0 1"))), Place::Line(8));
    assert_eq!(place(parse("a.off", b"OFF\n1 0 0\n\xff\xfe\xff\xff\xff\xff\xff\n")), Place::Line(3));
    let cut = TETRAHEDRON.replace("3 1 2 3\n3 0 3 2\n", "9 9 9 9 9 9");
    assert_eq!(place(parse("a.off", cut)), Place::Line(9));
}

#[test]
fn a_truncated_off_file_is_recognised_by_its_counts() {
    let cut = &TETRAHEDRON[..TETRAHEDRON.len() / 2];
    assert!(matches!(parse("a.off", cut), Err(DataError::Truncated { .. } | DataError::Format { .. })));
    for counts in ["4000000000 1 0", "18446744073709551615 18446744073709551615 0", "3 99999999999 0"] {
        let huge = parse("a.off", format!("OFF\n{counts}\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n"));
        assert!(matches!(huge, Err(DataError::Truncated { .. })), "{huge:?}");
    }
    let huge_face = parse("a.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n18446744073709551615 0 1 2\n");
    assert_eq!(place(huge_face), Place::Line(6));
}

#[test]
fn vertices_that_are_no_numbers_and_indices_out_of_range_are_refused() {
    for word in ["nan", "inf", "-inf", "1e39"] {
        let refused = parse("a.off", TETRAHEDRON.replace("0 1 0", &format!("0 {word} 0")));
        assert!(refused.unwrap_err().to_string().contains("vertex 2 has a coordinate that is not a finite number"));
    }
    let refused = parse("a.off", TETRAHEDRON.replace("3 0 1 3", "3 0 1 4")).unwrap_err().to_string();
    assert!(refused.contains("triangle 1 names vertex 4") && refused.contains("repair"), "{refused}");
}

#[test]
fn shapes_with_nothing_in_them_are_empty() {
    let ply =
        "ply\nformat ascii 1.0\nelement vertex 0\nproperty float x\nproperty float y\nproperty float z\nend_header\n";
    let cases: [(&str, Vec<u8>); 6] = [
        ("a.off", b"OFF\n0 0 0\n".to_vec()),
        ("a.off", b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n2 0 1\n".to_vec()),
        ("a.obj", b"# nothing\n".to_vec()),
        ("a.ply", ply.into()),
        ("a.stl", [0; 84].to_vec()),
        ("a.npy", npy("<f4", "(0, 3)", &[])),
    ];
    for (name, bytes) in cases {
        let result = parse(name, bytes);
        assert!(matches!(result, Err(DataError::EmptyShape { .. })), "{name}: {result:?}");
    }
}

#[test]
fn limits_hold_before_anything_is_allocated() {
    let limits = Limits { points: 3, ..Limits::default() };
    let refused = parse_shape(Path::new("a.off"), TETRAHEDRON.as_bytes(), &limits);
    assert!(matches!(refused, Err(DataError::TooLarge { what: "points", found: 4, limit: 3, .. })));
    let limits = Limits { triangles: 2, ..Limits::default() };
    let refused = parse_shape(Path::new("a.off"), TETRAHEDRON.as_bytes(), &limits);
    assert!(matches!(refused, Err(DataError::TooLarge { what: "triangles", .. })));
}

#[test]
fn meshes_survive_writing_and_reading_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let mut vertices = tetrahedron().vertices().to_vec();
    vertices[3] = [0.1, -1.234_567_8e-20, 3.4e38];
    let mesh = TriangleMesh::new(vertices, tetrahedron().triangles().to_vec()).unwrap();
    for name in ["a.off", "a.ply"] {
        let path = folder.path().join(name);
        write_shape(&path, &Shape::Mesh(mesh.clone())).unwrap();
        assert_eq!(read_shape(&path).unwrap(), Shape::Mesh(mesh.clone()));
    }
    assert!(write_shape(&folder.path().join("a.stl"), &Shape::Mesh(mesh)).is_err());
}

#[test]
fn points_and_voxels_survive_writing_and_reading() {
    let folder = tempfile::tempdir().unwrap();
    let points = Shape::Points(vec![[0.1, 2.0, -3.5], [1e-30, 0.0, 7.0]]);
    for name in ["a.npy", "a.ply"] {
        write_shape(&folder.path().join(name), &points).unwrap();
        assert_eq!(read_shape(&folder.path().join(name)).unwrap(), points);
    }
    let voxels = Shape::Voxels(vec![[1, 2, 3], [-4, 5, i32::MAX]]);
    write_shape(&folder.path().join("v.npy"), &voxels).unwrap();
    assert_eq!(read_shape(&folder.path().join("v.npy")).unwrap(), voxels);
}

#[test]
fn obj_is_read_with_slashes_negative_numbers_and_polygons() {
    let text = "mtllib a.mtl\no quad\nv 0 0 0\nv 1 0 0 0.5 0.5 0.5\nv 1 1 0\nv 0 1 0\nvt 0 0\nvn 0 0 1\ns off\n\
                f 1/1/1 2/1 3//1 4\nf -4 -3 -1\n";
    let mesh = mesh_of(parse("a.obj", text).unwrap());
    assert_eq!(mesh.triangles(), [[0, 1, 2], [0, 2, 3], [0, 1, 3]]);
    assert!(matches!(parse("a.obj", "v 1 2 3\n").unwrap(), Shape::Points(points) if points == [[1.0, 2.0, 3.0]]));
}

#[test]
fn damaged_obj_files_give_errors() {
    assert_eq!(place(parse("a.obj", "Dear reader,\n")), Place::Line(1));
    assert_eq!(place(parse("a.obj", "v 1 2\n")), Place::Line(1));
    for corner in ["0", "-9", "x", "9223372036854775808", "-9223372036854775808"] {
        assert_eq!(place(parse("a.obj", format!("v 0 0 0\nf 1 1 {corner}\n"))), Place::Line(2));
    }
    assert!(matches!(parse("a.obj", "v 0 0 0\nf 1 2 3\n"), Err(DataError::Mesh { .. })));
}

fn binary_stl(mesh: &TriangleMesh) -> Vec<u8> {
    let mut bytes = vec![b' '; 80];
    // Many programs begin binary files like this, too.
    bytes[..5].copy_from_slice(b"solid");
    bytes.extend((mesh.triangles().len() as u32).to_le_bytes());
    for triangle in 0..mesh.triangles().len() {
        bytes.extend([0; 12]);
        bytes.extend(mesh.corners(triangle).iter().flatten().flat_map(|part| part.to_le_bytes()));
        bytes.extend([0; 2]);
    }
    bytes
}

#[test]
fn stl_text_and_binary_give_the_same_mesh() {
    let mesh = tetrahedron();
    let mut text = "solid t\n".to_owned();
    for triangle in 0..mesh.triangles().len() {
        text += " facet normal 0 0 0\n  outer loop\n";
        for [x, y, z] in mesh.corners(triangle) {
            writeln!(text, "   vertex {x} {y} {z}").unwrap();
        }
        text += "  endloop\n endfacet\n";
    }
    text += "endsolid t\n";
    let read = mesh_of(parse("a.stl", &text).unwrap());
    assert_eq!(read, mesh_of(parse("a.stl", binary_stl(&mesh)).unwrap()));
    assert!((0..4).all(|triangle| read.corners(triangle) == mesh.corners(triangle)));
    assert_eq!(place(parse("a.stl", text.replace("   vertex 0 0 1\n", ""))), Place::Line(14));
}

#[test]
fn damaged_stl_files_give_errors() {
    let whole = binary_stl(&tetrahedron());
    let mut cut = whole.clone();
    cut[..5].copy_from_slice(b"other");
    cut.truncate(200);
    assert!(matches!(parse("a.stl", &cut), Err(DataError::Truncated { .. })));
    cut[80..84].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(parse("a.stl", &cut), Err(DataError::Truncated { .. })));
    assert_eq!(place(parse("a.stl", "a text")), Place::Byte(0));
    assert!(matches!(parse("a.stl", &whole[..100]), Err(DataError::Truncated { .. })));
    assert_eq!(place(parse("a.stl", "solid words\nof a letter\n")), Place::Line(2));
    let mut wrong = whole;
    wrong[96..100].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(matches!(parse("a.stl", wrong), Err(DataError::Mesh { .. })));
}

fn ply(format: &str, counts: (usize, usize), body: &[u8]) -> Vec<u8> {
    let header = format!(
        "ply\nformat {format} 1.0\ncomment a test\nelement vertex {}\nproperty float x\nproperty double y\n\
         property float z\nproperty uchar red\nelement face {}\nproperty list uchar int vertex_indices\nend_header\n",
        counts.0, counts.1
    );
    [header.as_bytes(), body].concat()
}

#[test]
fn ply_is_read_as_text_and_in_both_byte_orders() {
    let text = ply("ascii", (4, 1), b"0 0 0 9\n1 0 0 9\n1 1 0 9\n0 1 0 9\n4 0 1 2 3\n");
    let expected = mesh_of(parse("a.ply", text).unwrap());
    assert_eq!(expected.triangles(), [[0, 1, 2], [0, 2, 3]]);
    for (format, big) in [("binary_little_endian", false), ("binary_big_endian", true)] {
        let mut body = Vec::new();
        let mut put = |mut bytes: Vec<u8>| {
            // Made little-endian below.
            if big {
                bytes.reverse();
            }
            body.extend(bytes);
        };
        for [x, y, z] in expected.vertices() {
            put(x.to_le_bytes().into());
            put(f64::from(*y).to_le_bytes().into());
            put(z.to_le_bytes().into());
            put(vec![9]);
        }
        put(vec![4]);
        (0..4_i32).for_each(|corner| put(corner.to_le_bytes().into()));
        assert_eq!(mesh_of(parse("a.ply", ply(format, (4, 1), &body)).unwrap()), expected);
        let cut = parse("a.ply", ply(format, (4, 1), &body[..body.len() - 3]));
        assert!(matches!(cut, Err(DataError::Format { .. })), "{cut:?}");
    }
}

#[test]
fn damaged_ply_files_give_errors() {
    assert_eq!(place(parse("a.ply", "a text")), Place::Line(1));
    assert_eq!(place(parse("a.ply", "ply\nformat ascii 1.0\n")), Place::Line(1));
    let huge = parse("a.ply", ply("binary_little_endian", (usize::MAX, 0), &[0; 40]));
    assert!(matches!(huge, Err(DataError::Truncated { .. })), "{huge:?}");
    let endless = "ply\nformat binary_little_endian 1.0\nelement void 99999999999999\nend_header\n";
    assert!(matches!(parse("a.ply", endless), Err(DataError::Format { .. })));
    let flat = "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nend_header\n1 2\n";
    assert!(parse("a.ply", flat).unwrap_err().to_string().contains("x, y and z"));
    let negative = ply("ascii", (3, 1), b"0 0 0 9\n1 0 0 9\n1 1 0 9\n3 0 1 -2\n");
    assert!(matches!(parse("a.ply", negative), Err(DataError::Format { .. })));
    let outside = ply("ascii", (3, 1), b"0 0 0 9\n1 0 0 9\n1 1 0 9\n3 0 1 3\n");
    assert!(matches!(parse("a.ply", outside), Err(DataError::Mesh { .. })));
    let long_list = [&[0; 17 * 3][..], &[255, 0, 0, 0, 0]].concat();
    assert!(matches!(parse("a.ply", ply("binary_little_endian", (3, 1), &long_list)), Err(DataError::Format { .. })));
}

fn npy(descr: &str, shape: &str, body: &[u8]) -> Vec<u8> {
    npy_with(&format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n"), body)
}

fn npy_with(header: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(body);
    bytes
}

#[test]
fn npy_is_read_in_the_usual_types_and_both_orders() {
    let floats: Vec<u8> = (0..8).flat_map(|item| (item as f32).to_le_bytes()).collect();
    let expected = Shape::Points(vec![[0.0, 1.0, 2.0], [4.0, 5.0, 6.0]]);
    assert_eq!(parse("a.npy", npy("<f4", "(2, 4)", &floats)).unwrap(), expected);
    let columns: Vec<u8> = [0.0_f64, 4.0, 1.0, 5.0, 2.0, 6.0].iter().flat_map(|item| item.to_be_bytes()).collect();
    let fortran = npy_with("{'descr': '>f8', 'fortran_order': True, 'shape': (2, 3), }\n", &columns);
    assert_eq!(parse("a.npy", fortran).unwrap(), expected);
    assert_eq!(parse("a.npy", npy("|u1", "(1, 3)", &[7, 8, 9])).unwrap(), Shape::Voxels(vec![[7, 8, 9]]));
    let wide: Vec<u8> = [-1_i64, 2, 3].iter().flat_map(|item| item.to_le_bytes()).collect();
    assert_eq!(parse("a.npy", npy("<i8", "(1, 3)", &wide)).unwrap(), Shape::Voxels(vec![[-1, 2, 3]]));
}

#[test]
fn damaged_npy_files_give_errors() {
    let body = [0; 24];
    for (descr, shape) in
        [("<f4", "(6,)"), ("<f4", "(3, 2)"), ("<c8", "(1, 3)"), ("|u1", "(6, 4)"), ("<f4", "(1, 3, 2)")]
    {
        let result = parse("a.npy", npy(descr, shape, &body));
        assert!(matches!(result, Err(DataError::Format { .. })), "{descr} {shape}: {result:?}");
    }
    for shape in ["(9999999999, 3)", "(3, 999999999999999)"] {
        assert!(matches!(parse("a.npy", npy("<f4", shape, &body)), Err(DataError::Truncated { .. })));
    }
    let nested = npy_with(&"(".repeat(4000), &body);
    let digits = npy("<f4", "(99999999999999999999999999999, 3)", &body);
    for bytes in [nested, digits, b"a text".to_vec(), npy("<f4", "(2, 3)", &body)[..20].to_vec()] {
        assert!(matches!(parse("a.npy", bytes), Err(DataError::Format { .. })));
    }
    let nan: Vec<u8> = [0.0, f32::NAN, 1.0].iter().flat_map(|item| item.to_le_bytes()).collect();
    assert!(matches!(parse("a.npy", npy("<f4", "(1, 3)", &nan)), Err(DataError::NotFinite { point: 0, .. })));
    let far = npy("<u8", "(1, 3)", &[255; 24]);
    assert!(parse("a.npy", far).unwrap_err().to_string().contains("32 bits"));
}

#[test]
fn npz_archives_give_their_points() {
    use npyz::WriterBuilder;
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut archive = npyz::npz::NpzWriter::new(&mut bytes);
    for (name, value) in [("colours", 9.0_f32), ("points", 1.0)] {
        #[expect(clippy::default_trait_access, reason = "npyz does not export the type of its options")]
        let array = archive.array(name, Default::default()).unwrap();
        let mut writer = array.default_dtype().shape(&[1, 3]).begin_nd().unwrap();
        writer.extend([value; 3]).unwrap();
        writer.finish().unwrap();
    }
    drop(archive);
    let bytes = bytes.into_inner();
    assert_eq!(parse("a.npz", &bytes).unwrap(), Shape::Points(vec![[1.0; 3]]));
    assert!(matches!(parse("a.npz", &bytes[..bytes.len() - 30]), Err(DataError::Format { .. })));
    assert!(matches!(parse("a.npz", "a text"), Err(DataError::Format { .. })));
}

#[test]
fn a_missing_file_and_an_unknown_type_say_so() {
    let missing = read_shape(Path::new("/nowhere/a.off")).unwrap_err().to_string();
    assert!(missing.contains("cannot read /nowhere/a.off"), "{missing}");
    let unknown = read_shape(Path::new("a.docx")).unwrap_err().to_string();
    assert!(unknown.contains("expected .off"), "{unknown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn mutated_files_never_panic_and_never_give_a_broken_mesh(
        format in 0..6_usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..12),
    ) {
        let (name, mut bytes) = match format {
            0 => ("a.off", TETRAHEDRON.as_bytes().to_vec()),
            1 => ("a.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\nf -1 -2 -3\n".to_vec()),
            2 => ("a.stl", binary_stl(&tetrahedron())),
            3 => ("a.ply", ply("ascii", (3, 1), b"0 0 0 9\n1 0 0 9\n1 1 0 9\n3 0 1 2\n")),
            4 => ("a.ply", ply("binary_big_endian", (1, 0), &[0; 17])),
            _ => ("a.npy", npy("<f4", "(2, 3)", &[0; 24])),
        };
        for (at, byte, kind) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, b"0123456789 -.e\n(#"[usize::from(byte) % 17]),
                _ => bytes.truncate(at),
            }
        }
        if let Ok(Shape::Mesh(mesh)) = parse(name, &bytes) {
            prop_assert!(mesh.vertices().iter().flatten().all(|part| part.is_finite()));
            prop_assert!(mesh.triangles().iter().flatten().all(|&index| (index as usize) < mesh.vertices().len()));
        }
    }

    #[test]
    fn mutated_off_files_never_panic(text in "OFF ?[0-9]{0,3}\n?[0-9 .eE#+-]{0,40}\n([0-9 .eE-]{0,12}\n){0,12}") {
        let _ = parse("a.off", text);
    }
}
