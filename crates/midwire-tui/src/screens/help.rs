//! Help: the keys of the screen from which it was called, the filter language, the command line.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::doc::{Builder, Doc};
use crate::env::{Effects, Env, Nav, Screen};
use crate::keymap::{Binding, Context};
use crate::screens::list::Scroll;
use crate::text::{Pen, put_clean};
use crate::theme::Role;

/// Help for one screen.
pub(crate) struct Help {
    of: Context,
    tab: usize,
    doc: Doc,
    made_for: Option<(usize, u16)>,
    scroll: Scroll,
}

const TABS: [&str; 3] = ["Key Bindings", "Filter Expressions", "Commands"];

impl Help {
    pub(crate) fn new(of: Context) -> Self {
        Self {
            of,
            tab: 0,
            doc: Doc::default(),
            made_for: None,
            scroll: Scroll::default(),
        }
    }

    fn choose(&mut self, tab: usize) {
        self.tab = tab % TABS.len();
        self.scroll.offset = 0;
    }

    fn build(&self, env: &Env, width: u16) -> Doc {
        let mut builder = Builder::new(width);
        match self.tab {
            0 => self.keys(env, &mut builder),
            1 => filters(&mut builder),
            _ => commands(&mut builder),
        }
        builder.build()
    }

    fn keys(&self, env: &Env, builder: &mut Builder) {
        if self.of != Context::Global {
            builder.line(&format!("Keys of {}", self.of.as_str()), Role::Title);
            keys(builder, env.keymap.of(self.of));
            if self.of == Context::FlowView {
                for (key, text) in [
                    ("/", "Search in the shown text"),
                    ("n N", "Next match, match before"),
                    ("left right", "Tab before, next tab"),
                ] {
                    key_line(builder, key, text);
                }
            }
            builder.blank();
        }
        builder.line("Keys everywhere", Role::Title);
        keys(builder, env.keymap.of(Context::Global));
    }
}

fn keys<'a>(builder: &mut Builder, bindings: impl Iterator<Item = &'a Binding>) {
    let mut bindings: Vec<&Binding> = bindings.collect();
    bindings.sort_by_key(|binding| (binding.key.chars().count(), binding.key.to_lowercase()));
    for binding in bindings {
        let text = if binding.help.is_empty() {
            &binding.command
        } else {
            &binding.help
        };
        key_line(builder, &binding.key, text.trim());
    }
}

fn key_line(builder: &mut Builder, key: &str, text: &str) {
    builder
        .add(&format!("  {key:<13}"), Role::Key)
        .hang()
        .add(text, Role::Text)
        .end();
}

/// The operators (filters.md).
const FILTERS: &[(&str, &str)] = &[
    (
        "~a",
        "asset in the response: CSS, JavaScript, images, fonts",
    ),
    ("~all", "all flows"),
    ("~b REGEX", "content of request or response"),
    ("~bq ~bs REGEX", "content of the request, of the response"),
    ("~c CODE", "status code"),
    ("~comment REGEX", "comment"),
    ("~d REGEX", "host"),
    ("~dst ~src REGEX", "address of the server, of the client"),
    ("~e", "failed"),
    ("~h REGEX", "field line of request or response"),
    (
        "~hq ~hs REGEX",
        "field line of the request, of the response",
    ),
    ("~http ~tcp ~udp ~dns ~websocket", "kind of flow"),
    ("~m REGEX", "method"),
    ("~marked, ~marker REGEX", "marked, marked so"),
    ("~meta REGEX", "metadata"),
    ("~q", "request without a response"),
    ("~s", "has a response"),
    (
        "~replay ~replayq ~replays",
        "replayed, by client, by server replay",
    ),
    (
        "~t ~tq ~ts REGEX",
        "content type, of the request, of the response",
    ),
    ("~u REGEX", "URL; so does a word alone"),
    ("! & | ( )", "not, and, or, grouping"),
];

fn filters(builder: &mut Builder) {
    builder.line(
        "Filters say which flows a list shows, what is held, and what commands work on.",
        Role::Text,
    );
    builder.blank();
    for (operator, text) in FILTERS {
        builder
            .add(&format!("  {operator:<32} "), Role::Key)
            .hang()
            .add(text, Role::Text)
            .end();
    }
    builder.blank().line("Examples", Role::Title);
    for example in [
        "~d example.com & ~m POST",
        "~c 404 | ~e",
        "!(~q & ~t json)",
        "~bs \"session expired\"",
    ] {
        builder.line(&format!("  {example}"), Role::String);
    }
}

fn commands(builder: &mut Builder) {
    for line in [
        ": opens the prompt. The first word is a command, the others are what it works on; tab completes each.",
        "C lists all commands, K all keys, O all options.",
        "",
        "Words with blanks stand in quotes, 'like this' or \"like this\".",
        "",
        "Which flows a command works on:",
        "  @focus    the one with the cursor",
        "  @shown    all in the list          @hidden     those that a filter hides",
        "  @marked   those with a mark        @unmarked   those without",
        "  @all      every one",
        "  anything else is a filter, such as '~d example.com'",
        "",
        "Examples:",
        "  set view_filter '~d example.com'",
        "  flow.mark ~e :grapes:",
        "  save.file @marked /tmp/marked.flow",
        "  cut.save @shown request.url,response.status_code /tmp/list.csv",
    ] {
        builder.line(line, Role::Text);
    }
}

impl Screen for Help {
    fn context(&self) -> Context {
        Context::Help
    }

    fn title(&self, _: &Env) -> (String, String) {
        ("Help".to_owned(), "q leaves".to_owned())
    }

    fn prepare(&mut self, env: &Env, area: Rect, _: &mut Effects) {
        let made_for = Some((self.tab, area.width));
        if self.made_for != made_for {
            self.doc = self.build(env, area.width);
            self.made_for = made_for;
        }
        self.scroll
            .fit(self.doc.len(), area.height.saturating_sub(2).into());
    }

    fn draw(&self, env: &Env, area: Rect, buf: &mut Buffer) {
        let mut pen = Pen::new(area, 0);
        for (at, title) in TABS.iter().enumerate() {
            let shown = at == self.tab;
            let role = if shown {
                Role::Focus
            } else {
                Role::HeadingInactive
            };
            let text = if shown {
                format!("[{title}]")
            } else {
                format!(" {title} ")
            };
            put_clean(buf, &mut pen, &text, env.theme.style(role));
        }
        let below = Rect {
            y: area.y + 2.min(area.height),
            height: area.height.saturating_sub(2),
            ..area
        };
        self.doc
            .draw(buf, below, self.scroll.offset, (&env.theme, &[]));
    }

    fn nav(&mut self, _: &Env, nav: Nav, _: &mut Effects) {
        match nav {
            Nav::Left => self.choose(self.tab + TABS.len() - 1),
            Nav::Right | Nav::Next => self.choose(self.tab + 1),
            _ => {
                self.scroll.nav(nav, self.doc.len());
            }
        }
    }

    fn click(&mut self, _: &Env, at: Position, _: &mut Effects) {
        let mut x = 0;
        for (tab, title) in TABS.iter().enumerate() {
            let end = x + title.len() as u16 + 2;
            if at.y == 0 && (x..end).contains(&at.x) {
                self.choose(tab);
            }
            x = end;
        }
    }
}
