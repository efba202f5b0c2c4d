//! Keys and mouse: a thread that waits for the terminal, and can be told to keep its hands off.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossterm::event::{Event as Input, MouseButton, MouseEventKind};
use tokio::sync::mpsc;

use crate::event::Event;
use crate::key;

/// How long a wait for input lasts before the thread looks whether it is to pause.
const WAIT: Duration = Duration::from_millis(250);

/// Lets an external program have the terminal's input.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    paused: bool,
    polling: bool,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody reads input, and keeps it so.
    pub(crate) fn pause(&self) {
        let mut state = self.state();
        state.paused = true;
        while state.polling {
            state = self.0.1.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets the thread read again.
    pub(crate) fn resume(&self) {
        self.state().paused = false;
        self.0.1.notify_all();
    }

    fn enter(&self) {
        let mut state = self.state();
        while state.paused {
            state = self.0.1.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.polling = true;
    }

    fn leave(&self) {
        self.state().polling = false;
        self.0.1.notify_all();
    }
}

/// Reads input until the interface or the terminal is gone.
pub(crate) fn read(gate: &Gate, sender: &mpsc::Sender<Event>) {
    loop {
        gate.enter();
        let input = match crossterm::event::poll(WAIT) {
            Ok(true) => crossterm::event::read().map(Some),
            Ok(false) => Ok(None),
            Err(error) => Err(error),
        };
        gate.leave();
        let event = match input {
            Ok(None) => {
                if sender.is_closed() {
                    return;
                }
                continue;
            }
            Ok(Some(input)) => convert(input),
            // Without a terminal nobody can use the interface any more.
            Err(_) => Some(Event::Ended),
        };
        let ends = matches!(event, Some(Event::Ended));
        if let Some(event) = event
            && sender.blocking_send(event).is_err()
        {
            return;
        }
        if ends {
            return;
        }
    }
}

fn convert(input: Input) -> Option<Event> {
    match input {
        Input::Key(key) => key::name(&key).map(Event::Key),
        Input::Paste(text) => Some(Event::Paste(text)),
        Input::Resize(..) => Some(Event::Resize),
        Input::Mouse(mouse) => match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => Some(Event::Click(mouse.column, mouse.row)),
            MouseEventKind::Drag(MouseButton::Left) => Some(Event::Drag),
            MouseEventKind::ScrollUp => Some(Event::Wheel { up: true }),
            MouseEventKind::ScrollDown => Some(Event::Wheel { up: false }),
            _ => None,
        },
        Input::FocusGained | Input::FocusLost => None,
    }
}
