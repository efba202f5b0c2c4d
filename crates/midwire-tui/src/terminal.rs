//! Taking the terminal over, and giving it back on every way out, panics included.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

/// True while the terminal is ours.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// What a frame is drawn on.
pub(crate) type Screen = Terminal<CrosstermBackend<BufWriter<Stdout>>>;

/// The terminal while it is ours. Dropping it gives the terminal back.
pub(crate) struct Guard {
    pub(crate) screen: Screen,
    mouse: bool,
}

impl Guard {
    /// Takes the terminal over.
    pub(crate) fn take(mouse: bool) -> io::Result<Self> {
        restore_after_panic();
        enter(mouse)?;
        Ok(Self {
            screen: blank()?,
            mouse,
        })
    }

    /// Gives the terminal to somebody else for a while.
    pub(crate) fn lend(&mut self) -> io::Result<()> {
        self.screen.show_cursor()?;
        leave();
        Ok(())
    }

    /// Takes it back.
    pub(crate) fn take_back(&mut self) -> io::Result<()> {
        enter(self.mouse)?;
        self.renew()
    }

    /// Begins with an empty screen, after another program or in another size.
    ///
    /// The library's own way asks the terminal where its cursor is, and waits for the answer.
    pub(crate) fn renew(&mut self) -> io::Result<()> {
        execute!(io::stdout(), Clear(ClearType::All))?;
        self.screen = blank()?;
        Ok(())
    }

    /// Writes a sequence that draws nothing.
    pub(crate) fn send(&mut self, sequence: &str) -> io::Result<()> {
        let out = self.screen.backend_mut();
        out.write_all(sequence.as_bytes())?;
        Write::flush(out)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        leave();
    }
}

fn blank() -> io::Result<Screen> {
    let out = BufWriter::with_capacity(64 << 10, io::stdout());
    Terminal::new(CrosstermBackend::new(out))
}

fn enter(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
    if mouse {
        execute!(io::stdout(), EnableMouseCapture)?;
    }
    Ok(())
}

/// Gives the terminal back; there is nobody to tell if that fails.
fn leave() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = execute!(
        io::stdout(),
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    );
    let _ = disable_raw_mode();
}

/// Panics print their message on a terminal that is usable again.
fn restore_after_panic() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().name() == Some("tui") {
                leave();
            }
            before(panic);
        }));
    });
}
