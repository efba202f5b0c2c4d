//! The canonical text of a filter.

use std::fmt::Write as _;

use super::Node;
use super::lexer::is_word;

pub(super) fn print(root: &Node) -> String {
    let mut out = String::new();
    node(root, &mut out);
    out
}

fn node(this: &Node, out: &mut String) {
    match this {
        Node::And(nodes) => joined(nodes, " & ", out),
        Node::Or(nodes) => joined(nodes, " | ", out),
        Node::Not(inner) => {
            out.push('!');
            operand(inner, out);
        }
        Node::Plain(plain) => {
            out.push('~');
            out.push_str(plain.name());
        }
        Node::Match(field, pattern) => {
            out.push('~');
            out.push_str(field.name());
            out.push(' ');
            argument(&pattern.as_str(), out);
        }
        Node::Status(code) => {
            let _ = write!(out, "~c {code}");
        }
    }
}

fn joined(nodes: &[Node], sign: &str, out: &mut String) {
    for (i, this) in nodes.iter().enumerate() {
        if i > 0 {
            out.push_str(sign);
        }
        operand(this, out);
    }
}

/// A node that stands between signs: conjunctions and disjunctions in parentheses.
fn operand(this: &Node, out: &mut String) {
    let (Node::And(nodes) | Node::Or(nodes)) = this else {
        return node(this, out);
    };
    out.push('(');
    node(this, out);
    if ends_plain(nodes) {
        // mitmproxy reads `~q)` as the name of an operator; with a blank its users can read the text, too.
        out.push(' ');
    }
    out.push(')');
}

fn ends_plain(nodes: &[Node]) -> bool {
    let mut last = nodes.last();
    while let Some(Node::Not(inner)) = last {
        last = Some(inner);
    }
    matches!(last, Some(Node::Plain(_)))
}

fn argument(text: &str, out: &mut String) {
    if !text.is_empty() && text.chars().all(is_word) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str(r"\n"),
            '\r' => out.push_str(r"\r"),
            '\t' => out.push_str(r"\t"),
            other => out.push(other),
        }
    }
    out.push('"');
}
