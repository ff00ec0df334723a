"""Populations that all targets of a comparison share: found once, kept as a pair of files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.comparison import Comparison
from cgmm._anndata.expression import naming_expression
from cgmm._anndata.keys import CONDITION, DONOR
from cgmm._anndata.sides import take_sides
from cgmm._utils.files import atomic
from cgmm._utils.strict_json import loads, write_json
from cgmm.coupled.result import CoupledFit
from cgmm.results.annotate import read_values, usable_markers
from cgmm.results.fit_files import load_fit
from cgmm.tl._annotate import Naming
from cgmm.tl._shared_populations import SharedNames, shared_names, with_shared_populations


@dataclass(frozen=True, kw_only=True)
class SharedInputs:
    """Where the inputs of :func:`share` are.

    Attributes
    ----------
    fits
        Path of the fit of every target, without its endings.
    embedding, facts
        The embedding and the .json file beside it.
    prepared
        The values of all cells.
    """

    fits: Sequence[Path]
    embedding: Path
    facts: Path
    prepared: Path


def share(
    paths: SharedInputs,
    stem: Path,
    *,
    source: str,
    targets: Sequence[str],
    annotation_key: str | None = None,
    markers: str | Path | None = None,
    random_state: int = 0,
) -> int:
    """Find the populations of a source and its targets together, and write them.

    Parameters
    ----------
    paths
        The inputs.
    stem
        Path of the files to write, ``stem.npz`` and ``stem.json``.
    source, targets
        The conditions; targets in the order of the fits.
    annotation_key, markers
        As in :func:`cgmm.results.write.summarise`.
    random_state
        Seed.

    Returns
    -------
    Number of populations.
    """
    facts = loads(paths.facts.read_text(encoding="utf-8"))
    embedding = ad.read_h5ad(paths.embedding)
    rows = embedding.obs[CONDITION].astype(str).isin([source, *targets]).to_numpy(dtype=bool)
    values = read_values(paths.prepared, rows=rows)
    adata = ad.AnnData(
        X=values.X,
        obs=embedding.obs.loc[rows],
        var=embedding.var,
        obsm={name: embedding.obsm[name][rows] for name in embedding.obsm},
    )
    sides = [
        take_sides(
            adata,
            Comparison(
                condition_key=CONDITION,
                source=source,
                target=target,
                use_rep=facts["use_rep"],
                n_dims=facts["n_dims"],
                donor_key=DONOR if DONOR in adata.obs else None,
            ),
            min_cells=1,
        )
        for target in targets
    ]
    fits = with_shared_populations(
        [load_fit(path) for path in paths.fits], sides, random_state=random_state
    )
    table = usable_markers(adata, None if markers is None else Path(markers))[0]
    labels = None if annotation_key is None else adata.obs[annotation_key].astype(object).to_numpy()
    names = shared_names(
        adata,
        fits,
        sides,
        labels=labels,
        expression=None,
        layer=None,
        markers=Naming(markers=table).found(naming_expression(adata, None, None)),
    )
    _write(stem, fits, names, targets)
    return 0 if names is None else len(names.names)


def _write(
    stem: Path, fits: Sequence[CoupledFit], names: SharedNames | None, targets: Sequence[str]
) -> None:
    arrays: dict[str, np.ndarray] = {}
    if names is not None:
        arrays["source"] = np.asarray(fits[0].populations_source)
        for i, fit in enumerate(fits):
            arrays[f"target_{i}"] = np.asarray(fit.populations_target)
            arrays[f"elsewhere_{i}"] = np.asarray(fit.populations_elsewhere)
    content = {
        "targets": list(targets),
        "names": [] if names is None else names.names,
        "evidence": {} if names is None else names.evidence.to_dict(orient="list"),
    }
    with atomic(stem.with_suffix(".npz")) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    write_json(content, stem.with_suffix(".json"), nan_as_null=True)


def with_shared(fit: CoupledFit, stem: Path, target: str) -> tuple[CoupledFit, SharedNames | None]:
    """Return a fit with the populations that :func:`share` wrote, and their names.

    Parameters
    ----------
    fit
        The fit of one target.
    stem
        Path of the files without their endings.
    target
        The target condition.

    Raises
    ------
    ValueError
        When the files are about other targets or other cells.
    """
    content = loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
    if target not in content["targets"]:
        msg = f"{stem}.json has the targets {content['targets']}, not {target!r}: make it again."
        raise ValueError(msg)
    if not content["names"]:
        return fit, None
    i = content["targets"].index(target)
    with np.load(stem.with_suffix(".npz"), allow_pickle=False) as stored:
        codes = stored["source"], stored[f"target_{i}"]
        elsewhere = stored[f"elsewhere_{i}"]
    known = fit.populations_source, fit.populations_target
    for one, own in zip(codes, known, strict=True):
        if own is None or len(one) != len(own):
            msg = f"{stem}.npz was made from other cells than the fit: make it again."
            raise ValueError(msg)
    evidence = pd.DataFrame(content["evidence"])
    for name in ("score", "runner_up_score"):
        evidence[name] = pd.to_numeric(evidence[name], errors="coerce").astype(float)
    made = replace(
        fit,
        populations_source=codes[0],
        populations_target=codes[1],
        populations_elsewhere=elsewhere,
    )
    return made, SharedNames(content["names"], evidence)
