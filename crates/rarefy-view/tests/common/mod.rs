//! A reader of markup that is strict enough to find what was not escaped or not closed.

/// The names of the elements of `markup` in order; panics on anything that is no well-formed XML.
pub(crate) fn elements(markup: &str) -> Vec<String> {
    let (mut open, mut all): (Vec<&str>, Vec<String>) = (Vec::new(), Vec::new());
    let mut rest = markup;
    while let Some(at) = rest.find('<') {
        check_text(&rest[..at]);
        let (tag, after) = tag_of(&rest[at + 1..]);
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closes what is not open");
            continue;
        }
        let name = tag.split([' ', '\n', '/']).next().unwrap();
        all.push(name.to_owned());
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    check_text(rest);
    assert!(open.is_empty(), "left open: {open:?}");
    all
}

/// What stands before the `>` that ends a tag, and what follows it.
fn tag_of(text: &str) -> (&str, &str) {
    let mut quoted = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '<' => panic!("a bare < in {}", &text[..at]),
            '>' if !quoted => {
                check_text(&text[..at]);
                return (&text[..at], &text[at + 1..]);
            }
            _ => {}
        }
    }
    panic!("a tag has no end: {text}")
}

fn check_text(text: &str) {
    for (at, _) in text.match_indices('&') {
        let entity = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"].iter().any(|entity| text[at..].starts_with(entity));
        assert!(entity, "a bare & in {text}");
    }
}

/// Every figure of the attribute `name`, in order.
pub(crate) fn figures(markup: &str, name: &str) -> Vec<f64> {
    let start = format!(" {name}=\"");
    let value = |after: &str| after.split('"').next().unwrap().parse().unwrap();
    markup.split(&start).skip(1).map(value).collect()
}
