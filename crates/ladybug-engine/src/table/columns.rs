//! Some slots of one chunk as columns of the canonical schema: views of the chunk's memory where the slots
//! are one run, and gathered where they are not.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, ListBuilder, PrimitiveBuilder, StringBuilder, UInt64Builder,
};
use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{
    ArrayRef, DictionaryArray, FixedSizeBinaryArray, FixedSizeListArray, PrimitiveArray,
};
use arrow_array::{Float32Array, types::*};
use arrow_buffer::{ArrowNativeType, MutableBuffer, NullBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field};

use super::{FINGERPRINT, RUN_ROWS_MIN};
use crate::fingerprint::{BYTES, Fingerprint};
use crate::space::access::{Access, Accesses};
use crate::space::address::{Address, Zone};
use crate::space::chunk::{Chunk, NEVER};
use crate::space::column::{Column, Fixed, SlotSet};
use crate::space::fields::{FieldValue, Fields};
use crate::space::marks::Truth;
use crate::space::rows::{ZONES, properties, zone_key};

/// Slots of a chunk, all occupied, that become rows in their order.
pub(super) struct Rows<'a> {
    pub(super) prefix: u8,
    pub(super) chunk: &'a Chunk,
    pub(super) slots: SlotSet,
    /// The fingerprints of those that are pending, by address.
    pub(super) derived: &'a [(Address, Fingerprint)],
    pub(super) accesses: Option<&'a Accesses>,
}

impl Rows<'_> {
    /// The first slot and the number of slots, if they follow each other and are enough for a view.
    fn run(&self) -> Option<(usize, usize)> {
        let first = self.slots.iter().next()?;
        let len = self.slots.len();
        if len < RUN_ROWS_MIN {
            return None;
        }
        let last = usize::from(first) + len - 1;
        let is_run = u8::try_from(last)
            .is_ok_and(|last| self.slots.contains(last) && self.slots.rank(last) == len - 1);
        is_run.then_some((usize::from(first), len))
    }

    /// The same where no reified edge is among them, whose slots hold leftovers of most columns.
    fn node_run(&self) -> Option<(usize, usize)> {
        self.run()
            .filter(|_| self.slots.and(&self.chunk.edges).is_empty())
    }

    fn is_edge(&self, slot: u8) -> bool {
        self.chunk.edges.contains(slot)
    }

    /// The column at a place of the canonical schema.
    pub(super) fn column(&self, place: usize) -> ArrayRef {
        let chunk = self.chunk;
        match place {
            0 => self.numbers::<UInt64Type>(&chunk.id, self.run(), None),
            1 => {
                let addresses = self
                    .slots
                    .iter()
                    .map(|slot| Address::new(self.prefix, slot).0);
                Arc::new(PrimitiveArray::<UInt16Type>::from_iter_values(addresses))
            }
            2 => {
                let zone = zone_key(Zone::of_prefix(self.prefix));
                let keys = PrimitiveArray::from_value(zone, self.slots.len());
                Arc::new(DictionaryArray::<UInt8Type>::new(keys, Arc::clone(&ZONES)))
            }
            3 => self.names(),
            4 => self.kinds(),
            5 => {
                let mut values = BinaryBuilder::new();
                self.nodes(|slot| {
                    values.append_option(slot.and_then(|s| chunk.value.get(s).as_ref()))
                });
                Arc::new(values.finish())
            }
            6 => {
                let mut texts = StringBuilder::new();
                self.nodes(|slot| {
                    let fields = slot.and_then(|slot| chunk.fields.get(slot).as_ref());
                    texts.append_option(properties(fields));
                });
                Arc::new(texts.finish())
            }
            FINGERPRINT => self.fingerprints(),
            8 => self.node_numbers::<Float32Type>(&chunk.frequency, Truth::DEFAULT.frequency()),
            9 => self.node_numbers::<Float32Type>(&chunk.confidence, Truth::DEFAULT.confidence()),
            10 => {
                let mut lists = ListBuilder::new(UInt64Builder::new());
                self.nodes(|slot| {
                    let evidence = slot.and_then(|slot| chunk.evidence.get(slot).as_deref());
                    lists.values().append_slice(evidence.unwrap_or_default());
                    lists.append(true);
                });
                Arc::new(lists.finish())
            }
            11 => self.qualia(),
            12 => self.node_numbers::<UInt8Type>(&chunk.rung, 0),
            13 => self.node_numbers::<UInt8Type>(&chunk.depth, 0),
            14 => self.optional_numbers::<UInt64Type>(&chunk.parent, 0),
            15 => self.numbers::<UInt64Type>(&chunk.version, self.run(), None),
            16 => self.node_numbers::<TimestampMicrosecondType>(&chunk.created, 0),
            17 => self.optional_numbers::<TimestampMicrosecondType>(&chunk.expires, NEVER),
            18 => self.used::<TimestampMicrosecondType>(|access| access.last),
            19 => self.used::<UInt32Type>(|access| access.count),
            _ => unreachable!("invariant: places are checked against the schema"),
        }
    }

    /// Calls `f` for each row: with the slot of a node, with `None` for a reified edge.
    fn nodes(&self, mut f: impl FnMut(Option<u8>)) {
        self.slots
            .iter()
            .for_each(|slot| f((!self.is_edge(slot)).then_some(slot)));
    }

    /// A column of plain numbers, a view of a run; a reified edge has `of_edge`, if that is given.
    fn numbers<T: ArrowPrimitiveType>(
        &self,
        column: &Column<T::Native>,
        run: Option<(usize, usize)>,
        of_edge: Option<T::Native>,
    ) -> ArrayRef
    where
        T::Native: Fixed,
    {
        Arc::new(PrimitiveArray::<T>::new(
            self.native(column, run, of_edge),
            None,
        ))
    }

    fn native<N: ArrowNativeType + Fixed>(
        &self,
        column: &Column<N>,
        run: Option<(usize, usize)>,
        of_edge: Option<N>,
    ) -> ScalarBuffer<N> {
        if let Some((first, len)) = run {
            return ScalarBuffer::new(column.buffer(), first, len);
        }
        let values = self.slots.iter().map(|slot| match of_edge {
            Some(of_edge) if self.is_edge(slot) => of_edge,
            _ => *column.get(slot),
        });
        values.collect()
    }

    fn node_numbers<T: ArrowPrimitiveType>(
        &self,
        column: &Column<T::Native>,
        of_edge: T::Native,
    ) -> ArrayRef
    where
        T::Native: Fixed,
    {
        self.numbers::<T>(column, self.node_run(), Some(of_edge))
    }

    /// A column of numbers of which one stands for none.
    fn optional_numbers<T: ArrowPrimitiveType>(
        &self,
        column: &Column<T::Native>,
        none: T::Native,
    ) -> ArrayRef
    where
        T::Native: Fixed,
    {
        let values = self.native(column, self.node_run(), Some(none));
        let nulls: NullBuffer = values.iter().map(|value| *value != none).collect();
        let nulls = Some(nulls).filter(|nulls| nulls.null_count() > 0);
        Arc::new(PrimitiveArray::<T>::new(values, nulls))
    }

    fn names(&self) -> ArrayRef {
        let mut names = StringBuilder::new();
        self.nodes(|slot| {
            let name = slot.and_then(|slot| self.chunk.name.get(slot).as_deref());
            names.append_option(name.and_then(|name| std::str::from_utf8(name).ok()));
        });
        Arc::new(names.finish())
    }

    fn kinds(&self) -> ArrayRef {
        let mut lists = ListBuilder::new(StringBuilder::new());
        self.nodes(|slot| {
            let kinds = slot.and_then(|slot| self.chunk.kinds.get(slot).as_deref());
            for kind in kinds.unwrap_or_default() {
                lists.values().append_value(kind);
            }
            lists.append(true);
        });
        Arc::new(lists.finish())
    }

    fn qualia(&self) -> ArrayRef {
        let column = &self.chunk.qualia;
        let values: ScalarBuffer<f32> = match self.node_run() {
            Some((first, len)) => ScalarBuffer::new(column.buffer(), first * 8, len * 8),
            None => {
                let of = |slot| {
                    if self.is_edge(slot) {
                        [0.0; 8]
                    } else {
                        *column.get(slot)
                    }
                };
                self.slots.iter().flat_map(of).collect()
            }
        };
        let item = Arc::new(Field::new_list_field(DataType::Float32, true));
        let values = Arc::new(Float32Array::new(values, None));
        Arc::new(FixedSizeListArray::new(item, 8, values, None))
    }

    /// The fingerprints, whose rows in a mapped checkpoint follow each other as their slots do.
    fn fingerprints(&self) -> ArrayRef {
        let (rows, stored) = self.chunk.fingerprints().buffer();
        let is_there = |slots: &SlotSet| {
            slots.and(&self.chunk.pending).is_empty() && slots.without(&stored).is_empty()
        };
        let bytes = match self.run().filter(|_| is_there(&self.slots)) {
            Some((first, len)) => {
                let row = stored.rank(first as u8);
                rows.slice_with_length(row * BYTES, len * BYTES)
            }
            None => {
                let mut gathered = MutableBuffer::new(self.slots.len() * BYTES);
                for slot in self.slots.iter() {
                    for word in self.fingerprint(slot).words() {
                        gathered.extend_from_slice(&word.to_le_bytes());
                    }
                }
                gathered.into()
            }
        };
        Arc::new(FixedSizeBinaryArray::new(BYTES as i32, bytes, None))
    }

    fn fingerprint(&self, slot: u8) -> &Fingerprint {
        if !self.chunk.pending.contains(slot) {
            return self.chunk.fingerprint(slot);
        }
        let address = Address::new(self.prefix, slot);
        let at = self
            .derived
            .binary_search_by_key(&address, |(address, _)| *address);
        &self.derived[at.expect("invariant: what is pending was encoded for the scan")].1
    }

    /// A column of access statistics, null where there was no access.
    fn used<T: ArrowPrimitiveType>(&self, of: impl Fn(Access) -> T::Native) -> ArrayRef {
        let mut column = PrimitiveBuilder::<T>::with_capacity(self.slots.len());
        for slot in self.slots.iter() {
            let access = self
                .accesses
                .map(|all| all.get(Address::new(self.prefix, slot)));
            column.append_option(access.filter(|access| access.count > 0).map(&of));
        }
        Arc::new(column.finish())
    }

    /// At least as many bytes as a slot's name, value and properties take in Arrow.
    pub(super) fn varying_bytes(&self, slot: u8) -> usize {
        let chunk = self.chunk;
        let len = |bytes: &Option<Arc<[u8]>>| bytes.as_ref().map_or(0, |bytes| bytes.len());
        let fields = chunk.fields.get(slot).as_deref();
        len(chunk.name.get(slot)) + len(chunk.value.get(slot)) + fields.map_or(0, json_bytes_max)
    }
}

/// At most what the JSON of fields takes: no byte is written with more than six, no number with more than 32.
pub(super) fn json_bytes_max(fields: &Fields) -> usize {
    fn of_value(value: &FieldValue) -> usize {
        match value {
            FieldValue::Bytes(bytes) => 6 * bytes.len() + 3,
            FieldValue::Temporal(value) => value.to_string().len() + 3,
            FieldValue::List(items) => 3 + items.iter().map(of_value).sum::<usize>(),
            FieldValue::Integer(_) | FieldValue::Float(_) | FieldValue::Boolean(_) => 32,
        }
    }
    let of_field = |(name, value): (&Arc<[u8]>, &FieldValue)| 6 * name.len() + 4 + of_value(value);
    fields.iter().map(of_field).sum()
}
