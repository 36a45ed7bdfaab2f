"""How the settings say to talk to a RocketMQ cluster."""

import ssl

from bridge.errors import StartError
from bridge.rocketmq.auth import Credentials
from bridge.settings.sections import RocketMq
from bridge.stores.bus.rocketmq.store import Options


def rocketmq_options(chosen: RocketMq) -> Options:
    """Raises StartError for certificates that cannot be read."""
    credentials = (
        Credentials(chosen.access_key, chosen.secret_key, chosen.security_token or None) if chosen.access_key else None
    )
    return Options(
        credentials=credentials,
        tls=_tls(chosen) if chosen.tls else None,
        server_name=chosen.tls_server_name or None,
        cluster=chosen.cluster,
        prefix=chosen.topic_prefix,
        batch_bytes=chosen.message_size - 2**12,
    )


def _tls(chosen: RocketMq) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=chosen.tls_ca or None)
        if chosen.tls_cert:
            context.load_cert_chain(chosen.tls_cert, chosen.tls_key or None)
    except OSError as error:
        raise StartError(f"cannot use the certificates of [rocketmq] (tls_ca, tls_cert, tls_key): {error}") from error
    return context
