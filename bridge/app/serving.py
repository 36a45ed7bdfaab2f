"""`bridge serve`: a bridge in this process, or several in processes of their own."""

import asyncio
import sys

from bridge.app.bridge import Bridge
from bridge.app.process import obey_signals, run, until
from bridge.app.stores import are_shared
from bridge.app.supervisor import supervise
from bridge.settings.sections import Settings
from bridge.version import VERSION

NOT_SHARED = (
    "workers share their buses and definitions: that takes a RocketMQ store (--store rocketmq://HOST:9876) and a catalog in "
    "PostgreSQL or MySQL (catalog.url). An LMDB store belongs to one process, as memory and SQLite do"
)


def serve(settings: Settings) -> int:
    """Run a bridge until it is told to stop; returns the exit code. Errors of the start are told, not raised."""
    if settings.server.workers == 1:
        return run(_serve(settings), settings)
    if not are_shared(settings):
        sys.stderr.write(f"bridge cannot start: {NOT_SHARED}\n")
        return 1
    return supervise(settings)


async def _serve(settings: Settings) -> int:
    stop = asyncio.Event()
    obey_signals(stop)
    async with Bridge(settings).running() as bridge:
        sys.stdout.write(_welcome(bridge))
        sys.stdout.flush()
        code = await until(stop, bridge.failed)
        sys.stdout.write("stopping; once more stops at once\n")
        sys.stdout.flush()
    return code


def _welcome(bridge: Bridge) -> str:
    store = bridge.settings.store
    place = store.url if store.name_servers else "in memory: gone when it stops"
    return f"""\
bridge {VERSION} is ready. Ctrl-C stops it.
  gRPC  {bridge.grpc_address}
  HTTP  http://{bridge.http_address}  (API: /docs, metrics: /metrics)
  data  {store.directory.absolute() if store.directory else place}
Try, in another terminal:
  bridge apply -f examples/traffic-lights.yaml
  bridge put traffic --type light.changed --source /junction/7 --data '{{"to":"red","speed":61}}'
  bridge tail traffic --from earliest
"""
