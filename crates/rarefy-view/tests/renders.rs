//! Renders: what is on the picture, and that no coordinates are too much for it.
//!
//! Not tested here: whether a picture looks good; `examples/gallery.rs` draws them for people to judge.

use base64::Engine;
use rarefy_view::{Background, Image, Paint, RenderOptions, Up, ViewError, render_voxels};

fn painted(image: &Image) -> usize {
    image.pixels().iter().filter(|pixel| pixel[3] > 0).count()
}

/// Share of the painted pixels in the upper half.
fn share_above(image: &Image) -> f64 {
    let upper = &image.pixels()[..image.pixels().len() / 2];
    upper.iter().filter(|pixel| pixel[3] > 0).count() as f64 / painted(image) as f64
}

fn red_share(image: &Image, seen: impl Fn(usize, usize) -> bool) -> f64 {
    let width = image.width();
    let chosen =
        image.pixels().iter().enumerate().filter(|(at, pixel)| pixel[3] == 255 && seen(at % width, at / width));
    let (count, sum) = chosen.fold((0, 0.0), |(count, sum), (_, pixel)| (count + 1, sum + f64::from(pixel[0])));
    sum / f64::from(count)
}

/// Points on a sphere, in an order that jumps about.
fn sphere(count: u64, radius: f64) -> Vec<[i32; 3]> {
    let point = |number: u64| {
        let n = number * 48_271 % count;
        let z = 1.0 - 2.0 * (n as f64 + 0.5) / count as f64;
        let angle = n as f64 * 2.399_963;
        let reach = (1.0 - z * z).sqrt();
        [reach * angle.cos(), reach * angle.sin(), z].map(|part| (part * radius).round() as i32)
    };
    (0..count).map(point).collect()
}

#[test]
fn the_same_voxels_give_the_same_bytes_in_any_order_and_on_any_number_of_threads() {
    let voxels = sphere(3000, 14.0);
    let options = RenderOptions::new(150);
    let draw = |voxels: &[[i32; 3]]| render_voxels(voxels, &options).unwrap().to_png().unwrap();
    let first = draw(&voxels);
    let turned: Vec<[i32; 3]> = voxels.iter().rev().chain(&voxels[..40]).copied().collect();
    assert_eq!(first, draw(&turned));
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(first, pool.install(|| draw(&voxels)), "{threads} threads");
    }
}

#[test]
fn no_voxel_gives_the_background_alone() {
    let clear = render_voxels(&[], &RenderOptions::new(20)).unwrap();
    assert_eq!(painted(&clear), 0);
    let options = RenderOptions::new(20).with_background(Background::Solid([1, 2, 3]));
    let solid = render_voxels(&[], &options).unwrap();
    assert!(solid.pixels().iter().all(|&pixel| pixel == [1, 2, 3, 255]));
}

#[test]
fn one_voxel_fills_the_picture_with_three_tones() {
    let options = RenderOptions::new(100).with_paint(Paint::Solid([200, 200, 200]));
    let image = render_voxels(&[[7, -3, 12]], &options).unwrap();
    // A cube seen from a corner is a hexagon, and leaves the corners of the picture free.
    assert!((4000..8000).contains(&painted(&image)), "{} pixels", painted(&image));
    assert_eq!(image.pixels()[0][3], 0);
    assert_eq!(image.pixels()[50 * 100 + 50][3], 255);
    let top = red_share(&image, |_, y| y < 25);
    let left = red_share(&image, |x, y| x < 35 && y > 50);
    let right = red_share(&image, |x, y| x > 75 && y > 50);
    assert!(top > left + 15.0 && left > right + 15.0, "top {top}, left {left}, right {right}");
}

#[test]
fn a_face_has_one_tone_with_no_seam_in_it() {
    let options = RenderOptions::new(200).with_paint(Paint::Solid([200, 200, 200]));
    let image = render_voxels(&[[0; 3]], &options).unwrap();
    let column: Vec<[u8; 4]> = (90..140).map(|y| image.pixels()[y * 200 + 50]).collect();
    assert!(column[0][3] == 255 && column.iter().all(|&pixel| pixel == column[0]), "{column:?}");
}

#[test]
fn what_floats_above_a_floor_throws_a_shadow_on_it() {
    let floor = || (0..24).flat_map(|x| (0..24).map(move |y| [x, y, 0]));
    // The pole keeps the frame of both pictures the same.
    let pole = || (1..=12).map(|z| [0, 23, z]);
    let block = (10..14).flat_map(|x| (10..14).map(move |y| [x, y, 8]));
    let options = RenderOptions::new(160).with_paint(Paint::Solid([200, 200, 200]));
    let without = render_voxels(&floor().chain(pole()).collect::<Vec<_>>(), &options).unwrap();
    let with = render_voxels(&floor().chain(pole()).chain(block).collect::<Vec<_>>(), &options).unwrap();
    let pairs = || with.pixels().iter().zip(without.pixels());
    let darker = pairs().filter(|(a, b)| f64::from(a[0]) < 0.8 * f64::from(b[0])).count();
    // The dark sides of the block itself are about 225 pixels.
    assert!(darker > 300, "{darker} pixels are darker");
}

#[test]
fn where_the_voxels_lie_does_not_matter() {
    let voxels = sphere(500, 6.0);
    let moved: Vec<[i32; 3]> = voxels.iter().map(|v| [v[0] + 1_000_000, v[1] - 2_000_000_000, v[2] + 17]).collect();
    let options = RenderOptions::new(64);
    assert_eq!(render_voxels(&voxels, &options).unwrap(), render_voxels(&moved, &options).unwrap());
}

#[test]
fn the_upward_axis_points_up() {
    // A heavy plate above a thin pole.
    let plate = (-4..=4).flat_map(|x| (-4..=4).map(move |z| [x, 9, z]));
    let mushroom: Vec<[i32; 3]> = plate.chain((0..9).map(|y| [0, y, 0])).collect();
    let upright = render_voxels(&mushroom, &RenderOptions::new(90).with_up(Up::Y)).unwrap();
    let lying = render_voxels(&mushroom, &RenderOptions::new(90).with_up(Up::Z)).unwrap();
    assert!(share_above(&upright) > 0.75, "{}", share_above(&upright));
    assert!(share_above(&lying) < 0.75, "{}", share_above(&lying));
}

#[test]
fn turning_y_up_keeps_left_and_right() {
    let steps: Vec<[i32; 3]> = (0..6).flat_map(|x| (0..=x).map(move |y| [x, y, x * x])).collect();
    let turned: Vec<[i32; 3]> = steps.iter().map(|&[x, y, z]| [x, -z, y]).collect();
    let options = RenderOptions::new(80);
    let expected = render_voxels(&turned, &options.clone().with_up(Up::Z)).unwrap();
    assert_eq!(render_voxels(&steps, &options.with_up(Up::Y)).unwrap(), expected);
}

#[test]
fn a_background_is_what_lies_below_the_transparent_picture() {
    let below = [250u8, 10, 120];
    let options = RenderOptions::new(70);
    let clear = render_voxels(&sphere(300, 5.0), &options).unwrap();
    let solid = render_voxels(&sphere(300, 5.0), &options.with_background(Background::Solid(below))).unwrap();
    let edges = clear.pixels().iter().filter(|pixel| (1..255).contains(&pixel[3])).count();
    assert!(edges > 50, "{edges} pixels at the edge");
    for (above, pixel) in clear.pixels().iter().zip(solid.pixels()) {
        let alpha = f64::from(above[3]) / 255.0;
        for channel in 0..3 {
            let mixed = f64::from(above[channel]) * alpha + f64::from(below[channel]) * (1.0 - alpha);
            assert!((mixed - f64::from(pixel[channel])).abs() <= 1.5, "{above:?} gives {pixel:?}");
        }
        assert_eq!(pixel[3], 255);
    }
}

#[test]
fn paint_by_height_goes_from_the_bottom_to_the_top() {
    let pole: Vec<[i32; 3]> = (0..20).map(|z| [0, 0, z]).collect();
    let options = RenderOptions::new(120).with_paint(Paint::Height([0, 0, 0], [250, 0, 0]));
    let image = render_voxels(&pole, &options).unwrap();
    let (low, high) = (red_share(&image, |_, y| y > 80), red_share(&image, |_, y| y < 40));
    assert!(high > 3.0 * low, "bottom {low}, top {high}");
}

#[test]
fn a_hundred_thousand_voxels_are_drawn() {
    let voxels = sphere(100_000, 90.0);
    let image = render_voxels(&voxels, &RenderOptions::new(200)).unwrap();
    // A disc over 92 % of the side.
    let disc = std::f64::consts::PI * (0.46 * 200.0f64).powi(2);
    assert!((painted(&image) as f64 / disc - 1.0).abs() < 0.05, "{} pixels of {disc}", painted(&image));
}

#[test]
fn voxels_thinner_than_a_sample_are_still_seen() {
    let rod: Vec<[i32; 3]> = (0..100_000).map(|x| [x, 0, 0]).collect();
    let image = render_voxels(&rod, &RenderOptions::new(100)).unwrap();
    let columns = (0..100).filter(|x| (0..100).any(|y| image.pixels()[y * 100 + x][3] > 0)).count();
    assert!(columns > 85, "{columns} columns");
}

#[test]
fn coordinates_at_the_ends_of_their_type_are_drawn() {
    let (low, high) = (i32::MIN, i32::MAX);
    let sets: [&[[i32; 3]]; 5] = [
        &[[low; 3], [high; 3]],
        &[[low, 0, 0], [high, 0, 0]],
        &[[low; 3]],
        &[[high; 3], [high - 1; 3]],
        &[[low, high, low], [0, 0, 0], [high, low, high]],
    ];
    for voxels in sets {
        for up in [Up::Y, Up::Z] {
            let image = render_voxels(voxels, &RenderOptions::new(40).with_up(up)).unwrap();
            assert!(painted(&image) > 0, "{voxels:?}, {up:?}");
        }
    }
}

#[test]
fn neighbours_at_the_least_coordinate_stay_apart() {
    let options = RenderOptions::new(60).with_up(Up::Y);
    let at_the_end = render_voxels(&[[0, 0, i32::MIN], [0, 0, i32::MIN + 1]], &options).unwrap();
    assert_eq!(at_the_end, render_voxels(&[[0, 0, 0], [0, 0, 1]], &options).unwrap());
}

#[test]
fn a_direction_that_is_no_number_ends_all_the_same() {
    let options =
        RenderOptions { azimuth_degrees: f32::NAN, elevation_degrees: f32::INFINITY, ..RenderOptions::new(16) };
    assert_eq!(render_voxels(&sphere(50, 4.0), &options).unwrap().width(), 16);
    for elevation_degrees in [-90.0, 0.0, 90.0] {
        let options = RenderOptions { azimuth_degrees: 0.0, elevation_degrees, ..RenderOptions::new(16) };
        assert!(painted(&render_voxels(&sphere(50, 4.0), &options).unwrap()) > 100);
    }
}

#[test]
fn a_picture_without_pixels_or_with_too_many_is_refused() {
    for size in [0, 16_385, usize::MAX] {
        let outcome = render_voxels(&[[0; 3]], &RenderOptions::new(size));
        assert!(matches!(outcome, Err(ViewError::PictureSize { width, .. }) if width == size), "{size}");
    }
    assert_eq!(render_voxels(&[[0; 3]], &RenderOptions::new(1)).unwrap().pixels().len(), 1);
}

#[test]
fn a_png_holds_the_very_pixels() {
    for background in [Background::Transparent, Background::Solid([255, 255, 255])] {
        let options = RenderOptions::new(48).with_background(background);
        let image = render_voxels(&sphere(200, 5.0), &options).unwrap();
        let file = image.to_png().unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        let channels = if background == Background::Transparent { 4 } else { 3 };
        assert_eq!((info.width, info.height, info.color_type.samples()), (48, 48, channels));
        let expected: Vec<u8> = image.pixels().iter().flat_map(|pixel| &pixel[..channels]).copied().collect();
        assert_eq!(bytes, expected);
    }
}

#[test]
fn a_data_uri_holds_the_png() {
    let image = render_voxels(&[[0; 3]], &RenderOptions::new(30)).unwrap();
    let uri = image.to_data_uri().unwrap();
    let text = uri.strip_prefix("data:image/png;base64,").unwrap();
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    assert_eq!(bytes, image.to_png().unwrap());
}
