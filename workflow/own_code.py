"""The workflow runs the code beside it, whatever else is installed.

Another project has the name ``cgmm`` on the package registry and is imported under it too.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


class OtherPackageError(ValueError):
    """Another package than the one beside the workflow is imported as cgmm."""


def use_own_code(root: Path) -> None:
    """Put the folder of the code before all other folders, and make sure that it is imported.

    Parameters
    ----------
    root
        The folder that holds ``cgmm`` and ``workflow``.

    Raises
    ------
    OtherPackageError
        When this process has imported another ``cgmm`` already, or finds another one first.
    """
    sys.path.insert(0, str(root))
    cgmm = importlib.import_module("cgmm")
    places = [cgmm.__file__] if cgmm.__file__ else list(cgmm.__path__)
    if not any(Path(place).resolve().is_relative_to(root.resolve() / "cgmm") for place in places):
        found = Path(places[0]).parent if places else "nowhere"
        msg = (
            f"`import cgmm` gives the package in {found}, not the one in {root / 'cgmm'}, which "
            "this workflow needs. The package called cgmm on the registry is another project: "
            "remove it from this environment (pip uninstall cgmm), and run again."
        )
        raise OtherPackageError(msg)
