"""Flight SQL with ADBC's driver, and pandas and polars from it; DuckDB and polars over a checkpoint's files."""

import pathlib

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi as adbc
import adbc_driver_manager
import duckdb
import pandas
import polars
import pyarrow as pa
import pyarrow.flight as flight
import pytest

CATALOG = "ladybug"


def connect(server, autocommit=True, **options):
    return adbc.connect(f"grpc://127.0.0.1:{server.flight_port}", db_kwargs=options, autocommit=autocommit)


@pytest.fixture
def connection(server):
    with connect(server) as connection:
        yield connection


@pytest.fixture
def cursor(connection):
    with connection.cursor() as cursor:
        yield cursor


def write(server, count=3):
    with server.client() as redis:
        for n in range(count):
            redis.set(f"n{n}", f"value {n}")


def test_adbc_queries_nodes(server, cursor):
    write(server)
    cursor.execute("SELECT name, value, version FROM nodes ORDER BY name")
    table = cursor.fetch_arrow_table()
    assert table["name"].to_pylist() == ["n0", "n1", "n2"] and table["value"][0].as_py() == b"value 0"
    cursor.execute("SELECT count(*) FROM space_0.nodes")
    assert cursor.fetchone() == (3,)
    cursor.execute(f"SELECT name FROM {CATALOG}.space_0.nodes WHERE name = 'n1'")
    assert cursor.fetchall() == [("n1",)]


def test_adbc_prepares_statements_with_parameters(server, cursor):
    write(server)
    cursor.adbc_prepare("SELECT name FROM nodes WHERE name = $1")
    cursor.execute("SELECT name FROM nodes WHERE name = $1", ("n2",))
    assert cursor.fetchall() == [("n2",)]
    cursor.execute("SELECT name FROM nodes WHERE name >= $1 AND name < $2 ORDER BY name", ("n0", "n2"))
    assert cursor.fetchall() == [("n0",), ("n1",)]


def test_adbc_changes_rows_and_counts_them(server, cursor):
    cursor.executemany("INSERT INTO nodes (name, value) VALUES ($1, $2)", [("a", b"1"), ("b", b"2"), ("c", b"3")])
    assert cursor.rowcount == 3
    with server.client() as redis:
        assert redis.get("b") == "2"
    cursor.executemany("UPDATE nodes SET value = $1 WHERE name = $2", [(b"9", "a")])
    assert cursor.rowcount == 1
    cursor.executemany("DELETE FROM nodes WHERE name = $1", [("b",), ("c",)])
    assert cursor.rowcount == 2
    with server.client() as redis:
        assert redis.keys() == ["a"] and redis.get("a") == "9"


def test_sql_changes_are_keyspace_events_once_they_are_committed(server, cursor):
    with server.client() as redis, redis.pubsub() as heard:
        redis.config_set("notify-keyspace-events", "EAn")
        heard.psubscribe("__keyevent@0__:*")
        assert heard.get_message(timeout=5)["type"] == "psubscribe"

        def told(count):
            messages = [heard.get_message(timeout=5) for _ in range(count)]
            return [(message["channel"].split(":")[1], message["data"]) for message in messages]

        cursor.execute("INSERT INTO nodes (name, value, properties) VALUES ('a', X'78', '{\"n\": 1}')")
        assert told(3) == [("new", "a"), ("set", "a"), ("hset", "a")]
        cursor.execute("UPDATE nodes SET name = 'b' WHERE name = 'a'")
        assert told(2) == [("rename_from", "a"), ("rename_to", "b")]
        redis.execute_command("SQL", "BEGIN")
        redis.execute_command("SQL", "DELETE FROM nodes WHERE name = 'b'")
        redis.execute_command("SQL", "INSERT INTO nodes (name) VALUES ('c')")
        redis.execute_command("SQL", "COMMIT")
        assert told(2) == [("del", "b"), ("new", "c")]
        with connect(server, autocommit=False) as connection, connection.cursor() as other:
            other.executemany("UPDATE nodes SET value = X'79' WHERE name = $1", [("c",)])
            connection.commit()
            other.executemany("DELETE FROM nodes WHERE name = $1", [("c",)])
            connection.rollback()
        assert told(1) == [("set", "c")]
        assert heard.get_message(timeout=0.2) is None
        redis.config_set("notify-keyspace-events", "")


def test_adbc_many_rows_are_one_transaction(server, cursor):
    with pytest.raises(adbc_driver_manager.Error, match="named 'a' is there already"):
        cursor.executemany("INSERT INTO nodes (name) VALUES ($1)", [("a",), ("b",), ("a",)])
    with server.client() as redis:
        assert redis.dbsize() == 0


def test_adbc_transactions_commit_and_roll_back(server):
    with connect(server, autocommit=False) as connection, connection.cursor() as cursor:
        cursor.executemany("INSERT INTO nodes (name) VALUES ($1)", [("a",)])
        cursor.execute("SELECT name FROM nodes")
        assert cursor.fetchall() == [("a",)], "it sees its own"
        with server.client() as redis:
            assert redis.dbsize() == 0, "nobody else does"
        connection.commit()
        with server.client() as redis:
            assert redis.keys() == ["a"]
        cursor.executemany("INSERT INTO nodes (name) VALUES ($1)", [("b",)])
        connection.rollback()
        with server.client() as redis:
            assert redis.keys() == ["a"]


def test_adbc_transaction_that_others_crossed_is_refused(server):
    write(server, 1)
    with connect(server, autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT value FROM nodes WHERE name = 'n0'")
        cursor.fetchall()
        cursor.executemany("INSERT INTO nodes (name) VALUES ($1)", [("mine",)])
        with server.client() as redis:
            redis.set("n0", "theirs")
        with pytest.raises(adbc_driver_manager.Error, match="was changed by version"):
            connection.commit()
    with server.client() as redis:
        assert redis.keys() == ["n0"]


def test_adbc_ingests_tables(server, cursor):
    table = pa.table({"name": ["a", "b"], "value": pa.array([b"1", b"2"], pa.binary()), "kinds": [["x"], []]})
    assert cursor.adbc_ingest("nodes", table, mode="append") == 2
    with server.client() as redis:
        assert redis.get("b") == "2"
    with pytest.raises(adbc_driver_manager.Error, match="expected to append"):
        cursor.adbc_ingest("nodes", table, mode="create")


def test_adbc_lists_catalogs_schemas_tables_and_what_the_server_is(server, connection):
    write(server)
    info = connection.adbc_get_info()
    assert info["vendor_name"] == "Ladybug"
    assert "TABLE" in connection.adbc_get_table_types()
    (catalog,) = connection.adbc_get_objects(depth="all").read_all().to_pylist()
    assert catalog["catalog_name"] == CATALOG
    schemas = {schema["db_schema_name"]: schema for schema in catalog["catalog_db_schemas"]}
    tables = {table["table_name"]: table for table in schemas["space_0"]["db_schema_tables"]}
    assert {"nodes", "edges", "verbs", "history", "observations", "spaces", "checkpoints"} <= set(tables)
    columns = [column["column_name"] for column in tables["nodes"]["table_columns"]]
    assert columns[:4] == ["id", "address", "zone", "name"]
    schema = connection.adbc_get_table_schema("nodes", db_schema_filter="space_0")
    assert schema.field("fingerprint").type == pa.binary(1280)


def field(tag, data):
    return bytes([tag << 3 | 2, len(data)]) + data


def answer_of(server, command, message):
    """What a command of Flight SQL answers that no ADBC call asks for: the message itself, through Flight."""
    packed = field(1, b"type.googleapis.com/arrow.flight.protocol.sql." + command) + field(2, message)
    with flight.FlightClient(f"grpc://127.0.0.1:{server.flight_port}") as client:
        info = client.get_flight_info(flight.FlightDescriptor.for_command(packed))
        table = client.do_get(info.endpoints[0].ticket).read_all()
    assert info.schema == table.schema
    return table.to_pylist()


def test_adbc_primary_keys(server):
    keys = answer_of(server, b"CommandGetPrimaryKeys", field(2, b"space_0") + field(3, b"nodes"))
    assert [(row["table_name"], row["column_name"]) for row in keys] == [("nodes", "id")]


def test_adbc_types_for_odbc_and_jdbc(server):
    types = {row["type_name"]: row for row in answer_of(server, b"CommandGetXdbcTypeInfo", b"")}
    assert types["BIGINT UNSIGNED"]["unsigned_attribute"] and types["BIGINT UNSIGNED"]["column_size"] == 64
    assert (types["VARBINARY"]["literal_prefix"], types["VARBINARY"]["literal_suffix"]) == ("X'", "'")
    assert types["TIMESTAMP"]["maximum_scale"] == 6
    timestamps = answer_of(server, b"CommandGetXdbcTypeInfo", b"\x08\x5d")
    assert [row["type_name"] for row in timestamps] == ["TIMESTAMP"]


def test_adbc_statements_run_in_the_space_of_a_header(server):
    with server.client() as redis:
        redis.execute_command("SELECT", "5")
        redis.set("there", "x")
    header = adbc_driver_flightsql.DatabaseOptions.RPC_CALL_HEADER_PREFIX.value + "x-ladybug-space"
    with connect(server, **{header: "5"}) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT name FROM nodes")
        assert cursor.fetchall() == [("there",)]
    with connect(server) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT name FROM space_5.nodes")
        assert cursor.fetchall() == [("there",)]


def test_adbc_gets_in_with_the_password_alone(start):
    server = start(env={"LADYBUG_PASSWORD": "s3cret"})
    with connect(server, username="default", password="s3cret") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM nodes")
        assert cursor.fetchone() == (0,)
    with pytest.raises(adbc_driver_manager.Error, match="(?i)unauthenticated|WRONGPASS|invalid username"):
        with connect(server, username="default", password="wrong") as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")


@pytest.mark.parametrize("statement, message", [
    ("SELEC 1", "(?i)SELEC"),
    ("SELECT * FROM nowhere", "expected a table"),
    ("SELECT nope FROM nodes", "nope"),
    ("SELECT * FROM nodes VERSION AS OF 100000", "yet to come"),
    ("CREATE TABLE x (y INT)", "CREATE"),
    ("BEGIN", "BeginTransaction"),
    ("INSERT INTO nodes (name, nope) VALUES ('a', 1)", "nope"),
])
def test_adbc_errors_say_what_was_expected(server, cursor, statement, message):
    with pytest.raises(adbc_driver_manager.Error, match=message):
        cursor.execute(statement)
        cursor.fetchall()
    cursor.execute("SELECT count(*) FROM nodes")
    assert cursor.fetchone() == (0,)


def test_adbc_feeds_pandas_and_polars(server, connection, cursor):
    write(server)
    frame = pandas.read_sql("SELECT name, confidence FROM nodes ORDER BY name", connection)
    assert list(frame["name"]) == ["n0", "n1", "n2"]
    cursor.execute("SELECT name, confidence FROM nodes ORDER BY name")
    assert polars.from_arrow(cursor.fetch_arrow_table())["name"].to_list() == ["n0", "n1", "n2"]
    frame = polars.read_database("SELECT name FROM nodes ORDER BY name", connection)
    assert frame["name"].to_list() == ["n0", "n1", "n2"]


def test_duckdb_and_polars_read_a_stream(server):
    write(server, 300)
    with flight.FlightClient(f"grpc://127.0.0.1:{server.flight_port}") as client:
        stream = client.do_get(flight.Ticket("all")).to_reader()
        found = duckdb.sql("SELECT count(*), count(DISTINCT name), avg(octet_length(fingerprint)) FROM stream").fetchall()
        assert found == [(300, 300, 1280.0)]
        frame = polars.from_arrow(client.do_get(flight.Ticket("columns=name,fingerprint;all")).read_all())
    assert frame["name"].n_unique() == 300 and frame["fingerprint"].bin.size().unique().to_list() == [1280]


def test_flight_ticket_of_a_statement(server):
    write(server)
    with flight.FlightClient(f"grpc://127.0.0.1:{server.flight_port}") as client:
        query = "sql:SELECT name FROM nodes ORDER BY name LIMIT 2"
        assert client.do_get(flight.Ticket(query)).read_all()["name"].to_pylist() == ["n0", "n1"]
        info = client.get_flight_info(flight.FlightDescriptor.for_command(query))
        assert info.schema.names == ["name"]
        with pytest.raises((flight.FlightError, pa.ArrowException), match="names its columns itself"):
            client.do_get(flight.Ticket("columns=name;" + query)).read_all()


def test_duckdb_and_polars_open_a_checkpoint(start):
    server = start()
    write(server, 300)
    with server.client() as redis:
        redis.save()
    newest = max(pathlib.Path(server.data, "checkpoints").iterdir())
    nodes = pa.ipc.open_file(pa.memory_map(str(newest / "nodes.arrow"))).read_all()
    found = duckdb.sql("SELECT count(*), count(DISTINCT name), avg(octet_length(fingerprint)) FROM nodes").fetchall()
    assert found == [(300, 300, 1280.0)]
    assert polars.read_ipc(newest / "nodes.arrow")["name"].n_unique() == 300
