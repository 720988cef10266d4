//! Record batches as FlightData on the wire, without a copy of what is large.
//!
//! A message is a list of pieces that follow each other: gRPC's prefix, the protobuf fields before the body, and the
//! batch's buffers. A buffer of [`OWN_PIECE_BYTES_MIN`] or more is a piece of its own, which keeps the memory it
//! views, a chunk's column for instance, until the socket has taken it. Smaller ones are gathered.
//!
//! Flat columns, strings, lists and dictionaries are laid out here. A batch with any other column is encoded by
//! `arrow-ipc`, which copies.

use std::sync::Arc;

use arrow::array::{Array, ArrayData, RecordBatch};
use arrow::buffer::{Buffer, MutableBuffer};
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use arrow::ipc::writer::{
    CompressionContext, DictionaryTracker, EncodedData, IpcDataGenerator, IpcWriteOptions,
};
use arrow::ipc::{self, FieldNode, MessageHeader, MetadataVersion};
use bytes::{BufMut as _, Bytes, BytesMut};
use flatbuffers::FlatBufferBuilder;

/// Smaller buffers are gathered: what a frame of their own costs is more than their copy.
const OWN_PIECE_BYTES_MIN: usize = 8 << 10;
/// What buffers are aligned to in a message.
const ALIGNMENT: usize = 64;
/// A batch that takes more is sent in parts, unless it is one row: clients limit their messages, some to 16 MiB.
const MESSAGE_BYTES_MAX: usize = 4 << 20;
/// Tags of the fields of `FlightData`, all of wire type 2.
const DATA_HEADER: u8 = 0x12;
const APP_METADATA: u8 = 0x1A;
/// Field 1000 as a varint.
const DATA_BODY: [u8; 2] = [0xC2, 0x3E];

/// A stream's schema message and then its batches.
pub struct StreamEncoder {
    dictionaries: DictionaryTracker,
    options: IpcWriteOptions,
    compression: CompressionContext,
}

impl StreamEncoder {
    /// The pieces of the schema's message, and the encoder of what follows.
    pub fn new(schema: &Schema) -> (Self, Vec<Bytes>) {
        let mut dictionaries = DictionaryTracker::new(false);
        let options = IpcWriteOptions::default();
        let encoded = IpcDataGenerator::default().schema_to_bytes_with_dictionary_tracker(
            schema,
            &mut dictionaries,
            &options,
        );
        let encoder = Self {
            dictionaries,
            options,
            compression: CompressionContext::default(),
        };
        let mut pieces = Pieces::default();
        pieces.message(&encoded.ipc_message, &[], Body::default());
        (encoder, pieces.finish())
    }

    /// The pieces of a batch, behind those of dictionaries that are new.
    ///
    /// # Errors
    /// Arrow has no encoding of a column.
    pub fn batch(
        &mut self,
        batch: &RecordBatch,
        metadata: &[u8],
    ) -> Result<Vec<Bytes>, ArrowError> {
        let mut pieces = Pieces::default();
        for part in parts(batch) {
            self.part(&part, metadata, &mut pieces)?;
        }
        Ok(pieces.finish())
    }

    fn part(
        &mut self,
        batch: &RecordBatch,
        metadata: &[u8],
        pieces: &mut Pieces,
    ) -> Result<(), ArrowError> {
        let is_laid_out = batch
            .columns()
            .iter()
            .all(|column| is_laid_out(column.data_type()));
        let wanted = match is_laid_out {
            true => dictionaries_alone(batch)?,
            false => batch.clone(),
        };
        if wanted.num_columns() > 0 || !is_laid_out {
            let (dictionaries, encoded) = IpcDataGenerator::default().encode(
                &wanted,
                &mut self.dictionaries,
                &self.options,
                &mut self.compression,
            )?;
            for dictionary in dictionaries {
                pieces.encoded(dictionary, &[]);
            }
            if !is_laid_out {
                pieces.encoded(encoded, metadata);
            }
        }
        if is_laid_out {
            lay_out(batch, metadata, pieces);
        }
        Ok(())
    }
}

/// The batch, or rows of it, so that none takes much more than [`MESSAGE_BYTES_MAX`].
fn parts(batch: &RecordBatch) -> Vec<RecordBatch> {
    let rows = batch.num_rows();
    let bytes = |batch: &RecordBatch| -> usize {
        let bytes = |column: &Arc<dyn Array>| column.to_data().get_slice_memory_size();
        batch
            .columns()
            .iter()
            .map(|column| bytes(column).unwrap_or(0))
            .sum()
    };
    if rows <= 1 || bytes(batch) <= MESSAGE_BYTES_MAX {
        return vec![batch.clone()];
    }
    let half = rows / 2;
    let mut halves = parts(&batch.slice(0, half));
    halves.extend(parts(&batch.slice(half, rows - half)));
    halves
}

/// Whether [`Body::array`] knows a type.
fn is_laid_out(data_type: &DataType) -> bool {
    match data_type {
        DataType::Boolean | DataType::FixedSizeBinary(_) | DataType::Utf8 | DataType::Binary => {
            true
        }
        DataType::List(item) | DataType::FixedSizeList(item, _) => {
            !matches!(item.data_type(), DataType::Dictionary(_, _)) && is_laid_out(item.data_type())
        }
        // Their values go in a message of their own.
        DataType::Dictionary(_, values) => matches!(**values, DataType::Utf8),
        other => other.primitive_width().is_some(),
    }
}

/// The dictionary columns of a batch without rows: their dictionaries are all there.
fn dictionaries_alone(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let is_dictionary =
        |at: &usize| matches!(batch.column(*at).data_type(), DataType::Dictionary(_, _));
    let places: Vec<usize> = (0..batch.num_columns()).filter(is_dictionary).collect();
    Ok(batch.project(&places)?.slice(0, 0))
}

/// The buffers of a batch, and what its header says of them.
#[derive(Default)]
struct Body {
    nodes: Vec<FieldNode>,
    buffers: Vec<ipc::Buffer>,
    data: Vec<Buffer>,
    len: usize,
}

impl Body {
    fn push(&mut self, buffer: Buffer) {
        let len = buffer.len();
        let offset = i64::try_from(self.len).expect("invariant: messages are limited");
        let bytes = i64::try_from(len).expect("invariant: messages are limited");
        self.buffers.push(ipc::Buffer::new(offset, bytes));
        self.len += len.next_multiple_of(ALIGNMENT);
        self.data.push(buffer);
    }

    fn array(&mut self, array: &ArrayData) {
        let (offset, len) = (array.offset(), array.len());
        let rows = i64::try_from(len).expect("invariant: lengths fit");
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        let null_count = nulls.map_or(0, |nulls| nulls.null_count());
        let null_count = i64::try_from(null_count).expect("invariant: lengths fit");
        self.nodes.push(FieldNode::new(rows, null_count));
        self.push(nulls.map_or_else(
            || MutableBuffer::new(0).into(),
            |nulls| nulls.inner().sliced(),
        ));
        let fixed =
            |width: usize| array.buffers()[0].slice_with_length(offset * width, len * width);
        match array.data_type() {
            DataType::Boolean => self.push(array.buffers()[0].bit_slice(offset, len)),
            DataType::FixedSizeBinary(width) => {
                self.push(fixed(
                    usize::try_from(*width).expect("invariant: widths are positive"),
                ));
            }
            DataType::Utf8 | DataType::Binary => {
                let (offsets, start, end) = offsets(array);
                self.push(offsets);
                self.push(array.buffers()[1].slice_with_length(start, end - start));
            }
            DataType::List(_) => {
                let (offsets, start, end) = offsets(array);
                self.push(offsets);
                self.array(&array.child_data()[0].slice(start, end - start));
            }
            DataType::FixedSizeList(_, size) => {
                let size = usize::try_from(*size).expect("invariant: sizes are positive");
                self.array(&array.child_data()[0].slice(offset * size, len * size));
            }
            DataType::Dictionary(keys, _) => {
                self.push(fixed(
                    keys.primitive_width().expect("invariant: keys are numbers"),
                ));
            }
            other => {
                let width = other.primitive_width();
                self.push(fixed(
                    width.expect("invariant: only types that are laid out come here"),
                ));
            }
        }
    }
}

/// The offsets of a slice, from zero, and where its values begin and end.
fn offsets(array: &ArrayData) -> (Buffer, usize, usize) {
    if array.is_empty() {
        return (Buffer::from_vec(vec![0i32]), 0, 0);
    }
    let all: &[i32] = array.buffers()[0].typed_data();
    let own = &all[array.offset()..=array.offset() + array.len()];
    let (start, end) = (own[0], own[own.len() - 1]);
    let place = |at: i32| usize::try_from(at).expect("invariant: offsets are positive");
    let buffer = match start {
        0 => array.buffers()[0].slice_with_length(array.offset() * 4, own.len() * 4),
        _ => own.iter().map(|at| at - start).collect::<Vec<i32>>().into(),
    };
    (buffer, place(start), place(end))
}

/// Appends a batch's message.
fn lay_out(batch: &RecordBatch, metadata: &[u8], pieces: &mut Pieces) {
    let mut body = Body::default();
    for column in batch.columns() {
        body.array(&column.to_data());
    }
    let mut builder = FlatBufferBuilder::new();
    let buffers = builder.create_vector(&body.buffers);
    let nodes = builder.create_vector(&body.nodes);
    let rows = i64::try_from(batch.num_rows()).expect("invariant: lengths fit");
    let arguments = ipc::RecordBatchArgs {
        length: rows,
        nodes: Some(nodes),
        buffers: Some(buffers),
        compression: None,
        variadicBufferCounts: None,
    };
    let header = ipc::RecordBatch::create(&mut builder, &arguments).as_union_value();
    let arguments = ipc::MessageArgs {
        version: MetadataVersion::V5,
        header_type: MessageHeader::RecordBatch,
        header: Some(header),
        bodyLength: i64::try_from(body.len).expect("invariant: messages are limited"),
        custom_metadata: None,
    };
    let message = ipc::Message::create(&mut builder, &arguments);
    builder.finish(message, None);
    pieces.message(builder.finished_data(), metadata, body);
}

/// A buffer that owns the bytes of a piece.
struct Owned(Buffer);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Bytes that follow each other on the wire.
#[derive(Default)]
struct Pieces {
    done: Vec<Bytes>,
    small: BytesMut,
}

impl Pieces {
    fn message(&mut self, header: &[u8], metadata: &[u8], body: Body) {
        self.prefix(header, metadata, body.len);
        for buffer in body.data {
            let padding = buffer.len().next_multiple_of(ALIGNMENT) - buffer.len();
            self.buffer(buffer);
            self.small.put_bytes(0, padding);
        }
    }

    fn encoded(&mut self, encoded: EncodedData, metadata: &[u8]) {
        self.prefix(&encoded.ipc_message, metadata, encoded.arrow_data.len());
        self.buffer(Buffer::from_vec(encoded.arrow_data));
    }

    /// What precedes the body: gRPC's flag and length, and the fields of `FlightData` before it.
    fn prefix(&mut self, header: &[u8], metadata: &[u8], body_len: usize) {
        let field = |tag: usize, len: usize| tag + varint_len(len) + len;
        let mut len = field(1, header.len());
        if !metadata.is_empty() {
            len += field(1, metadata.len());
        }
        if body_len > 0 {
            len += field(DATA_BODY.len(), body_len);
        }
        self.small.put_u8(0);
        self.small
            .put_u32(u32::try_from(len).expect("invariant: messages are limited"));
        self.small.put_u8(DATA_HEADER);
        put_varint(&mut self.small, header.len());
        self.small.put_slice(header);
        if !metadata.is_empty() {
            self.small.put_u8(APP_METADATA);
            put_varint(&mut self.small, metadata.len());
            self.small.put_slice(metadata);
        }
        if body_len > 0 {
            self.small.put_slice(&DATA_BODY);
            put_varint(&mut self.small, body_len);
        }
    }

    fn buffer(&mut self, buffer: Buffer) {
        if buffer.len() < OWN_PIECE_BYTES_MIN {
            self.small.put_slice(&buffer);
            return;
        }
        if !self.small.is_empty() {
            self.done.push(self.small.split().freeze());
        }
        self.done.push(Bytes::from_owner(Owned(buffer)));
    }

    fn finish(mut self) -> Vec<Bytes> {
        if !self.small.is_empty() {
            self.done.push(self.small.freeze());
        }
        self.done
    }
}

fn varint_len(mut value: usize) -> usize {
    let mut len = 1;
    while value >= 0x80 {
        value >>= 7;
        len += 1;
    }
    len
}

fn put_varint(out: &mut BytesMut, mut value: usize) {
    while value >= 0x80 {
        out.put_u8(u8::try_from(value & 0x7F).expect("invariant: seven bits") | 0x80);
        value >>= 7;
    }
    out.put_u8(u8::try_from(value).expect("invariant: what is left is less than 128"));
}

/// A schema as an encapsulated IPC message, as FlightInfo and SchemaResult carry it.
///
/// # Errors
/// Arrow has no encoding of a type.
pub fn schema_message(schema: &Schema) -> Result<Bytes, ArrowError> {
    let options = IpcWriteOptions::default();
    let message: arrow_flight::IpcMessage =
        arrow_flight::SchemaAsIpc::new(schema, &options).try_into()?;
    Ok(message.0)
}

/// Batches as one IPC stream.
///
/// # Errors
/// Arrow has no encoding of a column.
pub fn stream_bytes(schema: &Schema, batches: &[RecordBatch]) -> Result<Vec<u8>, ArrowError> {
    let mut writer = ipc::writer::StreamWriter::try_new(Vec::new(), schema)?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.into_inner()
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        ArrayRef, BooleanArray, DictionaryArray, FixedSizeBinaryArray, FixedSizeListArray,
        Float32Array, Int32Array, ListArray, StringArray, StringViewArray, UInt64Array,
    };
    use arrow::datatypes::{Field, UInt8Type, UInt64Type};
    use arrow_flight::FlightData;
    use arrow_flight::decode::FlightRecordBatchStream;
    use futures::TryStreamExt as _;
    use prost::Message as _;

    use super::*;

    /// What a client makes of the pieces.
    fn decoded(pieces: &[Bytes]) -> Vec<RecordBatch> {
        let bytes = Bytes::from(pieces.concat());
        let (mut rest, mut messages) = (bytes, Vec::new());
        while !rest.is_empty() {
            assert_eq!(rest[0], 0);
            let len = u32::from_be_bytes(rest[1..5].try_into().unwrap()) as usize;
            messages.push(Ok(FlightData::decode(rest.slice(5..5 + len)).unwrap()));
            rest = rest.slice(5 + len..);
        }
        let stream = FlightRecordBatchStream::new_from_flight_data(futures::stream::iter(messages));
        futures::executor::block_on(stream.try_collect()).unwrap()
    }

    fn columns(rows: usize) -> Vec<(&'static str, ArrayRef)> {
        let texts = |n: usize| (!n.is_multiple_of(3)).then(|| "x".repeat(n % 50));
        let fingerprints: Vec<u8> = (0..rows * 1280).map(|n| (n % 251) as u8).collect();
        let item = Arc::new(Field::new_list_field(DataType::Float32, true));
        let floats: Float32Array = (0..rows * 8).map(|n| n as f32).collect();
        let zones: Vec<&str> = (0..rows).map(|n| ["node", "fluid"][n % 2]).collect();
        let lists = (0..rows).map(|n| Some((0..n % 4).map(|n| Some(n as u64)).collect::<Vec<_>>()));
        vec![
            (
                "id",
                Arc::new(UInt64Array::from_iter_values(0..rows as u64)),
            ),
            (
                "zone",
                Arc::new(zones.into_iter().collect::<DictionaryArray<UInt8Type>>()),
            ),
            (
                "name",
                Arc::new((0..rows).map(texts).collect::<StringArray>()),
            ),
            (
                "is",
                Arc::new(
                    (0..rows)
                        .map(|n| (!n.is_multiple_of(5)).then_some(!n.is_multiple_of(2)))
                        .collect::<BooleanArray>(),
                ),
            ),
            (
                "evidence",
                Arc::new(ListArray::from_iter_primitive::<UInt64Type, _, _>(lists)),
            ),
            (
                "fingerprint",
                Arc::new(FixedSizeBinaryArray::new(1280, fingerprints.into(), None)),
            ),
            (
                "qualia",
                Arc::new(FixedSizeListArray::new(item, 8, Arc::new(floats), None)),
            ),
            (
                "maybe",
                Arc::new(
                    (0..rows)
                        .map(|n| (!n.is_multiple_of(7)).then_some(n as i32))
                        .collect::<Int32Array>(),
                ),
            ),
        ]
    }

    #[test]
    fn whatever_is_laid_out_here_is_read_as_it_was() {
        let batch = RecordBatch::try_from_iter(columns(100)).unwrap();
        for (offset, len) in [(0, 100), (3, 61), (99, 1), (7, 0)] {
            let part = batch.slice(offset, len);
            let (mut encoder, mut pieces) = StreamEncoder::new(&batch.schema());
            pieces.extend(encoder.batch(&part, b"note").unwrap());
            pieces.extend(encoder.batch(&batch, &[]).unwrap());
            assert_eq!(decoded(&pieces), [part, batch.clone()], "{offset} {len}");
        }
    }

    #[test]
    fn large_buffers_are_the_batchs_own_memory() {
        let batch = RecordBatch::try_from_iter(columns(100)).unwrap();
        let (mut encoder, _) = StreamEncoder::new(&batch.schema());
        let pieces = encoder.batch(&batch, &[]).unwrap();
        let fingerprints = batch.column(5).to_data().buffers()[0].as_ptr();
        assert!(pieces.iter().any(|piece| piece.as_ptr() == fingerprints));
    }

    #[test]
    fn other_columns_are_encoded_by_arrow() {
        let views: ArrayRef = Arc::new(StringViewArray::from_iter_values([
            "a",
            "a text of more than twelve",
        ]));
        let zones: ArrayRef = Arc::new(DictionaryArray::<UInt8Type>::from_iter(["x", "y"]));
        let batch = RecordBatch::try_from_iter([("view", views), ("zone", zones)]).unwrap();
        let (mut encoder, mut pieces) = StreamEncoder::new(&batch.schema());
        pieces.extend(encoder.batch(&batch, &[]).unwrap());
        pieces.extend(encoder.batch(&batch, &[]).unwrap());
        assert_eq!(decoded(&pieces), [batch.clone(), batch]);
    }

    #[test]
    fn a_large_batch_is_sent_in_parts() {
        let floats: ArrayRef = Arc::new(Float32Array::from(vec![1.0; 3 << 20]));
        let batch = RecordBatch::try_from_iter([("x", floats)]).unwrap();
        let (mut encoder, mut pieces) = StreamEncoder::new(&batch.schema());
        pieces.extend(encoder.batch(&batch, &[]).unwrap());
        let parts = decoded(&pieces);
        assert_eq!(parts.len(), 4);
        assert_eq!(
            arrow::compute::concat_batches(&batch.schema(), &parts).unwrap(),
            batch
        );
    }
}
