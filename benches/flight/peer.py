"""The peer: a C++ Flight server (pyarrow's) that streams the record batches of an Arrow file, as they are in memory, and
keeps what is put in memory and, synced, in a file.

    peer.py PORT FILE KEPT
"""

import os
import sys

import pyarrow as pa
import pyarrow.flight as flight


class Server(flight.FlightServerBase):
    def __init__(self, location, table, kept):
        super().__init__(location)
        self.table, self.kept, self.put = table, kept, []

    def do_get(self, context, ticket):
        return flight.RecordBatchStream(self.table)

    def do_put(self, context, descriptor, reader, writer):
        put = reader.read_all()
        with open(self.kept, "ab") as file:
            with pa.ipc.new_stream(file, put.schema) as stream:
                stream.write_table(put)
            file.flush()
            os.fsync(file.fileno())
        self.put.append(put)
        writer.write(pa.py_buffer(b'{"rows": %d}' % put.num_rows))


def main():
    port, path, kept = sys.argv[1:]
    # Read into memory: nothing comes from the disk later.
    with open(path, "rb") as file:
        table = pa.ipc.open_file(pa.py_buffer(file.read())).read_all()
    Server(f"grpc://127.0.0.1:{port}", table, kept).serve()


if __name__ == "__main__":
    main()
