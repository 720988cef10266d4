//! Batches out of the messages that a client sends, over the memory in which they came: the decoder of `arrow-flight`
//! copies each of them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::reader::{read_dictionary, read_record_batch};
use arrow::ipc::{self, MessageHeader, root_as_message};
use arrow_flight::FlightData;
use arrow_flight::error::FlightError as StreamError;
use futures::{Stream, StreamExt as _};
use tonic::Streaming;

/// The batches that a client sends.
pub fn batches(
    first: FlightData,
    rest: Streaming<FlightData>,
) -> impl Stream<Item = Result<RecordBatch, StreamError>> + Send + 'static {
    // A descriptor may come alone.
    let first = (!first.data_header.is_empty()).then_some(Ok(first));
    let messages = futures::stream::iter(first).chain(rest);
    let mut said = Said::default();
    messages.filter_map(move |message| {
        let batch = match message {
            Ok(message) => said.next(message),
            Err(status) => Err(StreamError::Tonic(Box::new(status))),
        };
        std::future::ready(batch.transpose())
    })
}

/// What a stream has said so far.
#[derive(Default)]
struct Said {
    schema: Option<SchemaRef>,
    dictionaries: HashMap<i64, ArrayRef>,
}

impl Said {
    /// The batch of a message, if it has one.
    fn next(&mut self, message: FlightData) -> Result<Option<RecordBatch>, StreamError> {
        let header = root_as_message(&message.data_header)
            .map_err(|error| StreamError::DecodeError(format!("a message's header: {error}")))?;
        let (kind, version) = (header.header_type(), header.version());
        let schema = || self.schema.clone().ok_or_else(|| unexpected(kind));
        match kind {
            MessageHeader::NONE => Ok(None),
            MessageHeader::Schema => {
                let schema = Schema::try_from(&message);
                self.schema = Some(Arc::new(schema.map_err(undecoded("schema"))?));
                self.dictionaries.clear();
                Ok(None)
            }
            MessageHeader::DictionaryBatch => {
                let schema = schema()?;
                let batch = header.header_as_dictionary_batch();
                let batch = batch.ok_or_else(|| unexpected(kind))?;
                let body = Buffer::from(message.data_body);
                check_body(batch.data(), &body)?;
                let known = &mut self.dictionaries;
                read_dictionary(&body, batch, &schema, known, &version)
                    .map_err(undecoded("dictionary"))?;
                Ok(None)
            }
            MessageHeader::RecordBatch => {
                let schema = schema()?;
                let batch = header.header_as_record_batch();
                let batch = batch.ok_or_else(|| unexpected(kind))?;
                let body = Buffer::from(message.data_body);
                check_body(Some(batch), &body)?;
                let known = &self.dictionaries;
                read_record_batch(&body, batch, schema, known, None, &version)
                    .map(Some)
                    .map_err(undecoded("record batch"))
            }
            _ => Err(unexpected(kind)),
        }
    }
}

/// Refuses a batch whose buffers are not all in its message's body, which the reader takes for granted.
fn check_body(batch: Option<ipc::RecordBatch<'_>>, body: &Buffer) -> Result<(), StreamError> {
    let buffers = batch.and_then(|batch| batch.buffers());
    let end = |buffer: &ipc::Buffer| buffer.offset().checked_add(buffer.length());
    let lies_in = |buffer: &ipc::Buffer| {
        let is_forward = buffer.offset() >= 0 && buffer.length() >= 0;
        is_forward && end(buffer).is_some_and(|end| end <= body.len() as i64)
    };
    match buffers.iter().flatten().all(lies_in) {
        true => Ok(()),
        false => Err(StreamError::DecodeError(format!(
            "a record batch: expected all its buffers in its message's body of {} bytes",
            body.len()
        ))),
    }
}

fn undecoded(what: &'static str) -> impl Fn(arrow::error::ArrowError) -> StreamError {
    move |error| StreamError::DecodeError(format!("a {what}: {error}"))
}

fn unexpected(kind: MessageHeader) -> StreamError {
    let kind = kind.variant_name().unwrap_or("unknown");
    StreamError::protocol(format!(
        "expected a schema, then dictionaries and record batches, got a message of kind {kind}"
    ))
}

#[cfg(test)]
mod tests {
    use std::iter::repeat_n;

    use arrow::array::{Array, AsArray as _, DictionaryArray, FixedSizeBinaryArray};
    use arrow::datatypes::Int32Type;
    use arrow_flight::encode::{DictionaryHandling, FlightDataEncoderBuilder};
    use futures::TryStreamExt as _;

    use super::*;

    fn batch() -> RecordBatch {
        let words = ["a", "b", "a"].into_iter();
        let words: DictionaryArray<Int32Type> = words.collect();
        let bits = FixedSizeBinaryArray::try_from_iter(repeat_n([7; 1_280], 3)).unwrap();
        let columns: [(_, ArrayRef); 2] = [("word", Arc::new(words)), ("bits", Arc::new(bits))];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn messages() -> Vec<FlightData> {
        let batches = futures::stream::iter([Ok(batch())]);
        let encoder = FlightDataEncoderBuilder::new()
            .with_dictionary_handling(DictionaryHandling::Resend)
            .build(batches);
        futures::executor::block_on(encoder.try_collect()).unwrap()
    }

    #[test]
    fn a_batch_is_read_where_its_message_lies_dictionaries_too() {
        let mut said = Said::default();
        let (mut batches, mut last) = (Vec::new(), None);
        for message in messages() {
            last = Some(message.data_body.as_ptr_range());
            batches.extend(said.next(message).unwrap());
        }
        assert_eq!(batches, [batch()]);
        let bits = batches[0].column(1).as_fixed_size_binary();
        assert!(last.unwrap().contains(&bits.value_data().as_ptr()));
        assert_eq!(bits.len(), 3);
    }

    #[test]
    fn what_is_no_stream_of_batches_is_refused() {
        let mut said = Said::default();
        let mut last = messages().pop().unwrap();
        let early = said.next(last.clone()).unwrap_err().to_string();
        assert!(early.contains("expected a schema, then"), "{early}");
        for message in messages() {
            said.next(message).unwrap();
        }
        last.data_body.truncate(100);
        let short = said.next(last).unwrap_err().to_string();
        assert!(short.contains("a record batch"), "{short}");
        let garbage = FlightData {
            data_header: vec![7; 40].into(),
            ..FlightData::default()
        };
        assert!(said.next(garbage).is_err());
    }
}
