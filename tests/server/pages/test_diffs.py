from __future__ import annotations

from markupsafe import Markup

from entrepot.server.pages import diffs
from entrepot.server.pages.diffs import DiffLine, colour_diff, parse_diff

TEXT = """diff --git a/a b.txt b/a b.txt
index 1..2 100644
--- a/a b.txt
+++ b/a b.txt
@@ -3,2 +3,3 @@ def f():
 same
--- a dash
+<script>alert(1)</script>
+two
\\ No newline at end of file
diff --git a/new.bin b/new.bin
new file mode 100644
index 0..2
Binary files /dev/null and b/new.bin differ
diff --git a/gone.txt b/gone.txt
deleted file mode 100644
--- a/gone.txt
+++ /dev/null
@@ -1 +0,0 @@
-x
"""


def test_a_diff_is_divided_into_files_and_numbered_lines() -> None:
    found = parse_diff(TEXT)
    assert found.is_complete
    assert [(file.path, file.note, file.added, file.removed) for file in found.files] == [
        ("a b.txt", "", 2, 1),
        ("new.bin", "new file, not text", 0, 0),
        ("gone.txt", "deleted", 0, 1),
    ]
    assert not any(file.is_cut for file in found.files)
    assert parse_diff("diff --git a/x b/x\n").files[0].is_cut
    assert found.files[0].lines == [
        DiffLine("@", "@@ -3,2 +3,3 @@ def f():"),
        DiffLine(" ", "same", 3, 3),
        DiffLine("-", "-- a dash", 4, None),
        DiffLine("+", "<script>alert(1)</script>", None, 4),
        DiffLine("+", "two", None, 5),
    ]


def test_a_long_diff_is_cut_and_says_so() -> None:
    many = "diff --git a/x b/x\n@@ -0,0 +1,9999 @@\n" + "+line\n" * (diffs.MAX_LINES + 5)
    found = parse_diff(many)
    assert found.is_complete
    assert found.files[0].is_cut
    assert len(found.files[0].lines) == diffs.MAX_LINES
    assert found.files[0].added == diffs.MAX_LINES + 5
    wide = parse_diff("diff --git a/x b/x\n@@ -1 +1 @@\n+" + "x" * 10_000)
    assert len(wide.files[0].lines[1].text) < 3_000
    files = parse_diff("".join(f"diff --git a/{n} b/{n}\n" for n in range(diffs.MAX_FILES + 1)))
    assert (len(files.files), files.is_complete) == (diffs.MAX_FILES, False)


def test_nothing_and_noise_are_no_files() -> None:
    assert parse_diff("").files == []
    assert parse_diff("(more files differ)\n").files == []


def test_lines_of_code_have_the_colours_of_their_side_and_hunk() -> None:
    text = """diff --git a/src/a.py b/src/a.py
@@ -1,2 +1,2 @@
-a = "<b>
+a = 1
 if x:
@@ -9 +9 @@ if y:
+    pass
"""
    assert colour_diff(parse_diff(text)).files[0].lines == [
        DiffLine("@", "@@ -1,2 +1,2 @@"),
        DiffLine("-", 'a = <span class="s">&quot;&lt;b&gt;</span>', 1, None),
        DiffLine("+", 'a = <span class="o">1</span>', None, 1),
        DiffLine(" ", '<span class="k">if</span> x:', 2, 2),
        DiffLine("@", "@@ -9 +9 @@ if y:"),
        DiffLine("+", '    <span class="k">pass</span>', None, 9),
    ]
    assert colour_diff(parse_diff(TEXT)) == parse_diff(TEXT)


def test_lines_are_rows_with_their_signs_numbers_and_escaped_text() -> None:
    lines = [DiffLine("@", "@@ <a>"), DiffLine("+", "a < b", None, 7), DiffLine("-", "x", 8), DiffLine(" ", "y", 9, 10)]
    html = diffs.rows_html(lines)
    assert html.count("<tr") == html.count("</tr>") == 4
    assert "@@ &lt;a&gt;" in html
    assert '<tr class="a"><td class="ln"></td><td class="ln">7</td>' in html
    assert 'added </span><span aria-hidden="true">+</span>a &lt; b</td>' in html
    assert '<tr class="d"><td class="ln">8</td><td class="ln"></td>' in html
    assert '<tr><td class="ln">9</td><td class="ln">10</td>' in html


def test_text_of_rows_that_is_html_already_is_kept() -> None:
    assert '<span class="k">if</span>' in diffs.rows_html([DiffLine(" ", Markup('<span class="k">if</span>'), 1, 1)])
