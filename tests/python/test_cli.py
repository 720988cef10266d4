"""`ladybug cli` prints what redis-cli prints."""

import subprocess

import pytest

COMMANDS = [
    ["PING"],
    ["SET", "k", 'a "quoted"\n\tvalue\\ \x01'],
    ["GET", "k"],
    ["GET", "absent"],
    ["INCR", "n"],
    ["HSET", "h", "one", "1", "two", "2"],
    ["HGETALL", "h"],
    ["MGET", "k", "absent", "n"],
    ["KEYS", "none*"],
    ["NOPE", "x"],
    ["HGETALL", "absent"],
    ["INCRBYFLOAT", "f", "1.5"],
    ["COMMAND", "INFO", "get"],
    ["CONFIG", "GET", "maxclients"],
    ["SCAN", "0", "COUNT", "1000"],
]


def run(program, server, arguments, text=None):
    command = [*program, "-p", str(server.port), *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("options, peer_options", [(["--no-raw"], ["--no-raw", "-3"]), (["--raw"], ["--raw", "-3"]),
                                                   (["--no-raw", "-2"], ["--no-raw"])])
def test_replies_look_as_in_redis_cli(server, options, peer_options):
    with server.client() as client:
        client.hset("h", mapping={"one": "1", "two": "2"})  # so that both find it there
    for command in COMMANDS:
        if command[0] in ("INCR", "INCRBYFLOAT"):
            command = ["SET", *command[1:], "1"][:3]
        theirs = run(["redis-cli"], server, [*peer_options, *command])
        ours = run([server.binary, "cli"], server, [*options, *command])
        # In raw mode redis-cli follows an error by an empty line.
        assert ours.stdout.rstrip("\n") == theirs.stdout.rstrip("\n"), command


def test_lines_are_read_with_redis_cli_s_quoting(server):
    script = 'SET "a b" \'c d\'\nGET "a\\x20b"\n\nSET k "unbalanced\nSELECT 3\nDBSIZE\n'
    ours = run([server.binary, "cli"], server, ["--no-raw"], script)
    assert ours.stdout == 'OK\n"c d"\nInvalid argument(s)\nOK\n(integer) 0\n'


def test_the_exit_code_tells_errors_apart(server):
    assert run([server.binary, "cli"], server, ["PING"]).returncode == 0
    assert run([server.binary, "cli"], server, ["NOPE"]).returncode == 1


def test_a_space_and_a_password_are_given_by_options(start):
    server = start("--password", "s3cret")
    cli = [server.binary, "cli"]
    assert "NOAUTH" in run(cli, server, ["GET", "k"]).stdout
    assert run(cli, server, ["-a", "s3cret", "-n", "3", "SET", "k", "v"]).stdout == "OK\n"
    assert run(cli, server, ["-a", "s3cret", "GET", "k"]).stdout == "\n"
    assert run(cli, server, ["-a", "s3cret", "-n", "3", "GET", "k"]).stdout == "v\n"
    wrong = run(cli, server, ["-a", "wrong", "GET", "k"])
    assert "WRONGPASS" in wrong.stderr and wrong.returncode == 1


def test_without_a_server_it_says_so(server):
    server_gone = subprocess.run([server.binary, "cli", "-p", "1", "PING"], capture_output=True, text=True, timeout=30)
    assert server_gone.returncode == 1 and "is the server running?" in server_gone.stderr
