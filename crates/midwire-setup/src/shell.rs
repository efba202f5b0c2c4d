//! Variables as commands of a shell, quoted so that no value can be anything but a value.

use std::fmt::Write as _;

use crate::variables::Variable;

/// A shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// POSIX shells: bash, zsh, dash.
    Posix,
    /// fish.
    Fish,
    /// PowerShell.
    PowerShell,
}

impl Shell {
    /// The shell of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "bash" | "sh" | "zsh" | "dash" | "ksh" => Self::Posix,
            "fish" => Self::Fish,
            "powershell" | "pwsh" => Self::PowerShell,
            _ => return None,
        })
    }

    /// Commands that set variables, a line each.
    pub fn set(self, variables: &[Variable]) -> String {
        let mut text = String::new();
        for Variable { name, value } in variables {
            let value = self.quote(value);
            let _ = match self {
                Self::Posix => writeln!(text, "export {name}={value}"),
                Self::Fish => writeln!(text, "set -gx {name} {value}"),
                Self::PowerShell => writeln!(text, "$env:{name} = {value}"),
            };
        }
        text
    }

    /// Commands that take variables away, a line each.
    pub fn unset<'a>(self, names: impl Iterator<Item = &'a str>) -> String {
        let mut text = String::new();
        for name in names {
            let _ = match self {
                Self::Posix => writeln!(text, "unset {name}"),
                Self::Fish => writeln!(text, "set -e {name}"),
                Self::PowerShell => {
                    writeln!(text, "Remove-Item -ErrorAction Ignore Env:{name}")
                }
            };
        }
        text
    }

    fn quote(self, value: &str) -> String {
        let inner = match self {
            Self::Posix => value.replace('\'', r"'\''"),
            Self::Fish => value.replace('\\', r"\\").replace('\'', r"\'"),
            Self::PowerShell => value.replace('\'', "''"),
        };
        format!("'{inner}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(shell: Shell, value: &str, expected: &str) {
        let variable = Variable {
            name: "X",
            value: value.to_owned(),
        };
        assert_eq!(shell.set(&[variable]), expected);
    }

    #[test]
    fn values_stay_values() {
        check(Shell::Posix, "a b", "export X='a b'\n");
        check(Shell::Posix, "it's $(x)", "export X='it'\\''s $(x)'\n");
        check(Shell::Fish, r"a'\b", "set -gx X 'a\\'\\\\b'\n");
        check(Shell::PowerShell, "it's", "$env:X = 'it''s'\n");
    }

    #[test]
    fn a_posix_shell_reads_back_what_was_quoted() {
        let value = "it's \"$HOME\" `x` \\ %";
        let variable = Variable {
            name: "X",
            value: value.to_owned(),
        };
        let script = format!("{}printf %s \"$X\"", Shell::Posix.set(&[variable]));
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg(script)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), value);
    }

    #[test]
    fn variables_are_taken_back() {
        let names = ["A", "B"];
        assert_eq!(Shell::Posix.unset(names.into_iter()), "unset A\nunset B\n");
        assert!(
            Shell::Fish
                .unset(names.into_iter())
                .starts_with("set -e A\n")
        );
    }
}
