//! Reads arbitrary bytes as an Arrow IPC stream or file: nothing panics, and the batches that are read are whole.

use ladybug::server::flight::received::of_ipc;

/// Runs one input. Panics if a promise is broken.
pub fn run(data: &[u8]) {
    let Ok((schema, batches)) = of_ipc(data.to_vec().into()) else {
        return;
    };
    for batch in batches {
        assert_eq!(batch.schema(), schema);
        for column in batch.columns() {
            assert_eq!(column.len(), batch.num_rows());
            assert_eq!(
                column
                    .to_data()
                    .validate_full()
                    .map_err(|error| error.to_string()),
                Ok(())
            );
        }
    }
}
