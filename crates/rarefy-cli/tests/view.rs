//! `rarefy view`: pages, pictures, and the server on the loopback address.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use support::Place;

/// Points of `place_with_scan`'s scan.
const POINTS: usize = 400;

/// A sheet of points as KITTI scan `scans/a.bin`, of which the right half is label 10, with predictions that are wrong in a
/// tenth of it.
fn place_with_scan() -> Place {
    let place = Place::new();
    let point = |number: usize| {
        let [x, y] = [number % 20, number / 20].map(|part| part as f32 * 0.5);
        [x, y, (number % 7) as f32 * 0.1, number as f32 / POINTS as f32].map(f32::to_le_bytes).concat()
    };
    place.write("scans/a.bin", (0..POINTS).flat_map(point).collect::<Vec<u8>>());
    let label = |number: usize| if number % 20 >= 10 { 10_u32 } else { 40 };
    place.write("scans/a.label", (0..POINTS).flat_map(|number| label(number).to_le_bytes()).collect::<Vec<u8>>());
    let guess = |number: usize| if number < POINTS / 10 { 40 } else { label(number) };
    place.write("guesses/a.label", (0..POINTS).flat_map(|number| guess(number).to_le_bytes()).collect::<Vec<u8>>());
    place
}

/// A one-dimensional array of f32.
fn npy(values: impl ExactSizeIterator<Item = f32>) -> Vec<u8> {
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}", values.len());
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    values.for_each(|value| bytes.extend(value.to_le_bytes()));
    bytes
}

fn text(place: &Place, name: &str) -> String {
    std::fs::read_to_string(place.join(name)).unwrap()
}

#[test]
fn a_page_and_a_picture_come_from_one_command() {
    let place = place_with_scan();
    let files = "--prediction guesses --classes semantic-kitti --html page.html --png picture.png --size 640x400";
    let run = place.done(&format!("view scans/a.bin {files}"));
    assert!(run.out.contains("wrote page.html") && run.out.contains("wrote picture.png"), "{run:?}");
    let page = text(&place, "page.html");
    for part in
        [r#""name":"truth""#, r#""name":"mistakes""#, r#""name":"intensity""#, r#""name":"car""#, "\"shown\":[2,3]"]
    {
        assert!(page.contains(part), "{part}");
    }
    for outside in ["http://", "https://", "src="] {
        assert!(!page.contains(outside), "the page loads {outside}");
    }
    let picture = std::fs::read(place.join("picture.png")).unwrap();
    assert!(picture.starts_with(b"\x89PNG"));
    assert_eq!(&picture[16..24], &[0, 0, 2, 128, 0, 0, 1, 144], "640 x 400");
}

#[test]
fn values_of_points_and_labels_without_a_meaning_are_layers() {
    let place = place_with_scan();
    place.write("norm.npy", npy((0..POINTS).map(|number| number as f32)));
    place.done("view scans/a.bin --value norm.npy --html page.html");
    let page = text(&place, "page.html");
    assert!(page.contains(r#""name":"norm""#) && page.contains(r#""name":"label 40""#));
    // Truth, and beside it what the user brought.
    assert!(page.contains("\"shown\":[2,3]"));
    place.done("view scans/a.bin --value norm.npy --by norm --png norm.png --size 128x128 --elevation 90 --zoom 2");
    place.write("short.npy", npy((0..7).map(|number| number as f32)));
    place.fails("view scans/a.bin --value short.npy --html x.html", 1, &["short.npy", "7 values", "400 points"]);
    place.write("nan.npy", npy((0..POINTS).map(|number| if number == 3 { f32::NAN } else { 1.0 })));
    place.fails("view scans/a.bin --value nan.npy --html x.html", 1, &["nan.npy", "point 3"]);
}

#[test]
fn a_classes_file_above_the_scan_names_its_labels() {
    let place = place_with_scan();
    place.write("classes.toml", "[[class]]\nname = \"lawn\"\nids = [40]\n\n[[class]]\nname = \"pond\"\nids = [10]\n");
    place.done("view scans/a.bin --html page.html");
    assert!(text(&place, "page.html").contains(r#""name":"pond""#));
    place.write("classes.toml", "[[class]]\nname = \"lawn\"\nids = [40]\n");
    place.fails("view scans/a.bin --html page.html", 1, &["a.label", "label 10", "point 10"]);
}

#[test]
fn thinning_is_told_and_keeps_labels_with_their_points() {
    let place = place_with_scan();
    let run = place.done("view scans/a.bin --points 100 --html page.html");
    assert!(run.err.contains("one in 4 is shown"), "{run:?}");
    assert!(text(&place, "page.html").contains("\"points\":100"));
}

#[test]
fn wrong_use_of_view_says_what_to_do() {
    let place = place_with_scan();
    place.fails("view scans/gone.bin", 1, &["gone.bin", "no such file or folder"]);
    place.fails("view scans/a.bin --by temperature --html x.html", 2, &["temperature", "height, intensity, truth"]);
    place.fails("view scans/a.bin --by mistakes --html x.html", 2, &["no `mistakes`", "--prediction"]);
    place.fails("view scans/a.bin --by height,truth,height --html x.html", 2, &["one or two"]);
    place.fails("view scans/a.bin --classes kitty --html x.html", 2, &["kitty", "semantic-kitti"]);
    place.fails("view scans/a.bin --png x.png --size 9x9", 2, &["--size", "1600x900"]);
    place.fails("view scans/a.bin --png x.png --elevation 95", 2, &["elevation"]);
    place.fails("view scans/a.bin scans/a.bin --html x.html", 2, &["one scan"]);
    place.fails("view scans/a.bin scans/a.bin --labels scans/a.label", 2, &["a.label", "folder"]);
    place.fails("view scans/a.bin --prediction scans --labels guesses/b.label --html x.html", 1, &["b.label"]);
    place.write("shopping.txt", "bread");
    place.fails("view shopping.txt --html x.html", 1, &["shopping.txt", "unknown type of scan"]);
}

/// A server that is ended with the test.
struct Served {
    child: Child,
    address: String,
}

impl Served {
    fn start(place: &Place, words: &str) -> Self {
        let mut child = place.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split_whitespace().next().unwrap_or_default();
        let address = address.strip_prefix("http://").and_then(|rest| rest.strip_suffix('/')).expect("an address");
        Self { child, address: address.to_owned() }
    }

    /// Sends these lines and gives the whole answer.
    fn ask(&self, lines: &[&str]) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn get(&self, path: &str) -> String {
        self.ask(&[&format!("GET {path} HTTP/1.1"), &format!("Host: {}", self.address)])
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

#[test]
fn a_series_is_served_to_this_machine_alone_until_ctrl_c() {
    let place = place_with_scan();
    std::fs::copy(place.join("scans/a.bin"), place.join("scans/b.bin")).unwrap();
    std::fs::copy(place.join("scans/a.bin"), place.join("scans/c.bin")).unwrap();
    // The third scan is cut short after the start.
    let mut served = Served::start(&place, "view scans --no-open");
    assert!(served.address.starts_with("127.0.0.1:"), "{}", served.address);
    place.write("scans/c.bin", [0; 30]);
    let first = served.get("/");
    assert!(first.starts_with("HTTP/1.1 200 OK\r\n"), "{}", &first[..200]);
    assert!(first.contains("<title>a.bin</title>") && first.contains(r#""series":{"number":1,"count":3}"#));
    assert!(first.contains("Content-Security-Policy: default-src 'none'"));
    assert!(served.get("/2").contains("<title>b.bin</title>"));
    let damaged = served.get("/3");
    assert!(damaged.starts_with("HTTP/1.1 500") && damaged.contains("c.bin"), "{damaged}");
    assert!(served.get("/4").starts_with("HTTP/1.1 404"));
    assert!(served.get("/../Cargo.toml").starts_with("HTTP/1.1 404"));
    assert!(served.ask(&["GET / HTTP/1.1", "Host: evil.example"]).starts_with("HTTP/1.1 403"));
    assert!(served.ask(&["POST / HTTP/1.1", &format!("Host: {}", served.address)]).starts_with("HTTP/1.1 405"));
    assert!(served.ask(&["nonsense"]).starts_with("HTTP/1.1 400"));
    let port = served.address.rsplit(':').next().unwrap().to_owned();
    place.fails(&format!("view scans/a.bin --no-open --port {port}"), 1, &["cannot listen", "--port"]);
    if cfg!(unix) {
        let pid = served.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        assert_eq!(served.child.wait().unwrap().code(), Some(130));
    }
}

/// What a headless browser makes of an address: its document after the scripts, and what it says.
fn browse(browser: &Path, place: &Place, address: &str) -> (String, String) {
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"])
        .args([
            "--disable-component-update",
            "--disable-sync",
            "--use-angle=swiftshader",
            "--enable-unsafe-swiftshader",
        ])
        .args(["--enable-logging=stderr", "--window-size=1000,600", "--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", place.join("profile").display()))
        .arg(address)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_browser_draws_a_served_street_of_full_size_and_complains_of_nothing() {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&paths).flat_map(|folder| names.map(|name| folder.join(name)));
    let Some(browser) = found.find(|path| path.is_file()) else {
        eprintln!("skipped: no Chromium on this machine");
        return;
    };
    let place = Place::new();
    place.done("data synth streets --kind streets --train 1 --val 0 --quiet");
    let scan = "streets/sequences/00/velodyne/000000.bin";
    let labels = "--prediction streets/sequences/00/labels/000000.label";
    let served = Served::start(&place, &format!("view {scan} {labels} --no-open"));
    let (document, complaints) = browse(&browser, &place, &format!("http://{}/", served.address));
    assert!(document.contains("data-state=\"drawn\""), "{}", &document[..document.len().min(2000)]);
    for part in ["truth · prediction", "vegetation", "traffic-sign", "mistakes", "intensity"] {
        assert!(document.contains(part), "{part}");
    }
    let of_page: Vec<&str> = complaints.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(of_page.is_empty(), "{of_page:?}");
}
