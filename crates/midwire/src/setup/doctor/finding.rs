//! What an examination finds, and how it is told.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it should be.
    Good,
    /// It may be what is wrong.
    Doubtful,
    /// It is wrong.
    Bad,
    /// It could not be looked at.
    Unknown,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Doubtful => "note",
            Self::Bad => "FAIL",
            Self::Unknown => "skip",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// What was looked at; a stable word for programs.
    pub(super) check: &'static str,
    pub(super) verdict: Verdict,
    /// One line.
    pub(super) text: String,
    /// What mends it, if anything does.
    pub(super) remedy: Option<String>,
}

/// Findings in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    pub(super) fn good(&mut self, check: &'static str, text: impl Into<String>) {
        self.add(check, Verdict::Good, text.into(), None);
    }

    pub(super) fn unknown(&mut self, check: &'static str, text: impl Into<String>) {
        self.add(check, Verdict::Unknown, text.into(), None);
    }

    pub(super) fn doubtful(
        &mut self,
        check: &'static str,
        text: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(check, Verdict::Doubtful, text.into(), Some(remedy.into()));
    }

    pub(super) fn bad(
        &mut self,
        check: &'static str,
        text: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(check, Verdict::Bad, text.into(), Some(remedy.into()));
    }

    fn add(&mut self, check: &'static str, verdict: Verdict, text: String, remedy: Option<String>) {
        self.0.push(Finding {
            check,
            verdict,
            text,
            remedy,
        });
    }

    /// True if something is wrong.
    pub(super) fn is_bad(&self) -> bool {
        self.0.iter().any(|finding| finding.verdict == Verdict::Bad)
    }

    /// Lines for people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for finding in &self.0 {
            let word = finding.verdict.word();
            let _ = writeln!(text, "{word:>4}  {:<11} {}", finding.check, finding.text);
            if let Some(remedy) = &finding.remedy {
                let _ = writeln!(text, "{:18}-> {remedy}", "");
            }
        }
        text
    }

    /// One JSON array for programs.
    pub(super) fn json(&self) -> String {
        let each = self.0.iter().map(|finding| {
            json!({
                "check": finding.check,
                "verdict": finding.verdict.word().to_ascii_lowercase(),
                "text": finding.text,
                "remedy": finding.remedy,
            })
        });
        format!("{}\n", Value::Array(each.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_told_in_two_forms() {
        let mut findings = Findings::default();
        findings.good("authority", "fine");
        assert!(!findings.is_bad());
        findings.bad("proxy", "gone", "start it");
        assert!(findings.is_bad());
        assert_eq!(
            findings.text(),
            "  ok  authority   fine\nFAIL  proxy       gone\n                  -> start it\n"
        );
        let json: Value = serde_json::from_str(&findings.json()).unwrap();
        assert_eq!(json[1]["verdict"], "fail");
        assert_eq!(json[1]["remedy"], "start it");
    }
}
