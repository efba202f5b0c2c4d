//! Symbols, and what stands for them where the locale is not UTF-8 (console.md §4).

/// The symbols of the screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Glyphs {
    pub(crate) replay: &'static str,
    pub(crate) returned: &'static str,
    pub(crate) mark: &'static str,
    pub(crate) up: &'static str,
    pub(crate) down: &'static str,
    pub(crate) ellipsis: &'static str,
    pub(crate) from_client: &'static str,
    pub(crate) to_client: &'static str,
    pub(crate) rule: &'static str,
    pub(crate) bar: &'static str,
    pub(crate) dash: &'static str,
    /// Connect, TLS, send, wait, receive, open: pieces of the waterfall.
    pub(crate) phases: [&'static str; 6],
    pub(crate) utf8: bool,
}

/// For UTF-8 terminals.
pub(crate) const UNICODE: Glyphs = Glyphs {
    replay: "↺",
    returned: "←",
    mark: "●",
    up: "⇧",
    down: "⇩",
    ellipsis: "…",
    from_client: "⇒",
    to_client: "⇐",
    rule: "─",
    bar: "│",
    dash: "–",
    phases: ["▁", "▂", "▃", "▅", "█", "~"],
    utf8: true,
};

/// For all others.
pub(crate) const ASCII: Glyphs = Glyphs {
    replay: "[r]",
    returned: "<-",
    mark: "#",
    up: "^",
    down: " ",
    ellipsis: "~",
    from_client: "->",
    to_client: "<-",
    rule: "-",
    bar: "|",
    dash: "-",
    phases: ["=", "=", "+", "#", "-", "~"],
    utf8: false,
};

impl Glyphs {
    /// The set that the locale can show.
    pub(crate) fn from_environment(var: impl Fn(&str) -> Option<String>) -> Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| var(name).filter(|value| !value.is_empty()))
            .unwrap_or_default()
            .to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") {
            UNICODE
        } else {
            ASCII
        }
    }

    /// What stands for a mark of a flow.
    pub(crate) fn marker(&self, mark: &str) -> String {
        if mark.is_empty() {
            return String::new();
        }
        if mark.chars().count() == 1 {
            return mark.to_owned();
        }
        match midwire_core::commands::character(mark) {
            Some(emoji) if self.utf8 && mark != midwire_core::commands::DEFAULT_MARKER => {
                emoji.to_owned()
            }
            _ => self.mark.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_decides() {
        let with = |name: &'static str, value: &'static str| {
            Glyphs::from_environment(move |asked| (asked == name).then(|| value.to_owned()))
        };
        assert_eq!(with("LANG", "en_GB.UTF-8"), UNICODE);
        assert_eq!(with("LC_ALL", "C"), ASCII);
        assert_eq!(with("NONE", ""), ASCII);
        assert_eq!(UNICODE.marker(":default:"), "●");
        assert_eq!(UNICODE.marker("x"), "x");
        assert_eq!(UNICODE.marker(":grapes:"), "🍇");
        assert_eq!(UNICODE.marker(":nonsense:"), "●");
        assert_eq!(ASCII.marker(":grapes:"), "#");
    }
}
