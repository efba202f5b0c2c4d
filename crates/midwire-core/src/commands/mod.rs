//! Commands: the language of the command prompt, and what can be called with it.

mod complete;
mod declared;
mod escape;
mod kind;
mod lexer;
mod marker;
mod option_commands;
mod registry;
mod signature;
mod value;

pub use complete::{PartialLine, PartialWord};
pub use declared::{DECLARED, Declared, declared};
pub use escape::{EscapeError, unescape, unescape_bytes};
pub use kind::ParamKind;
pub use lexer::{Token, quote, tokens, unquote, words};
pub use marker::{DEFAULT_MARKER, character, is_marker, markers};
pub use option_commands::register_option_commands;
pub use registry::{CommandContext, CommandFuture, CommandRegistry, Handler, RESOLVE};
pub use signature::{Param, Signature};
pub use value::{Args, Cell, CommandError, CommandValue, FlowId};
