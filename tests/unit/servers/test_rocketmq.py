"""Command lines and configuration of RocketMQ's processes."""

import json
from pathlib import Path

import pytest

from tests.servers import rocketmq
from tests.servers.settings import DOCKER, Settings

COMMON = (DOCKER / "broker.conf").read_text("utf-8")
JARS = Path("/jars")


def settings(**fields: object) -> Settings:
    return Settings(state=Path("/state"), cache=Path("/cache"), **fields)  # type: ignore[arg-type]


def properties(text: str) -> dict[str, str]:
    """As Java reads them: the last of equal keys counts."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_a_broker_is_told_who_and_where_it_is() -> None:
    """Behind what all brokers are told."""
    conf = properties(rocketmq.broker_conf(COMMON, settings(brokers=2, name_server_port=2000), "broker-b"))
    assert conf["brokerName"] == "broker-b"
    assert conf["namesrvAddr"] == "127.0.0.1:2000"
    assert conf["listenPort"] == "10921"
    assert conf["brokerIP1"] == conf["bindAddress"] == "127.0.0.1"
    assert conf["storePathRootDir"] == "/state/broker-b/store"
    assert conf["storePathCommitLog"] == "/state/broker-b/store/commitlog"


def test_what_all_brokers_are_told() -> None:
    """The keys that tests and bridge rely on."""
    conf = properties(COMMON)
    assert conf["autoCreateTopicEnable"] == "false"
    assert conf["timerSkipUnknownError"] == "true"
    assert conf["recallMessageEnable"] == "true"
    assert conf["waitTimeMillsInSendQueue"] == "2000"
    assert int(conf["mappedFileSizeCommitLog"]) % 4096 == 0
    assert int(conf["mappedFileSizeConsumeQueue"]) % 20 == 0
    for place in ("InMemory", "InDisk"):
        assert int(conf[f"maxTransferCountOnMessage{place}"]) == 1024
        assert int(conf[f"maxTransferBytesOnMessage{place}"]) == 4 * 2**20


def test_the_common_part_knows_no_machine() -> None:
    """Names, addresses, ports and folders are added for each broker, in a container or without."""
    own = {
        "brokerName",
        "namesrvAddr",
        "brokerIP1",
        "bindAddress",
        "listenPort",
        "storePathRootDir",
        "storePathCommitLog",
    }
    assert not own & properties(COMMON).keys()


@pytest.mark.parametrize(("folder", "written"), [("/é", r"/\u00e9"), ("/😀", r"/\ud83d\ude00"), ("/a\\b", r"/a\\b")])
def test_folders_are_written_as_java_reads_them(folder: str, written: str) -> None:
    """A properties file is ISO 8859-1 with escapes."""
    odd = Settings(state=Path(folder), cache=Path("/cache"))
    assert properties(rocketmq.broker_conf("", odd, "broker-a"))["storePathRootDir"] == f"{written}/broker-a/store"


def test_name_server_listens_on_the_loopback() -> None:
    """At the port that was chosen."""
    text = rocketmq.name_server_properties(settings(name_server_port=2000))
    assert properties(text) == {"listenPort": "2000", "bindAddress": "127.0.0.1"}


def test_proxy_gets_its_ports() -> None:
    """In the file that the container gets, too."""
    text = (DOCKER / "rmq-proxy.json").read_text("utf-8")
    told = json.loads(rocketmq.proxy_json(text, settings(proxy_grpc_port=2001, proxy_remoting_port=2002)))
    assert told == {"rocketMQClusterName": rocketmq.CLUSTER, "grpcServerPort": 2001, "remotingListenPort": 2002}


def test_command_lines() -> None:
    """Small heaps, a home of its own for logs and store, its own configuration file."""
    broker = rocketmq.broker_program(settings(broker_java_opts="-Xmx1g -Da=b"), "broker-a", "/bin/java", JARS)
    assert broker.command[:6] == (
        "/bin/java",
        "-Xms256m",
        "-Xmx512m",
        "-XX:MaxDirectMemorySize=256m",
        "-Xmx1g",
        "-Da=b",
    )
    assert "-Duser.home=/state/broker-a" in broker.command
    assert broker.command[-5:-3] == ("-cp", "/jars/*")
    assert broker.command[-2:] == ("-c", "/state/broker-a/broker.conf")
    assert broker.environment == {"ROCKETMQ_HOME": "/state/broker-a"}
    assert list(broker.ports.values()) == [10911, 10909, 10912]
    server = rocketmq.name_server_program(settings(), "/bin/java", JARS)
    assert "-Xmx128m" in server.command
    assert server.address == "127.0.0.1:9876"
    proxy = rocketmq.proxy_program(settings(name_server_port=2000), "/bin/java", JARS)
    assert proxy.command[-6:-2] == ("-pm", "cluster", "-n", "127.0.0.1:2000")


def test_tools_are_run_with_the_same_jars() -> None:
    """That is mqadmin, unless another main class is asked for, such as a benchmark."""
    admin = rocketmq.tool_command("java", JARS, Path("/t"), "clusterList", "-n", "here")
    assert admin[-4:] == (rocketmq.MQADMIN, "clusterList", "-n", "here")
    other = rocketmq.tool_command("java", JARS, Path("/t"), "-t", "x", main="a.Producer")
    assert other[-3:] == ("a.Producer", "-t", "x")


def test_open_ports_are_known() -> None:
    """HA ports of all brokers; those of the proxy only if there is one."""
    assert rocketmq.open_ports(settings()) == [10912]
    assert rocketmq.open_ports(settings(brokers=2, proxy=True)) == [10912, 10922, 8081, 8082]
