//! Names of keys, as users of mitmproxy write them: `ctrl f`, `shift tab`, `page up`, `A`.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// The name of a key stroke; `None` for releases and for keys without a name.
pub(crate) fn name(event: &KeyEvent) -> Option<String> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let mut modifiers = event.modifiers;
    let base = match event.code {
        KeyCode::Char(' ') => "space".to_owned(),
        KeyCode::Char(c) => {
            // The character says already that shift was held.
            modifiers.remove(KeyModifiers::SHIFT);
            if modifiers.contains(KeyModifiers::CONTROL) {
                c.to_ascii_lowercase().to_string()
            } else {
                c.to_string()
            }
        }
        KeyCode::Enter => "enter".to_owned(),
        KeyCode::Esc => "esc".to_owned(),
        KeyCode::Tab => "tab".to_owned(),
        KeyCode::BackTab => {
            modifiers.insert(KeyModifiers::SHIFT);
            "tab".to_owned()
        }
        KeyCode::Backspace => "backspace".to_owned(),
        KeyCode::Delete => "delete".to_owned(),
        KeyCode::Insert => "insert".to_owned(),
        KeyCode::Up => "up".to_owned(),
        KeyCode::Down => "down".to_owned(),
        KeyCode::Left => "left".to_owned(),
        KeyCode::Right => "right".to_owned(),
        KeyCode::Home => "home".to_owned(),
        KeyCode::End => "end".to_owned(),
        KeyCode::PageUp => "page up".to_owned(),
        KeyCode::PageDown => "page down".to_owned(),
        KeyCode::F(n) => format!("f{n}"),
        _ => return None,
    };
    let mut out = String::new();
    if modifiers.contains(KeyModifiers::SHIFT) {
        out.push_str("shift ");
    }
    if modifiers.contains(KeyModifiers::ALT) {
        out.push_str("meta ");
    }
    if modifiers.contains(KeyModifiers::CONTROL) {
        out.push_str("ctrl ");
    }
    out.push_str(&base);
    Some(out)
}

/// The character that a key types, if it is one.
pub(crate) fn typed(name: &str) -> Option<char> {
    if name == "space" {
        return Some(' ');
    }
    let mut chars = name.chars();
    let first = chars.next()?;
    chars.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_keys() {
        let check = |code, modifiers, expected: &str| {
            let event = KeyEvent::new(code, modifiers);
            assert_eq!(name(&event).as_deref(), Some(expected));
        };
        check(KeyCode::Char('A'), KeyModifiers::SHIFT, "A");
        check(KeyCode::Char('f'), KeyModifiers::CONTROL, "ctrl f");
        check(KeyCode::Char('b'), KeyModifiers::ALT, "meta b");
        check(KeyCode::Char(' '), KeyModifiers::NONE, "space");
        check(KeyCode::BackTab, KeyModifiers::SHIFT, "shift tab");
        check(KeyCode::Right, KeyModifiers::CONTROL, "ctrl right");
        check(KeyCode::PageUp, KeyModifiers::NONE, "page up");
        check(KeyCode::F(5), KeyModifiers::NONE, "f5");
        assert_eq!(
            (typed("space"), typed("x"), typed("up")),
            (Some(' '), Some('x'), None)
        );
    }
}
