//! How a command ends, and the exit code of each ending: decided here and nowhere else.

/// Shown at the end of every `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0  all is well
  1  a run found a violation: a subset above its allowance, a split other than expected, a scale-in out of order
  2  bad input: a wrong argument, file, scenario, setting or policy module; or output that cannot be written
";

/// Why a command did not end well.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The run was made, and something is wrong with its result.
    Violations(Vec<String>),
    /// Nothing could be run, or its result not be shown.
    BadInput(Vec<String>),
}

impl Exit {
    /// Bad input, from one error.
    pub(crate) fn bad(error: &dyn std::error::Error) -> Self {
        Self::BadInput(vec![error.to_string()])
    }

    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Violations(_) => 1,
            Self::BadInput(_) => 2,
        }
    }

    /// What is wrong, without a heading.
    pub(crate) fn told(&self) -> Vec<String> {
        match self {
            Self::Violations(lines) | Self::BadInput(lines) => lines.clone(),
        }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let (heading, lines) = match self {
            Self::Violations(lines) => ("violation", lines),
            Self::BadInput(lines) => ("error", lines),
        };
        lines.iter().map(|line| format!("{heading}: {line}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ending_has_its_code_and_the_help_names_it() {
        for (exit, code) in [
            (Exit::Violations(vec!["a".into()]), 1),
            (Exit::BadInput(vec!["b".into()]), 2),
        ] {
            assert_eq!(exit.code(), code);
            assert!(HELP.contains(&format!("\n  {code}  ")), "{HELP}");
        }
    }
}
