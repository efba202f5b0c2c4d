//! Names that flows can be marked with.

/// The marker that `true` stands for.
pub const DEFAULT_MARKER: &str = ":default:";

/// Whether a text is a marker: one ASCII letter or digit, `:default:`, or an emoji short code such as `:+1:`.
pub fn is_marker(text: &str) -> bool {
    if let [byte] = text.as_bytes() {
        return byte.is_ascii_alphanumeric();
    }
    text == DEFAULT_MARKER || character(text).is_some()
}

/// The picture of an emoji marker.
pub fn character(marker: &str) -> Option<&'static str> {
    let code = marker.strip_prefix(':')?.strip_suffix(':')?;
    emojis::get_by_shortcode(code).map(emojis::Emoji::as_str)
}

/// All markers, for completion.
pub fn markers() -> impl Iterator<Item = String> {
    let letters = ('a'..='z').chain('A'..='Z').chain('0'..='9');
    let codes = emojis::iter()
        .flat_map(emojis::Emoji::shortcodes)
        .map(|code| format!(":{code}:"));
    std::iter::once(DEFAULT_MARKER.to_owned())
        .chain(codes)
        .chain(letters.map(String::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_letters_and_short_codes() {
        for (text, expected) in [
            (":default:", true),
            (":grinning:", true),
            (":+1:", true),
            ("q", true),
            ("5", true),
            (":no_such_thing:", false),
            ("grinning", false),
            ("", false),
            (":", false),
            ("foo", false),
        ] {
            assert_eq!(is_marker(text), expected, "{text}");
        }
        assert!(markers().count() > 1700);
        assert!(markers().all(|marker| is_marker(&marker)));
    }
}
