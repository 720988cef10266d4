//! The aggregate `bundle(fingerprint [, weight])`: the majority, bit by bit, as BUNDLE answers it.
//!
//! Ties are decided by a hash of all operands in their order, so that they are kept until the end.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Int32Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};
use ladybug_engine::fingerprint::bundle::weighted;
use ladybug_engine::fingerprint::{BYTES, Fingerprint};

use super::super::error::SqlError;
use super::arguments::{fingerprint, is_bits, of_bytes};

/// All aggregates.
pub(in super::super) fn all() -> Vec<Arc<AggregateUDF>> {
    vec![Arc::new(AggregateUDF::new_from_impl(Bundle {
        signature: Signature::variadic_any(Volatility::Immutable),
    }))]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Bundle {
    signature: Signature,
}

impl AggregateUDFImpl for Bundle {
    fn name(&self) -> &str {
        "bundle"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [of] if is_bits(of) => {}
            [of, weight] if is_bits(of) && (weight.is_integer() || weight.is_null()) => {}
            _ => {
                let got: Vec<_> = types.iter().map(ToString::to_string).collect();
                return Err(SqlError::Statement(format!(
                    "expected bundle(fingerprint) or bundle(fingerprint, integer), got bundle({})",
                    got.join(", ")
                ))
                .into());
            }
        }
        Ok(DataType::FixedSizeBinary(BYTES as i32))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format!("{}[operands]", args.name);
        Ok(vec![Arc::new(Field::new(
            name,
            DataType::LargeBinary,
            true,
        ))])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return Err(
                SqlError::Unsupported("bundle(DISTINCT …) is not known here".into()).into(),
            );
        }
        Ok(Box::new(Operands::default()))
    }
}

/// What is to be bundled, with weights.
#[derive(Debug, Default)]
struct Operands(Vec<(Fingerprint, i32)>);

/// Bytes of an operand in a state: its weight and its bits.
const OPERAND_BYTES: usize = 4 + BYTES;

impl Accumulator for Operands {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let weights = values.get(1).map(|weights| weight(weights)).transpose()?;
        for row in 0..values[0].len() {
            let weight = match &weights {
                None => Some(1),
                Some(weights) => {
                    let weights = weights.as_primitive::<Int32Type>();
                    weights.is_valid(row).then(|| weights.value(row))
                }
            };
            if let (Some(bits), Some(weight)) = (fingerprint("bundle", &values[0], row)?, weight) {
                self.0.push((bits, weight));
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let operands = self.0.iter().map(|(bits, weight)| (bits, *weight));
        let bundle = weighted(operands).map(|bundle| bundle.to_bytes().to_vec());
        Ok(ScalarValue::FixedSizeBinary(BYTES as i32, bundle))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.0.capacity() * size_of::<(Fingerprint, i32)>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let mut bytes = Vec::with_capacity(self.0.len() * OPERAND_BYTES);
        for (bits, weight) in self.0.drain(..) {
            bytes.extend_from_slice(&weight.to_le_bytes());
            bytes.extend_from_slice(&bits.to_bytes());
        }
        Ok(vec![ScalarValue::LargeBinary(Some(bytes))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for operands in states[0].as_binary::<i64>().iter().flatten() {
            for operand in operands.chunks_exact(OPERAND_BYTES) {
                let (weight, bits) = operand.split_at(4);
                let weight = weight.try_into().map(i32::from_le_bytes);
                let weight = weight.expect("invariant: a weight has four bytes");
                self.0.push((of_bytes("bundle", bits)?, weight));
            }
        }
        Ok(())
    }
}

/// Weights as 32-bit integers.
fn weight(weights: &ArrayRef) -> Result<ArrayRef> {
    let cast = cast(weights, &DataType::Int32)?;
    match cast.null_count() == weights.logical_null_count() {
        true => Ok(cast),
        false => Err(SqlError::Statement(
            "bundle expected weights from -2147483648 to 2147483647".into(),
        )
        .into()),
    }
}
