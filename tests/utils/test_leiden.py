"""Clusters are as good as those of scanpy, and groups of points change no modularity."""

from __future__ import annotations

import anndata as ad
import igraph
import numpy as np
import pytest
import scipy.sparse as sp

from cgmm._utils.leiden import Network, ScanpyNetwork, condensed
from cgmm._utils.neighbours import fuzzy_graph, nearest


def graph_of(n: int) -> sp.csr_matrix:
    """Graph of five groups of points that overlap."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 3, (5, 6))
    return fuzzy_graph(*nearest(centres[rng.integers(0, 5, n)] + rng.normal(size=(n, 6)), 15))


def modularity(graph: sp.csr_matrix, labels: np.ndarray, resolution: float) -> float:
    """Return the modularity of clusters, from its definition."""
    of = sp.csr_matrix((np.ones(len(labels)), (labels, np.arange(len(labels)))))
    table = (of @ graph @ of.T).toarray() / graph.sum()
    return float(np.trace(table) - resolution * np.square(table.sum(0)).sum())


@pytest.mark.parametrize("resolution", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("in_groups", [False, True])
def test_clusters_are_as_good_as_those_of_scanpy(resolution: float, *, in_groups: bool) -> None:
    import scanpy as sc

    n, graph = 2000, graph_of(2000)
    adata = ad.AnnData(np.zeros((n, 1), dtype=np.float32))
    options = {"flavor": "igraph", "n_iterations": 2, "directed": False, "random_state": 7}
    sc.tl.leiden(adata, resolution=resolution, adjacency=graph, **options)
    network, groups = Network(graph), np.arange(n)
    if in_groups:
        groups = network.small_groups(7)
        network = Network(condensed(graph, groups, groups))
    ours = network.leiden(resolution=resolution, random_state=7)[groups]
    theirs = adata.obs["leiden"].astype(int).to_numpy()
    assert ours.max() >= 1
    same = ScanpyNetwork(graph).leiden(resolution=resolution, random_state=7)
    np.testing.assert_array_equal(same, theirs)
    wanted = modularity(graph, theirs, resolution)
    assert modularity(graph, ours, resolution) > wanted - (0.03 if in_groups else 0.01)


def test_groups_are_small_and_change_no_modularity() -> None:
    graph = graph_of(3000)
    groups = Network(graph).small_groups(0)
    assert 2 < 3000 / (groups.max() + 1) < 30
    small = condensed(graph, groups, groups)
    labels = Network(small).leiden(resolution=1.0, random_state=0)
    assert modularity(small, labels, 1.0) == pytest.approx(modularity(graph, labels[groups], 1.0))


def test_sums_over_groups_keep_the_links_within_a_group() -> None:
    graph = sp.csr_matrix(np.array([[0, 2, 1], [2, 0, 0], [1, 0, 0]], dtype=float))
    both = condensed(graph, np.array([0, 0, 1]), np.array([0, 0, 1]))
    assert both.toarray().tolist() == [[4, 1], [1, 0]]


def test_points_without_links_are_alone() -> None:
    network = Network(sp.csr_matrix((3, 3)))
    assert sorted(network.leiden(resolution=1.0, random_state=0)) == [0, 1, 2]


@pytest.mark.parametrize("kind", [Network, ScanpyNetwork])
def test_clusters_do_not_depend_on_other_random_numbers(kind: type) -> None:
    network = kind(graph_of(600))
    first = network.leiden(resolution=1.0, random_state=0)
    igraph.Graph.Erdos_Renyi(n=20, p=0.3)
    assert (first == network.leiden(resolution=1.0, random_state=0)).all()
