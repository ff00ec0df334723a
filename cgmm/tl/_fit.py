"""Fit a comparison: check the input, fit both sides, and write the fit into the object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import anndata as ad

from cgmm._anndata.checks import check_free
from cgmm._anndata.comparison import Comparison
from cgmm._anndata.keys import DEFAULT_KEY, PCA, Keys
from cgmm._anndata.storage import read_fit, read_names, read_params, write_fit
from cgmm.genes.marker_table import Markers
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.pair import SOURCE
from cgmm.tl._annotate import Naming, annotation
from cgmm.tl._fit_comparison import checked_sides, fit_sides


def fit(
    adata: ad.AnnData,
    *,
    condition_key: str,
    source: str,
    target: str,
    use_rep: str = PCA,
    n_dims: int | None = None,
    n_components: int | tuple[int, int] | None = None,
    rho: float | None = None,
    epsilon: float | None = None,
    transport_weight: float | None = None,
    donor_key: str | None = None,
    paired: bool | None = None,
    name_by: str | None = None,
    markers: Markers | None = None,
    expression: ad.AnnData | None = None,
    layer: str | None = None,
    share_source: str | None = None,
    random_state: int = 0,
    progress: Callable[..., Any] | None = None,
    key_added: str = DEFAULT_KEY,
    copy: bool = False,
) -> ad.AnnData | None:
    """Fit coupled mixtures to two conditions and write the result into the object.

    A model parameter that is None is chosen automatically; the choice and its reason are recorded.
    Where the number of components is chosen, components with fewer than 20 cells are dropped.

    Parameters
    ----------
    adata
        Cells of both conditions; cells of other conditions are not used.
    condition_key
        Column of ``obs`` with the conditions.
    source, target
        The two conditions, such as control and treated; changes are from source to target.
    use_rep
        Entry of ``obsm`` with the representation to fit, or "X" for the features themselves
        (cytometry). A Dask array is read block by block, and fields with several values per cell
        are then Dask arrays, too.
    n_dims
        Number of leading dimensions of ``use_rep``. By default all, but 20 of "X_pca".
    n_components
        Number of components of each side: one number, or a pair (source, target).
    rho
        Price of a change of prevalence against a movement, in nats (:mod:`cgmm.automatic.metric`).
    epsilon
        Entropy of the coupling, in nats.
    transport_weight
        Weight of the transport term against the log-likelihood.
    donor_key
        Column of ``obs`` with the donor, the unit of replication. Donors count equally, whatever
        their number of cells. Without donors there are no intervals.
    paired
        Whether donors are compared with themselves. By default yes when at least three donors, and
        at least half of all, are in both conditions.
    name_by
        Column of ``obs`` with labels (cell types). The labels are then the populations
        (:func:`cgmm.get.populations`) and name the components. By default populations are found
        (:mod:`cgmm.automatic.populations`) and named by ``markers``, or by marker genes.
    markers
        Marker table: path of a tab-separated file, or a DataFrame, with the columns cell_type, gene
        and, optionally, sign (:mod:`cgmm.genes.marker_table`). Components without a label are named
        by it (:mod:`cgmm.genes.marker_names`). It needs log-normalised expression.
    expression
        Object with the same cells and log-normalised ``X``, when ``adata`` has none.
    layer
        Layer with log-normalised expression, in place of ``X``.
    share_source
        The ``key_added`` of an earlier fit of the same source. The source components of the
        earlier fit and their names are taken unchanged, so rows of both fits describe the same
        subpopulations (:func:`fit_targets`).
    random_state
        Seed.
    progress
        Function that is called after every step with the number of the step and the objective.
    key_added
        Prefix of the names of all fields that are written.
    copy
        Return a changed copy and leave ``adata`` as it is.

    Returns
    -------
    None, or the copy. Sets the following fields (for ``key_added="cgmm"``):

    ``obs["cgmm_component"]``, ``obs["cgmm_log2_net_factor"]``, ``obs["cgmm_shift"]``
        Name of the component of each cell; log2 net factor (far below zero, down to ``-inf``, where
        the component is gone; ``inf`` where it is new); length of the displacement (source cells
        only, in units of ``use_rep``). Missing in cells of other conditions.
    ``obs["cgmm_population"]``
        Population that was found for each cell (:mod:`cgmm.automatic.populations`): a set of cells
        of both conditions, about which claims of prevalence are made
        (:func:`cgmm.get.populations`).
        Named as components are; categories from the largest population to the smallest.
    ``obs["cgmm_origin"]``
        Of a target cell, the population of the source cell that it was assigned to
        (:mod:`cgmm.automatic.origins`); missing in other cells and without an origin.
    ``obsm["cgmm_responsibilities"]``
        Responsibilities, shape (n_cells, max(K0, K1)), padded with NaN.
    ``obsm["cgmm_displacement"]``, ``obsm["cgmm_projected"]``
        Displacement of a source cell, and its position in ``use_rep`` after the displacement
        (:mod:`cgmm.transport.barycentric_map`), shapes (n_cells, D). NaN in target cells, and in
        source cells whose component is gone.
    ``uns["cgmm"]``
        Weights, means, covariances, coupling, costs, metric, shares, votes (the origins of target
        components), history, names, components, donors, the flow between populations, their factors
        under other choices, and ``params``, one JSON text.

    Raises
    ------
    KeyError, ValueError
        When the input cannot be used. The message states a remedy, and nothing is written.
    TypeError
        When ``adata`` is not an AnnData object, or when a parameter has the wrong type.

    Examples
    --------
    Simulated cells; without ``n_components``, the numbers of components would be chosen.

    >>> import scanpy as sc
    >>> adata = cg.simulate.counts(n_cells=1200, n_genes=300, n_donors=3, log2_change={"Beta": 2})
    >>> sc.pp.normalize_total(adata, target_sum=1e4)
    >>> sc.pp.log1p(adata)
    >>> sc.pp.pca(adata, n_comps=10)
    >>> cg.tl.fit(
    ...     adata,
    ...     condition_key="condition",
    ...     source="control",
    ...     target="treated",
    ...     donor_key="donor",
    ...     name_by="cell_type",
    ...     n_components=6,
    ... )
    >>> adata.obsm["cgmm_responsibilities"].shape
    (1200, 6)
    """
    keys = Keys(key_added)
    check_free(adata, keys, copy=copy)
    comparison = Comparison(
        condition_key=condition_key,
        source=source,
        target=target,
        use_rep=use_rep,
        n_dims=n_dims,
        donor_key=donor_key,
        paired=paired,
    )
    sides = checked_sides(adata, comparison)
    earlier = earlier_source(adata, share_source, comparison, n_dims=sides.n_dims)
    naming = Naming(
        name_by=name_by,
        markers=markers,
        expression=expression,
        layer=layer,
        names_source=earlier.names,
    )
    naming.check(adata)
    result = fit_sides(
        sides,
        n_components=n_components,
        rho=rho,
        epsilon=epsilon,
        transport_weight=transport_weight,
        source=earlier.mixture,
        random_state=random_state,
        progress=progress,
    )
    made = annotation(
        adata,
        result,
        comparison,
        sides,
        naming,
        share_source=share_source,
        random_state=random_state,
    )
    del sides  # frees memory: there may be many cells
    adata = adata.copy() if copy else adata
    write_fit(adata, keys, made)
    return adata if copy else None


class Earlier(NamedTuple):
    """Source components of an earlier fit and their names; None without an earlier fit."""

    mixture: GaussianMixture | None = None
    names: list[str] | None = None


def earlier_source(
    adata: ad.AnnData, key: str | None, comparison: Comparison, *, n_dims: int
) -> Earlier:
    """Return the source components of an earlier fit; raise when its source cells may differ."""
    if key is None:
        return Earlier()
    params = read_params(adata, key=key)
    for name, value in (
        ("source", comparison.source),
        ("n_dims", n_dims),
        ("condition_key", comparison.condition_key),
        ("use_rep", comparison.use_rep),
        ("donor_key", comparison.donor_key),
    ):
        if params[name] != value:
            msg = (
                f"share_source={key!r} was fitted with {name}={params[name]!r}, not {value!r}: "
                "source components can only be shared by fits of the same source cells."
            )
            raise ValueError(msg)
    return Earlier(read_fit(adata, key=key).source, read_names(adata, key, SOURCE))
