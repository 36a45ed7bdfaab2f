"""Finding Java, and fetching jars once: with scripts in the place of java and mvn."""

from pathlib import Path

import pytest

from tests.servers.errors import ServerProblem
from tests.servers.java import find_java, is_complete, jars, parse_fetched_mb, parse_java_version

POM = "<project><rocketmq.version>5.5.0</rocketmq.version></project>"
COPYING_MAVEN = """\
for word; do case $word in -DoutputDirectory=*) folder=${word#*=};; esac; done
echo '[INFO] Downloaded from central: https://host/a.jar (1.0 MB at 2 MB/s)'
echo jar > "$folder/a.jar"
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of the path, but for the shell's own tools; no Java is set."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return folder


@pytest.fixture
def pom(tmp_path: Path) -> Path:
    path = tmp_path / "given-pom.xml"
    path.write_text(POM)
    return path


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_402"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ('openjdk version "27-ea" 2026-09-15', 27),
        ("The operation couldn't be completed", 0),
    ],
)
def test_versions_of_java(said: str, version: int) -> None:
    """Old and new ways to write them; 0 where there is none."""
    assert parse_java_version(said) == version


def test_java_of_the_path_is_taken(programs: Path) -> None:
    """If it is new enough."""
    script(programs / "java", """echo 'openjdk version "11.0.2"' >&2""")
    assert find_java() == str(programs / "java")


def test_java_home_counts_more(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Than the path."""
    script(programs / "java", """echo 'openjdk version "11.0.2"'""")
    (tmp_path / "jdk" / "bin").mkdir(parents=True)
    script(tmp_path / "jdk" / "bin" / "java", """echo 'openjdk version "17.0.2"'""")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    assert find_java() == str(tmp_path / "jdk" / "bin" / "java")


def test_no_java(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install, and where it was looked for."""
    with pytest.raises(ServerProblem, match=r"no java in the path.*11 or newer.*openjdk-17"):
        find_java()
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    with pytest.raises(ServerProblem, match=r"no java in JAVA_HOME \(/nowhere\)"):
        find_java()


@pytest.mark.parametrize(
    ("said", "what"), [('java version "1.8.0_402"', "is version 8"), ("oh no", "no version: oh no")]
)
def test_a_java_of_no_use(programs: Path, said: str, what: str) -> None:
    """Too old, or something that is no Java."""
    script(programs / "java", f"echo '{said}'")
    with pytest.raises(ServerProblem, match=f"{what}; RocketMQ needs 11"):
        find_java()


def test_jars_are_fetched_once(programs: Path, pom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second time they lie there, and Maven is not asked."""
    script(programs / "mvn", COPYING_MAVEN)
    folder = jars(pom, tmp_path / "cache")
    assert (folder / "a.jar").read_text() == "jar\n"
    assert "104 MB, once" in capsys.readouterr().out
    (programs / "mvn").unlink()
    assert jars(pom, tmp_path / "cache") == folder == tmp_path / "cache" / "rocketmq-5.5.0"
    assert capsys.readouterr().out == ""


def test_another_pom_fetches_anew(programs: Path, pom: Path, tmp_path: Path) -> None:
    """Also of the same version; what lay there is gone."""
    script(programs / "mvn", COPYING_MAVEN)
    folder = jars(pom, tmp_path / "cache")
    (folder / "old.jar").touch()
    pom.write_text(POM + "<!-- one more artifact -->")
    assert jars(pom, tmp_path / "cache") == folder
    assert not (folder / "old.jar").exists()


def test_a_failed_download_is_told_and_tried_again(programs: Path, pom: Path, tmp_path: Path) -> None:
    """Half a cache never counts as a whole one."""
    script(programs / "mvn", "echo '[INFO] scanning'; echo '[ERROR] no such host'; exit 1")
    with pytest.raises(ServerProblem, match=r"could not fetch RocketMQ:\n  \[ERROR\] no such host$"):
        jars(pom, tmp_path / "cache")
    assert not is_complete(tmp_path / "cache" / "rocketmq-5.5.0", pom)
    script(programs / "mvn", COPYING_MAVEN)
    assert is_complete(jars(pom, tmp_path / "cache"), pom)


def test_no_maven(programs: Path, pom: Path, tmp_path: Path) -> None:
    """Needed for the first start only, which the error says."""
    with pytest.raises(ServerProblem, match=r"no mvn in the path.*once"):
        jars(pom, tmp_path / "cache")


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("[INFO] Downloaded from central: https://host/a.jar (1.2 MB at 3.0 MB/s)", 1.2),
        ("[INFO] Downloaded from central: https://host/a.pom (4.7 kB at 18 kB/s)", 0.0047),
        ("[INFO] Downloaded from central: https://host/a.pom (900 B at 18 kB/s)", 0.0009),
        ("[INFO] Downloading from central: https://host/a.jar", 0),
        ("[INFO] Copying a.jar to /cache/a.jar", 0),
    ],
)
def test_progress_is_read_from_mavens_lines(line: str, size: float) -> None:
    """Megabytes of each download."""
    assert parse_fetched_mb(line) == pytest.approx(size)
