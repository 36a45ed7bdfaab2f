"""A plugin of pytest for ``make test-cluster``, which has all servers: a test that misses one anyway fails the run."""

import pytest

MARK = "BRIDGE_TEST_"
"""In the reason of whoever skips a test because a variable is not set."""

_missed: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and MARK in str(report.longrepr):
        _missed.append(report.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if _missed and not session.exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _missed:
        terminalreporter.section(f"{len(_missed)} tests found no server")
        for name in _missed[:10]:
            terminalreporter.line(name)
