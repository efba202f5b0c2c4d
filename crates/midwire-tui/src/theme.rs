//! Colours by role. Screens name roles; a palette says what they look like.

use midwire_views::Tag;
use ratatui::style::{Color, Modifier, Style};

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Role {
    #[default]
    Text,
    Dim,
    Title,
    Heading,
    HeadingKey,
    HeadingInactive,
    Key,
    OptionText,
    OptionActive,
    Focus,
    MethodGet,
    MethodPost,
    MethodDelete,
    MethodHead,
    MethodPut,
    MethodOther,
    SchemeHttp,
    SchemeHttps,
    SchemeWs,
    SchemeTcp,
    SchemeUdp,
    SchemeDns,
    UrlDomain,
    UrlPath,
    UrlQuery,
    Code200,
    Code300,
    Code400,
    Code500,
    CodeOther,
    ContentNone,
    ContentText,
    ContentScript,
    ContentMedia,
    ContentData,
    ContentOther,
    Error,
    Warn,
    Alert,
    Header,
    Highlight,
    Intercept,
    Replay,
    Mark,
    Name,
    String,
    Number,
    Boolean,
    Comment,
    FromClient,
    ToClient,
    FieldFocus,
    FieldError,
    FieldEdit,
    Command,
    Invalid,
    Hint,
    PhaseConnect,
    PhaseTls,
    PhaseSend,
    PhaseWait,
    PhaseReceive,
    /// A QR code: dark on light whatever the palette.
    Qr,
}

impl From<Tag> for Role {
    fn from(tag: Tag) -> Self {
        match tag {
            Tag::Plain => Self::Text,
            Tag::Name => Self::Name,
            Tag::String => Self::String,
            Tag::Number => Self::Number,
            Tag::Boolean => Self::Boolean,
            Tag::Comment => Self::Comment,
            Tag::Error => Self::Error,
        }
    }
}

/// How many colours the terminal is trusted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// None: only bold, reverse and underline (`NO_COLOR`, `CLICOLOR=0`, `TERM=dumb`).
    None,
    /// The 16 of every terminal.
    Sixteen,
    /// 256.
    Many,
}

impl Depth {
    /// What the environment says.
    pub(crate) fn from_environment(var: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| var(name).filter(|value| !value.is_empty());
        let term = var("TERM").unwrap_or_default();
        if set("NO_COLOR").is_some() || set("CLICOLOR").as_deref() == Some("0") {
            return Self::None;
        }
        if matches!(term.as_str(), "dumb" | "vt100" | "vt102" | "vt220") {
            return Self::None;
        }
        if term.contains("256color") || set("COLORTERM").is_some() {
            return Self::Many;
        }
        Self::Sixteen
    }
}

/// The colours of a palette, from which all roles follow.
#[derive(Clone, Copy, Debug)]
struct Base {
    background: Color,
    text: Color,
    dim: Color,
    bar: Color,
    bar_text: Color,
    good: Color,
    info: Color,
    warn: Color,
    bad: Color,
    violet: Color,
    cyan: Color,
    yellow: Color,
    select: Color,
}

const fn i(index: u8) -> Color {
    Color::Indexed(index)
}

const DARK: Base = Base {
    background: i(0),
    text: i(252),
    dim: i(245),
    bar: i(236),
    bar_text: i(255),
    good: i(75),
    info: i(80),
    warn: i(214),
    bad: i(203),
    violet: i(141),
    cyan: i(80),
    yellow: i(186),
    select: i(24),
};

const LIGHT: Base = Base {
    background: i(231),
    text: i(235),
    dim: i(242),
    bar: i(252),
    bar_text: i(232),
    good: i(25),
    info: i(23),
    warn: i(130),
    bad: i(124),
    violet: i(91),
    cyan: i(23),
    yellow: i(94),
    select: i(153),
};

const SOLARIZED_DARK: Base = Base {
    background: i(234),
    text: i(247),
    dim: i(246),
    bar: i(235),
    bar_text: i(254),
    good: i(33),
    info: i(37),
    warn: i(172),
    bad: i(203),
    violet: i(105),
    cyan: i(37),
    yellow: i(136),
    select: i(24),
};

const SOLARIZED_LIGHT: Base = Base {
    background: i(230),
    text: i(240),
    dim: i(242),
    bar: i(254),
    bar_text: i(235),
    good: i(25),
    info: i(23),
    warn: i(130),
    bad: i(160),
    violet: i(61),
    cyan: i(23),
    yellow: i(94),
    select: i(152),
};

const LOW_DARK: Base = Base {
    background: Color::Black,
    text: Color::Gray,
    dim: Color::DarkGray,
    bar: Color::Blue,
    bar_text: Color::White,
    good: Color::LightBlue,
    info: Color::Cyan,
    warn: Color::Yellow,
    bad: Color::LightRed,
    violet: Color::LightMagenta,
    cyan: Color::LightCyan,
    yellow: Color::LightYellow,
    select: Color::Blue,
};

const LOW_LIGHT: Base = Base {
    background: Color::White,
    text: Color::Black,
    dim: Color::DarkGray,
    bar: Color::Gray,
    bar_text: Color::Black,
    good: Color::Blue,
    info: Color::Cyan,
    warn: Color::Magenta,
    bad: Color::Red,
    violet: Color::Magenta,
    cyan: Color::Cyan,
    yellow: Color::Magenta,
    select: Color::LightCyan,
};

const HIGH_CONTRAST: Base = Base {
    background: i(16),
    text: i(231),
    dim: i(252),
    bar: i(231),
    bar_text: i(16),
    good: i(123),
    info: i(159),
    warn: i(226),
    bad: i(217),
    violet: i(225),
    cyan: i(159),
    yellow: i(229),
    select: i(19),
};

/// For eyes that confuse red and green: blue, orange and yellow, apart also in brightness.
const RED_GREEN_SAFE: Base = Base {
    background: i(16),
    text: i(252),
    dim: i(246),
    bar: i(236),
    bar_text: i(255),
    good: i(39),
    info: i(117),
    warn: i(228),
    bad: i(208),
    violet: i(183),
    cyan: i(117),
    yellow: i(229),
    select: i(24),
};

/// For eyes that confuse blue and yellow: teal, red and white.
const BLUE_YELLOW_SAFE: Base = Base {
    background: i(16),
    text: i(252),
    dim: i(246),
    bar: i(236),
    bar_text: i(255),
    good: i(43),
    info: i(86),
    warn: i(218),
    bad: i(203),
    violet: i(211),
    cyan: i(86),
    yellow: i(224),
    select: i(23),
};

/// All palettes by name; the first one is the fallback. In none of them good and bad are told apart by green and red.
const PALETTES: &[(&str, Base)] = &[
    ("solarized_dark", SOLARIZED_DARK),
    ("solarized_light", SOLARIZED_LIGHT),
    ("dark", DARK),
    ("light", LIGHT),
    ("lowdark", LOW_DARK),
    ("lowlight", LOW_LIGHT),
    ("high_contrast", HIGH_CONTRAST),
    ("red_green_safe", RED_GREEN_SAFE),
    ("blue_yellow_safe", BLUE_YELLOW_SAFE),
];

/// A palette on a terminal.
#[derive(Clone, Debug)]
pub(crate) struct Theme {
    base: Base,
    depth: Depth,
    transparent: bool,
    light: bool,
}

impl Theme {
    /// The palette of this name as far as the terminal can show it.
    pub(crate) fn new(name: &str, depth: Depth, transparent: bool) -> Self {
        let light = name.ends_with("light");
        let fitting = match (depth, light) {
            (Depth::Sixteen, true) => "lowlight",
            (Depth::Sixteen, false) => "lowdark",
            _ => name,
        };
        let found = PALETTES.iter().find(|(known, _)| *known == fitting);
        Self {
            base: found.map_or(SOLARIZED_DARK, |(_, base)| *base),
            depth,
            transparent,
            light,
        }
    }

    /// What the empty screen looks like.
    pub(crate) fn background(&self) -> Style {
        if self.depth == Depth::None || self.transparent {
            return Style::new();
        }
        Style::new().fg(self.base.text).bg(self.base.background)
    }

    /// How a role looks.
    pub(crate) fn style(&self, role: Role) -> Style {
        if self.depth == Depth::None {
            return plain(role);
        }
        let b = &self.base;
        let fg = |colour: Color| Style::new().fg(colour);
        match role {
            Role::Text | Role::OptionText | Role::UrlPath => {
                // On its own background a terminal knows best which colour can be read.
                if self.transparent {
                    Style::new()
                } else {
                    fg(b.text)
                }
            }
            Role::Dim | Role::UrlQuery | Role::ContentNone | Role::Comment | Role::Hint => {
                fg(b.dim)
            }
            Role::Title => fg(b.bar_text).add_modifier(Modifier::BOLD),
            Role::Heading => fg(b.bar_text).bg(b.bar),
            Role::HeadingInactive => fg(b.dim).bg(b.bar),
            Role::HeadingKey => fg(b.cyan).bg(b.bar).add_modifier(Modifier::BOLD),
            Role::Key => fg(b.cyan).add_modifier(Modifier::BOLD),
            Role::Focus | Role::FieldFocus => Style::new()
                .fg(if self.light {
                    Color::Black
                } else {
                    Color::White
                })
                .bg(b.select),
            Role::OptionActive => fg(b.warn),
            Role::MethodGet | Role::Code200 => fg(b.good),
            Role::MethodPost | Role::Code300 => fg(b.violet),
            Role::MethodDelete | Role::Code500 | Role::Error => {
                fg(b.bad).add_modifier(Modifier::BOLD)
            }
            Role::MethodHead | Role::SchemeHttps | Role::ContentText => fg(b.info),
            Role::MethodPut | Role::Code400 | Role::Warn => fg(b.warn),
            Role::MethodOther | Role::CodeOther | Role::ContentOther => fg(b.text),
            Role::SchemeHttp => fg(b.dim),
            Role::SchemeWs => fg(b.violet),
            Role::SchemeTcp => fg(b.yellow),
            Role::SchemeUdp => fg(b.yellow),
            Role::SchemeDns => fg(b.good),
            Role::UrlDomain => fg(b.bar_text_on_page()),
            Role::ContentScript => fg(b.yellow),
            Role::ContentMedia => fg(b.violet),
            Role::ContentData => fg(b.cyan),
            Role::Alert => fg(b.violet).add_modifier(Modifier::BOLD),
            Role::Header => fg(b.info),
            Role::Highlight => Style::new().fg(Color::Black).bg(b.yellow),
            Role::Intercept => fg(b.warn).add_modifier(Modifier::BOLD),
            Role::Replay => fg(b.violet),
            Role::Mark => fg(b.bad),
            Role::Name => fg(b.yellow),
            Role::String => fg(b.good),
            Role::Number => fg(b.cyan),
            Role::Boolean => fg(b.violet),
            Role::FromClient => fg(b.warn),
            Role::ToClient => fg(b.good),
            Role::FieldError => Style::new().fg(Color::Black).bg(b.bad),
            Role::FieldEdit => Style::new().fg(Color::Black).bg(b.cyan),
            Role::Command => fg(b.good).add_modifier(Modifier::BOLD),
            Role::Invalid => fg(b.bad).add_modifier(Modifier::UNDERLINED),
            Role::PhaseConnect => fg(b.yellow),
            Role::PhaseTls => fg(b.violet),
            Role::PhaseSend => fg(b.cyan),
            Role::PhaseWait => fg(b.warn),
            Role::PhaseReceive => fg(b.good),
            Role::Qr => match self.depth {
                Depth::Many => Style::new().fg(i(16)).bg(i(231)),
                _ => Style::new().fg(Color::Black).bg(Color::White),
            },
        }
    }

    /// A step of the scale from little to much, 0 to 1 (duration and size in lists).
    pub(crate) fn gradient(&self, share: f64) -> Style {
        const STEPS: [u8; 6] = [67, 73, 79, 186, 214, 209];
        if self.depth != Depth::Many {
            return self.style(Role::Text);
        }
        if self.light {
            return self.style(Role::Text);
        }
        let at = (share.clamp(0.0, 0.999) * STEPS.len() as f64) as usize;
        Style::new().fg(i(STEPS.get(at).copied().unwrap_or(79)))
    }
}

impl Base {
    fn bar_text_on_page(&self) -> Color {
        match self.bar_text {
            // The bar of this palette is bright, so its text cannot be read on the page.
            Color::Indexed(16) => self.text,
            colour => colour,
        }
    }
}

/// Roles without colours. What matters is also said by words and glyphs.
fn plain(role: Role) -> Style {
    match role {
        Role::Heading
        | Role::HeadingKey
        | Role::Focus
        | Role::FieldFocus
        | Role::FieldEdit
        | Role::Qr => Style::new().add_modifier(Modifier::REVERSED),
        Role::Title
        | Role::Key
        | Role::Error
        | Role::Intercept
        | Role::Command
        | Role::Alert
        | Role::Header => Style::new().add_modifier(Modifier::BOLD),
        Role::Highlight | Role::Invalid | Role::FieldError => {
            Style::new().add_modifier(Modifier::UNDERLINED)
        }
        _ => Style::new(),
    }
}

#[cfg(test)]
mod tests;
