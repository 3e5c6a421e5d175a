use clap::{Arg, ArgAction};

/// Flags that are given as `--flag`, `--flag=true` or `--flag=false`, so that what is not given is told from both.
pub trait YesOrNo {
    /// Makes a flag one of these.
    #[must_use]
    fn yes_or_no(self) -> Self;
}

impl YesOrNo for Arg {
    fn yes_or_no(self) -> Self {
        self.action(ArgAction::Set)
            .value_name("BOOL")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
    }
}
