from __future__ import annotations

import msgspec

from entrepot.wire.repos.cards import CardMessage, CardReport, CardRequest


def test_a_question_reads_as_the_client_writes_it() -> None:
    text = b'{"content":"---","repoType":"dataset"}'
    question = CardRequest(content="---", repo_type="dataset")
    assert msgspec.json.decode(text, type=CardRequest) == question
    assert msgspec.json.encode(question) == text


def test_both_lists_are_always_there() -> None:
    findings = CardReport(errors=[], warnings=[CardMessage(message="w")])
    text = msgspec.json.encode(findings)
    assert text == b'{"errors":[],"warnings":[{"message":"w"}]}'
    assert msgspec.json.decode(text, type=CardReport) == findings
