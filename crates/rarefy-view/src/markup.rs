//! Text for HTML and SVG. Invariant: whatever a user named goes through [`escape`].

/// Replaces the five characters that mean something in markup.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Characters that XML forbids altogether would make a stand-alone SVG unreadable.
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            other if other.is_control() && !matches!(other, '\n' | '\t' | '\r') => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

/// A coordinate with at most one decimal.
pub(crate) fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A percentage with one decimal: 0.8412 is `84.1 %`.
pub(crate) fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.1} %", share * 100.0) } else { "–".to_owned() }
}

/// A count in groups of three: `582,088`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A large number with a prefix and three digits: `1.25 G`.
pub(crate) fn prefixed(value: u64) -> String {
    let mut scaled = value as f64;
    for prefix in ["", " k", " M", " G", " T"] {
        if scaled < 999.5 || prefix == " T" {
            let decimals = if prefix.is_empty() || scaled >= 99.95 { 0 } else { 1 + usize::from(scaled < 9.995) };
            return format!("{scaled:.decimals$}{prefix}");
        }
        scaled /= 1000.0;
    }
    unreachable!("the last prefix returns")
}

/// `text` cut to `longest` characters, with an ellipsis in place of what is gone.
pub(crate) fn shortened(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(longest.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_of_a_user_is_made_harmless() {
        assert_eq!(escape("<a b='c'>&\"\u{0}"), "&lt;a b=&#39;c&#39;&gt;&amp;&quot;\u{fffd}");
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(count(582_088), "582,088");
        assert_eq!(count(88), "88");
        assert_eq!(prefixed(999), "999");
        assert_eq!(prefixed(1_254_000_000), "1.25 G");
        assert_eq!(prefixed(12_340), "12.3 k");
        assert_eq!(percent(0.8412), "84.1 %");
        assert_eq!(coordinate(2.04), "2");
        assert_eq!(shortened("night_stand", 6), "night…");
    }
}
