"""Execution of Alembic migrations without a configuration file."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from entrepot.catalog import dialects
from entrepot.catalog.named_locks import Lock


def scripts() -> ScriptDirectory:
    """Return the migrations that this version ships."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def upgrade(engine: sa.Engine) -> None:
    """Apply every missing migration in one transaction."""
    directory = scripts()
    environment = EnvironmentContext(Config(), directory)
    with engine.connect() as connection, dialects.of(engine).begin(connection, [Lock.hub()]):
        environment.configure(
            connection=connection,
            fn=lambda revision, _context: directory._upgrade_revs("head", revision),
            transactional_ddl=True,
        )
        environment.run_migrations()
