"""The README's session is true: both clients print what it shows."""

import readme_session as session


def check(server, client):
    for step in session.steps():
        answer = session.execute(server, step.line, client)
        assert session.without_times(answer) == session.without_times(step.answer), step.line


def test_readme_session_is_what_redis_cli_prints(start):
    check(start(), ["redis-cli"])


def test_readme_session_is_what_our_own_client_prints(start):
    server = start()
    check(server, [server.binary, "cli", "-2"])
