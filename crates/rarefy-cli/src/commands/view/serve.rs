//! The page of each scan, served to a browser on this machine and to nobody else.
//!
//! Invariant: only the loopback address is bound, and only requests that name it are answered, so that no page of another site
//! can read a scan through the user's browser.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use rarefy_view::{CloudPage, PlaceInSeries, cloud_page};

use super::http::{Answer, converse};
use super::scan::Sources;
use super::{Look, shown};
use crate::console::Console;
use crate::failure::{CommandResult, Outcome, story};
use crate::interrupt;

/// How often a connection and Ctrl-C are looked for.
const PAUSE: Duration = Duration::from_millis(25);
/// Connections that are answered at the same time.
const MOST_CONNECTIONS: usize = 32;

/// The scans, and how they are shown.
pub(super) struct Shelf {
    pub(super) scans: Vec<PathBuf>,
    pub(super) sources: Sources,
    /// Layers that were asked for.
    pub(super) by: Vec<String>,
    /// Where one looks from at first.
    pub(super) look: Look,
}

/// Serves the scans until Ctrl-C.
pub(super) fn run(shelf: Shelf, port: u16, open: bool, console: Console) -> CommandResult {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address)
        .with_context(|| format!("cannot listen on {address}; choose another --port, or none for any free one"))?;
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let stop = interrupt::listen_quietly()?;
    let url = format!("http://{address}/");
    let count = shelf.scans.len();
    console.result(format_args!("{url}   {count} {}; Ctrl-C ends", if count == 1 { "scan" } else { "scans" }));
    if open && let Err(error) = open_browser(&url) {
        console.remark(format_args!("no browser could be opened ({error}); open the address above in one"));
    }
    let shelf = Arc::new(shelf);
    while !stop.load(Ordering::SeqCst) {
        // Nobody yet, or a connection that broke before it began: the browser will come again.
        let Ok((stream, _)) = listener.accept() else {
            std::thread::sleep(PAUSE);
            continue;
        };
        if Arc::strong_count(&shelf) > MOST_CONNECTIONS {
            continue;
        }
        let shelf = Arc::clone(&shelf);
        std::thread::spawn(move || {
            // A browser that goes away in the middle is no error.
            let _ = converse(stream, address, |path| shelf.answer(path, console));
        });
    }
    Ok(Outcome::Interrupted)
}

/// Asks the system for the user's browser.
fn open_browser(url: &str) -> std::io::Result<()> {
    let (program, arguments): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("rundll32", &["url.dll,FileProtocolHandler"])
    } else {
        ("xdg-open", &[])
    };
    let mut command = Command::new(program);
    command.args(arguments).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    std::thread::spawn(move || child.wait());
    Ok(())
}

impl Shelf {
    fn answer(&self, path: &str, console: Console) -> Answer {
        let Some(number) = number_of(path, self.scans.len()) else {
            return Answer::text("404 Not Found", "no such page");
        };
        match self.page(number, console) {
            Ok(page) => Answer::page(page),
            Err(error) => {
                console.error(story(&error));
                Answer::text("500 Internal Server Error", &story(&error))
            }
        }
    }

    /// The page of scan `number`, from 1.
    fn page(&self, number: usize, console: Console) -> anyhow::Result<String> {
        let view = self.sources.read(&self.scans[number - 1], console)?;
        let count = self.scans.len();
        let page = CloudPage {
            // A layer that only some of the scans have is not missed in the others.
            shown: shown(&view, &self.by).or_else(|_| shown(&view, &[]))?,
            camera: Some(self.look.camera(&view)),
            series: (count > 1).then_some(PlaceInSeries { number, count }),
        };
        Ok(cloud_page(&view, &page)?)
    }
}

/// The scan of a path: `/` and `/1` are the first.
fn number_of(path: &str, count: usize) -> Option<usize> {
    let name = path.strip_prefix('/')?;
    let number = if name.is_empty() { 1 } else { name.parse().ok()? };
    (1..=count).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_numbered_from_one() {
        assert_eq!(["/", "/1", "/3"].map(|path| number_of(path, 3)), [Some(1), Some(1), Some(3)]);
        assert_eq!(["/0", "/4", "/favicon.ico", "/1/2", "", "/-1"].map(|path| number_of(path, 3)), [None; 6]);
    }
}
