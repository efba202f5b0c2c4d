//! An interface without threads: effects are carried out at once, so that every key has its whole effect.

use std::sync::Arc;

use midwire_core::commands::register_option_commands;
use midwire_core::hooks::{Addon, HookSet};
use midwire_core::log::LogStream;
use midwire_core::options::{Changed, OptionStore, Options, Tool};
use midwire_core::store::Order;
use midwire_core::{Kernel, Link};
use midwire_flow::Flow;
use midwire_flow::filter::Filter;
use midwire_views::Registry;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Rect;

use crate::app::App;
use crate::env::{Effect, Effects};
use crate::event::Event;
use crate::glyphs::UNICODE;
use crate::runner::Outside;
use crate::theme::Depth;

/// An interface under test.
pub(super) struct Tui {
    pub(super) app: App,
    pub(super) kernel: Arc<Kernel>,
    pub(super) calls: Vec<String>,
    pub(super) edits: Vec<crate::edit::EditJob>,
    pub(super) quit: bool,
    pub(super) suspended: bool,
    pub(super) copied: Option<String>,
    terminal: Terminal<TestBackend>,
    outside: Outside,
    events: tokio::sync::mpsc::Receiver<Event>,
    runtime: tokio::runtime::Runtime,
}

/// Applies options of the list to the store, as the program's addon does.
struct View;

impl Addon for View {
    fn name(&self) -> &'static str {
        "view"
    }

    fn interest(&self, _: &Options) -> HookSet {
        HookSet::EMPTY
    }

    fn configure(&self, kernel: &Kernel, options: &Options, _: &Changed) -> Result<(), String> {
        let store = kernel.store();
        let filter = options
            .view_filter
            .as_deref()
            .filter(|text| !text.is_empty());
        let filter = filter
            .map(Filter::parse)
            .transpose()
            .map_err(|error| error.to_string())?;
        store.set_filter(filter.as_ref());
        store.set_order(Order::parse(&options.view_order).ok_or("order")?);
        store.set_reversed(options.view_order_reversed);
        store.set_follow(options.console_focus_follow);
        Ok(())
    }
}

impl Tui {
    pub(super) fn new(columns: u16, rows: u16) -> Self {
        let kernel = Arc::new(Kernel::new(
            OptionStore::new(Tool::Console),
            LogStream::default(),
        ));
        kernel.set_addons(vec![Link::Sync(Arc::new(View))]).unwrap();
        register_option_commands(kernel.commands(), kernel.options()).unwrap();
        let views: crate::Views = Arc::new(|_| Registry::new());
        let console = crate::Console::new(&kernel, Arc::clone(&views)).unwrap();
        let app = App::new(
            Arc::clone(&kernel),
            Arc::clone(&views),
            &(Depth::Many, UNICODE),
        );
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let outside = Outside {
            kernel: Arc::clone(&kernel),
            views,
            sender: console.sender.clone(),
            runtime: runtime.handle().clone(),
        };
        super::keys::register_stubs(&kernel);
        let mut tui = Self {
            app,
            kernel,
            calls: Vec::new(),
            edits: Vec::new(),
            quit: false,
            suspended: false,
            copied: None,
            terminal: Terminal::new(TestBackend::new(columns, rows)).unwrap(),
            outside,
            events: console.events,
            runtime,
        };
        tui.draw();
        tui
    }

    pub(super) fn add(&mut self, flow: Flow) -> &mut Self {
        self.kernel.store().add(flow);
        self.draw();
        self
    }

    /// Presses keys by their names.
    pub(super) fn keys(&mut self, keys: &[&str]) -> &mut Self {
        for key in keys {
            let effects = self.app.update(Event::Key((*key).to_owned()));
            self.carry_out(effects);
            self.draw();
        }
        self
    }

    /// Types text.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            let key = if c == ' ' {
                "space".to_owned()
            } else {
                c.to_string()
            };
            self.keys(&[&key]);
        }
        self
    }

    /// Runs a command line by the prompt.
    pub(super) fn command(&mut self, line: &str) -> &mut Self {
        self.keys(&[":"]).text(line).keys(&["enter"])
    }

    pub(super) fn event(&mut self, event: Event) -> &mut Self {
        let effects = self.app.update(event);
        self.carry_out(effects);
        self.draw();
        self
    }

    fn carry_out(&mut self, effects: Effects) {
        for effect in effects {
            match effect {
                Effect::Quit => self.quit = true,
                Effect::Suspend => self.suspended = true,
                Effect::Copy(text) => self.copied = Some(text),
                Effect::Edit(job) => self.edits.push(*job),
                Effect::Render(job) => {
                    let doc = job.build(&Registry::new());
                    let effects = self.app.update(Event::Rendered(job, Arc::new(doc)));
                    self.carry_out(effects);
                }
                Effect::Preview(filter) => {
                    let text = filter.unwrap_or_default();
                    self.kernel
                        .store()
                        .set_filter(Filter::parse(&text).ok().as_ref());
                    let effects = self.app.update(Event::Previewed);
                    self.carry_out(effects);
                }
                other => self.ask(other),
            }
        }
    }

    /// Carries out what goes to commands, and answers their calls meanwhile.
    fn ask(&mut self, effect: Effect) {
        if let Effect::Call(name, words) = &effect {
            let mut line = name.clone();
            for word in words {
                line = format!("{line} {}", midwire_core::commands::quote(word));
            }
            self.calls.push(line);
        }
        let outside = self.outside.clone();
        let task = self.runtime.spawn(async move { outside.ask(effect).await });
        loop {
            while let Ok(event) = self.events.try_recv() {
                let effects = self.app.update(event);
                self.carry_out(effects);
            }
            if task.is_finished() {
                break;
            }
            self.runtime.block_on(tokio::task::yield_now());
        }
        if let Some(event) = self.runtime.block_on(task).unwrap() {
            let effects = self.app.update(event);
            self.carry_out(effects);
        }
    }

    pub(super) fn draw(&mut self) {
        // A second time for what the first one has asked for.
        for _ in 0..2 {
            let size = self.terminal.size().unwrap();
            let effects = self.app.prepare(Rect::new(0, 0, size.width, size.height));
            self.carry_out(effects);
        }
        self.terminal.draw(|frame| self.app.draw(frame)).unwrap();
    }

    /// The screen as lines without blanks at their ends.
    pub(super) fn screen(&self) -> String {
        let buffer = self.terminal.backend().buffer();
        let mut out = String::new();
        for y in 0..buffer.area.height {
            let mut line = String::new();
            let mut skip = 0;
            for x in 0..buffer.area.width {
                let symbol = buffer[(x, y)].symbol();
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                line.push_str(symbol);
                skip = crate::text::width(symbol).saturating_sub(1);
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    #[track_caller]
    pub(super) fn shows(&mut self, text: &str) -> &mut Self {
        let screen = self.screen();
        assert!(screen.contains(text), "{text:?} is not on\n{screen}");
        self
    }

    #[track_caller]
    pub(super) fn hides(&mut self, text: &str) -> &mut Self {
        let screen = self.screen();
        assert!(!screen.contains(text), "{text:?} is on\n{screen}");
        self
    }

    /// The focused flow's path.
    pub(super) fn focused(&self) -> String {
        let flow = self.kernel.store().focus().unwrap();
        let http = flow.as_http().unwrap();
        String::from_utf8_lossy(&http.request.path).into_owned()
    }
}
