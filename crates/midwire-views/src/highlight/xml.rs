use super::{Scanner, Tag};

/// Markup: tags and attribute names are names, attribute values strings.
pub(super) fn scan(s: &mut Scanner<'_>) {
    while let Some(c) = s.peek() {
        if c != '<' {
            s.take_while(Tag::Plain, |c| c != '<');
            continue;
        }
        if s.rest().starts_with("<!--") {
            s.take_through("-->", Tag::Comment);
        } else if s.rest().starts_with("<![CDATA[") {
            s.take_through("]]>", Tag::Plain);
        } else if s
            .rest()
            .chars()
            .nth(1)
            .is_some_and(|c| c.is_alphabetic() || matches!(c, '/' | '!' | '?'))
        {
            tag(s);
        } else {
            s.take(1, Tag::Plain);
        }
    }
}

fn tag(s: &mut Scanner<'_>) {
    while let Some(c) = s.peek() {
        match c {
            '>' => return s.take(1, Tag::Name),
            '"' | '\'' => {
                let len = s
                    .rest()
                    .get(1..)
                    .and_then(|rest| rest.find(c))
                    .map_or(s.rest().len(), |n| n + 2);
                s.take(len, Tag::String);
            }
            '=' => {
                s.take(1, Tag::Name);
                s.take_while(Tag::String, |c| {
                    !c.is_whitespace() && !matches!(c, '>' | '"' | '\'')
                });
            }
            c if c.is_whitespace() => s.take_while(Tag::Plain, char::is_whitespace),
            _ => s.take(1, Tag::Name),
        }
    }
}
