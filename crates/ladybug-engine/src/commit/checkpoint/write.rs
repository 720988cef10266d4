//! Writing a checkpoint: the four tables, then the manifest, then its name.

use std::path::Path;
use std::sync::Arc;

use super::directory::{path_of, prepare, publish};
use super::manifest::{FORMAT, Manifest};
use super::sharing::Sharing;
use super::table::TableWriter;
use super::{
    CATALOGUE_FILE, CheckpointError, Contents, EDGES_FILE, HISTORY_FILE, MANIFEST_FILE, NODES_FILE,
    catalogue, edges, history, nodes,
};
use crate::storage::Storage;

/// Writes and publishes a checkpoint. When it returns, the checkpoint survives a power loss; when it
/// fails, what was there before is there still.
pub fn write(storage: &dyn Storage, contents: &Contents) -> Result<Manifest, CheckpointError> {
    let directory = prepare(storage, contents.position)?;
    let written = write_files(storage, &directory, contents);
    if let Err(error) = &written {
        tracing::warn!("{}: {error}", path_of(contents.position).display());
        // Room for what comes; what cannot be removed now is rubbish that the next start removes.
        if let Err(error) = storage.remove_directory(&directory) {
            tracing::warn!("{error}");
        }
    }
    let manifest = written?;
    publish(storage, contents.position)?;
    Ok(manifest)
}

fn write_files(
    storage: &dyn Storage,
    directory: &Path,
    contents: &Contents,
) -> Result<Manifest, CheckpointError> {
    let sharing = Sharing::of(contents);
    let mut table = TableWriter::create(storage, directory, NODES_FILE, &nodes::schema())?;
    for space in &contents.spaces {
        nodes::write(&mut table, space, &sharing.nodes)?;
    }
    let mut files = vec![table.finish()?];

    let mut table = TableWriter::create(storage, directory, EDGES_FILE, &edges::schema())?;
    for space in &contents.spaces {
        edges::write(&mut table, space, &sharing.edges)?;
    }
    files.push(table.finish()?);

    let mut table = TableWriter::create(storage, directory, HISTORY_FILE, &history::schema())?;
    for space in &contents.spaces {
        history::write(&mut table, space)?;
    }
    files.push(table.finish()?);

    let schema = Arc::new(catalogue::schema(contents.next_id));
    let mut table = TableWriter::create(storage, directory, CATALOGUE_FILE, &schema)?;
    for space in &contents.spaces {
        catalogue::write(&mut table, &schema, space, &sharing)?;
    }
    files.push(table.finish()?);

    let manifest = Manifest {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        position: contents.position,
        epoch: contents.epoch,
        files,
    };
    let file = storage.create(&directory.join(MANIFEST_FILE))?;
    file.write_at(0, &manifest.encode())?;
    file.sync_data()?;
    storage.sync_directory(directory)?;
    Ok(manifest)
}
