"""Integer counts of named genes: negative binomial, two conditions, donors."""

from __future__ import annotations

from collections.abc import Mapping

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from cgmm._anndata.keys import CELL_TYPE, CONDITION, DONOR, TRUTH
from cgmm._utils.arguments import check_number, check_seed, check_whole
from cgmm.simulate._common import (
    NAMES,
    check_names,
    check_sizes,
    donor_effects,
    donor_names,
    log2_ratio,
    obs_table,
    simplex,
    split,
)

DEFAULT_LOG2_CHANGE = {"Beta": 1.0, "Delta": -1.0}
DEFAULT_SHIFT = {"Alpha": 2.0, "Gamma": 1.0}


def counts(
    *,
    n_cells: int = 4000,
    n_genes: int = 1000,
    n_donors: int = 5,
    shares: Mapping[str, float] | None = None,
    log2_change: Mapping[str, float] | None = None,
    shift: Mapping[str, float] | None = None,
    gone: str | None = None,
    new: str | None = None,
    new_share: float = 0.08,
    conditions: tuple[str, str] = ("control", "treated"),
    donor_share_sd: float = 0.2,
    donor_expression_sd: float = 0.1,
    paired: bool = False,
    median_counts: float = 2500.0,
    random_state: int = 0,
) -> ad.AnnData:
    """Draw integer counts of two conditions.

    Each subpopulation has ten marker genes of its own (``ALPHA01`` ... ``ALPHA10``). In the second
    condition, subpopulations with a ``shift`` raise a shared programme of twenty genes (``RESP01``
    ... ``RESP20``). Ten genes are called ``MT-SIM01`` ... ``MT-SIM10`` and have a few per cent of
    the counts. All other genes (``GENE0001`` ...) do not differ between subpopulations. Counts are
    Poisson draws with Gamma-distributed rates (negative binomial); library sizes are log-normal.

    Parameters
    ----------
    n_cells
        Number of cells of both conditions together, split evenly over conditions and donors.
    n_genes
        Number of genes.
    n_donors
        Number of donors of each condition.
    shares
        Share of each subpopulation in the first condition, by name; scaled to sum to one. By
        default six subpopulations, from Alpha with 28 % to Zeta with 8 %.
    log2_change
        Requested log2 change of the share, by name of the subpopulation. Shares of other
        subpopulations change only by the common scale. By default Beta +1 and Delta -1.
    shift
        Log2 increase of the programme genes, by name of the subpopulation. By default Alpha 2 and
        Gamma 1.
    gone
        Subpopulation that is absent from the second condition.
    new
        Name of a subpopulation that is only in the second condition.
    new_share
        Share of ``new`` in the second condition.
    conditions
        Names of the two conditions, source first.
    donor_share_sd
        Standard deviation of a donor's log shares (natural logarithm).
    donor_expression_sd
        Standard deviation of a donor's log expression, per gene (natural logarithm).
    paired
        Whether both conditions have the same donors, with the same random effects.
    median_counts
        Median library size.
    random_state
        Seed. The same seed gives the same counts.

    Returns
    -------
    AnnData
        ``X`` counts (CSR, float32, integer values); ``obs`` condition, donor, sample, cell_type
        (the true subpopulation); ``var`` kind ("marker", "programme", "mitochondrial",
        "background") and marker_of; ``uns["truth"]`` a dict of arrays: names, log2_net, shift,
        shares_source, shares_target and log2_net_sample (the log2 ratio of shares among the drawn
        cells, with donors weighted equally).

    Raises
    ------
    TypeError
        When a parameter has the wrong type.
    ValueError
        When a subpopulation is not known, a share is negative or a size is too small.

    Examples
    --------
    >>> adata = cg.simulate.counts(n_cells=600, n_genes=200, n_donors=3)
    >>> adata.shape
    (600, 200)
    >>> adata.uns["truth"]["names"].tolist()
    ['Alpha', 'Beta', 'Gamma', 'Delta', 'Epsilon', 'Zeta']
    """
    n_cells = check_whole("n_cells", n_cells, 2)
    check_sizes(n_cells // 2, n_donors, n_genes=n_genes)
    check_number("donor_share_sd", donor_share_sd, 0.0)
    check_number("donor_expression_sd", donor_expression_sd, 0.0)
    check_number("median_counts", median_counts, 1.0, above_zero=True)
    check_names(conditions)
    check_seed(random_state)
    source, target, length, names = _composition(shares, log2_change, shift, gone, new, new_share)
    rng = np.random.default_rng(random_state)
    var, profile, programme = _profiles(names, n_genes, rng)

    def effects() -> tuple[np.ndarray, np.ndarray]:
        return donor_effects(
            n_donors, len(names), n_genes, donor_share_sd, donor_expression_sd, rng
        )

    first = effects()
    by_side = (first, first if paired else effects())
    blocks, obs = [], []
    n_side = (n_cells - n_cells // 2, n_cells // 2)
    for side, base in enumerate((source, target)):
        labels = donor_names(side, n_donors, paired=paired)
        rates = profile + (programme * length[:, None] * np.log(2) if side else 0.0)
        for d, n in enumerate(split(n_side[side], n_donors)):
            log_share, log_expression = by_side[side][0][d], by_side[side][1][d]
            z = rng.choice(len(names), size=n, p=simplex(base * np.exp(log_share)))
            blocks.append(_draw_counts(rates[z] + log_expression, median_counts, rng))
            obs.append(
                pd.DataFrame({CONDITION: conditions[side], DONOR: labels[d], CELL_TYPE: names[z]})
            )
    table = pd.concat(obs, ignore_index=True)
    adata = ad.AnnData(
        X=sp.vstack(blocks, format="csr"),
        obs=obs_table({str(name): column.to_numpy(object) for name, column in table.items()}),
        var=var,
    )
    drawn = [_sample_shares(table, c, names) for c in conditions]
    adata.uns[TRUTH] = {
        "names": names,
        "log2_net": log2_ratio(target, source),
        "log2_net_sample": log2_ratio(drawn[1], drawn[0]),
        "shift": length,
        "shares_source": source,
        "shares_target": target,
    }
    return adata


def _composition(
    shares: Mapping[str, float] | None,
    log2_change: Mapping[str, float] | None,
    shift: Mapping[str, float] | None,
    gone: str | None,
    new: str | None,
    new_share: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return shares of source and of target, lengths of shifts, and names, all in one order."""
    if shares is None:
        shares = dict(zip(NAMES, (0.28, 0.2, 0.18, 0.14, 0.12, 0.08), strict=False))
    if not isinstance(shares, Mapping):
        msg = f"shares must map names to shares, as {{'Alpha': 0.5, 'Beta': 0.5}}; got {shares!r}."
        raise TypeError(msg)
    known = [*shares]
    # The defaults apply only to subpopulations with default names.
    change = (
        {k: v for k, v in DEFAULT_LOG2_CHANGE.items() if k in known}
        if log2_change is None
        else dict(log2_change)
    )
    moved = {k: v for k, v in DEFAULT_SHIFT.items() if k in known} if shift is None else dict(shift)
    asked = {*change, *moved} | ({gone} if gone is not None else set())
    if strangers := sorted(asked - set(known)):
        msg = f"No subpopulation is called {strangers[0]!r}; there are {', '.join(known)}."
        raise ValueError(msg)
    if new in known:
        msg = f"new={new!r} is already a subpopulation of the first condition: choose another name."
        raise ValueError(msg)
    source = simplex(np.array([shares[k] for k in known], dtype=float))
    ratio = np.array([0.0 if k == gone else 2.0 ** change.get(k, 0.0) for k in known])
    target = simplex(source * ratio)
    length = np.array([moved.get(k, 0.0) for k in known])
    if new is not None:
        if not 0 < new_share < 1:
            msg = f"new_share={new_share} is not a share: give a number between 0 and 1."
            raise ValueError(msg)
        known.append(new)
        source = np.append(source, 0.0)
        target = np.append(target * (1 - new_share), new_share)
        length = np.append(length, 0.0)
    return source, target, length, np.array(known, dtype=object)


def _profiles(
    names: np.ndarray, n_genes: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return table of genes, log rates (K, n_genes), and programme genes as 0 or 1, (n_genes,)."""
    n_marker, n_programme, n_mito = 10, 20, 10
    n_special = n_marker * len(names) + n_programme + n_mito
    if n_genes < n_special + 20:
        msg = (
            f"n_genes={n_genes} is too small: {len(names)} subpopulations need at least "
            f"{n_special + 20} genes."
        )
        raise ValueError(msg)
    genes, kind, marker_of = [], [], []
    for name in names:
        genes += [f"{str(name).upper().replace(' ', '')}{i + 1:02d}" for i in range(n_marker)]
        kind += ["marker"] * n_marker
        marker_of += [str(name)] * n_marker
    genes += [f"RESP{i + 1:02d}" for i in range(n_programme)]
    genes += [f"MT-SIM{i + 1:02d}" for i in range(n_mito)]
    rest = n_genes - n_special
    genes += [f"GENE{i + 1:04d}" for i in range(rest)]
    kind += ["programme"] * n_programme + ["mitochondrial"] * n_mito + ["background"] * rest
    marker_of += [""] * (n_genes - len(marker_of))
    if len(set(genes)) < len(genes):
        msg = f"Subpopulations {', '.join(names)} would share gene names: choose other names."
        raise ValueError(msg)
    kinds = np.array(kind)

    base = rng.normal(loc=0.0, scale=1.0, size=n_genes)
    base[kinds != "background"] = rng.normal(-0.5, 0.3, size=(kinds != "background").sum())
    background = np.exp(base[kinds == "background"]).sum()
    mito = kinds == "mitochondrial"
    base[mito] += np.log(0.04 * background / np.exp(base[mito]).sum())
    profile = np.tile(base, (len(names), 1))
    for k in range(len(names)):
        own = slice(k * n_marker, (k + 1) * n_marker)
        profile[k, own] += rng.normal(3.0, 0.3, size=n_marker)
    var = pd.DataFrame(
        {"kind": pd.Categorical(kinds), "marker_of": pd.Categorical(marker_of)},
        index=pd.Index(np.array(genes, dtype=object)),
    )
    return var, profile, (kinds == "programme").astype(float)


def _draw_counts(
    log_rates: np.ndarray, median_counts: float, rng: np.random.Generator
) -> sp.csr_matrix:
    """Return drawn counts of cells with log rates ``log_rates``, (n_cells, n_genes)."""
    rates = np.exp(log_rates)
    size = median_counts * np.exp(rng.normal(0.0, 0.3, size=(len(rates), 1)))
    rates *= size / rates.sum(axis=1, keepdims=True)
    shape = 5.0
    rates *= rng.gamma(shape, 1.0 / shape, size=rates.shape)
    return sp.csr_matrix(rng.poisson(rates).astype(np.float32))


def _sample_shares(table: pd.DataFrame, condition: str, names: np.ndarray) -> np.ndarray:
    """Return the shares of the drawn cells of a condition, donors weighted equally, (K,)."""
    part = table[table[CONDITION] == condition]
    shares = pd.crosstab(part[DONOR], part[CELL_TYPE], normalize="index")
    return shares.reindex(columns=list(names), fill_value=0.0).mean(axis=0).to_numpy()
