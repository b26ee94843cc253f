from __future__ import annotations

import io
from typing import Any

import tqdm

from entrepot.hf.files.tqdm_progress import TqdmProgress


def test_the_class_of_the_user_draws() -> None:
    drawn = io.StringIO()

    def bar(**options: Any) -> object:
        return tqdm.tqdm(file=drawn, mininterval=0, **options)

    meter = TqdmProgress(bar).begin("file.bin", 1000)
    meter.advance(400)
    meter.advance(600)
    meter.finish()
    assert "file.bin: 100%" in drawn.getvalue()
    assert "1.00k/1.00k" in drawn.getvalue()
