"""Names of the package for type checkers; ``__init__.py`` imports each on first use."""

from entrepot.ah.errors import AlreadyExists as AlreadyExists
from entrepot.ah.errors import AssetHubError as AssetHubError
from entrepot.ah.errors import Canceled as Canceled
from entrepot.ah.errors import Denied as Denied
from entrepot.ah.errors import InvalidPath as InvalidPath
from entrepot.ah.errors import LimitExceeded as LimitExceeded
from entrepot.ah.errors import NotFound as NotFound
from entrepot.ah.errors import NotLoggedIn as NotLoggedIn
from entrepot.ah.errors import ServerUnreachable as ServerUnreachable
from entrepot.ah.functions import commit as commit
from entrepot.ah.functions import create as create
from entrepot.ah.functions import delete as delete
from entrepot.ah.functions import download as download
from entrepot.ah.functions import get as get
from entrepot.ah.functions import list as list
from entrepot.ah.functions import list_grants as list_grants
from entrepot.ah.functions import merge as merge
from entrepot.ah.functions import reset as reset
from entrepot.ah.functions import share as share
from entrepot.ah.functions import stage as stage
from entrepot.ah.functions import status as status
from entrepot.ah.functions import unshare as unshare
from entrepot.ah.functions import update as update
from entrepot.ah.functions import whoami as whoami
from entrepot.ah.resources import Branch as Branch
from entrepot.ah.resources import Commit as Commit
from entrepot.ah.resources import Dataset as Dataset
from entrepot.ah.resources import Folder as Folder
from entrepot.ah.resources import Model as Model
from entrepot.ah.resources import Tag as Tag
from entrepot.ah.sessions import login as login
from entrepot.ah.sessions import logout as logout

__all__: tuple[str, ...]
