from __future__ import annotations

import csv

import pytest

from entrepot.errors import Malformed
from entrepot.previews.sources import BytesRangeReader
from entrepot.previews.tables.text_tables import SAMPLE, sample_csv, sample_json_lines


def test_a_csv_file_has_columns_with_types_and_rows() -> None:
    data = b'id,score,label,text,none\n1,0.5,true,"a\nb",\n2,3,false,c,NA\n'
    table = sample_csv(BytesRangeReader(data))
    assert table.columns == {"id": "int", "score": "float", "label": "bool", "text": "string", "none": "null"}
    assert (table.rows, table.is_exact) == (2, True)


def test_tabs_separate_the_columns_of_tsv() -> None:
    assert sample_csv(BytesRangeReader(b"a\tb\n1\tx\n"), separator="\t").columns == {"a": "int", "b": "string"}


def test_json_lines_have_columns_with_types_and_rows() -> None:
    data = b'{"a": 1, "b": [1]}\n\n{"a": 2.5, "c": {"d": 1}}\n{"a": null, "b": "x"}\n'
    table = sample_json_lines(BytesRangeReader(data))
    assert table.columns == {"a": "float", "b": "string", "c": "object"}
    assert (table.rows, table.is_exact) == (3, True)


def test_the_rows_of_a_large_file_are_estimated() -> None:
    line = b'{"a": 1, "text": "' + b"x" * 80 + b'"}\n'
    data = line * 20_000
    assert len(data) > 4 * SAMPLE
    table = sample_json_lines(BytesRangeReader(data))
    assert not table.is_exact
    assert abs(table.rows - 20_000) < 10


def test_an_empty_file_has_no_rows() -> None:
    assert sample_csv(BytesRangeReader(b"")).rows == 0
    assert sample_json_lines(BytesRangeReader(b"")).rows == 0


def test_other_files_are_refused() -> None:
    with pytest.raises(Malformed, match="not UTF-8"):
        sample_csv(BytesRangeReader(b"a,b\n\xff\n"))
    with pytest.raises(Malformed, match="not an object"):
        sample_json_lines(BytesRangeReader(b"[1]\n"))
    with pytest.raises(Malformed, match="malformed JSON lines file"):
        sample_json_lines(BytesRangeReader(b"[" * 100_000))
    with pytest.raises(Malformed, match="no end of a line"):
        sample_csv(BytesRangeReader(b"x" * (SAMPLE + 1)))
    csv.field_size_limit(1 << 30)  # as another reader may have set it
    with pytest.raises(Malformed, match="malformed CSV file: field larger"):
        sample_csv(BytesRangeReader(b"a,b\n" + b'"' + b"x" * 200_000 + b'"\n'))
