//! Loading into a data directory that no server is using.

use std::path::Path;
use std::sync::Arc;

use ladybug_engine::commit::transaction::{Draft, EdgeDraft, SpaceId, Transaction, sorted_kinds};
use ladybug_engine::engine::{Engine, EngineOptions, SystemClock};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::address::Zone;
use ladybug_engine::space::fields::{FieldValue, Fields};
use ladybug_engine::space::mutation::Content;
use ladybug_engine::storage::DiskStorage;

use super::row::Row;
use super::target::{Progress, Step, Target};
use super::{LoadError, room};

/// An engine of our own.
pub struct DirectoryTarget {
    engine: Engine,
    space: SpaceId,
}

impl DirectoryTarget {
    /// Opens the directory, which is made if it is not there.
    pub fn open(directory: &Path, space: &str) -> Result<Self, LoadError> {
        let wrong = |error: &dyn std::fmt::Display| LoadError::Target(error.to_string());
        let storage = DiskStorage::new(directory).map_err(|error| wrong(&error))?;
        let engine = Engine::open(
            Arc::new(storage),
            Arc::new(SystemClock),
            EngineOptions::default(),
        );
        let engine = engine.map_err(|error| wrong(&error))?;
        let space = engine.space(space).map_err(|error| wrong(&error))?;
        Ok(Self { engine, space })
    }

    fn commit(
        &self,
        f: impl FnOnce(&mut Transaction<'_>) -> Result<(), EngineError>,
    ) -> Result<(), LoadError> {
        let outcome = self.engine.commit(&[self.space], f);
        outcome
            .value
            .map_err(|error| LoadError::Target(error.to_string()))?;
        let durable = self.engine.log().wait(outcome.position);
        durable.map_err(|error| LoadError::Target(error.to_string()))
    }
}

fn put_row(tx: &mut Transaction<'_>, row: &Row) -> Result<(), EngineError> {
    let fields: Fields = row
        .fields
        .iter()
        .map(|(name, value)| (name.as_bytes().into(), value.clone()))
        .collect();
    let content = Content {
        value: row.value.as_deref().map(Into::into),
        ..Content::of_fields(fields)
    };
    let kinds: Vec<Arc<str>> = row.kinds.iter().map(|kind| kind.as_str().into()).collect();
    match tx.find(&row.name) {
        Some(address) => {
            let address = tx.set_expiry(address, None)?;
            tx.set_content(address, content)?;
            if !kinds.is_empty() {
                tx.set_kinds(address, kinds)?;
            }
        }
        None => {
            let name = Some(row.name.as_slice().into());
            tx.create(Draft {
                name,
                content,
                kinds: sorted_kinds(kinds),
                ..Draft::default()
            })?;
        }
    }
    Ok(())
}

fn put_step(tx: &mut Transaction<'_>, step: &Step<'_>) -> Result<(), EngineError> {
    let edge = match step {
        Step::Node(row) => return put_row(tx, row),
        Step::Edge(edge) => edge,
    };
    let end = |name: &[u8]| {
        let missing = || EngineError::NoSuchNode(String::from_utf8_lossy(name).into_owned());
        tx.find(name).ok_or_else(missing)
    };
    let (source, target) = (end(edge.source)?, end(edge.target)?);
    let verb = tx.define_verb(edge.verb)?;
    tx.link(source, verb, target, EdgeDraft::default())?;
    Ok(())
}

impl Target for DirectoryTarget {
    fn progress(&mut self, name: &str) -> Result<Option<Progress>, LoadError> {
        let read = self.engine.read(self.space, |view| {
            let fields = view.find(name.as_bytes())?.fields()?;
            let text = |field: &str| {
                let value = fields.get(field.as_bytes()).map(FieldValue::text)?;
                Some(String::from_utf8_lossy(&value).into_owned())
            };
            Progress::of_fields(Progress::FIELDS.map(text))
        });
        Ok(read.value)
    }

    fn capacity(&mut self) -> Result<usize, LoadError> {
        let there = self
            .engine
            .read(self.space, |view| view.state.population(Zone::Node));
        Ok(room(there.value))
    }

    fn define_verbs(&mut self, verbs: &[String]) -> Result<(), LoadError> {
        self.commit(|tx| {
            verbs
                .iter()
                .try_for_each(|verb| tx.define_verb(verb).map(|_| ()))
        })
    }

    fn put(
        &mut self,
        batch: &[Step<'_>],
        name: &str,
        progress: &Progress,
    ) -> Result<(), LoadError> {
        let note = Row {
            name: name.into(),
            fields: progress
                .fields()
                .into_iter()
                .map(|(name, value)| {
                    (
                        name.to_owned(),
                        FieldValue::Bytes(value.into_bytes().into()),
                    )
                })
                .collect(),
            ..Row::default()
        };
        self.commit(|tx| {
            batch.iter().try_for_each(|step| put_step(tx, step))?;
            put_row(tx, &note)
        })
    }

    fn finish(&mut self, name: &str) -> Result<(), LoadError> {
        self.commit(|tx| match tx.find(name.as_bytes()) {
            Some(address) => tx.remove(address),
            None => Ok(()),
        })?;
        // So that the next start is quick, and Arrow programs can read the files at once.
        let checkpoint = self.engine.checkpoint();
        checkpoint.map_err(|error| LoadError::Target(error.to_string()))?;
        Ok(())
    }
}
