"""`docs/arrow.md`: its blocks run in their order, against a server of the test's own in place of the default ports."""

import re

import conftest

PAGE = conftest.ROOT / "docs/arrow.md"
BLOCK = re.compile(r"(?<=```python\n).*?(?=```)", re.DOTALL)


def test_the_arrow_page_does_what_it_says(start):
    server = start()
    blocks = BLOCK.findall(PAGE.read_text())
    assert len(blocks) > 5
    names = {}
    for block in blocks:
        exec(compile(block.replace("127.0.0.1:50051", f"127.0.0.1:{server.flight_port}"), str(PAGE), "exec"), names)
