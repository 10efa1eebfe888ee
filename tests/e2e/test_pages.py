"""The pages for users, run as they are written (see pages.py)."""
import re

import pytest
from daemon import build
from pages import NEEDS_KUBO, Page, blocks_of, pattern_of, why_not


def test_what_a_block_is():
    text = ("a\n```sh\none\ntwo\n```\n\n```text\nx … z\n…\nlast\n```\n<!-- sh b\nhidden\n-->\n```json\n{}\n```\n"
            "```sh c\nthree\n```\n")
    assert blocks_of(text) == [(2, "a", "one\ntwo\n", "x … z\n…\nlast\n"), (12, "b", "hidden\n", None), (18, "c", "three\n", None)]
    pattern = pattern_of("x … z\n…\nlast\n")
    assert re.fullmatch(pattern, "x y z\nlast\n") and re.fullmatch(pattern, "x y y z\nmore\nand more\nlast\n")
    assert not re.fullmatch(pattern, "x y z\n") and not re.fullmatch(pattern, "x\nlast\n")


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
@pytest.mark.parametrize("page", ["quick-start.md", "concepts.md", "ctl.md", "troubleshooting.md", "operations.md", "rest.md",
                                  "security.md", *NEEDS_KUBO])
def test_as_written(page, tmp_path):
    if page in NEEDS_KUBO and (why := build()):
        pytest.skip(why)
    with Page(page, tmp_path) as run:
        run.run()
