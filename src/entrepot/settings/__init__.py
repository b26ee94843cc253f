"""The configuration of a hub: one immutable value, read from mappings.

Nothing here looks at ``os.environ``, at the command line or at the working
directory; the caller hands them in. Values come, weakest first, from the
defaults, one TOML file, ``ENTREPOT_*`` variables and command-line flags.
Secrets are no settings: the hub makes and keeps its own.
"""

from entrepot.settings.loading import Loaded, load_settings
from entrepot.settings.quantities import parse_duration, parse_size, render_duration, render_size
from entrepot.settings.table import SETTINGS, Setting, Settings

__all__ = [
    "SETTINGS",
    "Loaded",
    "Setting",
    "Settings",
    "load_settings",
    "parse_duration",
    "parse_size",
    "render_duration",
    "render_size",
]
