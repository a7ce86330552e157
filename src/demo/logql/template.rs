//! Templates of `line_format` and `label_format`, as far as the demo goes: text and labels, perhaps through functions that need
//! nothing else.

use crate::model::labels::Labels;

/// Text and actions in turn.
#[derive(Debug)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Text(String),
    Value { of: Source, through: Vec<Function> },
}

#[derive(Debug)]
enum Source {
    Label(String),
    Line,
}

type Function = fn(&str) -> String;

/// Functions of one text.
const FUNCTIONS: [(&str, Function); 6] = [
    ("ToLower", |t| t.to_lowercase()),
    ("lower", |t| t.to_lowercase()),
    ("ToUpper", |t| t.to_uppercase()),
    ("upper", |t| t.to_uppercase()),
    ("TrimSpace", |t| t.trim().to_owned()),
    ("trim", |t| t.trim().to_owned()),
];

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// It is none, or more than the demo does.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let (mut rest, mut trims) = (text, false);
        while let Some((before, after)) = rest.split_once("{{") {
            let (action, next) = after.split_once("}}").ok_or("template: :1: unclosed action")?;
            let (action, trims_before) = action.strip_prefix("- ").map_or((action, false), |a| (a, true));
            let (action, trims_after) = action.strip_suffix(" -").map_or((action, false), |a| (a, true));
            let before = if trims { before.trim_start() } else { before };
            pieces.push(Piece::Text(if trims_before { before.trim_end() } else { before }.to_owned()));
            pieces.push(read(action)?);
            (rest, trims) = (next, trims_after);
        }
        pieces.push(Piece::Text(if trims { rest.trim_start() } else { rest }.to_owned()));
        Ok(Self(pieces))
    }

    /// Names of the labels it reads.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| if let Piece::Value { of: Source::Label(name), .. } = piece { Some(name.as_str()) } else { None })
    }

    /// Fills it in; labels that there are none are empty.
    pub(super) fn fill(&self, labels: &Labels, text: &str) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Value { of, through } => {
                    let value = match of {
                        Source::Label(name) => labels.get(name).unwrap_or_default(),
                        Source::Line => text,
                    };
                    out.push_str(&through.iter().fold(value.to_owned(), |value, function| function(&value)));
                }
            }
        }
        out
    }
}

fn read(action: &str) -> Result<Piece, String> {
    let unsupported = || format!("the demo does not support {{{{{action}}}}} in a template");
    let mut parts = action.split('|').map(str::trim);
    let first: Vec<&str> = parts.next().unwrap_or_default().split_whitespace().collect();
    let function = |name: &str| FUNCTIONS.iter().find(|(known, _)| *known == name).map(|(_, f)| *f).ok_or_else(unsupported);
    let source = |word: &str| match word.strip_prefix('.') {
        Some(name) if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => Ok(Source::Label(name.to_owned())),
        None if word == "__line__" => Ok(Source::Line),
        _ => Err(unsupported()),
    };
    let (of, mut through) = match first.as_slice() {
        [value] => (source(value)?, Vec::new()),
        [name, value] => (source(value)?, vec![function(name)?]),
        _ => return Err(unsupported()),
    };
    for name in parts {
        through.push(function(name)?);
    }
    Ok(Piece::Value { of, through })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_with_labels_and_the_line() {
        let labels: Labels = [("level", "warn"), ("app", " Web ")].into_iter().collect();
        for (template, filled) in [
            ("", ""),
            ("plain }} text", "plain }} text"),
            ("{{.level}}: {{ .app }}|{{.none}}", "warn:  Web |"),
            ("{{ .app | trim | ToUpper }}", "WEB"),
            ("{{ToUpper .level}} {{__line__}}", "WARN the line"),
            ("a  {{- .level -}}  b", "awarnb"),
            ("{{.level}}{{__line__ | upper}}", "warnTHE LINE"),
        ] {
            assert_eq!(Template::new(template).unwrap().fill(&labels, "the line"), filled, "{template}");
        }
        for wrong in ["{{.a", "{{if .a}}x{{end}}", "{{.a.b}}", "{{replace \"a\" \"b\" .c}}", "{{}}", "{{now}}"] {
            assert!(Template::new(wrong).is_err(), "{wrong}");
        }
    }
}
