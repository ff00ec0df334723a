"""Result of a coupled fit, and the names under which its parts are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cgmm.mixture.checks import as_points
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.pair import SIDES, Pair
from cgmm.transport.coupling import log2_net, share_of_target

OF_MIXTURE = ("weights", "means", "covariances")
ARRAYS = ("coupling", "costs", "history", "shares_source", "shares_target")
OPTIONAL_ARRAYS = ("metric", "votes", "log2_net_cells")
ARRAY_NAMES = (
    *ARRAYS,
    *(f"{side}_{name}" for side in SIDES for name in OF_MIXTURE),
    *OPTIONAL_ARRAYS,
)
FACTS = (
    "parameters",
    "reasons",
    "sensitivity",
    "converged",
    "status",
    "n_steps",
    "seconds",
    "objective",
    "transport_cost",
    "log_likelihood",
)


@dataclass(frozen=True)
class CoupledFit:
    """Result of :func:`fit_coupled`.

    Attributes
    ----------
    source
        Fitted mixture of the source, with the weights that maximise the penalised objective.
    target
        Fitted mixture of the target, likewise.
    coupling
        Masses ``W``, shape (K0, K1); sums to at most about one.
    costs
        Squared Wasserstein distances between components, shape (K0, K1).
    transport_cost
        ``UW`` at the solution.
    shares_source
        Prevalence of every source component, shape (K0,): maximum-likelihood weights with means and
        covariances fixed, without the transport penalty, which would bias changes of prevalence
        towards zero.
    shares_target
        Prevalence of every target component, shape (K1,).
    log_likelihood
        Mean log likelihood per unit of weight of source and target.
    objective
        Objective (P) of :mod:`cgmm.coupled.fit`, with ridge and prior.
    converged
        Whether the fit converged.
    status
        Sentence that describes how the fit ended (:class:`cgmm.coupled.outcome.Outcome`).
    history
        Objective after every step, shape (n_steps,).
    n_steps
        Number of EM steps.
    seconds
        Wall time of the fit.
    parameters
        Values of all parameters, also of those that were not given.
    reasons
        By name of a parameter that was not given: a sentence on why it has its value.
    sensitivity
        Results under other choices (:mod:`cgmm.automatic.sensitivity`); empty unless other choices
        were tried.
    metric
        Matrix by which points are multiplied before costs are computed, shape (D, D), symmetric
        (:mod:`cgmm.automatic.metric`).  None: points are used as they are.
    votes
        Where the cells of each target component came from, counted cell by cell
        (:mod:`cgmm.automatic.origins`), shape (K0, K1).  None: :attr:`origin` follows from the
        coupling.
    log2_net_cells
        Log2 net factor of every source point, counted likewise, shape (N0,).  None: the factor of a
        point is that of its components.
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
    def mixtures(self) -> Pair[GaussianMixture]:
        """Both mixtures."""
        return Pair(self.source, self.target)

    @property
    def origin(self) -> np.ndarray:
        """``R``, where the cells of each target component came from, shape (K0, K1).

        Columns sum to one; the columns of components that are new sum to zero.
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
        """Factor of the weight when leaving each source component, at unit mass, shape (K0,)."""
        return self.normalised_coupling.sum(1) / self.source.weights

    @property
    def in_factors(self) -> np.ndarray:
        """Factor of the weight when entering each target component, at unit mass, shape (K1,)."""
        return self.target.weights / self.normalised_coupling.sum(0)

    @property
    def net_factors(self) -> np.ndarray:
        """Factor of the weight of a point that is carried from k to l, shape (K0, K1).

        ``out_k in_l``; the total mass ``F`` cancels.
        """
        return self.out_factors[:, None] * self.in_factors

    def transport(self, points: np.ndarray) -> np.ndarray:
        """Carry source points to the target by the barycentric map.

        Every pair of components has an affine map.  A point takes the mean of these maps, weighted
        by its responsibilities and by where the mass of each component goes (Delon & Desolneux
        2020, eq. 6.2; :mod:`cgmm.transport.barycentric_map`).

        Parameters
        ----------
        points
            Shape (N, D), finite.

        Returns
        -------
        Shape (N, D).  NaN for points that belong mostly to components that are gone.

        Raises
        ------
        TypeError, ValueError
            When the points are not a finite array with D columns.
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

    def to_arrays(self) -> dict[str, np.ndarray]:
        """All arrays of the fit, by the names under which they are stored.

        Returns
        -------
        Arrays as they are; those that are None are left out.  Parts of a mixture are named
        ``source_means`` and so on.
        """
        arrays = {name: np.asarray(getattr(self, name)) for name in ARRAYS}
        for side, mixture in zip(SIDES, self.mixtures, strict=True):
            arrays |= {f"{side}_{n}": np.asarray(getattr(mixture, n)) for n in OF_MIXTURE}
        optional = {name: getattr(self, name) for name in OPTIONAL_ARRAYS}
        return arrays | {name: array for name, array in optional.items() if array is not None}

    def to_facts(self) -> dict[str, Any]:
        """Everything of the fit that is no array: numbers, sentences, parameters.

        Returns
        -------
        Values by name, in the order of :data:`FACTS`.
        """
        return {name: getattr(self, name) for name in FACTS}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> CoupledFit:
        """Put a fit together from its stored parts.

        Parameters
        ----------
        arrays
            As from :meth:`to_arrays`; other entries are ignored.
        facts
            As from :meth:`to_facts`, possibly read from JSON; other entries are ignored.

        Returns
        -------
        CoupledFit

        Raises
        ------
        KeyError
            When a part is missing.
        """
        fields: dict[str, Any] = {name: facts[name] for name in FACTS}
        fields["log_likelihood"] = tuple(fields["log_likelihood"])
        for side in SIDES:
            parts = {name: arrays[f"{side}_{name}"] for name in OF_MIXTURE}
            fields[side] = GaussianMixture(**parts)
        fields |= {name: arrays[name] for name in ARRAYS}
        fields |= {name: arrays.get(name) for name in OPTIONAL_ARRAYS}
        return cls(**fields)

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
