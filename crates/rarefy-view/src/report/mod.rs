//! The report: one page that loads nothing, section by section; a section without data is not there.

mod facts;
mod measures;
mod pictures;

use crate::markup::escape;
use crate::sheet::{RetrievalSheet, retrieval_sheet_html};
use crate::{ReportData, ViewError};

const STYLE: &str = include_str!("style.css");

/// A part of the page that the line at the top leads to.
struct Section {
    id: &'static str,
    title: &'static str,
    html: String,
}

impl Section {
    fn new(id: &'static str, title: &'static str, html: String) -> Self {
        Self { id, title, html }
    }
}

/// The report as one HTML page.
pub fn report_html(data: &ReportData) -> Result<String, ViewError> {
    let mut sections = Vec::new();
    sections.extend(measures::curves(data));
    sections.extend(measures::retrieval(data));
    sections.extend(pictures::sheet(data)?);
    sections.extend(measures::overlaps(data));
    sections.extend(pictures::scenes(data)?);
    sections.extend(measures::confusion(data));
    sections.extend(measures::classes(data));
    sections.extend(pictures::samples(data)?);
    sections.extend(measures::sparsity(data));
    sections.extend(facts::configuration(data));
    sections.extend(facts::skipped(data));
    let lead = match data.description.as_str() {
        "" => String::new(),
        text => format!("<p class=\"lead\">{}</p>\n", escape(text)),
    };
    let opening = format!("{lead}{}{}", facts::cards(data), facts::run(&data.run));
    Ok(page(&data.title, &opening, &sections))
}

/// A page that holds a retrieval sheet alone.
pub fn retrieval_sheet_page(title: &str, sheet: &RetrievalSheet) -> Result<String, ViewError> {
    let section = Section::new("nearest", "Nearest shapes", retrieval_sheet_html(sheet)?);
    Ok(page(title, "", &[section]))
}

fn page(title: &str, opening: &str, sections: &[Section]) -> String {
    let title = escape(title);
    let link = |section: &Section| format!("<a href=\"#{}\">{}</a>", section.id, section.title);
    let links: Vec<String> = sections.iter().map(link).collect();
    let panel = |section: &Section| {
        let Section { id, title, html } = section;
        format!("<section class=\"panel\" id=\"{id}\">\n<h2>{title}</h2>\n{html}</section>\n")
    };
    let panels: String = sections.iter().map(panel).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · rarefy</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header class=\"top\"><span class=\"brand\">rarefy</span><nav>{}</nav></header>\n\
         <main>\n<h1>{title}</h1>\n{opening}{panels}\
         <footer>Written by rarefy {}. This page loads nothing from the network.</footer>\n</main>\n</body>\n</html>\n",
        links.join(""),
        env!("CARGO_PKG_VERSION")
    )
}
