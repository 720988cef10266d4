//! Sets and instruments that graphical criteria find.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};

use super::super::super::batch::batch;
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::graph::ends;
use super::stored::{Reach, Stored};
use crate::mind::causal::CausalError;
use crate::mind::causal::criteria;
use crate::mind::causal::diagram::{Diagram, Set};

/// The diagram around the two variables of a call, the latent ones projected out, and their numbers.
fn diagram(
    call: &Call<'_>,
    reading: &Reading<'_>,
    reach: Reach,
) -> Result<(Diagram, usize, usize), Fault> {
    let (x, y) = ends(call, reading)?;
    let named = [x.clone(), y.clone()].into();
    let stored = Stored::read(reading, call.scope(), &named, reach)?;
    let (x, y) = (stored.diagram.index(&x)?, stored.diagram.index(&y)?);
    let kept = Set::one(x).union(Set::one(y));
    Ok((stored.observable(kept), x, y))
}

/// A criterion that finds sets.
pub type Criterion = fn(&Diagram, usize, usize) -> Result<Vec<Set>, CausalError>;

pub fn sets(
    call: &Call<'_>,
    reading: &Reading<'_>,
    criterion: Criterion,
) -> Result<RecordBatch, Fault> {
    let (diagram, x, y) = diagram(call, reading, Reach::Causes)?;
    let sets = criterion(&diagram, x, y)?;
    Ok(batch(
        call.operation.columns,
        vec![
            Arc::new(StringArray::from_iter_values(
                sets.iter().map(|set| diagram.names(*set)),
            )),
            Arc::new(UInt64Array::from_iter_values(
                sets.iter().map(|set| set.len() as u64),
            )),
        ],
    ))
}

pub fn instruments(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let (diagram, x, y) = diagram(call, reading, Reach::Connected)?;
    let found = criteria::instruments(&diagram, x, y)?;
    let texts = |of: &dyn Fn(&(usize, Set)) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(found.iter().map(of)))
    };
    Ok(batch(
        call.operation.columns,
        vec![
            texts(&|(instrument, _)| diagram.name(*instrument).to_owned()),
            texts(&|(_, given)| diagram.names(*given)),
        ],
    ))
}
