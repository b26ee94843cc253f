"""Formats of data files by their names, as ``datasets`` sees them.

Source: docs/protocols/metadata.md, section 5; the endings that ``datasets`` 5.2.0 knows.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence

from entrepot.errors import Malformed

MEDIA_FOLDERS = {"imagefolder": "image", "audiofolder": "audio", "videofolder": "video"}
"""Formats whose files are one medium each, and the column that has it."""

METADATA = frozenset({"metadata.csv", "metadata.jsonl", "metadata.parquet"})
"""Names of files that describe the media beside them."""

ARCHIVE = "zip"
"""The format of archives, which may contain files of any other one; the hub does not look into them."""

_ENDINGS = {
    "csv": "csv tsv",
    "json": "json jsonl ndjson",
    "parquet": "geoparquet gpq parquet",
    "arrow": "arrow",
    "text": "txt",
    "conll": "conll conllu",
    "webdataset": "tar",
    "xml": "xml",
    "hdf5": "h5 hdf5",
    "eval": "eval",
    "harbor": "md toml",
    "lance": "lance",
    "tsfile": "tsfile",
    "vortex": "vortex",
    "fasta": "afa fa faa fasta ffn fna frn",
    "genbank": "gb gbk genbank",
    "fastq": "fastq fq",
    "pdb": "ent pdb",
    "mmcif": "cif mmcif",
    "imagefolder": (
        "apng blp bmp bufr bw cur dcx dds dib emf eps fit fits flc fli ftc ftu gbr gif grib icb "
        "icns ico iim im j2c j2k jfif jp2 jpc jpe jpeg jpf jpg jpx msp pbm pcd pcx pgm png pnm "
        "ppm ps psd pxr ras rgb rgba sgi tga tif tiff vda vst webp wmf xbm xpm"
    ),
    "audiofolder": (
        "3g2 3gp aiff asf au avr caf f4v flac flv htk ircam m4v mat4 mat5 mp3 mpc2k mpg mxf nist "
        "nut ogg ogm opus paf pvf raw rf64 sd2 sds svx voc w64 wav wavex webm wma wmv wve xi"
    ),
    "videofolder": "avi mkv mov mp4 mpeg",
    "meshfolder": "glb gltf ply stl",
    "pdffolder": "pdf",
    "niftifolder": "nii",
    ARCHIVE: "zip",
}
_BY_ENDING = {ending: form for form, endings in _ENDINGS.items() for ending in endings.split()}
_OPTIONS = {"tsv": {"sep": "\t"}, "conllu": {"comment_prefix": "#"}}
# Of these, `datasets` finds files with endings in capitals too.
_CAPITALS = frozenset({*MEDIA_FOLDERS, "meshfolder", "pdffolder", "niftifolder", "pdb"})
_PREFERRED = ("parquet", "lance", "vortex", "arrow", "jsonl", "json", "csv")


def has_format(path: str, form: str) -> bool:
    """Return whether a file of a split belongs to its format; archives and compressed files do as well."""
    for suffix in posixpath.basename(path).split(".")[1:]:
        found = _BY_ENDING.get(suffix)
        if found is None and suffix.isupper():
            found = _BY_ENDING.get(suffix.lower())
            found = found if found in _CAPITALS else None
        if found in (form, ARCHIVE):
            return True
    return False


SEPARATORS = frozenset(",;:|\t^~")
"""Separators of CSV files that a card may name; pandas gives some others a special meaning."""


def format_of(paths: Sequence[str]) -> tuple[str, Mapping[str, str]]:
    r"""Return the format of the most frequent ending of files, and the default options of this ending.

    Each dot of a name begins an ending. For ``tsv``, the option ``sep`` is a tab.

    Raises:
        Malformed: no file has a known one.
    """
    data = [path for path in paths if posixpath.basename(path) not in METADATA] or paths
    counted = Counter(suffix for path in data for suffix in posixpath.basename(path).lower().split(".")[1:])
    known = {suffix: count for suffix, count in counted.items() if suffix in _BY_ENDING}
    if not known:
        raise Malformed("dataset", "it has no files of a known format, such as Parquet, CSV or JSON lines")
    ranks = {suffix: len(_PREFERRED) - at for at, suffix in enumerate(_PREFERRED)}
    ending = max(known, key=lambda suffix: (known[suffix], ranks.get(suffix, 0), suffix))
    return _BY_ENDING[ending], _OPTIONS.get(ending, {})
