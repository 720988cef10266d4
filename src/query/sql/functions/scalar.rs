//! Functions of a row: encoding, distance, algebra, and how fingerprints and addresses are written.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryArray, FixedSizeBinaryBuilder, Float64Array,
    ListBuilder, StringArray, StringBuilder, UInt16Array, UInt32Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use ladybug_engine::fingerprint::{BITS, BYTES, Fingerprint, WORDS, encode, kernel, similarity};
use ladybug_engine::space::address::Address;

use super::super::error::SqlError;
use super::arguments::{fingerprint, is_bits, is_text, of_bytes, text};

/// All of them.
pub(in super::super) fn all() -> Vec<Arc<ScalarUDF>> {
    let function = |kind| Arc::new(ScalarUDF::new_from_impl(Function::new(kind)));
    KINDS.into_iter().map(function).collect()
}

/// Which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Encode,
    EncodeExact,
    Hamming,
    Similarity,
    Bind,
    Unbind,
    Permute,
    Popcount,
    Fingerprint,
    Hex,
    Addr,
    Field,
    FieldNames,
    SetField,
}

const KINDS: [Kind; 14] = [
    Kind::Encode,
    Kind::EncodeExact,
    Kind::Hamming,
    Kind::Similarity,
    Kind::Bind,
    Kind::Unbind,
    Kind::Permute,
    Kind::Popcount,
    Kind::Fingerprint,
    Kind::Hex,
    Kind::Addr,
    Kind::Field,
    Kind::FieldNames,
    Kind::SetField,
];

impl Kind {
    /// Its name, and how it is called.
    fn syntax(self) -> (&'static str, &'static str) {
        match self {
            Self::Encode => ("encode", "encode(text)"),
            Self::EncodeExact => ("encode_exact", "encode_exact(text or bytes)"),
            Self::Hamming => ("hamming", "hamming(fingerprint, fingerprint)"),
            Self::Similarity => ("similarity", "similarity(fingerprint, fingerprint)"),
            Self::Bind => ("bind", "bind(fingerprint, fingerprint, …)"),
            Self::Unbind => ("unbind", "unbind(fingerprint, fingerprint, …)"),
            Self::Permute => ("permute", "permute(fingerprint, integer)"),
            Self::Popcount => ("popcount", "popcount(fingerprint)"),
            Self::Fingerprint => ("fingerprint", "fingerprint(hex digits or bytes)"),
            Self::Hex => ("hex", "hex(fingerprint)"),
            Self::Addr => ("addr", "addr('@8042')"),
            Self::Field => ("field", "field(properties, name)"),
            Self::FieldNames => ("field_names", "field_names(properties)"),
            Self::SetField => ("set_field", "set_field(properties, name, JSON)"),
        }
    }

    /// Whether it takes arguments of these types.
    fn takes(self, types: &[DataType]) -> bool {
        match (self, types) {
            (Self::Encode | Self::Addr, [of]) => is_text(of),
            (Self::EncodeExact | Self::Fingerprint, [of]) => is_text(of) || is_bits(of),
            (Self::Hamming | Self::Similarity, [a, b]) => is_bits(a) && is_bits(b),
            (Self::Bind | Self::Unbind, [_, _, ..]) => types.iter().all(is_bits),
            (Self::Permute, [of, by]) => is_bits(of) && (by.is_integer() || by.is_null()),
            (Self::Popcount | Self::Hex, [of]) => is_bits(of),
            (Self::Field, [of, name]) => is_text(of) && is_text(name),
            (Self::FieldNames, [of]) => is_text(of),
            (Self::SetField, [of, name, json]) => is_text(of) && is_text(name) && is_text(json),
            _ => false,
        }
    }

    fn result(self) -> DataType {
        match self {
            Self::Encode
            | Self::EncodeExact
            | Self::Bind
            | Self::Unbind
            | Self::Permute
            | Self::Fingerprint => DataType::FixedSizeBinary(BYTES as i32),
            Self::Hamming | Self::Popcount => DataType::UInt32,
            Self::Similarity => DataType::Float64,
            Self::Hex | Self::Field | Self::SetField => DataType::Utf8,
            Self::FieldNames => DataType::new_list(DataType::Utf8, true),
            Self::Addr => DataType::UInt16,
        }
    }
}

/// A function as DataFusion wants it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    kind: Kind,
    signature: Signature,
}

impl Function {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            signature: Signature::variadic_any(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.kind.syntax().0
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        if !self.kind.takes(types) {
            let got: Vec<_> = types.iter().map(ToString::to_string).collect();
            let (name, syntax) = self.kind.syntax();
            return Err(SqlError::Statement(format!(
                "expected {syntax}, got {name}({})",
                got.join(", ")
            ))
            .into());
        }
        Ok(self.kind.result())
    }

    /// A distance to a constant becomes a [`DistanceTo`]. A constant that is wrong is so whatever rows there are.
    fn simplify(&self, args: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let bound = match (self.kind, &args[..]) {
            (
                Kind::Hamming | Kind::Similarity,
                [of, Expr::Literal(query, _)] | [Expr::Literal(query, _), of],
            ) => DistanceTo::new(self.kind, query).map(|bound| (bound, of)),
            _ => None,
        };
        Ok(match bound {
            Some((bound, of)) => {
                let args = vec![of.clone()];
                let func = Arc::new(ScalarUDF::new_from_impl(bound));
                let call = ScalarFunction::new_udf(func, args);
                ExprSimplifyResult::Simplified(Expr::ScalarFunction(call))
            }
            None => {
                self.check_constants(&args)?;
                ExprSimplifyResult::Original(args)
            }
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        if let (Kind::Hamming | Kind::Similarity, Some(distances)) = (self.kind, distances(&args)) {
            let distances = UInt32Array::from(distances?);
            return Ok(ColumnarValue::Array(self.of_distances(distances)));
        }
        let rows = if is_constant { 1 } else { args.number_rows };
        let columns: Result<Vec<ArrayRef>> = args
            .args
            .into_iter()
            .map(|arg| arg.into_array(rows))
            .collect();
        let result = self.invoke(&columns?, rows)?;
        match is_constant {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &result, 0,
            )?)),
            false => Ok(ColumnarValue::Array(result)),
        }
    }
}

impl Function {
    /// Calls the function with its constants, and null for what is none: of that nothing is wrong.
    fn check_constants(&self, args: &[Expr]) -> Result<()> {
        if !args.iter().any(|arg| matches!(arg, Expr::Literal(..))) {
            return Ok(());
        }
        let column = |arg: &Expr| match arg {
            Expr::Literal(constant, _) => constant.to_array(),
            _ => ScalarValue::Null.to_array(),
        };
        let columns: Result<Vec<ArrayRef>> = args.iter().map(column).collect();
        self.invoke(&columns?, 1).map(drop)
    }

    fn of_distances(&self, distances: UInt32Array) -> ArrayRef {
        match self.kind {
            Kind::Similarity => {
                let similarities = distances.iter().map(|distance| distance.map(similarity));
                Arc::new(similarities.collect::<Float64Array>())
            }
            _ => Arc::new(distances),
        }
    }

    fn invoke(&self, columns: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let name = self.name();
        let bits = |column: usize, row| fingerprint(name, &columns[column], row);
        match self.kind {
            Kind::Hamming | Kind::Similarity => {
                let distance = |row| {
                    let (a, b) = (bits(0, row)?, bits(1, row)?);
                    Ok(a.zip(b).map(|(a, b)| a.distance(&b)))
                };
                let distances = (0..rows).map(distance).collect::<Result<UInt32Array>>()?;
                Ok(self.of_distances(distances))
            }
            Kind::Popcount => {
                let count = |row| Ok(bits(0, row)?.map(|bits| bits.popcount()));
                Ok(Arc::new(
                    (0..rows).map(count).collect::<Result<UInt32Array>>()?,
                ))
            }
            Kind::Hex => {
                let hex = |row| Ok(bits(0, row)?.map(|bits| bits.to_hex()));
                Ok(Arc::new(
                    (0..rows).map(hex).collect::<Result<StringArray>>()?,
                ))
            }
            Kind::Encode => encoded(rows, |row| {
                Ok(text(&columns[0], row).map(|text| encode::text(&text)))
            }),
            Kind::EncodeExact => encoded(rows, |row| {
                Ok(super::arguments::bytes(&columns[0], row).map(encode::exact))
            }),
            Kind::Fingerprint => {
                let is_text = columns[0].data_type().is_string();
                encoded(rows, |row| match is_text {
                    false => bits(0, row),
                    true => text(&columns[0], row).map(|hex| of_hex(&hex)).transpose(),
                })
            }
            Kind::Bind | Kind::Unbind => encoded(rows, |row| {
                let mut bound = bits(0, row)?;
                // What is wrong is an error also where another is null.
                for column in 1..columns.len() {
                    bound = match (bound, bits(column, row)?) {
                        (Some(mut bound), Some(other)) => {
                            bound.xor_assign(&other);
                            Some(bound)
                        }
                        _ => None,
                    };
                }
                Ok(bound)
            }),
            Kind::Permute => {
                let by = cast(&columns[1], &DataType::Int64)?;
                let by = by.as_primitive::<Int64Type>();
                encoded(rows, |row| {
                    let bits = bits(0, row)?.filter(|_| by.is_valid(row));
                    Ok(bits.map(|bits| bits.permute(by.value(row))))
                })
            }
            Kind::Addr => {
                let address = |row| {
                    text(&columns[0], row)
                        .map(|text| of_address(&text))
                        .transpose()
                };
                Ok(Arc::new(
                    (0..rows).map(address).collect::<Result<UInt16Array>>()?,
                ))
            }
            Kind::Field => {
                let field = |row| of_json(&text(&columns[0], row)?, &text(&columns[1], row)?);
                Ok(Arc::new((0..rows).map(field).collect::<StringArray>()))
            }
            Kind::FieldNames => {
                let mut lists = ListBuilder::new(StringBuilder::new());
                for row in 0..rows {
                    let object = text(&columns[0], row).and_then(|text| object(&text));
                    let names = object.map(|object| object.into_iter().map(|(name, _)| Some(name)));
                    lists.append_option(names);
                }
                Ok(Arc::new(lists.finish()))
            }
            Kind::SetField => {
                let with = |row| {
                    let text = |column: usize| text(&columns[column], row);
                    with_field(text(0).as_deref(), text(1).as_deref(), text(2).as_deref())
                };
                Ok(Arc::new(
                    (0..rows).map(with).collect::<Result<StringArray>>()?,
                ))
            }
        }
    }
}

/// `hamming` or `similarity` of its one argument to a fingerprint that it holds: of a literal DataFusion writes out all 1,280
/// bytes whenever it asks for the name of an expression, which it does several times a rule.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct DistanceTo {
    /// The function, and the first eight bytes of the fingerprint.
    name: String,
    function: Function,
    query: Arc<Fingerprint>,
}

impl DistanceTo {
    /// None if the constant is no fingerprint.
    fn new(kind: Kind, query: &ScalarValue) -> Option<Self> {
        let query = Fingerprint::from_bytes(bits(query)?).ok()?;
        let function = Function::new(kind);
        let shown = query.words()[0].swap_bytes();
        Some(Self {
            name: format!("{}[{shown:016x}…]", function.name()),
            function,
            query: Arc::new(query),
        })
    }

    /// Whether it is greater the nearer its argument is.
    pub(in super::super) fn is_similarity(&self) -> bool {
        self.function.kind == Kind::Similarity
    }

    /// What the distance is to.
    pub(in super::super) fn query(&self) -> &Arc<Fingerprint> {
        &self.query
    }
}

impl ScalarUDFImpl for DistanceTo {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        self.function.signature()
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.function.kind.result())
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let query = self.query.to_bytes().to_vec();
        let query = ScalarValue::FixedSizeBinary(BYTES as i32, Some(query));
        args.args.push(ColumnarValue::Scalar(query));
        self.function.invoke_with_args(args)
    }
}

/// The bytes of a constant.
fn bits(constant: &ScalarValue) -> Option<&[u8]> {
    match constant {
        ScalarValue::FixedSizeBinary(_, Some(bytes))
        | ScalarValue::Binary(Some(bytes))
        | ScalarValue::LargeBinary(Some(bytes))
        | ScalarValue::BinaryView(Some(bytes)) => Some(bytes),
        _ => None,
    }
}

/// A column of fingerprints.
fn encoded(rows: usize, of: impl Fn(usize) -> Result<Option<Fingerprint>>) -> Result<ArrayRef> {
    let mut column = FixedSizeBinaryBuilder::with_capacity(rows, BYTES as i32);
    for row in 0..rows {
        match of(row)? {
            Some(fingerprint) => column.append_value(fingerprint.to_bytes())?,
            None => column.append_null(),
        }
    }
    Ok(Arc::new(column.finish()))
}

/// The distances of a column of fingerprints to one, where the column lies as the kernels want it.
fn distances(args: &ScalarFunctionArgs) -> Option<Result<Vec<u32>>> {
    let (column, one) = match &args.args[..] {
        [ColumnarValue::Array(column), ColumnarValue::Scalar(one)]
        | [ColumnarValue::Scalar(one), ColumnarValue::Array(column)] => (column, one),
        _ => return None,
    };
    let column = column.as_any().downcast_ref::<FixedSizeBinaryArray>()?;
    let bytes = bits(one)?;
    let rows = column.value_data().get(..column.len() * BYTES)?;
    let is_aligned = rows.as_ptr().addr().is_multiple_of(align_of::<u64>());
    if column.value_length() != BYTES as i32
        || column.null_count() > 0
        || !is_aligned
        || cfg!(target_endian = "big")
    {
        return None;
    }
    let words =
        arrow::buffer::ScalarBuffer::<u64>::new(column.values().clone(), 0, column.len() * WORDS);
    let query = match of_bytes("hamming", bytes) {
        Ok(query) => query,
        Err(error) => return Some(Err(error)),
    };
    let mut distances = vec![0; column.len()];
    (kernel::active().distances_within)(query.words(), &words, BITS as u32, &mut distances);
    Some(Ok(distances))
}

fn of_hex(text: &str) -> Result<Fingerprint> {
    Fingerprint::from_hex(text).map_err(|error| SqlError::Statement(error.to_string()).into())
}

fn of_address(text: &str) -> Result<u16> {
    match text.parse::<Address>() {
        Ok(address) => Ok(address.0),
        Err(wrong) => Err(SqlError::Statement(wrong.to_string()).into()),
    }
}

/// The members of a JSON object; none if the text is none.
fn object(text: &str) -> Option<serde_json::Map<String, serde_json::Value>> {
    serde_json::from_str(text).ok()
}

/// Properties with a field as JSON says it, or, without JSON, without it; none if nothing is left, or the field has no name.
fn with_field(
    properties: Option<&str>,
    name: Option<&str>,
    json: Option<&str>,
) -> Result<Option<String>> {
    let wrong = |what: &str, got: &str| {
        SqlError::Statement(format!("expected {what} in set_field, got '{got}'"))
    };
    let mut object = match properties {
        None => serde_json::Map::new(),
        Some(text) => object(text).ok_or_else(|| wrong("a JSON object as properties", text))?,
    };
    let value = match json {
        None => None,
        Some(json) => {
            let value = serde_json::from_str(json);
            Some(value.map_err(|_| wrong("a field's value as JSON", json))?)
        }
    };
    let Some(name) = name else {
        return Ok(None);
    };
    match value {
        None => drop(object.remove(name)),
        Some(value) => drop(object.insert(name.to_owned(), value)),
    }
    Ok((!object.is_empty()).then(|| serde_json::Value::Object(object).to_string()))
}

/// A field of an object, as HGET shows it; none if it is not there, or the text is no object.
fn of_json(properties: &str, name: &str) -> Option<String> {
    let properties: serde_json::Value = serde_json::from_str(properties).ok()?;
    match properties.get(name)? {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
