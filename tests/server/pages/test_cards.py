from __future__ import annotations

import re
from collections.abc import Callable

import httpx2

from entrepot.hub.repos.infos import WeightCounts
from entrepot.server.pages.card_html import MAX_CARD
from entrepot.server.pages.cards import dtypes_of
from tests.previews.test_gguf import WHOLE as GGUF
from tests.support.served_hub import ServedHub

Show = Callable[[str], str]


def test_the_page_of_a_repository_shows_card_facts_and_snippets(site: ServedHub, show: Show) -> None:
    text = show("/alice/tern")
    assert '<h2 id="card-tern">Tern</h2>' in text
    assert 'href="/alice/tern/blob/main/docs/guide.md"' in text
    assert 'src="/alice/tern/resolve/main/pictures/tern.png"' in text
    assert "for authors" not in text
    assert "license: mit" not in text
    assert 'href="/models?filter=license%3Amit">mit</a>' in text
    assert "AutoModel.from_pretrained" in text
    assert f"git clone {site.url}/alice/tern" in text
    assert 'href="/models?filter=harbour">harbour</a>' in text


def test_a_gguf_file_in_a_folder_has_commands_for_the_programs_that_serve_it(site: ServedHub, show: Show) -> None:
    site.commit(site.repo("quantised"), {"q4/mmproj.gguf": GGUF, "q4/m.gguf": GGUF})
    text = show("/alice/quantised")
    assert re.search(r"llama-server --model-url http\S+/alice/quantised/resolve/[0-9a-f]{40}/q4/m\.gguf<", text)
    assert "FROM ./m.gguf" in text
    assert "<dt>architecture</dt><dd>llama</dd>" in text


def test_metadata_that_cannot_be_read_are_named_with_their_line(
    site: ServedHub, show: Show, signed_in: httpx2.Client
) -> None:
    for name, data in (("broken", b"---\nlicense: [mit\n---\n# D\n"), ("only-broken", b"---\na: b: c\n---\n")):
        site.commit(site.repo(name), {"README.md": data})
        text = show(f"/alice/{name}")
        assert "The metadata at the start of README.md cannot be read.</b> line " in text
        assert "/edit/main/README.md" not in text
        assert f'href="/alice/{name}/edit/main/README.md"' in signed_in.get(f"/alice/{name}").text
    assert "cannot be read" not in show("/alice/tern")


def test_a_repository_without_a_card_says_so(site: ServedHub, show: Show) -> None:
    site.repo("bare")
    text = show("/alice/bare")
    assert "No card yet" in text
    assert "Write a card" not in text
    assert "hf upload" not in text


def test_who_may_write_is_led_to_a_first_card_and_a_first_upload(site: ServedHub, signed_in: httpx2.Client) -> None:
    site.repo("rows", "dataset")
    text = signed_in.get("/datasets/alice/rows").text
    assert f"HF_ENDPOINT={site.url}\nhf auth login\nhf upload alice/rows . --repo-type dataset<" in text
    form = "/datasets/alice/rows/new/main?file=README.md"
    assert f'href="{form}"' in text
    page = signed_in.get(form).text
    assert 'value="README.md"' in page
    assert "---\nlicense:\ntags: []\n---\n\n# rows\n" in page


def test_a_card_that_is_too_large_is_not_rendered(site: ServedHub, show: Show) -> None:
    site.commit(site.repo("large"), {"README.md": b"x" * (MAX_CARD + 1)})
    assert "No card yet" in show("/alice/large")


def test_types_of_numbers_are_sorted_by_their_parameters() -> None:
    assert dtypes_of(WeightCounts({"F32": 1, "BF16": 9}, 10, sharded=False)) == [("BF16", 9), ("F32", 1)]
    assert dtypes_of(None) == []


def test_the_region_is_no_tag_to_look_at(show: Callable[[str], str]) -> None:
    text = show("/alice/tern")
    assert "filter=harbour" in text
    assert "region" not in text


def test_a_repository_without_files_says_nothing_about_its_use(site: ServedHub, show: Callable[[str], str]) -> None:
    empty = site.repo("without-files")
    assert "Use this model" not in show("/alice/without-files")
    site.commit(empty, {".gitattributes": b"*.bin filter=lfs diff=lfs merge=lfs -text\n"})
    assert "Use this model" not in show("/alice/without-files")
    site.commit(empty, {"config.json": b"{}"})
    assert "Use this model" in show("/alice/without-files")


def test_code_to_use_a_model_follows_its_files(site: ServedHub, show: Callable[[str], str]) -> None:
    picture = site.repo("with-pictures")
    site.commit(picture, {"config.json": b'{"architectures": ["ViTForImageClassification"]}'})
    assert "AutoTokenizer" not in show("/alice/with-pictures")
    site.commit(picture, {"preprocessor_config.json": b"{}"})
    assert "processor = AutoImageProcessor.from_pretrained" in show("/alice/with-pictures")
    adapter = site.repo("an-adapter")
    card = b"---\nlibrary_name: transformers\n---\n"
    site.commit(adapter, {"README.md": card, "adapter_config.json": b'{"peft_type": "LORA"}'})
    page = show("/alice/an-adapter")
    assert "AutoPeftModel" in page
    assert "AutoModel.from_pretrained" not in page
