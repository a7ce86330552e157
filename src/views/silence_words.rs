//! What came of writing a silence, in words: the same in the form, in the list and in the footer.

use crate::{
    core::effect::WriteStage,
    model::silence::{SilenceOutcome, SilenceState},
};

/// One line for the footer, where the view that wrote is no longer shown.
pub fn notice(stage: &WriteStage) -> String {
    match stage {
        WriteStage::Looking(error) => format!("no answer to the silence ({}); looking whether it is there", error.message),
        WriteStage::Ended(outcome) => sentences(outcome).join(" "),
    }
}

/// What happened, the most important first.
pub fn sentences(outcome: &SilenceOutcome) -> Vec<String> {
    match outcome {
        SilenceOutcome::Done { silence, differences, looked_up, twins } => {
            let what = match silence.state {
                SilenceState::Active => "is active",
                SilenceState::Pending => "is written and begins later",
                SilenceState::Expired => "is expired",
            };
            let mut out = vec![format!("Silence {} {what}.", silence.id)];
            if *looked_up {
                out.push("The answer was lost; it was looked up on the server.".to_owned());
            }
            out.extend(twins.iter().map(|id| format!("An earlier try had come through as {id}: that one was expired.")));
            if !differences.is_empty() {
                out.push(format!("The server made something else of it: {}. Expire it if that is wrong.", differences.join("; ")));
            }
            out
        }
        SilenceOutcome::Unread { id, error } => {
            vec![format!("Silence {id} was taken, but could not be read back."), error.to_string()]
        }
        SilenceOutcome::Refused(error) => vec!["Nothing was written.".to_owned(), error.to_string(), error.advice().to_owned()],
        SilenceOutcome::Lost { error, .. } => vec![
            "No answer came, and the silence is not on the server.".to_owned(),
            error.to_string(),
            "Writing it again looks for it first, and leaves one.".to_owned(),
        ],
        SilenceOutcome::Unknown { error, .. } => vec![
            "It is not known whether the silence was written.".to_owned(),
            error.to_string(),
            "Trying again looks for it first; it is sent only where it is not there.".to_owned(),
        ],
    }
}
