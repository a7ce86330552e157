//! What came of writing a silence, in words: the same in the form, in the list and in the footer.

use crate::{
    core::effect::WriteStage,
    model::{
        backend::{ErrorKind, SourceError},
        silence::{SilenceOutcome, SilenceState, Twins, Unseen},
    },
};

/// What is true of an answer that does not show what was taken.
const REPLICA: &str = "Behind a load balancer another replica may have answered, which has not heard of it yet: look again in the list \
                       of silences before you write it once more.";

/// One line for the footer, where the view that wrote is no longer shown.
pub fn notice(stage: &WriteStage) -> String {
    match stage {
        WriteStage::Looking(error) => format!("no answer to the silence ({}); looking whether it is there", error.message),
        WriteStage::Ended(outcome) => sentences(outcome).join(" "),
    }
}

/// What to do about an error of writing.
pub fn advice(error: &SourceError) -> &'static str {
    match error.kind {
        ErrorKind::NotFound => "The server that answered knows no such silence: a new one reaches all replicas within seconds.",
        _ => error.advice(),
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
            let at = if silence.at.is_empty() { String::new() } else { format!(" at {}", silence.at.join(", ")) };
            let mut out = vec![format!("Silence {} {what}{at}.", silence.id)];
            if *looked_up {
                out.push("The answer was lost; it was looked up on the server.".to_owned());
            }
            out.extend(of_twins(twins));
            if !differences.is_empty() {
                out.push(format!("The server made something else of it: {}. Expire it if that is wrong.", differences.join("; ")));
            }
            out
        }
        SilenceOutcome::Taken { id, unseen, twins } => of_taken(id, unseen).into_iter().chain(of_twins(twins)).collect(),
        SilenceOutcome::Refused(error) => vec!["Nothing was written.".to_owned(), error.to_string(), advice(error).to_owned()],
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
        SilenceOutcome::NotOver { id, state, error } => {
            let now = match state {
                Some(state) => format!("No answer came, and silence {id} is still {}.", state.as_str()),
                None => format!("No answer came, and it is not known whether silence {id} is over."),
            };
            vec![now, error.to_string(), "To expire it again does no harm.".to_owned()]
        }
    }
}

fn of_taken(id: &str, unseen: &Unseen) -> Vec<String> {
    match unseen {
        Unseen::Unread(error) => vec![format!("Silence {id} was taken, but could not be read back."), error.to_string()],
        Unseen::Absent => vec![format!("The server accepted silence {id}, but does not show it yet."), REPLICA.to_owned()],
        Unseen::Older(how) => {
            let how = if how.is_empty() { String::new() } else { format!(" ({})", how.join("; ")) };
            vec![format!("The server accepted the change of silence {id}, but still shows it as it was{how}."), REPLICA.to_owned()]
        }
    }
}

fn of_twins(twins: &Twins) -> Vec<String> {
    let expired = twins.expired.iter().map(|id| format!("An earlier try had come through as {id}: that one was expired."));
    let left = |(id, error): &(String, SourceError)| {
        format!("An earlier try had come through as {id}, which could not be expired: {error}. Expire it in the list of silences.")
    };
    let unread = |error| format!("Whether an earlier try came through as well could not be read: {error}. See the list of silences.");
    expired.chain(twins.left.iter().map(left)).chain(twins.unread.iter().map(unread)).collect()
}
