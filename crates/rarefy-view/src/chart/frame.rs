//! What every chart shares: its style, which follows the reader's light or dark scheme, and its outer element.

use crate::markup::escape;

/// Every rule hangs below `.rf`, so that charts in one page do not touch the page or each other.
const STYLE: &str = "<style>\
.rf{--ink:#1f2937;--faint:#6b7280;--line:#e5e7eb;--axis:#9ca3af;--c0:#3b6fe0;--c1:#e07b39;--c2:#2f9e64;--c3:#a04ec2;--cell:#3b6fe0;\
font:12px system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}\
@media(prefers-color-scheme:dark){.rf{--ink:#e5e7eb;--faint:#9aa4b2;--line:#2b3340;--axis:#566172;--c0:#7aa2ff;\
--c1:#ffa56b;--c2:#5fd39a;--c3:#cf8cf0;--cell:#4a74dd}}\
.rf text{fill:var(--faint)}.rf .ink{fill:var(--ink)}.rf .title{fill:var(--ink);font-size:13.5px;font-weight:600}\
.rf .end{text-anchor:end}.rf .mid{text-anchor:middle}.rf .grid{stroke:var(--line)}.rf .axis{stroke:var(--axis)}\
.rf .s0{--c:var(--c0)}.rf .s1{--c:var(--c1)}.rf .s2{--c:var(--c2)}.rf .s3{--c:var(--c3)}\
.rf .curve{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\
.rf .area{fill:var(--c);opacity:.10}.rf .dot,.rf .bar{fill:var(--c)}.rf .value{fill:var(--c);font-weight:600}\
.rf .paper{stroke:var(--c1);stroke-width:2.5}.rf .cell{fill:var(--cell)}.rf .over{fill:#fff}\
.rf .small{font-size:10.5px}\
</style>";

/// A drawing of `size` units with a title for the eye and for a screen reader.
pub(crate) fn svg(size: [f64; 2], title: &str, body: &str) -> String {
    let [width, height] = size;
    // The title is heavier than a label.
    let shown = escape(&fitting(title, width * 0.85));
    let title = escape(title);
    format!(
        "<svg class=\"rf\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\" aria-label=\"{title}\">{STYLE}\n\
         <text class=\"title\" x=\"0\" y=\"16\">{shown}</text>\n{body}</svg>\n"
    )
}

/// About how wide a label is, in units.
pub(crate) fn text_width(text: &str) -> f64 {
    text.chars().map(letter_width).sum()
}

/// `text` cut to about `width` units, with an ellipsis in place of what is gone.
pub(crate) fn fitting(text: &str, width: f64) -> String {
    if text_width(text) <= width {
        return text.to_owned();
    }
    let mut used = letter_width('…');
    let fits = |letter: &char| {
        used += letter_width(*letter);
        used <= width
    };
    let mut short: String = text.chars().take_while(fits).collect();
    short.push('…');
    short
}

/// From U+1100 the scripts begin whose letters are as wide as high.
fn letter_width(letter: char) -> f64 {
    if letter < '\u{1100}' || ('\u{2000}'..'\u{2e80}').contains(&letter) { 6.6 } else { 12.5 }
}
