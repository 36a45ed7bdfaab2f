"""The Java that RocketMQ runs on, and its jars: fetched once by Maven into a cache, found there ever after."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from tests.servers.errors import ServerProblem

LEAST_JAVA = 11
EXPECTED_MB = 104
PROGRESS_EVERY_S = 2.0
STAMP = "pom.xml"
"""The pom that a complete cache was filled from; written last, so a folder with it is whole."""


def find_java() -> str:
    """The ``java`` of JAVA_HOME, else of the path. Raises ServerProblem if there is none, or only an old one."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin" if home else None)
    if not java:
        place = f"JAVA_HOME ({home})" if home else "the path"
        raise ServerProblem(
            f"there is no java in {place}. RocketMQ needs a JDK or JRE of version {LEAST_JAVA} or newer, such as Debian's "
            "openjdk-17-jre-headless or Homebrew's openjdk; or start a Docker engine, and the cluster runs there."
        )
    said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=False)
    version = parse_java_version(said.stderr + said.stdout)
    if version < LEAST_JAVA:
        what = f"is version {version}" if version else f"names no version: {(said.stderr + said.stdout).strip()}"
        raise ServerProblem(f"{java} {what}; RocketMQ needs {LEAST_JAVA} or newer. JAVA_HOME chooses another.")
    return java


def parse_java_version(text: str) -> int:
    """17 of ``openjdk version "17.0.15"``, 8 of ``java version "1.8.0_402"``; 0 where there is no version."""
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(found[1]) if found else 0


def jars(pom: Path, cache: Path) -> Path:
    """The folder with RocketMQ's jars, downloaded if it is not there yet."""
    folder = cache / f"rocketmq-{parse_version(pom.read_text('utf-8'))}"
    if not is_complete(folder, pom):
        _download(pom, folder)
    return folder


def parse_version(pom: str) -> str:
    found = re.search(r"<rocketmq\.version>([^<]+)</rocketmq\.version>", pom)
    assert found is not None
    return found[1].strip()


def is_complete(folder: Path, pom: Path) -> bool:
    """Filled to the end, and from this very pom."""
    stamp = folder / STAMP
    return stamp.is_file() and stamp.read_bytes() == pom.read_bytes()


def _download(pom: Path, folder: Path) -> None:
    maven = shutil.which("mvn")
    if not maven:
        raise ServerProblem(
            "there is no mvn in the path. Maven fetches RocketMQ (once); it is Debian's and Homebrew's package maven. "
            "Or start a Docker engine, and the cluster runs there."
        )
    print(f"downloading {folder.name} (about {EXPECTED_MB} MB, once) to {folder} ...", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [maven, "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    _run_with_progress([*command, "-DincludeScope=runtime"], folder)
    shutil.copyfile(pom, folder / STAMP)


def _run_with_progress(command: list[str], folder: Path) -> None:
    """Maven fetches into its own repository first and copies at the end; its lines tell of both."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder) as maven:
        assert maven.stdout is not None
        said = _show_progress(maven.stdout)
    if maven.returncode:
        problems = [line for line in said if line.startswith("[ERROR]")] or said
        raise ServerProblem("Maven could not fetch RocketMQ:\n" + "\n".join(f"  {line}" for line in problems[:8]))


def _show_progress(lines: Iterable[str]) -> list[str]:
    """Prints how far it is, now and then; returns all lines."""
    kept: list[str] = []
    shown, fetched = time.monotonic(), 0.0
    for line in lines:
        kept.append(line.rstrip())
        fetched += parse_fetched_mb(line)
        if time.monotonic() - shown > PROGRESS_EVERY_S:
            shown = time.monotonic()
            print(f"  {fetched:.0f} of about {EXPECTED_MB} MB", file=sys.stderr, flush=True)
    return kept


def parse_fetched_mb(line: str) -> float:
    """1.2 of Maven's ``Downloaded from central: https://... (1.2 MB at 3.0 MB/s)``; 0 of any other line."""
    found = re.search(r"Downloaded from .*\((\d+(?:\.\d+)?) (B|kB|MB) at ", line)
    return float(found[1]) * {"B": 1e-6, "kB": 1e-3, "MB": 1}[found[2]] if found else 0
