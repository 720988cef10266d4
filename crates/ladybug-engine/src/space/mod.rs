//! The bind space: 65,536 addresses, who lives there, and how they are linked.
//!
//! No files, threads or clocks here: times come in as arguments.
//!
//! | room | holds |
//! |---|---|
//! | `address` | addresses and zones |
//! | `access` | when and how often addresses were used |
//! | `column`, `page`, `sketches`, `chunk` | 256 slots as copy-on-write columns |
//! | `arena` | the memory of pages and sketches |
//! | `staging` | fingerprints that wait for their commit |
//! | `directory` | names and ids to addresses |
//! | `allocator` | which free address is next |
//! | `graph` | edges, in both directions |
//! | `marks`, `fields`, `temporal`, `verbs` | what nodes and edges carry |
//! | `concepts`, `words` | the built-in concepts; a space's own, and its programs |
//! | `state` | a space at one version, for readers |
//! | `image` | a space as plain data, and its invariants |
//! | `derive` | fingerprints from content |
//! | `mutation`, `apply` | how a space changes, and back |
//! | `schema`, `rows` | nodes and edges as Arrow shows them |
//! | `retained` | what a held state keeps in memory |
//! | `restore` | a state from what a checkpoint stored |

pub mod access;
pub mod address;
pub mod allocator;
pub mod apply;
mod arena;
pub mod chunk;
pub mod column;
pub mod concepts;
pub mod derive;
pub mod directory;
pub mod fields;
pub mod graph;
pub mod image;
pub mod marks;
pub mod mutation;
pub mod page;
pub mod restore;
pub mod retained;
pub mod rows;
pub mod schema;
pub mod sketches;
pub mod staging;
pub mod state;
pub mod temporal;
pub mod verbs;
pub mod words;
