//! Standard output, shared by everything that prints to it, so that lines keep their order and never mix.

use std::io::{self, IsTerminal as _, Write};
use std::sync::{Arc, Mutex, PoisonError};

use midwire_core::Kernel;

use crate::style::Page;

/// Where lines are printed; a cloneable handle.
#[derive(Clone)]
pub struct Output(Arc<Inner>);

struct Inner {
    out: Mutex<Box<dyn Write + Send>>,
    colour: Colour,
}

/// Whether text is coloured with escape sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Plain text, for files and pipes.
    Never,
    /// Escape sequences (ECMA-48 §8.3.117).
    Always,
}

/// Columns of a terminal whose width is not known.
const COLUMNS: usize = 80;

impl Output {
    /// Prints to standard output, in colour if it is a terminal and `NO_COLOR` is unset or empty.
    pub fn stdout() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let colour = if wanted && io::stdout().is_terminal() {
            Colour::Always
        } else {
            Colour::Never
        };
        Self::new(Box::new(io::stdout()), colour)
    }

    /// Prints to `out`.
    pub fn new(out: Box<dyn Write + Send>, colour: Colour) -> Self {
        Self(Arc::new(Inner {
            out: Mutex::new(out),
            colour,
        }))
    }

    /// Whether text is to be coloured.
    pub fn colour(&self) -> Colour {
        self.0.colour
    }

    /// Writes a page, which should be whole lines, in one piece and flushes.
    ///
    /// Output that cannot be written ends the program: silently if the reader has gone away, else with the reason.
    pub(crate) fn print(&self, kernel: &Kernel, page: &Page) {
        self.print_with(kernel, |out| out.write_all(page.as_str().as_bytes()));
    }

    /// As [`Output::print`], for data that is too large for memory and no text for people.
    pub(crate) fn print_with(
        &self,
        kernel: &Kernel,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) {
        let Err(error) = self.write_with(write) else {
            return;
        };
        if error.kind() == io::ErrorKind::BrokenPipe {
            kernel.shutdown().cancel();
        } else {
            kernel.fail(format!("cannot print to stdout: {}", reason(&error)));
        }
    }

    fn write_with(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut out = self.0.out.lock().unwrap_or_else(PoisonError::into_inner);
        write(out.as_mut())?;
        out.flush()
    }
}

/// Width of the terminal in columns: `COLUMNS` if set, else what the terminal says, else 80.
pub(crate) fn columns() -> usize {
    let set = std::env::var("COLUMNS")
        .ok()
        .and_then(|text| text.parse().ok());
    set.filter(|n| *n > 0)
        .or_else(|| terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0.into()))
        .unwrap_or(COLUMNS)
}

/// The system's words for an error, without the number that Rust adds.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use midwire_core::log::LogStream;
    use midwire_core::options::{OptionStore, Tool};

    /// A writer whose text can be read back.
    #[derive(Clone, Default)]
    pub(crate) struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Shared {
        pub(crate) fn take(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
        }
    }

    impl Write for Shared {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(data)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn output_that_cannot_be_written_ends_the_program() {
        let check = |kind, failure: Option<&str>| {
            let kernel = Kernel::new(OptionStore::new(Tool::Dump), LogStream::default());
            let output = Output::new(Box::new(Broken(kind)), Colour::Never);
            let mut page = Page::new(Colour::Never);
            page.push("x").line();
            output.print(&kernel, &page);
            assert!(kernel.shutdown().is_cancelled());
            assert_eq!(kernel.failure().as_deref(), failure);
        };
        check(io::ErrorKind::BrokenPipe, None);
        check(
            io::ErrorKind::StorageFull,
            Some("cannot print to stdout: no storage space"),
        );
    }

    #[test]
    fn errors_are_named_without_their_number() {
        assert_eq!(
            reason(&io::Error::from_raw_os_error(2)),
            "No such file or directory"
        );
    }
}
