from __future__ import annotations

import re
from collections.abc import Callable

import httpx2

from entrepot.hub.repos import branches, repositories
from entrepot.hub.repos.repositories import RepoChanges
from tests.previews.test_event_files import WHOLE
from tests.support.served_hub import ServedHub

Show = Callable[[str], str]
EVIL = "<script>alert(1)</script>"
TAB = 'href="/alice/{}/metrics"'


def card(value: object, name: str = "accuracy") -> bytes:
    metrics = f"[{{type: '{name}', value: {value}}}, {{type: huge, value: -1e308}}, {{type: nan, value: .nan}}]"
    result = f"{{task: {{type: other}}, dataset: {{name: d, type: unknown}}, metrics: {metrics}}}"
    return f"---\nmodel-index: [{{name: gull, results: [{result}]}}]\n---\n# Gull\n".encode()


def test_versions_are_a_table_and_a_chart(site: ServedHub, show: Show) -> None:
    model = site.repo("gull")
    site.commit(model, {"README.md": card(0.5, EVIL)})
    branches.create_tag(site.hub, site.caller(), model, "main", "v1", None)
    site.commit(model, {"README.md": card(0.75, EVIL)})
    text = show("/alice/gull/metrics")
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert text.index(">main<") < text.index(">v1<")
    assert "0.75" in text
    assert "-1e+308" in text
    assert text.count('class="plot"') == 2
    assert "style=" not in text
    assert not re.search(r"[=\" ](nan|inf)\b", text)
    assert TAB.format("gull") in show("/alice/gull")


def test_files_of_a_revision_are_charts_with_a_table(site: ServedHub, show: Show) -> None:
    model = site.repo("auk")
    site.commit(model, {"a.txt": b"1"})
    assert "No metrics yet" in show("/alice/auk/metrics")
    assert TAB.format("auk") not in show("/alice/auk")
    lines = f'{{"step": 1, "{EVIL}": 1e308}}\n{{"step": 2, "{EVIL}": NaN}}\n{{"step": 3, "{EVIL}": -1e308}}\n'
    files = {"runs/events.out.tfevents.1": WHOLE, "metrics.jsonl": lines.encode(), "bad.tfevents": b"\xff" * 40}
    old = site.commit(model, files)
    site.commit(model, {"metrics.jsonl": b""})
    assert TAB.format("auk") in show("/alice/auk")
    text = show(f"/alice/auk/metrics?revision={old}")
    assert text.count('class="plot"') == 3
    assert "<script>" not in text
    assert "bad.tfevents: " in text
    assert f"/alice/auk/blob/{old}/runs/events.out.tfevents.1" in text
    assert show("/alice/auk/metrics").count('class="plot"') == 2


def test_who_may_not_read_the_files_sees_no_metrics(
    site: ServedHub, browser: httpx2.Client, signed_in: httpx2.Client
) -> None:
    model = site.repo("gated-gull")
    site.commit(model, {"README.md": card(0.123)})
    repositories.configure(site.hub, site.caller(), model, RepoChanges(gated="manual"))
    refused = browser.get("/alice/gated-gull/metrics")
    assert refused.status_code == 401
    assert "0.123" not in refused.text
    assert "0.123" in signed_in.get("/alice/gated-gull/metrics").text
    hidden, absent = (browser.get(f"/alice/{name}/metrics") for name in ("hidden", "nobody"))
    assert hidden.status_code == absent.status_code == 401
    assert browser.get("/datasets/alice/tides/metrics").status_code == 404
    assert browser.get("/alice/tern/metrics?revision=nowhere").status_code == 404


def test_results_of_several_models_stand_in_one_table(site: ServedHub, show: Show, browser: httpx2.Client) -> None:
    for name, value in (("plover", 0.25), ("dunlin", 0.125)):
        site.commit(site.repo(name), {"README.md": card(value)})
    site.commit(site.repo("knot"), {"README.md": card(0.5, EVIL)})
    plain = show("/alice/plover/metrics")
    assert "Results of several models" not in plain
    assert 'name="with"' in plain
    text = show("/alice/plover/metrics?with=ALICE/dunlin,alice/knot&with=alice/dunlin&with=alice/plover")
    table = text.partition("Results of several models, from")[2].partition("</table>")[0]
    assert re.findall(r'<a href="/alice/(\w+)/metrics">', table) == ["plover", "dunlin", "knot"]
    assert re.findall(r">([^<]*)</td>", table) == [
        *("-1e+308", "0.25", ""),
        *("-1e+308", "0.125", ""),
        *("-1e+308", "", "0.5"),
    ]
    assert "<script>" not in text
    assert 'value="alice/dunlin alice/knot"' in text
    names = "&".join(f"with=alice/m{number}" for number in range(6))
    refused = browser.get(f"/alice/plover/metrics?{names}")
    assert refused.status_code == 413
    assert "number of models to compare with" in refused.text


def test_a_model_that_the_visitor_may_not_read_compares_like_an_absent_one(
    site: ServedHub, show: Show, signed_in: httpx2.Client
) -> None:
    site.commit(site.repo("ruff"), {"README.md": card(0.25)})
    private, gated = site.repo("ruff-own", visibility="private"), site.repo("ruff-not")
    for ref in (private, gated):
        site.commit(ref, {"README.md": card(0.875)})
    repositories.configure(site.hub, site.caller(), gated, RepoChanges(gated="manual"))
    rows = []
    for name in ("ruff-own", "ruff-not", "ruff-nil", "?<b>/'"):
        text = show(f"/alice/ruff/metrics?with={'alice/' if name.startswith('ruff') else ''}{name}")
        rows.append(re.findall(r"<tr>.*?</tr>", text.partition("several models, from")[2])[-1].replace(name, "NAME"))
    assert rows[0] == rows[1] == rows[2]
    assert "There is no model of this name that you can read." in rows[0]
    assert "0.875" not in "".join(rows)
    assert ">0.875</td>" in signed_in.get("/alice/ruff/metrics?with=alice/ruff-own").text


def test_metrics_that_several_models_have_are_bars_too(site: ServedHub, show: Show, browser: httpx2.Client) -> None:
    for name, value in (("godwit", 0.5), ("curlew", 0.25)):
        site.commit(site.repo(name), {"README.md": card(value)})
    site.commit(site.repo("hidden-wader", visibility="private"), {"README.md": card(0.75)})
    text = show("/alice/godwit/metrics?with=alice/curlew,alice/hidden-wader,alice/no-wader")
    assert 'aria-label="accuracy: alice/godwit 0.5, alice/curlew 0.25; the table has the same numbers"' in text
    bars = text.partition('aria-label="accuracy: ')[2].partition("</svg>")[0]
    assert re.findall(r'<rect(?: class="new")? x="([0-9.]+)" y="[0-9]+" width="([0-9.]+)"', bars) == [
        ("0.0", "560.0"),
        ("0.0", "280.0"),
    ]
    assert "hidden-wader" not in bars
    api = "/api/models/alice/godwit/metrics?revision=main&with=alice/curlew&with=alice/hidden-wader"
    assert f'href="{api.replace("&", "&amp;").replace("=alice/", "=alice%2F")}' in text
    compared = browser.get(api).json()["compared"]
    assert [item["name"] for item in compared] == ["alice/godwit", "alice/curlew", "alice/hidden-wader"]
    assert compared[1]["metrics"] == {"accuracy": 0.25, "huge": -1e308}
    assert compared[2]["metrics"] is None


def test_a_metric_of_one_model_has_no_bars(site: ServedHub, show: Show) -> None:
    site.commit(site.repo("lone"), {"README.md": card(0.5, EVIL)})
    site.commit(site.repo("other"), {"README.md": card(0.5)})
    text = show("/alice/lone/metrics?with=alice/other")
    assert text.count("the table has the same numbers") == 1
    assert 'aria-label="huge: ' in text
