"""Sessions of documents are true: both clients print what the README and docs/reasoning.md show."""

import pytest
import readme_session

PAGES = pytest.mark.parametrize("page", readme_session.PAGES, ids=lambda page: page.stem)


def check(server, client, page):
    for step in readme_session.session(page):
        answer = readme_session.execute(server, step.line, client)
        assert readme_session.without_times(answer) == readme_session.without_times(step.answer), step.line


@PAGES
def test_a_session_is_what_redis_cli_prints(start, page):
    check(start(), ["redis-cli"], page)


@PAGES
def test_a_session_is_what_our_own_client_prints(start, page):
    server = start()
    check(server, [server.binary, "cli", "-2"], page)
