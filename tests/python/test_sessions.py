"""The sessions that pages show are true: both clients print what they show."""

import pytest
import sessions


def check(page, server, client):
    for step in sessions.session(page):
        answer = sessions.execute(server, step.line, client)
        assert sessions.without_times(answer) == sessions.without_times(step.answer), step.line


@pytest.mark.parametrize("page", sessions.PAGES, ids=lambda page: page.stem)
def test_a_session_is_what_redis_cli_prints(page, start):
    check(page, start(), ["redis-cli"])


@pytest.mark.parametrize("page", sessions.PAGES, ids=lambda page: page.stem)
def test_a_session_is_what_our_own_client_prints(page, start):
    server = start()
    check(page, server, [server.binary, "cli", "-2"])
