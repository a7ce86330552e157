//! Keeps passwords of the command line out of what is said about it.

/// Whether an argument looks like an address with user and password in it.
pub(super) fn may_be_in(args: &[String]) -> bool {
    args.iter().any(|arg| parts(arg).next().is_some())
}

/// The text without what stands before the `@` of any such argument.
pub(super) fn hidden(text: &str, args: &[String]) -> String {
    let mut hidden: Vec<&str> = args.iter().flat_map(|arg| parts(arg)).collect();
    // The longest first: a shorter one may be a part of it.
    hidden.sort_by_key(|part| std::cmp::Reverse(part.len()));
    hidden.into_iter().fold(text.to_owned(), |text, part| text.replace(part, "…"))
}

/// User and password, of the argument as a whole and of what follows its `=`.
fn parts(arg: &str) -> impl Iterator<Item = &str> {
    let value = arg.split_once('=').map(|(_, value)| value);
    [Some(arg), value].into_iter().flatten().filter_map(|text| {
        let (before, _) = text.rsplit_once('@')?;
        let (is_url, user) = before.split_once("://").map_or((false, before), |(_, user)| (true, user));
        (!user.is_empty() && (is_url || user.contains(':'))).then_some(user)
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use proptest::prelude::*;

    use super::*;
    use crate::{cli::Cli, config::System, run};

    /// What is said when the program is called so.
    fn said(args: &[String]) -> String {
        let text = match Cli::try_parse_from(args) {
            Err(error) => error.render().to_string(),
            Ok(cli) => match run::load(&cli.options, &System::default(), true) {
                Err(failure) => failure.message,
                Ok(loaded) => panic!("{loaded:?}"),
            },
        };
        hidden(&text, args)
    }

    proptest! {
        #[test]
        fn no_wrong_command_line_repeats_a_password(password in "[!-~]{0,4}Zq9x[!-~]{0,6}", scheme in "(http://|https://|ftp://|http:/|loki://|)") {
            let url = format!("{scheme}me:{password}@host:9090");
            let equals = format!("--prometheus={url}");
            let calls: [&[&str]; 12] = [
                &["--prometheus", &url],
                &[&equals],
                &["--loki", &url, "--tempo", &url],
                &["--promtheus", &url],
                &[&url],
                &["doctor", &url],
                &["demo", "--seed", &url],
                &["--view", &url],
                &["--env", &url],
                &["--label", &url],
                &["--config", &url],
                &["--since", "1h", "--from", &url],
            ];
            for call in calls {
                let args: Vec<String> = ["redline"].iter().chain(call).map(|s| (*s).to_owned()).collect();
                let said = said(&args);
                prop_assert!(!said.contains("Zq9x"), "{args:?}: {said}");
                prop_assert!(!said.is_empty());
            }
        }
    }

    #[test]
    fn what_is_no_password_stays() {
        let args = ["redline", "--service", "me@host", "--view", "x@y"].map(str::to_owned);
        assert!(!may_be_in(&args));
        assert_eq!(hidden("no view x@y", &args), "no view x@y");
    }
}
