//! Batches out of what a client sends, over the memory in which it came: the messages of a stream, or a body in Arrow IPC.
//!
//! The reader of `arrow` takes for granted what a message says of itself. So what a message says is compared with what it
//! has before that reader sees it, as far as memory goes, and where the reader panics nonetheless the message is refused.

use std::any::Any;
use std::cell::Cell;
use std::collections::HashMap;
use std::io::{Read as _, copy, sink};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::convert::try_schema_from_flatbuffer_bytes;
use arrow::ipc::reader::{read_dictionary, read_record_batch};
use arrow::ipc::{self, CompressionType, Message, MessageHeader, root_as_message};
use arrow_flight::FlightData;
use arrow_flight::error::FlightError as StreamError;
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use lz4_flex::frame::FrameDecoder;
use tonic::Streaming;

/// Rows of one batch, and values of a column that takes no memory: 256 times as many as a space has nodes.
const ROWS_MAX: i64 = 1 << 24;
/// Bytes that the buffers of one message may come to when they are decompressed, 1 GiB: as much as one commit takes.
const DECOMPRESSED_BYTES_MAX: i64 = 1 << 30;
/// How an Arrow IPC file begins; a stream follows, after zeros up to a multiple of 8 bytes.
pub const FILE_START: &[u8] = b"ARROW1";
/// What files are padded to, in bytes.
const PADDING: usize = 8;
/// How a message in an IPC stream begins, before the length of its header.
pub const MESSAGE_START: [u8; 4] = [0xFF; 4];

/// The batches that a client sends.
pub fn batches(
    first: FlightData,
    rest: Streaming<FlightData>,
) -> impl Stream<Item = Result<RecordBatch, StreamError>> + Send + 'static {
    // A descriptor may come alone.
    let first = (!first.data_header.is_empty()).then_some(Ok(first));
    let messages = futures::stream::iter(first).chain(rest);
    let mut received = Received::default();
    messages.filter_map(move |message| {
        let batch = match message {
            Ok(message) => received.next(&message.data_header, message.data_body),
            Err(status) => Err(StreamError::Tonic(Box::new(status))),
        };
        std::future::ready(batch.transpose())
    })
}

/// The schema and the batches of a whole Arrow IPC stream or file.
///
/// # Errors
/// It is none.
pub fn of_ipc(mut bytes: Bytes) -> Result<(SchemaRef, Vec<RecordBatch>), StreamError> {
    if bytes.starts_with(FILE_START) {
        taken(&mut bytes, PADDING as i64)?;
        // Some pad to a multiple of 64.
        while bytes.starts_with(&[0; PADDING]) {
            taken(&mut bytes, PADDING as i64)?;
        }
    }
    let (mut received, mut batches) = (Received::default(), Vec::new());
    while !bytes.is_empty() {
        let length = taken(&mut bytes, 4)?;
        let length = match length[..] == MESSAGE_START {
            true => taken(&mut bytes, 4)?,
            // Before Arrow 0.15 messages began with the length.
            false => length,
        };
        let length = length
            .iter()
            .rfold(0, |sum, byte| sum << 8 | i64::from(*byte));
        if length == 0 {
            break;
        }
        let header = taken(&mut bytes, length)?;
        let body = taken(&mut bytes, message(&header)?.bodyLength())?;
        batches.extend(received.next(&header, body)?);
    }
    let schema = received
        .schema
        .ok_or_else(|| unexpected(MessageHeader::NONE))?;
    Ok((schema, batches))
}

/// The first `length` of some bytes, which are left without them.
fn taken(bytes: &mut Bytes, length: i64) -> Result<Bytes, StreamError> {
    match usize::try_from(length) {
        Ok(length) if length <= bytes.len() => Ok(bytes.split_to(length)),
        _ => Err(StreamError::DecodeError(format!(
            "expected {length} more bytes, got {}",
            bytes.len()
        ))),
    }
}

/// What a stream has said so far.
#[derive(Default)]
pub struct Received {
    schema: Option<SchemaRef>,
    dictionaries: HashMap<i64, ArrayRef>,
}

impl Received {
    /// The batch of a message, if it has one.
    ///
    /// # Errors
    /// It is no message, not one that may come here, or not as it says. What came before stays as it is.
    pub fn next(&mut self, header: &[u8], body: Bytes) -> Result<Option<RecordBatch>, StreamError> {
        let message = message(header)?;
        let (kind, version) = (message.header_type(), message.version());
        let schema = || self.schema.clone().ok_or_else(|| unexpected(kind));
        match kind {
            MessageHeader::NONE => Ok(None),
            MessageHeader::Schema => {
                let schema: Schema = read("schema", || try_schema_from_flatbuffer_bytes(header))?;
                self.schema = Some(Arc::new(schema));
                self.dictionaries.clear();
                Ok(None)
            }
            MessageHeader::DictionaryBatch => {
                let schema = schema()?;
                let batch = message.header_as_dictionary_batch();
                let batch = batch.ok_or_else(|| unexpected(kind))?;
                let body = Buffer::from(body);
                check(batch.data(), &body)?;
                let known = &mut self.dictionaries;
                read("dictionary", || {
                    check_compressed(batch.data(), &body)?;
                    read_dictionary(&body, batch, &schema, known, &version)
                })?;
                Ok(None)
            }
            MessageHeader::RecordBatch => {
                let schema = schema()?;
                let batch = message.header_as_record_batch();
                let batch = batch.ok_or_else(|| unexpected(kind))?;
                let body = Buffer::from(body);
                check(Some(batch), &body)?;
                let known = &self.dictionaries;
                read("record batch", || {
                    check_compressed(Some(batch), &body)?;
                    read_record_batch(&body, batch, schema, known, None, &version)
                })
                .map(Some)
            }
            _ => Err(unexpected(kind)),
        }
    }
}

/// The message whose header these bytes are.
fn message(header: &[u8]) -> Result<Message<'_>, StreamError> {
    root_as_message(header)
        .map_err(|error| StreamError::DecodeError(format!("a message's header: {error}")))
}

/// Refuses a batch that says of itself what its message's body does not have, or what would take more memory than there is.
fn check(batch: Option<ipc::RecordBatch<'_>>, body: &Buffer) -> Result<(), StreamError> {
    let Some(batch) = batch else {
        return Ok(());
    };
    let refused = |expected: String| {
        Err(StreamError::DecodeError(format!(
            "a record batch: {expected}"
        )))
    };
    let mut decompressed = 0_i64;
    for buffer in batch.buffers().iter().flatten() {
        let (begin, length) = (buffer.offset(), buffer.length());
        let end = begin.checked_add(length);
        let lies_in = begin >= 0 && length >= 0 && end.is_some_and(|end| end <= body.len() as i64);
        if !lies_in {
            return refused(format!(
                "expected all its buffers in its message's body of {} bytes",
                body.len()
            ));
        }
        // What is compressed begins with how long it was.
        let prefix = body[begin as usize..][..length as usize].first_chunk();
        decompressed = decompressed.saturating_add(match prefix {
            Some(prefix) if batch.compression().is_some() => {
                i64::from_le_bytes(*prefix).max(length)
            }
            _ => length,
        });
    }
    if decompressed > DECOMPRESSED_BYTES_MAX {
        return refused(format!(
            "expected at most {DECOMPRESSED_BYTES_MAX} bytes, got {decompressed}"
        ));
    }
    // A bit a value is the least, but for nulls, which take nothing.
    let values_max = ROWS_MAX.max(decompressed.saturating_mul(8));
    let rows = batch.length();
    if !(0..=ROWS_MAX).contains(&rows) {
        return refused(format!("expected at most {ROWS_MAX} rows, got {rows}"));
    }
    let mut nodes = batch.nodes().into_iter().flatten();
    if let Some(node) = nodes.find(|node| {
        let values = node.length();
        !(0..=values_max).contains(&values) || !(0..=values).contains(&node.null_count())
    }) {
        return refused(format!(
            "expected a column of at most {values_max} values, got {} of which {} are null",
            node.length(),
            node.null_count()
        ));
    }
    Ok(())
}

/// Refuses buffers in LZ4 that hold more than they say. Their decoder would fill memory with all of it, and that of
/// Zstandard stops where it was told to. Of a batch that was [`check`]ed.
fn check_compressed(batch: Option<ipc::RecordBatch<'_>>, body: &Buffer) -> Result<(), ArrowError> {
    let is_lz4 = |batch: &ipc::RecordBatch<'_>| {
        let compression = batch.compression();
        compression.is_some_and(|by| by.codec() == CompressionType::LZ4_FRAME)
    };
    let buffers = batch.filter(is_lz4).and_then(|batch| batch.buffers());
    for buffer in buffers.iter().flatten() {
        let bytes = &body[buffer.offset() as usize..][..buffer.length() as usize];
        let Some((length, frame)) = bytes.split_first_chunk() else {
            continue;
        };
        // What is not compressed after all has a negative length.
        if let Ok(length) = u64::try_from(i64::from_le_bytes(*length)) {
            let mut decoded = FrameDecoder::new(frame).take(length + 1);
            // The reader says what is wrong with a frame that is none.
            if copy(&mut decoded, &mut sink()).is_ok_and(|decoded| decoded > length) {
                return Err(ArrowError::IpcError(format!(
                    "expected {length} bytes in a compressed buffer, got more"
                )));
            }
        }
    }
    Ok(())
}

thread_local! {
    /// Whether a panic on this thread is an answer, and not to be reported.
    static IS_READING: Cell<bool> = const { Cell::new(false) };
}

/// What the reader of `arrow` makes of a message; an error where it panics.
fn read<T>(
    what: &'static str,
    reader: impl FnOnce() -> Result<T, ArrowError>,
) -> Result<T, StreamError> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // Where the thread is ending there is none, and nothing is read.
            if !IS_READING.try_with(Cell::get).unwrap_or_default() {
                report(panic);
            }
        }));
    });
    IS_READING.set(true);
    let read = catch_unwind(AssertUnwindSafe(reader));
    IS_READING.set(false);
    let why = match read {
        Ok(Ok(read)) => return Ok(read),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => format!("it cannot be read: {}", said(&*panic)),
    };
    Err(StreamError::DecodeError(format!("a {what}: {why}")))
}

/// What a panic says.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no reason was given")
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

    use arrow::array::{
        Array, AsArray as _, DictionaryArray, FixedSizeBinaryArray, ListArray, NullArray,
        StringArray,
    };
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::{DataType, Field, Int32Type};
    use arrow::ipc::CompressionType;
    use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
    use arrow_flight::encode::{DictionaryHandling, FlightDataEncoderBuilder};
    use flatbuffers::FlatBufferBuilder;
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

    fn next(
        received: &mut Received,
        message: FlightData,
    ) -> Result<Option<RecordBatch>, StreamError> {
        received.next(&message.data_header, message.data_body)
    }

    #[test]
    fn a_batch_is_read_where_its_message_lies_dictionaries_too() {
        let mut received = Received::default();
        let (mut batches, mut last) = (Vec::new(), None);
        for message in messages() {
            last = Some(message.data_body.as_ptr_range());
            batches.extend(next(&mut received, message).unwrap());
        }
        assert_eq!(batches, [batch()]);
        let bits = batches[0].column(1).as_fixed_size_binary();
        assert!(last.unwrap().contains(&bits.value_data().as_ptr()));
        assert_eq!(bits.len(), 3);
    }

    #[test]
    fn what_is_no_stream_of_batches_is_refused() {
        let mut received = Received::default();
        let mut last = messages().pop().unwrap();
        let early = next(&mut received, last.clone()).unwrap_err().to_string();
        assert!(early.contains("expected a schema, then"), "{early}");
        for message in messages() {
            next(&mut received, message).unwrap();
        }
        last.data_body.truncate(100);
        let short = next(&mut received, last).unwrap_err().to_string();
        assert!(short.contains("a record batch"), "{short}");
        let garbage = FlightData {
            data_header: vec![7; 40].into(),
            ..FlightData::default()
        };
        assert!(next(&mut received, garbage).is_err());
    }

    #[test]
    fn a_stream_or_file_is_read_whole() {
        let schema = batch().schema();
        let mut stream = StreamWriter::try_new(Vec::new(), &schema).unwrap();
        stream.write(&batch()).unwrap();
        let stream = stream.into_inner().unwrap();
        let mut file = FileWriter::try_new(Vec::new(), &schema).unwrap();
        file.write(&batch()).unwrap();
        let file = file.into_inner().unwrap();
        for bytes in [&stream, &file] {
            let read = of_ipc(Bytes::copy_from_slice(bytes)).unwrap();
            assert_eq!(read, (Arc::clone(&schema), vec![batch()]));
        }
        let short = of_ipc(Bytes::copy_from_slice(&stream[..stream.len() - 100]));
        let short = short.unwrap_err().to_string();
        assert!(short.contains("more bytes, got"), "{short}");
        let nothing = of_ipc(Bytes::new()).unwrap_err().to_string();
        assert!(nothing.contains("expected a schema"), "{nothing}");
    }

    /// What comes of the messages of a batch after `change`, which gets the last one.
    fn refusal(batch: RecordBatch, change: impl Fn(&mut FlightData)) -> String {
        let options = IpcWriteOptions::default();
        let options = options.try_with_compression(Some(CompressionType::LZ4_FRAME));
        let encoder = FlightDataEncoderBuilder::new()
            .with_options(options.unwrap())
            .build(futures::stream::iter([Ok(batch)]));
        let messages = futures::executor::block_on(encoder.try_collect::<Vec<_>>());
        let (mut last, mut received) = (messages.unwrap(), Received::default());
        let mut batch = last.pop().unwrap();
        for message in last {
            next(&mut received, message).unwrap();
        }
        change(&mut batch);
        next(&mut received, batch).unwrap_err().to_string()
    }

    /// What comes of three texts of 1,000 bytes whose compressed buffer says that it holds so many.
    fn refusal_of_texts(length: i64) -> String {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(1_000); 3]));
        let texts = RecordBatch::try_from_iter([("text", texts)]).unwrap();
        refusal(texts, |message| {
            let header = root_as_message(&message.data_header).unwrap();
            let batch = header.header_as_record_batch().unwrap();
            let values = batch.buffers().unwrap().get(2).offset() as usize;
            let mut body = message.data_body.to_vec();
            body[values..][..8].copy_from_slice(&length.to_le_bytes());
            message.data_body = body.into();
        })
    }

    #[test]
    fn what_would_take_more_memory_than_there_is_is_refused() {
        let bomb = refusal_of_texts(i64::MAX);
        assert!(bomb.contains("expected at most 1073741824 bytes"), "{bomb}");

        let nulls: ArrayRef = Arc::new(NullArray::new(ROWS_MAX as usize + 1));
        let nulls = RecordBatch::try_from_iter_with_nullable([("nothing", nulls, true)]).unwrap();
        let rows = refusal(nulls, |_| ());
        assert!(rows.contains("expected at most 16777216 rows"), "{rows}");

        let nulls = Arc::new(NullArray::new(ROWS_MAX as usize + 1));
        let item = Arc::new(Field::new("item", DataType::Null, true));
        let lists = ListArray::new(item, OffsetBuffer::from_lengths([nulls.len()]), nulls, None);
        let lists = RecordBatch::try_from_iter([("list", Arc::new(lists) as ArrayRef)]).unwrap();
        let values = refusal(lists, |_| ());
        assert!(
            values.contains("expected a column of at most 16777216 values"),
            "{values}"
        );
    }

    #[test]
    fn what_holds_more_than_it_says_is_refused() {
        let refused = refusal_of_texts(2_999);
        assert!(
            refused.contains("expected 2999 bytes in a compressed buffer, got more"),
            "{refused}"
        );
    }

    #[test]
    fn what_the_reader_panics_on_is_refused() {
        let mut builder = FlatBufferBuilder::new();
        let schema = ipc::SchemaBuilder::new(&mut builder).finish();
        let mut message = ipc::MessageBuilder::new(&mut builder);
        message.add_version(ipc::MetadataVersion::V5);
        message.add_header_type(MessageHeader::Schema);
        message.add_header(schema.as_union_value());
        let message = message.finish();
        builder.finish(message, None);
        let message = FlightData {
            data_header: builder.finished_data().to_vec().into(),
            ..FlightData::default()
        };
        let error = next(&mut Received::default(), message)
            .unwrap_err()
            .to_string();
        assert!(error.contains("a schema: it cannot be read"), "{error}");
    }
}
