//! What of a line in the list is filtered for or left out: there no field is selected, so it is chosen.

use super::{
    Logs, conditions,
    fields::{Field, items},
};
use crate::{
    log_patterns::form,
    store::Condition,
    ui::text::truncate,
    views::{Act, Cx},
};

/// What is offered at the most.
const OFFERED: usize = 60;
/// Cells of a value.
const VALUE: usize = 80;

/// What lines are narrowed by.
#[derive(Clone, Debug, PartialEq)]
pub enum By {
    /// A condition on a field.
    Condition(Condition),
    /// Lines of this one's form are left out.
    Like(String),
}

impl Logs {
    /// Lets the user choose what of the selected line is filtered for, or left out: what is a column first.
    pub(super) fn pick(&self, cx: &mut Cx<'_>, keep: bool) {
        let Some(line) = self.line() else { return };
        let record = self.record(&line);
        let items = items(&line, &record, &Default::default());
        let mut fields: Vec<&Field> = items.iter().filter_map(|i| i.as_field()).collect();
        fields.sort_by_key(|f| !self.columns.has(&f.name));
        let mark = cx.look.shared.glyphs.ellipsis;
        let row = |name: &str, value: &str, by: By| (name.to_owned(), truncate(value, VALUE, mark), Act::Narrow(Box::new(by)));
        let mut of_line = String::new();
        let whole = self.store.whole(&line);
        form(&whole, &mut of_line);
        let like = (!keep).then(|| row("lines like this", &of_line, By::Like(whole.clone().into_owned())));
        let object = conditions::object(line.text);
        let condition = |f: &Field| conditions::of_read(&line, object.as_ref(), f, keep).ok();
        let picked = fields.iter().filter_map(|f| Some(row(&f.name, &f.value, By::Condition(condition(f)?))));
        let rows = like.into_iter().chain(picked).take(OFFERED).collect();
        cx.acts.push(Act::Choose(if keep { "filter for" } else { "filter out" }, rows));
    }

    /// What was chosen.
    pub(super) fn picked(&mut self, cx: &mut Cx<'_>, by: By) {
        match by {
            By::Condition(condition) => self.narrow_by(cx, |all| conditions::toggle(all, condition)),
            By::Like(text) => self.exclude_like(cx, &text),
        }
    }
}
