//! Manual pages.

use std::fmt::Write as _;

use midwire_core::options::Tool;

use super::{Program, summary};

/// The manual page of a program, section 1.
pub fn man(program: &Program) -> String {
    let name = program.page_name();
    let call = program.call();
    let mut out = format!(
        ".\\\" Made by `cargo xtask completions`. Do not edit.\n.TH {} 1 \"\" midwire\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n.B {}\n[\\fIOPTIONS\\fR]{}\n.SH DESCRIPTION\n{}\n",
        escaped(&name.to_uppercase()),
        escaped(&name),
        purpose(program.tool),
        escaped(&call),
        if program.tool == Tool::Dump {
            " [\\fIFILTER\\fR]"
        } else {
            ""
        },
        "An intercepting proxy that opens TLS with certificates of its own authority.\nUnless told otherwise it listens on port 8080 as an explicit HTTP proxy.",
    );
    if program.tool == Tool::Dump {
        out.push_str("Everything from the first word that is no flag on is a filter expression:\nwhich flows are printed, saved and read from files.\n");
    }
    out.push_str(".SH OPTIONS\n");
    for flag in program.flags() {
        let names: Vec<String> = flag
            .names
            .iter()
            .map(|name| format!("\\fB{}\\fR", escaped(name)))
            .collect();
        let value = flag
            .metavar
            .map(|metavar| format!(" \\fI{}\\fR", escaped(metavar)))
            .unwrap_or_default();
        let text = if flag.help.is_empty() {
            format!("{}.", summary(&flag))
        } else {
            flag.help.clone()
        };
        let _ = writeln!(out, ".TP\n{}{value}\n{}", names.join(", "), escaped(&text));
        let choices = flag.option().map_or(&[][..], |spec| spec.meta.choices);
        if !choices.is_empty() {
            let _ = writeln!(out, "Choices: {}.", escaped(&choices.join(", ")));
        }
    }
    out.push_str(
        ".SH FILES\n.TP\n.I ~/.mitmproxy\nThe configuration folder: \\fIconfig.yaml\\fR, and the certificate authority, made at the first start.\n\
         .TP\n.I ~/.mitmproxy/mitmproxy\\-ca\\-cert.pem\nThe certificate that clients must trust.\n\
         .SH EXIT STATUS\n0 after an orderly end, 1 after a failure.\n",
    );
    out
}

fn purpose(tool: Tool) -> &'static str {
    match tool {
        Tool::Dump => "intercept traffic and print or save it",
        Tool::Console => "intercept traffic in the terminal",
        Tool::Web => "intercept traffic in a browser",
    }
}

/// A text in which nothing is an instruction to the formatter.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    match text.chars().next() {
        Some('.' | '\'') => format!("\\&{text}"),
        _ => text,
    }
}
