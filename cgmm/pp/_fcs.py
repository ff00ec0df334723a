"""Files of flow and mass cytometers, read by flowio."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from cgmm.pp._names import no_markers
from cgmm.pp._reading import Read, Reading
from cgmm.pp._samples import InputError, listed

COFACTOR_FLUORESCENCE = 150.0
COFACTOR_MASS = 5.0
MASS = re.compile(r"cytof|helios|mass", re.I)
SPILL = ("spill", "spillover", "comp")


def read_fcs(path: Path, reading: Reading) -> Read:
    """Read events as arcsinh of the values on their linear scale, without time and scatter."""
    found, doubt = _opened(path)
    values = np.asarray(found.as_array(preprocess=True), dtype=np.float64)
    channels, names = _names(found)
    other = {
        channel
        for kind, group in {**no_markers(channels), **no_markers(names)}.items()
        if kind != "live or dead"
        for channel in group
    }
    kept = [i for i, n in enumerate(names) if n not in other and channels[i] not in other]
    if not kept:
        msg = f"{path}: holds no channel beside time and scatter (channels: {listed(channels)})."
        raise InputError(msg)
    cofactor = reading.cofactor or _cofactor(found, [channels[i] for i in kept])
    adata = ad.AnnData(
        np.arcsinh(values[:, kept] / cofactor).astype(np.float32),
        obs=pd.DataFrame(index=[f"event{i}" for i in range(len(values))]),
        var=pd.DataFrame({"channel": [channels[i] for i in kept]}, index=[names[i] for i in kept]),
    )
    left_out = [names[i] for i in range(len(names)) if i not in kept]
    transform = f"arcsinh(x / {cofactor:g})"
    remark = (
        f"gain, logarithmic scale and time step of the file were applied, then {transform}; "
        f"left out: {listed(left_out)}"
    )
    if any(key in found.text for key in SPILL):
        remark += "; the spillover matrix of the file was not applied"
    return Read(adata, remark + doubt, transform)


def _opened(path: Path) -> tuple[Any, str]:
    """Read a file, and say when its header contradicts its text about where the events are."""
    import flowio

    try:
        return flowio.FlowData(str(path)), ""
    except flowio.exceptions.DataOffsetDiscrepancyError:
        found = flowio.FlowData(str(path), ignore_offset_discrepancy=True)
        return (
            found,
            "; its header and its text place the events differently, the text was followed",
        )


def _names(found: Any) -> tuple[list[str], list[str]]:
    """Names of the channels, and of what they measure: ``$PnS``, else the channel."""
    numbers = sorted(found.channels)
    channels = [str(found.channels[i]["pnn"]).strip() for i in numbers]
    labels = [str(found.channels[i].get("pns") or "").strip() for i in numbers]
    names = [label or channel for label, channel in zip(labels, channels, strict=True)]
    if len(set(names)) < len(names):  # one marker in two channels
        names = [
            f"{n} {c}" if names.count(n) > 1 else n for n, c in zip(names, channels, strict=True)
        ]
    return channels, names


def _cofactor(found: Any, channels: list[str]) -> float:
    """Divisor that is usual for the instrument; channels of mass cytometers end in Di."""
    mass = bool(MASS.search(str(found.text.get("cyt", ""))))
    if mass or (channels and all(channel.endswith("Di") for channel in channels)):
        return COFACTOR_MASS
    return COFACTOR_FLUORESCENCE
