//! Everything that begins with a parenthesis.

use std::fmt::Write as _;

use super::{Dialect, Flags, GROUP_LIMIT, Item, Local, PatternError, Translator};

impl Translator {
    /// Flags such as `(?i)` at the start; elsewhere they are an error.
    pub(super) fn global_flags(&mut self, flags: Flags) -> Result<Local, PatternError> {
        let mut local = Local {
            ignore_case: flags.ignore_case,
            multiline: flags.multiline,
            dotall: flags.dotall,
            verbose: false,
            ascii: self.dialect == Dialect::Bytes,
        };
        loop {
            let start = self.position;
            if self.next_if('(') && self.next_if('?') {
                // With `:` after them the flags are those of a group only.
                let mut with = local;
                if self.flag_letters(&mut with)? && self.next_if(')') {
                    local = with;
                    continue;
                }
            }
            self.position = start;
            return Ok(local);
        }
    }

    /// Reads letters and sets their flags; false if none.
    fn flag_letters(&mut self, local: &mut Local) -> Result<bool, PatternError> {
        let start = self.position;
        while let Some(c) = self.peek() {
            match c {
                'i' => local.ignore_case = true,
                'm' => local.multiline = true,
                's' => local.dotall = true,
                'x' => local.verbose = true,
                'a' => local.ascii = true,
                'u' if self.dialect == Dialect::Text => local.ascii = false,
                'u' => {
                    return Err(
                        self.error("bad inline flags: cannot use 'u' flag with a bytes pattern")
                    );
                }
                'L' if self.dialect == Dialect::Bytes => {}
                'L' => {
                    return Err(
                        self.error("bad inline flags: cannot use 'L' flag with a str pattern")
                    );
                }
                _ => break,
            }
            self.position += 1;
        }
        Ok(self.position > start)
    }

    /// The group after `(`.
    pub(super) fn group(&mut self, local: Local, depth: usize) -> Result<Item, PatternError> {
        let start = self.position;
        if !self.next_if('?') {
            return self.capturing(None, local, depth);
        }
        let Some(c) = self.next() else {
            return Err(self.error("unexpected end of pattern"));
        };
        match c {
            ':' => self.wrapped("(?:", local, depth),
            '=' => self.look("(?=", local, depth),
            '!' => self.look("(?!", local, depth),
            '>' => {
                self.needs_fancy = true;
                self.wrapped("(?>", local, depth)
            }
            '<' => match self.next() {
                Some('=') => self.look("(?<=", local, depth),
                Some('!') => self.look("(?<!", local, depth),
                Some(other) => Err(self.error(format!("unknown extension ?<{other}"))),
                None => Err(self.error("unexpected end of pattern")),
            },
            'P' => self.named(local, depth),
            '#' => {
                while let Some(c) = self.next() {
                    if c == ')' {
                        return self.nothing(local);
                    }
                }
                self.position = start;
                Err(self.error("missing ), unterminated comment"))
            }
            '(' => self.conditional(local, depth),
            '-' | 'a' | 'i' | 'L' | 'm' | 's' | 'u' | 'x' => {
                self.position -= 1;
                self.scoped_flags(local, depth)
            }
            other => Err(self.error(format!("unknown extension ?{other}"))),
        }
    }

    /// A comment is nothing: a quantifier after it belongs to the item before, which we have written already.
    fn nothing(&mut self, local: Local) -> Result<Item, PatternError> {
        let after = self.position;
        if self.next_counts(local)?.is_some() {
            self.position = after;
            return Err(PatternError::Unsupported("a quantifier after a comment"));
        }
        Ok(Item::Fixed)
    }

    fn wrapped(&mut self, open: &str, local: Local, depth: usize) -> Result<Item, PatternError> {
        let start = self.position;
        self.out.push_str(open);
        self.alternatives(local, depth + 1)?;
        if !self.next_if(')') {
            self.position = start;
            return Err(self.error("missing ), unterminated subpattern"));
        }
        self.out.push(')');
        Ok(Item::Atom)
    }

    fn look(&mut self, open: &str, local: Local, depth: usize) -> Result<Item, PatternError> {
        self.needs_fancy = true;
        self.wrapped(open, local, depth)
    }

    fn capturing(
        &mut self,
        name: Option<String>,
        local: Local,
        depth: usize,
    ) -> Result<Item, PatternError> {
        if self.groups >= GROUP_LIMIT {
            return Err(PatternError::TooLarge);
        }
        self.groups += 1;
        let number = self.groups;
        if let Some(name) = name {
            if self.names.iter().any(|(n, _)| *n == name) {
                return Err(self.error(format!("redefinition of group name '{name}'")));
            }
            self.names.push((name, number));
        }
        self.open_groups.push(number);
        // Names stay here; the engines would take fewer of them than Python does.
        let item = self.wrapped("(", local, depth);
        self.open_groups.pop();
        item
    }

    fn named(&mut self, local: Local, depth: usize) -> Result<Item, PatternError> {
        match self.next() {
            Some('<') => {
                let name = self.name_until('>')?;
                self.capturing(Some(name), local, depth)
            }
            Some('=') => {
                let name = self.name_until(')')?;
                match self.number_of(&name) {
                    Some(number) => self.reference(number),
                    None => Err(self.error(format!("unknown group name '{name}'"))),
                }
            }
            Some(other) => Err(self.error(format!("unknown extension ?P{other}"))),
            None => Err(self.error("unexpected end of pattern")),
        }
    }

    fn number_of(&self, name: &str) -> Option<usize> {
        let found = self.names.iter().find(|(n, _)| n == name);
        found.map(|(_, number)| *number)
    }

    fn name_until(&mut self, end: char) -> Result<String, PatternError> {
        let mut name = String::new();
        loop {
            match self.next() {
                None => {
                    return Err(self.error(format!("missing {end}, unterminated name")));
                }
                Some(c) if c == end => break,
                Some(c) => name.push(c),
            }
        }
        let mut chars = name.chars();
        let starts = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
        if name.is_empty() {
            return Err(self.error("missing group name"));
        }
        if !starts || !chars.all(|c| c.is_alphanumeric() || c == '_') {
            return Err(self.error(format!("bad character in group name '{name}'")));
        }
        Ok(name)
    }

    /// `(?(1)yes|no)`, also with a group's name.
    fn conditional(&mut self, local: Local, depth: usize) -> Result<Item, PatternError> {
        let start = self.position;
        let number = if self.peek().is_some_and(|c| c.is_ascii_digit()) {
            let number = self.number().unwrap_or(0) as usize;
            if !self.next_if(')') {
                return Err(self.error("missing ), unterminated name"));
            }
            if number == 0 || number > GROUP_LIMIT {
                return Err(self.error("bad group number"));
            }
            number
        } else {
            let name = self.name_until(')')?;
            match self.number_of(&name) {
                Some(number) => number,
                None => return Err(self.error(format!("unknown group name '{name}'"))),
            }
        };
        self.conditions.push((number, start));
        self.needs_fancy = true;
        if depth >= super::NESTING_LIMIT {
            return Err(self.error("groups nested too deep"));
        }
        let _ = write!(self.out, "(?({number})");
        self.sequence(local, depth + 1)?;
        if self.next_if('|') {
            self.out.push('|');
            self.sequence(local, depth + 1)?;
            if self.peek() == Some('|') {
                return Err(self.error("conditional backref with more than two branches"));
            }
        }
        if !self.next_if(')') {
            self.position = start;
            return Err(self.error("missing ), unterminated subpattern"));
        }
        self.out.push(')');
        Ok(Item::Atom)
    }

    /// `(?i-s:...)`.
    fn scoped_flags(&mut self, outer: Local, depth: usize) -> Result<Item, PatternError> {
        let mut local = outer;
        let set = self.flag_letters(&mut local)?;
        if set && self.peek() == Some(')') {
            return Err(self.error("global flags not at the start of the expression"));
        }
        if self.next_if('-') {
            let start = self.position;
            while let Some(c) = self.peek() {
                match c {
                    'i' => local.ignore_case = false,
                    'm' => local.multiline = false,
                    's' => local.dotall = false,
                    'x' => local.verbose = false,
                    'a' | 'u' | 'L' => {
                        return Err(
                            self.error("bad inline flags: cannot turn off flags 'a', 'u' and 'L'")
                        );
                    }
                    _ => break,
                }
                self.position += 1;
            }
            if self.position == start {
                return Err(self.error("missing flag"));
            }
        }
        if !self.next_if(':') {
            return Err(self.error("missing : or unknown flag"));
        }
        let open = match (outer.ignore_case, local.ignore_case) {
            (false, true) => "(?i:",
            (true, false) => "(?-i:",
            _ => "(?:",
        };
        self.wrapped(open, local, depth)
    }
}
