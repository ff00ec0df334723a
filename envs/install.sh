#!/bin/sh
# install.sh PYTHON ARGS...: install pinned, hash-checked packages into PYTHON's environment.
# uv takes seconds; where it cannot reach the packages (it does not read pip's settings), pip does it.
python=$1
shift
# Bytecode is made now: every job starts in half the time, also where PYTHONDONTWRITEBYTECODE is set.
"$python" -m uv pip install --quiet --compile-bytecode --python "$python" --require-hashes "$@" 2>/dev/null ||
    "$python" -m pip install --quiet --disable-pip-version-check --compile --require-hashes "$@"
