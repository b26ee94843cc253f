"""The configuration of a hub: one immutable value, read from mappings.

This package never reads ``os.environ``, the command line or the working
directory; the caller passes them in. Values come, in ascending order of
precedence, from the defaults, one TOML file, ``ENTREPOT_*`` variables and
command-line flags. Secrets are not settings, but for the password of a database: the hub creates and stores its own.
"""

from entrepot.settings.loading import Loaded, load_settings
from entrepot.settings.quantities import parse_duration, parse_size, render_duration, render_size
from entrepot.settings.readings import mask_database
from entrepot.settings.table import SETTINGS, Setting, Settings

__all__ = [
    "SETTINGS",
    "Loaded",
    "Setting",
    "Settings",
    "load_settings",
    "mask_database",
    "parse_duration",
    "parse_size",
    "render_duration",
    "render_size",
]
