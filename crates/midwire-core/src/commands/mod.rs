//! Commands: the language of the command prompt, and what can be called with it.
