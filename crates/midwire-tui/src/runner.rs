//! The loop: events in, effects out, frames at most thirty times a second.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use midwire_core::commands::{CommandRegistry, CommandValue, quote};
use midwire_core::log::Level;
use midwire_core::{EventNotice, Kernel};
use midwire_flow::filter::Filter;
use tokio::runtime::Handle;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use crate::app::App;
use crate::clipboard;
use crate::console::Console;
use crate::env::Effect;
use crate::event::Event;
use crate::glyphs::Glyphs;
use crate::input::{self, Gate};
use crate::terminal::Guard;
use crate::theme::Depth;
use crate::{TuiError, Views, external, prompt};

/// Time between two frames.
const FRAME: Duration = Duration::from_millis(33);

/// Time between two looks at what changes by itself, such as running seconds.
const TICK: Duration = Duration::from_millis(500);

/// How long input waits for a command that is under way, so that keys act on what they follow.
const PATIENCE: Duration = Duration::from_millis(40);

/// What effects need that leave the interface.
#[derive(Clone)]
pub(crate) struct Outside {
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) views: Views,
    pub(crate) sender: mpsc::Sender<Event>,
    pub(crate) runtime: Handle,
}

/// Runs the interface on this thread.
pub(crate) fn run(console: Console, runtime: &Handle) -> Result<(), TuiError> {
    let Console {
        kernel,
        views,
        listeners,
        sender,
        events,
    } = console;
    let var = |name: &str| std::env::var(name).ok();
    let look = (Depth::from_environment(var), Glyphs::from_environment(var));
    let mut app = App::new(Arc::clone(&kernel), Arc::clone(&views), &look);
    app.env.listeners = listeners;
    app.load_keys();
    if !look.1.utf8 {
        tracing::warn!("the locale is not UTF-8: symbols are drawn in ASCII");
    }
    let outside = Outside {
        kernel,
        views,
        sender,
        runtime: runtime.clone(),
    };
    let changed = Arc::new(AtomicBool::new(false));
    outside.watch(&changed);
    let guard = Guard::take(app.env.options.console_mouse)?;
    let gate = Gate::default();
    let (reader, sender) = (gate.clone(), outside.sender.clone());
    std::thread::Builder::new()
        .name("tui-input".to_owned())
        .spawn(move || input::read(&reader, &sender))?;
    let local = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let mut runner = Runner {
        app,
        guard,
        gate,
        outside,
        changed,
        running: 0,
        since: Instant::now(),
        held: VecDeque::new(),
        ended: false,
    };
    local.block_on(runner.run(events))
}

struct Runner {
    app: App,
    guard: Guard,
    gate: Gate,
    outside: Outside,
    changed: Arc<AtomicBool>,
    /// Commands that are under way, and since when the first of them is.
    running: usize,
    since: Instant,
    /// Input that waits for them.
    held: VecDeque<Event>,
    ended: bool,
}

impl Runner {
    async fn run(&mut self, mut events: mpsc::Receiver<Event>) -> Result<(), TuiError> {
        let shutdown = self.outside.kernel.shutdown().clone();
        let mut next_frame = Instant::now();
        let mut next_tick = Instant::now() + TICK;
        while !self.ended {
            let mut wake = next_tick;
            if self.app.dirty {
                wake = wake.min(next_frame);
            }
            if !self.held.is_empty() {
                wake = wake.min(self.since + PATIENCE);
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                event = events.recv() => match event {
                    Some(event) => self.take(event)?,
                    None => break,
                },
                () = tokio::time::sleep_until(wake.into()) => {}
            }
            // A burst of events costs one frame.
            for _ in 0..256 {
                let Ok(event) = events.try_recv() else {
                    break;
                };
                self.take(event)?;
            }
            self.release()?;
            let now = Instant::now();
            if now >= next_tick {
                next_tick = now + TICK;
                self.apply(Event::Tick)?;
            }
            if self.app.dirty && now >= next_frame && !self.ended {
                self.draw()?;
                next_frame = now + FRAME;
            }
        }
        Ok(())
    }

    /// Takes an event; input waits for commands that are under way, for a moment.
    fn take(&mut self, event: Event) -> Result<(), TuiError> {
        match &event {
            Event::Changed => self.changed.store(false, Ordering::Release),
            Event::Done { .. } => self.running = self.running.saturating_sub(1),
            Event::Key(_) | Event::Paste(_) | Event::Click(..)
                if !self.held.is_empty() || self.must_wait() =>
            {
                self.held.push_back(event);
                return Ok(());
            }
            _ => {}
        }
        self.apply(event)
    }

    fn must_wait(&self) -> bool {
        self.running > 0 && self.since.elapsed() < PATIENCE
    }

    fn release(&mut self) -> Result<(), TuiError> {
        while !self.must_wait()
            && let Some(event) = self.held.pop_front()
        {
            self.apply(event)?;
        }
        Ok(())
    }

    fn apply(&mut self, event: Event) -> Result<(), TuiError> {
        let effects = self.app.update(event);
        self.carry_out(effects)
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> Result<(), TuiError> {
        for effect in effects {
            match effect {
                Effect::Quit => self.ended = true,
                Effect::Suspend => self.suspend()?,
                Effect::Copy(text) => self.guard.send(&clipboard::sequence(&text))?,
                Effect::Edit(job) => {
                    self.gate.pause();
                    self.guard.lend()?;
                    let result = external::run(&job);
                    self.guard.take_back()?;
                    self.gate.resume();
                    let effects = self.app.update(Event::Edited(job, result));
                    self.carry_out(effects)?;
                }
                other => {
                    if matches!(other, Effect::Call(..)) {
                        if self.running == 0 {
                            self.since = Instant::now();
                        }
                        self.running += 1;
                    }
                    self.outside.carry_out(other);
                }
            }
        }
        Ok(())
    }

    fn draw(&mut self) -> Result<(), TuiError> {
        let size = self.guard.screen.size()?;
        let area = self.guard.screen.get_frame().area();
        if (area.width, area.height) != (size.width, size.height) {
            self.guard.renew()?;
        }
        let effects = self
            .app
            .prepare(ratatui::layout::Rect::new(0, 0, size.width, size.height));
        self.carry_out(effects)?;
        self.guard.screen.draw(|frame| self.app.draw(frame))?;
        Ok(())
    }

    /// Stops the process as the shell's job control does, and comes back.
    fn suspend(&mut self) -> Result<(), TuiError> {
        self.gate.pause();
        self.guard.lend()?;
        #[cfg(unix)]
        if let Err(error) =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TSTP)
        {
            self.app
                .say(Level::Error, &format!("cannot suspend: {error}"));
        }
        self.guard.take_back()?;
        self.gate.resume();
        self.app.dirty = true;
        Ok(())
    }
}

impl Outside {
    /// Sends notices when flows or the log change, merged.
    fn watch(&self, changed: &Arc<AtomicBool>) {
        let mut changes = self.kernel.store().subscribe();
        let (sender, flag) = (self.sender.clone(), Arc::clone(changed));
        self.runtime.spawn(async move {
            loop {
                match changes.recv().await {
                    Err(RecvError::Closed) => return,
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                }
                if !flag.swap(true, Ordering::AcqRel) && sender.send(Event::Changed).await.is_err()
                {
                    return;
                }
                // Thousands of changes a second are looked at as often as there are frames.
                tokio::time::sleep(FRAME).await;
                changes = changes.resubscribe();
                if !flag.swap(true, Ordering::AcqRel) && sender.send(Event::Changed).await.is_err()
                {
                    return;
                }
            }
        });
        let mut notices = self.kernel.events().subscribe();
        let (sender, flag) = (self.sender.clone(), Arc::clone(changed));
        self.runtime.spawn(async move {
            loop {
                let event = match notices.recv().await {
                    Err(RecvError::Closed) => return,
                    Ok(EventNotice::Added(event)) if event.entry.level <= Level::Alert => {
                        Event::Log(event.entry)
                    }
                    _ if flag.swap(true, Ordering::AcqRel) => continue,
                    _ => Event::Changed,
                };
                if sender.send(event).await.is_err() {
                    return;
                }
            }
        });
    }

    /// Does what leaves the interface, beside it.
    pub(crate) fn carry_out(&self, effect: Effect) {
        let work = self.clone();
        match effect {
            Effect::Render(job) => drop(self.runtime.spawn_blocking(move || {
                let doc = job.build(&(work.views)(&work.kernel));
                let _ = work
                    .sender
                    .blocking_send(Event::Rendered(job, Arc::new(doc)));
            })),
            Effect::Preview(filter) => drop(self.runtime.spawn_blocking(move || {
                let text = filter.unwrap_or_default();
                let parsed = Filter::parse(&text).ok();
                if parsed.is_some() || text.is_empty() {
                    work.kernel.store().set_filter(parsed.as_ref());
                }
                let _ = work.sender.blocking_send(Event::Previewed);
            })),
            other => drop(self.runtime.spawn(async move {
                if let Some(event) = work.ask(other).await {
                    let _ = work.sender.send(event).await;
                }
            })),
        }
    }

    /// Effects that go to the commands.
    pub(crate) async fn ask(&self, effect: Effect) -> Option<Event> {
        let commands = self.kernel.commands();
        match effect {
            Effect::Call(name, words) => Some(call(commands, name, &words).await),
            Effect::Remember(line) => {
                let _ = commands
                    .call("commands.history.add", vec![CommandValue::Str(line)])
                    .await;
                None
            }
            Effect::History { back, prefix } => {
                if let Some(prefix) = prefix {
                    let prefix = vec![CommandValue::Str(prefix)];
                    let _ = commands.call("commands.history.filter", prefix).await;
                }
                let name = if back {
                    "commands.history.prev"
                } else {
                    "commands.history.next"
                };
                match commands.call(name, Vec::new()).await {
                    Ok(CommandValue::Str(line)) => Some(Event::History(line)),
                    _ => None,
                }
            }
            Effect::Analyse(line) => {
                let partial = commands.partial(&line).await;
                let offers = match prompt::last_word(&line, &partial) {
                    Some((kind, start)) => commands.complete(&kind, start).await,
                    None => Vec::new(),
                };
                Some(Event::Analysed {
                    line,
                    partial,
                    offers,
                })
            }
            _ => None,
        }
    }
}

async fn call(commands: &CommandRegistry, name: String, words: &[String]) -> Event {
    let real = name.strip_prefix(clipboard::MARK).unwrap_or(&name);
    let outcome = commands.call_strings(real, words).await;
    let mut line = name;
    for word in words {
        line.push(' ');
        line.push_str(&quote(word));
    }
    Event::Done { line, outcome }
}
