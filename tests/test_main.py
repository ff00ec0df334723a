"""The command ``cgmm``: each of its commands answers, and explains itself."""

from __future__ import annotations

import pytest

import cgmm
from cgmm.__main__ import COMMANDS, main


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c[0])
def test_every_command_explains_itself_with_an_example(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    name, _, says, example = command
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    assert says[1:] in said
    assert f"Example: {example}" in said


def test_the_list_of_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert all(f"    {name} " in said for name, *_ in COMMANDS)
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"cgmm {cgmm.__version__}\n"


@pytest.mark.parametrize("given", [[], ["no-such-command"]])
def test_without_a_command_there_is_a_sentence(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(given)
    assert ended.value.code == 2
    assert "COMMAND" in capsys.readouterr().err
