"""Start the web process: python -m portal.web SETTINGS."""

from __future__ import annotations

import os
import sys
from typing import Final

import uvicorn

from portal import settings
from portal.web.app import create
from portal.web.identity import ConfigurationError

_GRACE_SECONDS: Final = 5


def main(arguments: list[str]) -> int:
    """Serve until the process is ended; 2 when it cannot be started like this."""
    file = settings.asked("Serve the pages and the JSON of the portal, until it is ended.", "portal.web", arguments)
    os.umask(0o077)  # the database is this user's alone
    try:
        chosen = settings.load(file)
        app = create(chosen)
    except (settings.SettingsError, ConfigurationError) as error:
        print(error, file=sys.stderr)
        return 2
    app.state.database.migrate()
    assert chosen.web is not None  # noqa: S101 - create has refused that
    uvicorn.run(
        app,
        host=chosen.web.host,
        port=chosen.web.port,
        proxy_headers=False,  # it would believe anybody on loopback about the address
        server_header=False,
        access_log=False,
        log_level="info",
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
