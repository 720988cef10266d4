//! The rooms of the server that are fuzzed, by the names that they have there, without the others.

/// Query languages.
#[path = "../../src/query"]
pub mod query {
    pub mod cypher;
    pub mod graphql;
}

/// Protocols.
#[path = "../../src/server"]
pub mod server {
    #[cfg(feature = "flight")]
    pub use whole::server::flight;

    /// RESP.
    pub mod resp {
        pub mod request;
    }
}
