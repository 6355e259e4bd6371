"""Patterns for paths: what they match, and that no pattern takes long."""

import re
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.glob import glob


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/", b"/", True),
        ("/", b"/a", False),
        ("/hooks/*", b"/hooks/a", True),
        ("/hooks/*", b"/hooks/", True),
        ("/hooks/*", b"/hooks/a/b", False),
        ("/hooks/*", b"/hooks", False),
        ("/hooks/**", b"/hooks/a/b", True),
        ("/hooks/*/end", b"/hooks/a/end", True),
        ("/hooks/**/end", b"/hooks/end", False),
        ("/aba*aba", b"/aba", False),
        ("/**", b"/", True),
        ("/a.c", b"/abc", False),
        ("/hooks/*", b"/x/hooks/a", False),
        ("/hooks/**", b"/hooks/a\nb", True),
        ("/hooks/***", b"/hooks/a/b", True),
    ],
)
def test_one_star_stays_within_a_segment_and_two_cross(pattern: str, path: bytes, matches: bool) -> None:
    assert glob(pattern).matches(path) is matches


@given(st.text("ab/*", max_size=12), st.text("ab/", max_size=16))
def test_a_pattern_means_what_the_like_regular_expression_means(pattern: str, path: str) -> None:
    parts = re.split(r"(\*\*|\*)", pattern)
    alike = "".join({"**": ".*", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts)
    assert glob(pattern).matches(path.encode()) is bool(re.fullmatch(alike, path))


@pytest.mark.parametrize("pattern", ["/" + "**a" * 60 + "**b**b", "/" + "*a" * 100 + "*b*b"])
def test_no_pattern_makes_a_request_take_long(pattern: str) -> None:
    """Whoever may set a pattern could otherwise stop the gateway for all with one request."""
    before = process_time()
    assert not glob(pattern).matches(b"/" + b"a" * 8000 + b"b")
    assert process_time() - before < 0.5
