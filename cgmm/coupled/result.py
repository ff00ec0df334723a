"""Result of a coupled fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cgmm.mixture.checks import as_points
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.pair import SIDES
from cgmm.transport.coupling import log2_net, share_of_target

MIXTURE = ("weights", "means", "covariances")
ARRAYS = ("coupling", "costs", "history", "shares_source", "shares_target")
OPTIONAL = ("metric", "votes", "log2_net_cells")
VALUES = (
    "transport_cost",
    "log_likelihood",
    "objective",
    "converged",
    "status",
    "n_steps",
    "seconds",
    "parameters",
    "reasons",
    "sensitivity",
)


def build_fit(arrays: dict[str, np.ndarray], values: dict[str, Any]) -> CoupledFit:
    """Put a CoupledFit together from the arrays and values of :func:`save_fit`."""
    sides = {
        side: GaussianMixture(**{name: arrays[f"{side}_{name}"] for name in MIXTURE})
        for side in SIDES
    }
    fields: dict[str, Any] = {name: values[name] for name in VALUES}
    fields["log_likelihood"] = tuple(fields["log_likelihood"])
    fields |= sides
    fields |= {name: arrays[name] for name in ARRAYS}
    fields |= {name: arrays.get(name) for name in OPTIONAL}
    return CoupledFit(**fields)


@dataclass(frozen=True)
class CoupledFit:
    """Result of :func:`fit_coupled`.

    Attributes
    ----------
    source
        Fitted mixture of the source, with the penalised weights of the objective.
    target
        The same of the target.
    coupling
        Masses ``W``, shape (K0, K1); sums to at most about one.
    costs
        Squared Wasserstein distances between components, shape (K0, K1).
    transport_cost
        ``UW`` at the solution.
    shares_source
        Prevalence of every source component, shape (K0,): weights of largest likelihood for the
        fitted shapes, free of the transport penalty, which shrinks what it measures.
    shares_target
        The same of the target components, shape (K1,).
    log_likelihood
        Mean log likelihood per unit of weight of source and target.
    objective
        (P), with ridge and prior.
    converged
        Whether the objective has settled.
    status
        A sentence that says so.
    history
        Objective per step, shape (n_steps,).
    n_steps
        Number of EM steps.
    seconds
        Wall time of the fit.
    parameters
        The values really used.
    reasons
        Why a parameter that was left to the program has its value, by name.
    sensitivity
        What other choices would give (:mod:`cgmm.automatic.sensitivity`); empty unless they were
        made.
    metric
        Matrix by which points are multiplied before costs are taken, shape (D, D), symmetric
        (:mod:`cgmm.automatic.metric`); None: the points as they are.
    votes
        Where the cells of each target component came from, counted cell by cell
        (:mod:`cgmm.automatic.origins`), shape (K0, K1); None: the coupling says so
        (:attr:`origin`).
    log2_net_cells
        Log2 net factor of every source point, shape (N0,), likewise; None: that of its components.
    """

    source: GaussianMixture
    target: GaussianMixture
    coupling: np.ndarray
    costs: np.ndarray
    transport_cost: float
    shares_source: np.ndarray
    shares_target: np.ndarray
    log_likelihood: tuple[float, float]
    objective: float
    converged: bool
    status: str
    history: np.ndarray
    n_steps: int
    seconds: float
    parameters: dict[str, Any]
    reasons: dict[str, str] = field(default_factory=dict)
    sensitivity: list[dict[str, Any]] = field(default_factory=list)
    metric: np.ndarray | None = None
    votes: np.ndarray | None = None
    log2_net_cells: np.ndarray | None = None

    @property
    def origin(self) -> np.ndarray:
        """``R``, where the cells of each target component came from, shape (K0, K1).

        Columns sum to one, to zero for components that are new.
        """
        if self.votes is not None:
            return self.votes
        return share_of_target(self.coupling, self.shares_source)

    @property
    def log2_net(self) -> np.ndarray:
        """Log2 net factor of each source component, shape (K0,)."""
        return log2_net(self.origin, self.shares_source, self.shares_target)

    @property
    def transported_mass(self) -> float:
        """Total mass ``F`` of the coupling."""
        return float(self.coupling.sum())

    @property
    def normalised_coupling(self) -> np.ndarray:
        """Coupling of unit mass, ``W / F``."""
        return self.coupling / self.coupling.sum()

    @property
    def out_factors(self) -> np.ndarray:
        """Weight factor when leaving each source component, shape (K0,), of unit mass."""
        return self.normalised_coupling.sum(1) / self.source.weights

    @property
    def in_factors(self) -> np.ndarray:
        """Weight factor when entering each target component, shape (K1,), of unit mass."""
        return self.target.weights / self.normalised_coupling.sum(0)

    @property
    def net_factors(self) -> np.ndarray:
        """What happens to the weight of a point carried from k to l, shape (K0, K1).

        ``out_k in_l``: the total mass ``F`` cancels.
        """
        return self.out_factors[:, None] * self.in_factors

    def transport(self, points: np.ndarray) -> np.ndarray:
        """Carry source points to the target by the barycentric map, shape (N, D).

        Every pair of components has its affine map; a point takes their mean, weighted by its
        responsibilities and by where the mass of each component goes (Delon & Desolneux 2020,
        eq. 6.2; :mod:`cgmm.transport.barycentric_map`).  NaN where components that are gone
        prevail.
        """
        from cgmm.transport.barycentric_map import displacement

        x = as_points("points", points, self.source.n_dims)
        return x + displacement(
            x,
            self.source.responsibilities(x),
            means_source=self.source.means,
            means_target=self.target.means,
            covariances_source=self.source.covariances,
            covariances_target=self.target.covariances,
            coupling=self.coupling,
        )

    @property
    def prevalence_source(self) -> GaussianMixture:
        """Source components weighted by their unpenalised shares."""
        return self.source.with_weights(self.shares_source)

    @property
    def prevalence_target(self) -> GaussianMixture:
        """Target components weighted by their unpenalised shares."""
        return self.target.with_weights(self.shares_target)

    def __repr__(self) -> str:
        k0, k1 = self.coupling.shape
        return (
            f"CoupledFit({k0} source and {k1} target components in {self.source.n_dims} "
            f"dimensions, objective {self.objective:.6g}, F {self.transported_mass:.3f}: "
            f"{self.status})"
        )
