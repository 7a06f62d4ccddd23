"""Every code stands in one place, and files keep it as it is."""

import ast
from pathlib import Path

import msgspec

from stackmatrix.results.findings import Code, Finding, invalid, note

SOURCES = Path(__file__).parents[3] / "src" / "stackmatrix"


def test_no_code_is_spelled_in_source_outside_of_its_enumeration() -> None:
    spelled = {
        (path.name, node.value)
        for path in SOURCES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        # A code of one word may be another word, too.
        if isinstance(node, ast.Constant) and node.value in set(Code) and "-" in str(node.value)
    }
    assert {name for name, _ in spelled} == {"findings.py"}


def test_a_finding_is_written_with_its_code_as_a_word() -> None:
    found = note(Code.CLIENT_RETRIES, "Sent again.")
    assert found == Finding(code="client-retries", severity="note", sentence="Sent again.")
    assert msgspec.json.decode(msgspec.json.encode(found)) == msgspec.to_builtins(found)
    assert invalid(Code.PACE, "Slow.").severity == "invalid"
