//! The action `cam`: methods of the instruction set, words and programs, each call with a result of its own.

use arrow::array::{AsArray as _, RecordBatch};

use super::calls::{Call, Caller};
use super::{Action, Kind, Parameters, Run, SPACE, needed, optional};
use crate::cam::Called;
use crate::server::flight::error::FlightError;
use crate::server::resp::commands::cam;

pub(super) const CAM: Action = Action {
    name: "cam",
    summary: "Runs methods of the instruction set, words and programs, as the command CAM does. Each call is a commit of its \
              own, if it writes, and a result of its own, which comes once the call is acknowledged: its table, where an \
              address is a number. After a call that is refused none follows",
    parameters: Parameters::These(&[
        needed(
            "method",
            Kind::Text,
            "an id (0x0C20, @0C20 or decimal), or a name: VSA.BIND, VERBS.CAUSES, USER.MINE",
        ),
        optional(
            "args",
            Kind::BytesList,
            "its arguments, a word each: KEY and a name are two",
        ),
        optional(
            "scope",
            Kind::Text,
            "what addresses it reads: all, surface, fluid or node",
        ),
        optional(
            "form",
            Kind::Text,
            "what comes back: rows, count, bundle or plan",
        ),
        SPACE,
    ]),
    results: Vec::new,
    run: Run::Each(run),
};

fn run(caller: &mut Caller, call: Call<'_>) -> Result<RecordBatch, FlightError> {
    let method = call.text("method").unwrap_or_default();
    let has_mode = call.text("scope").or(call.text("form")).is_some();
    if has_mode
        && !matches!(
            Called::parse(method.as_bytes()),
            Ok(Called::Method(_)) | Err(_)
        )
    {
        return Err(FlightError::bad(format!(
            "expected neither scope nor form, which words and programs such as {method} have not"
        )));
    }
    let given = call.list("args");
    let given = given.iter().flat_map(|list| list.as_binary::<i32>().iter());
    let mut words: Vec<&[u8]> = vec![b"CAM", method.as_bytes()];
    words.extend(given.map(Option::unwrap_or_default));
    for (word, name) in [("SCOPE", "scope"), ("FORM", "form")] {
        if let Some(value) = call.text(name) {
            words.extend([word.as_bytes(), value.as_bytes()]);
        }
    }
    let answer = caller.execute_by(call.text("space"), &words, cam::run)?;
    Ok(answer.rows)
}
