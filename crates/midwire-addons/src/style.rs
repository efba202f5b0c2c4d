//! Text with colours.

use std::fmt::Write as _;

use midwire_views::Clean;

use crate::output::Colour;

/// How a piece of text looks on a terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// Number of the colour (ECMA-48 §8.3.117: 30 to 37, bright ones 90 to 97).
    foreground: Option<u8>,
    bold: bool,
    dim: bool,
    blink: bool,
}

pub(crate) const RED: u8 = 31;
pub(crate) const GREEN: u8 = 32;
pub(crate) const YELLOW: u8 = 33;
pub(crate) const BLUE: u8 = 34;
pub(crate) const MAGENTA: u8 = 35;
pub(crate) const CYAN: u8 = 36;
pub(crate) const BRIGHT_BLUE: u8 = 94;

impl Style {
    /// Not styled.
    pub(crate) const PLAIN: Self = Self {
        foreground: None,
        bold: false,
        dim: false,
        blink: false,
    };
    /// Bold.
    pub(crate) const BOLD: Self = Self {
        bold: true,
        ..Self::PLAIN
    };
    /// Dim.
    pub(crate) const DIM: Self = Self {
        dim: true,
        ..Self::PLAIN
    };

    /// In this colour.
    pub(crate) const fn colour(foreground: u8) -> Self {
        Self {
            foreground: Some(foreground),
            ..Self::PLAIN
        }
    }

    /// Also in this colour, if there is one.
    pub(crate) const fn with_colour(mut self, foreground: Option<u8>) -> Self {
        self.foreground = foreground;
        self
    }

    /// Also bold.
    pub(crate) const fn bold(mut self) -> Self {
        self.bold = true;
        self
    }

    /// Also dim.
    pub(crate) const fn dim(mut self) -> Self {
        self.dim = true;
        self
    }

    /// Also blinking.
    pub(crate) const fn blink(mut self) -> Self {
        self.blink = true;
        self
    }
}

/// Text that is being put together, for a terminal. Only clean text goes in: escape sequences are added around it.
#[derive(Debug)]
pub(crate) struct Page {
    text: String,
    colour: Colour,
}

impl Page {
    pub(crate) fn new(colour: Colour) -> Self {
        Self {
            text: String::new(),
            colour,
        }
    }

    /// Appends plain text.
    pub(crate) fn push<'a>(&mut self, text: impl Into<Clean<'a>>) -> &mut Self {
        self.text.push_str(text.into().as_str());
        self
    }

    /// Appends styled text.
    pub(crate) fn paint<'a>(&mut self, text: impl Into<Clean<'a>>, style: Style) -> &mut Self {
        if self.colour == Colour::Never || style == Style::PLAIN {
            return self.push(text);
        }
        let codes = [
            style.foreground,
            style.bold.then_some(1),
            style.dim.then_some(2),
            style.blink.then_some(5),
        ];
        for code in codes.into_iter().flatten() {
            let _ = write!(self.text, "\x1b[{code}m");
        }
        self.push(text);
        self.text.push_str("\x1b[0m");
        self
    }

    /// Ends the line.
    pub(crate) fn line(&mut self) {
        self.text.push('\n');
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_are_written_only_when_wanted() {
        let check = |colour, expected: &str| {
            let mut page = Page::new(colour);
            page.paint("GET", Style::colour(GREEN).bold())
                .push(" ")
                .paint("418", Style::BOLD.with_colour(Some(RED)).blink());
            assert_eq!(page.as_str(), expected);
        };
        check(Colour::Never, "GET 418");
        check(
            Colour::Always,
            "\x1b[32m\x1b[1mGET\x1b[0m \x1b[31m\x1b[1m\x1b[5m418\x1b[0m",
        );
    }
}
