"""The peer: a C++ Flight server (pyarrow's) that streams the record batches of an Arrow file, as they are in memory.

    peer.py PORT FILE
"""

import sys

import pyarrow as pa
import pyarrow.flight as flight


class Server(flight.FlightServerBase):
    def __init__(self, location, table):
        super().__init__(location)
        self.table = table

    def do_get(self, context, ticket):
        return flight.RecordBatchStream(self.table)


def main():
    port, path = sys.argv[1:]
    # Read into memory: nothing comes from the disk later.
    with open(path, "rb") as file:
        table = pa.ipc.open_file(pa.py_buffer(file.read())).read_all()
    Server(f"grpc://127.0.0.1:{port}", table).serve()


if __name__ == "__main__":
    main()
